package proof_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
)

func body(n int64) []byte { return fmt.Appendf(nil, `{"n":%d}`, n) }

func entry(n int64) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Delivery, Time: time.Unix(n, 0).UTC(), Source: "1", ID: fmt.Sprint("guid-", n), Name: "push",
		BodyHash: sha256.Sum256(body(n)), BodySize: int64(len(body(n))),
	}
}

// tree makes the proofs of all entries of a tree, by tlog.
func tree(t testing.TB, key ledger.Key, size int64) []proof.Inclusion {
	t.Helper()
	var (
		frontier ledger.Frontier
		leaves   []tlog.Hash
		proofs   []proof.Inclusion
	)
	read := ledger.Nodes(func(level int, from, to int64) ([]tlog.Hash, error) {
		if level != 0 {
			return nil, fmt.Errorf("no level %d here", level)
		}
		return slices.Clone(leaves[from:to]), nil
	})
	for n := range size {
		leaves = append(leaves, entry(n).Hash())
		frontier.Append(leaves[n])
	}
	signed, err := key.Sign(ledger.Checkpoint{Size: size, Root: frontier.Root()})
	if err != nil {
		t.Fatal(err)
	}
	for n := range size {
		path, err := tlog.ProveRecord(size, n, read)
		if err != nil {
			t.Fatal(err)
		}
		p := proof.Inclusion{Leaf: string(entry(n).Leaf()), Index: n, Checkpoint: string(signed)}
		for _, hash := range path {
			p.Path = append(p.Path, base64.StdEncoding.EncodeToString(hash[:]))
		}
		proofs = append(proofs, p)
	}
	return proofs
}

func newKey(t *testing.T) ledger.Key {
	t.Helper()
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestEveryEntryOfEveryTree(t *testing.T) {
	key := newKey(t)
	for _, size := range []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 33} {
		for _, p := range tree(t, key, size) {
			if err := p.Verify(key.Public()); err != nil {
				t.Fatalf("entry %d of %d: %v", p.Index, size, err)
			}
			if err := p.VerifyBody(body(p.Index)); err != nil {
				t.Error(err)
			}
			if p.VerifyBody(body(p.Index+1)) == nil {
				t.Error("another body is taken")
			}
			for other := range size {
				moved := p
				moved.Index = other
				if err := moved.Verify(key.Public()); (err == nil) != (other == p.Index) {
					t.Fatalf("entry %d of %d, said to be %d: %v", p.Index, size, other, err)
				}
			}
		}
	}
}

func TestForgeries(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	good := tree(t, key, 21)[13]
	foreign := tree(t, stranger, 21)[13]
	for name, forge := range map[string]func(*proof.Inclusion){
		"another leaf":          func(p *proof.Inclusion) { p.Leaf = strings.Replace(p.Leaf, "push", "ping", 1) },
		"no leaf":               func(p *proof.Inclusion) { p.Leaf = "" },
		"a negative index":      func(p *proof.Inclusion) { p.Index = -1 },
		"an index past the end": func(p *proof.Inclusion) { p.Index = 21 },
		"a short path":          func(p *proof.Inclusion) { p.Path = p.Path[1:] },
		"a long path":           func(p *proof.Inclusion) { p.Path = append(slices.Clone(p.Path), p.Path[0]) },
		"a path in disorder":    func(p *proof.Inclusion) { p.Path = slices.Clone(p.Path); slices.Reverse(p.Path) },
		"a hash that is none":   func(p *proof.Inclusion) { p.Path = append([]string{"AAAA"}, p.Path[1:]...) },
		"a stranger's key":      func(p *proof.Inclusion) { p.Checkpoint = foreign.Checkpoint },
		"another size":          func(p *proof.Inclusion) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n21\n", "\n22\n", 1) },
		"another origin":        func(p *proof.Inclusion) { p.Checkpoint = "x" + p.Checkpoint },
		"no signature":          func(p *proof.Inclusion) { p.Checkpoint, _, _ = strings.Cut(p.Checkpoint, "—") },
		"nothing":               func(p *proof.Inclusion) { *p = proof.Inclusion{} },
	} {
		p := good
		forge(&p)
		if p.Verify(key.Public()) == nil {
			t.Errorf("%s: verified", name)
		}
	}
	for _, public := range []string{"", "x", "a+b+c", stranger.Public(), "other" + key.Public(), key.Public() + "A"} {
		if good.Verify(public) == nil {
			t.Errorf("verified with the key %q", public)
		}
	}
}

// FuzzVerify changes a good proof: nothing else than that one verifies.
func FuzzVerify(f *testing.F) {
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		f.Fatal(err)
	}
	good := tree(f, key, 21)[13]
	f.Add(good.Leaf, good.Index, strings.Join(good.Path, " "), good.Checkpoint)
	f.Fuzz(func(t *testing.T, leaf string, index int64, path, checkpoint string) {
		p := proof.Inclusion{Leaf: leaf, Index: index, Path: strings.Split(path, " "), Checkpoint: checkpoint}
		same := leaf == good.Leaf && index == good.Index && slices.Equal(p.Path, good.Path)
		if err := p.Verify(key.Public()); err == nil && !same {
			t.Errorf("%+v verifies", p)
		}
	})
}
