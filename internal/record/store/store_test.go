package store_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

func newKey(t testing.TB) ledger.Key {
	t.Helper()
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// open opens a ledger that is closed when the test ends.
func open(t testing.TB, o store.Options) *store.Ledger {
	t.Helper()
	l, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newLedger(t testing.TB) (*store.Ledger, store.Options) {
	t.Helper()
	o := newOptions(t)
	return open(t, o), o
}

func entry(id string) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Delivery, Time: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
		Source: "4711", ID: id, Name: "push", Target: "repository/1296269",
	}
}

func body(id string) []byte {
	return []byte(fmt.Sprintf(`{"id":%q,"pad":%q}`, id, strings.Repeat("0123456789abcdef", 64)))
}

func add(t testing.TB, l *store.Ledger, id string) ledger.Receipt {
	t.Helper()
	r, err := l.Append(context.WithoutCancel(t.Context()), entry(id), body(id))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkTree works the tree out again with tlog alone, and holds head,
// checkpoint and some proofs against it.
func checkTree(t *testing.T, l *store.Ledger, o store.Options) {
	t.Helper()
	var whole []tlog.Hash
	read := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = whole[x]
		}
		return out, nil
	})
	n := int64(0)
	for r, err := range l.Records(t.Context(), ledger.Query{}) {
		if err != nil || r.Index != n {
			t.Fatalf("record %d stands at %d: %v", r.Index, n, err)
		}
		more, err := tlog.StoredHashesForRecordHash(n, r.Hash(), read)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, more...)
		n++
	}
	want, err := tlog.TreeHash(n, read)
	if err != nil {
		t.Fatal(err)
	}
	if size, root, err := l.Head(t.Context()); err != nil || size != n || root != want {
		t.Errorf("head: %d %v, %v; want %d %v", size, root, err, n, want)
	}
	signed, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ledger.OpenCheckpoint(signed, o.Key.Public()); err != nil || c.Size != n || c.Root != want {
		t.Errorf("checkpoint: %+v, %v", c, err)
	}
	for index := int64(0); index < n; index += 1 + n/50 {
		p, err := l.Prove(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Verify(o.Key.Public()); err != nil {
			t.Error(err)
		}
		content, err := l.Body(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.VerifyBody(content); err != nil {
			t.Error(err)
		}
	}
}

func TestAppendAndRead(t *testing.T) {
	l, o := newLedger(t)
	for i := range int64(300) {
		id := fmt.Sprint("guid-", i)
		r := add(t, l, id)
		if r.Index != i || r.Duplicate || r.BodyHash != sha256.Sum256(body(id)) {
			t.Fatalf("receipt %+v of entry %d", r, i)
		}
		if i%50 != 0 {
			continue
		}
		got, err := l.Body(t.Context(), i)
		if err != nil || string(got) != string(body(id)) {
			t.Errorf("body %d: %d bytes, %v", i, len(got), err)
		}
	}
	checkTree(t, l, o)
}

func TestDuplicates(t *testing.T) {
	l, o := newLedger(t)
	first := add(t, l, "guid-1")
	later := entry("guid-1")
	later.Time, later.Signature, later.Secret = later.Time.Add(time.Hour), "5f0c", "9f2c1a77" // verified with another secret
	again, err := l.Append(t.Context(), later, body("guid-1"))
	if want := (ledger.Receipt{Record: first.Record, Duplicate: true}); err != nil || again != want {
		t.Errorf("again: %+v, %v; want %+v", again, err, want)
	}
	for name, damage := range map[string]func(*ledger.Entry, *[]byte){
		"another body":   func(_ *ledger.Entry, b *[]byte) { *b = []byte("{}") },
		"another name":   func(e *ledger.Entry, _ *[]byte) { e.Name = "issues" },
		"another target": func(e *ledger.Entry, _ *[]byte) { e.Target = "organization/1" },
		"another source": func(e *ledger.Entry, _ *[]byte) { e.Source = "4712" },
		"no source":      func(e *ledger.Entry, _ *[]byte) { e.Source = "" },
		"another kind":   func(e *ledger.Entry, _ *[]byte) { e.Kind = ledger.Erasure },
		"an empty body":  func(_ *ledger.Entry, b *[]byte) { *b = nil },
	} {
		e, b := entry("guid-1"), body("guid-1")
		damage(&e, &b)
		r, err := l.Append(t.Context(), e, b)
		if err != nil || r.Duplicate {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		got, err := l.Body(t.Context(), r.Index)
		if err != nil || string(got) != string(b) {
			t.Errorf("%s: body %q, %v", name, got, err)
		}
	}
	checkTree(t, l, o)
}

// TestConcurrentDuplicates sends each delivery several times at once, so that
// most batches hold some twice.
func TestConcurrentDuplicates(t *testing.T) {
	l, o := newLedger(t)
	const senders, each = 48, 60
	var (
		all   sync.WaitGroup
		fresh atomic.Int64
		mu    sync.Mutex
		index = map[string]int64{}
	)
	for s := range senders {
		all.Go(func() {
			for i := range each {
				id := fmt.Sprint("guid-", s/3, "-", i) // three senders have the same
				r, err := l.Append(context.WithoutCancel(t.Context()), entry(id), body(id))
				if err != nil {
					t.Error(err)
					return
				}
				if !r.Duplicate {
					fresh.Add(1)
				}
				mu.Lock()
				if at, ok := index[id]; ok && at != r.Index {
					t.Errorf("%s is at %d and at %d", id, at, r.Index)
				}
				index[id] = r.Index
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if size, _, err := l.Head(t.Context()); err != nil || size != senders/3*each || fresh.Load() != size {
		t.Errorf("%d entries, %d called new, want %d, %v", size, fresh.Load(), senders/3*each, err)
	}
	checkTree(t, l, o)
}

func TestRestart(t *testing.T) {
	l, o := newLedger(t)
	for i := range 700 {
		add(t, l, fmt.Sprint("guid-", i))
		if i%233 == 0 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, o)
		}
	}
	if r := add(t, l, "guid-5"); !r.Duplicate || r.Index != 5 {
		t.Errorf("a duplicate across restarts: %+v", r)
	}
	checkTree(t, l, o)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), entry("late"), nil); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("append to a closed ledger: %v", err)
	}
}

func TestKeys(t *testing.T) {
	l, o := newLedger(t)
	add(t, l, "guid-1")
	public, err := l.PublicKey(t.Context())
	if err != nil || public != o.Key.Public() {
		t.Errorf("%q, %v", public, err)
	}
	other := o
	other.Key = newKey(t)
	if _, err := store.Open(t.Context(), other); err == nil || !strings.Contains(err.Error(), "key file") {
		t.Errorf("opened with another key: %v", err)
	}
	o.Key = ledger.Key{}
	reader := open(t, o)
	if _, err := reader.Append(t.Context(), entry("guid-2"), nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("append without a key: %v", err)
	}
	if err := reader.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	p, err := reader.Prove(t.Context(), 0) // the checkpoint that was kept with the first batch
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(public); err != nil {
		t.Error(err)
	}
	o.Address += ".missing"
	if _, err := store.Open(t.Context(), o); err == nil {
		t.Error("opened for reading what is not there")
	}
	if _, err := os.Stat(o.Address); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made what was to be read: %v", err)
	}
}

// TestKeptCheckpoint: a checkpoint in the ledger covers every entry from the moment
// it is acknowledged, which a reader without the key can prove with.
func TestKeptCheckpoint(t *testing.T) {
	l, o := newLedger(t)
	for i := range 10 {
		add(t, l, fmt.Sprint("guid-", i))
	}
	o.Key = ledger.Key{}
	reader := open(t, o)
	if _, err := reader.Prove(t.Context(), 9); err != nil {
		t.Error(err)
	}
	add(t, l, "the last")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Prove(t.Context(), 10); err != nil {
		t.Errorf("after the ledger was closed: %v", err)
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
