package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/store"
)

// evidence is a ledger that a test may spoil: the address to open it with, and
// a connection past all of our code.
type evidence struct {
	address string
	key     ledger.Key
	db      *sql.DB
}

func (e *evidence) open(t testing.TB) *store.Ledger {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, Key: e.key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// exec spoils something.
func (e *evidence) exec(t testing.TB, text string, args ...any) {
	t.Helper()
	result, err := e.db.ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if n, err := result.RowsAffected(); err == nil && n == 0 {
		t.Fatalf("%s: changed nothing", text)
	}
}

// verify reads the ledger without being able to change it.
func (e *evidence) verify(t testing.TB, o store.VerifyOptions) store.Verification {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	v, err := l.Verify(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// payload is what the delivery with this number says: the same every time.
func payload(n int64) []byte {
	random := mathrand.New(mathrand.NewPCG(uint64(n), 1))
	b := fmt.Appendf(nil, `{"n":%d,"sender":{"login":"octo-%d","id":%d}`, n, n, n)
	for range random.IntN(20) {
		b = fmt.Appendf(b, `,"key_%d":"https://api.github.com/%x"`, random.IntN(5), random.Uint64())
	}
	return append(b, '}')
}

func numbered(n int64) ledger.Entry {
	return ledger.Entry{
		Kind: ledger.Delivery, Time: time.Date(2026, 11, 1, 0, 0, int(n), 0, time.UTC), Source: "4711",
		ID: fmt.Sprintf("guid-%06d", n), Name: "push", Target: "repository/1296269",
	}
}

// grow adds the deliveries from (included) to to (excluded). Each has its own
// number's index, whatever was committed together.
func grow(t testing.TB, l *store.Ledger, from, to int64) {
	t.Helper()
	for n := from; n < to; n++ {
		if _, err := l.Append(t.Context(), numbered(n), payload(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// originals are ledgers that were made once, by size.
var originals = struct {
	sync.Mutex
	dir  string
	keys map[int64]ledger.Key
}{keys: map[int64]ledger.Key{}}

// runWithOriginals gives the honest ledgers a folder for as long as tests run.
func runWithOriginals(m *testing.M) int {
	dir, err := os.MkdirTemp("", "store-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	originals.dir = dir
	return m.Run()
}

// original gives the file and key of an honest ledger with so many deliveries.
func original(t testing.TB, size int64) (string, ledger.Key) {
	t.Helper()
	originals.Lock()
	defer originals.Unlock()
	path := filepath.Join(originals.dir, fmt.Sprint(size, ".db"))
	if key, ok := originals.keys[size]; ok {
		return path, key
	}
	key, err := ledger.NewKey(rand.Reader, "ledger.example")
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Open(context.Background(), store.Options{Address: path, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, 0, size)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	originals.keys[size] = key
	return path, key
}

// newEvidence gives a copy of an honest ledger with so many deliveries.
func newEvidence(t testing.TB, size int64) *evidence {
	t.Helper()
	from, key := original(t, size)
	e := &evidence{address: filepath.Join(t.TempDir(), "ledger.db"), key: key}
	e.copyFrom(t, from)
	return e
}

// copyFrom puts another file into the ledger's place.
func (e *evidence) copyFrom(t testing.TB, from string) {
	t.Helper()
	if e.db != nil {
		if err := e.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(e.address, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	// One connection that keeps no promise of the ledger's own.
	if e.db, err = sql.Open("sqlite", "file:"+e.address+"?_pragma=ignore_check_constraints(1)&_pragma=synchronous(off)"); err != nil {
		t.Fatal(err)
	}
	e.db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = e.db.Close() })
}
