package store_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/store"
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
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t)}
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
	n := int64(0)
	for r, err := range l.Records(t.Context(), store.Query{}) {
		if err != nil || r.Index != n || r.ID != fmt.Sprint("guid-", n) {
			t.Fatalf("%+v, %v", r, err)
		}
		p, err := l.Prove(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Verify(o.Key.Public()); err != nil {
			t.Error(err)
		}
		n++
	}
	if size, _, err := l.Head(t.Context()); n != 300 || size != n || err != nil {
		t.Errorf("%d records, size %d, %v", n, size, err)
	}
}
