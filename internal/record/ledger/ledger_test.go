package ledger_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

func entry(n int) ledger.Entry {
	body := fmt.Appendf(nil, `{"n":%d}`, n)
	return ledger.Entry{
		Kind: ledger.Delivery, Version: 1, Signature: "5f0c", Secret: "9f2c1a77", Time: time.Date(2026, 11, 1, 8, 0, 0, n*1000, time.UTC),
		Source: "4711",
		ID:     fmt.Sprintf("guid-%d", n), Name: "push", Target: "repository/1296269",
		BodyHash: sha256.Sum256(body), BodySize: int64(len(body)),
	}
}

func TestLeafIsText(t *testing.T) {
	const want = `fluxkeeper entry v2
kind delivery
version 1
time 2026-11-01T08:00:00.000007Z
source 4711
id guid-7
name push
target repository/1296269
signature 5f0c
secret 9f2c1a77
extra 
sha256 1dd42de9287c1b6a96c617376c0df6b8304485783ed0b4803f1aac0f119471a5
size 7
`
	e := entry(7)
	got := string(e.Leaf())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	back, err := ledger.ParseLeaf(e.Leaf())
	if err != nil || back != e {
		t.Errorf("%+v, %v; want %+v", back, err, e)
	}
}

func TestEntriesWithoutAnUnambiguousLeaf(t *testing.T) {
	for name, damage := range map[string]func(*ledger.Entry){
		"no kind":           func(e *ledger.Entry) { e.Kind = "" },
		"no version":        func(e *ledger.Entry) { e.Version = 0 },
		"no id":             func(e *ledger.Entry) { e.ID = "" },
		"line in a field":   func(e *ledger.Entry) { e.Name = "push\nsize 0" },
		"not ASCII":         func(e *ledger.Entry) { e.Target = "répository/1" },
		"delete":            func(e *ledger.Entry) { e.Source = "\x7f" },
		"too long":          func(e *ledger.Entry) { e.ID = strings.Repeat("x", ledger.MaxField+1) },
		"finer than a µs":   func(e *ledger.Entry) { e.Time = e.Time.Add(1) },
		"year 10000":        func(e *ledger.Entry) { e.Time = e.Time.AddDate(8000, 0, 0) },
		"less than nothing": func(e *ledger.Entry) { e.BodySize = -1 },
	} {
		e := entry(1)
		damage(&e)
		if e.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzParseLeaf(f *testing.F) {
	f.Add(entry(1).Leaf())
	f.Add(ledger.Entry{}.Leaf())
	f.Fuzz(func(t *testing.T, leaf []byte) {
		e, err := ledger.ParseLeaf(leaf)
		if err == nil && !bytes.Equal(e.Leaf(), leaf) {
			t.Errorf("%q is read, and written as %q", leaf, e.Leaf())
		}
	})
}

// forest keeps what a store would.
type forest map[int][]tlog.Hash

func (s forest) add(f *ledger.Frontier, leaf tlog.Hash) {
	s[0] = append(s[0], leaf)
	for _, node := range f.Append(leaf) {
		if int64(len(s[node.Level])) != node.Index {
			panic("a node out of turn")
		}
		s[node.Level] = append(s[node.Level], node.Hash)
	}
}

func (s forest) nodes(level int, from, to int64) ([]tlog.Hash, error) {
	if to > int64(len(s[level])) {
		return nil, fmt.Errorf("level %d has %d nodes, not %d", level, len(s[level]), to)
	}
	return bytesOf(s[level][from:to]), nil
}

func bytesOf(h []tlog.Hash) []tlog.Hash { return append([]tlog.Hash(nil), h...) }

// TestTree holds the frontier and the stored nodes against tlog's own tree.
func TestTree(t *testing.T) {
	const leaves = 70_000 // more than one node at level 16
	var (
		f     ledger.Frontier
		s     = forest{}
		whole []tlog.Hash
	)
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = whole[x]
		}
		return out, nil
	})
	for n := range int64(leaves) {
		if n < 300 || n%9973 == 0 || n == 65536 {
			want, err := tlog.TreeHash(n, own)
			if err != nil || f.Root() != want {
				t.Fatalf("%d leaves: root %v, want %v, %v", n, f.Root(), want, err)
			}
			back, err := ledger.ParseFrontier(f.AppendBinary(nil))
			if err != nil || back.Root() != f.Root() || back.Size() != n {
				t.Fatalf("%d leaves: the frontier does not come back: %v", n, err)
			}
		}
		leaf := entry(int(n)).Hash()
		more, err := tlog.StoredHashesForRecordHash(n, leaf, own)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, more...)
		s.add(&f, leaf)
	}
	for _, n := range []int64{0, 1, 255, 256, 65535, 65536, leaves - 1} {
		proof, err := tlog.ProveRecord(leaves, n, ledger.Nodes(s.nodes))
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, leaves, f.Root(), n, s[0][n]); err != nil {
			t.Errorf("leaf %d: %v", n, err)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.ParseKey(key.Private())
	if err != nil || again.Public() != key.Public() {
		t.Fatalf("the key does not come back: %v", err)
	}
	var f ledger.Frontier
	f.Append(entry(1).Hash())
	signed, err := again.Sign(ledger.Checkpoint{Size: f.Size(), Root: f.Root()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := ledger.OpenCheckpoint(signed, key.Public())
	want := ledger.Checkpoint{Origin: "ledger.example", Size: 1, Root: f.Root()}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range signed {
		for bit := range 8 {
			forged := bytes.Clone(signed)
			forged[i] ^= 1 << bit
			if c, err := ledger.OpenCheckpoint(forged, key.Public()); err == nil {
				t.Errorf("bit %d of byte %d changed, and still %+v", bit, i, c)
			}
		}
	}
	other, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.OpenCheckpoint(signed, other.Public()); err == nil {
		t.Error("another key of the same name verifies it")
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", key, key, key), strings.SplitN(key.Private().Reveal(), "+", 5)[4]) {
		t.Error("a printed key shows its private half")
	}
}
