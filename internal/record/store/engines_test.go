package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// suite is what a ledger does on either engine. Without PostgreSQL these tests
// run by themselves, on SQLite.
var suite = map[string]func(*testing.T){
	"append and read": TestAppendAndRead, "bodies": TestBodiesComeOutAsTheyCame, "concurrent duplicates": TestConcurrentDuplicates,
	"duplicates": TestDuplicates, "find": TestFind, "kept checkpoint": TestKeptCheckpoint, "opened by many": TestOpenedByMany,
	"records": TestRecords, "reopened": TestReopened, "restart": TestRestart, "two at once": TestTwoAtOnce,
}

// places gives the tests below another one, by its name, a place for a ledger.
var places sync.Map // of func(testing.TB) store.Options

// newOptions are the options of a new ledger: a SQLite file, or a place of the
// engine that the test is run for.
func newOptions(t testing.TB) store.Options {
	top, _, _ := strings.Cut(t.Name(), "/")
	if place, ok := places.Load(top); ok {
		return place.(func(testing.TB) store.Options)(t)
	}
	return store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t)}
}

func TestPostgreSQL(t *testing.T) {
	places.Store(t.Name(), databases(postgrestest.Shared(t)))
	defer places.Delete(t.Name())
	for name, test := range suite {
		t.Run(name, test)
	}
}

// databases gives a new database on the server each time.
func databases(server *postgrestest.Server) func(testing.TB) store.Options {
	return func(t testing.TB) store.Options {
		return store.Options{Address: server.Create(t, newName()), Key: newKey(t)}
	}
}

// newName is one that nothing on a server has yet.
func newName() string { return fmt.Sprint("ledger-", names.Add(1)) }

var names atomic.Int64

func TestReopened(t *testing.T) {
	o := newOptions(t)
	l := open(t, o)
	for i := range 300 { // past the first stored node
		add(t, l, fmt.Sprint(i))
	}
	if err := l.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	signed, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := ledger.OpenCheckpoint(signed, o.Key.Public()); err != nil || c.Size != 300 {
		t.Errorf("%+v, %v", c, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Append(t.Context(), entry("late"), nil); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("append after close: %v", err)
	}
	other := o
	other.Key = newKey(t)
	if _, err := store.Open(t.Context(), other); err == nil || !strings.Contains(err.Error(), "belongs to the key") {
		t.Errorf("another key: %v", err)
	}
	reader := open(t, store.Options{Address: o.Address})
	if _, err := reader.Append(t.Context(), entry("x"), nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("append to a ledger for reading: %v", err)
	}
	if size, _, err := reader.Head(t.Context()); size != 300 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	l = open(t, o)
	if r := add(t, l, "more"); r.Index != 300 {
		t.Errorf("%+v", r)
	}
	whole(t, l, o.Key, 301)
}

// TestTwoAtOnce: two ledgers over one database make one sequence.
func TestTwoAtOnce(t *testing.T) {
	o := newOptions(t)
	ledgers := []*store.Ledger{open(t, o), open(t, o)}
	const entries = 200
	var wait sync.WaitGroup
	fresh := make([]int, 8)
	for s := range fresh {
		wait.Go(func() {
			for i := range entries {
				if r, ok := send(t, ledgers[s%2], fmt.Sprint("guid-", i)); ok && !r.Duplicate {
					fresh[s]++
				}
			}
		})
	}
	wait.Wait()
	sum := 0
	for _, n := range fresh {
		sum += n
	}
	if sum != entries {
		t.Errorf("%d of %d entries were called new", sum, entries)
	}
	for _, l := range ledgers {
		whole(t, l, o.Key, entries)
	}
}

// TestOpenedByMany: whoever comes first makes the tables.
func TestOpenedByMany(t *testing.T) {
	o := newOptions(t)
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			l, err := store.Open(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	add(t, open(t, o), "a")
}

// send is add for a goroutine of a test.
func send(t testing.TB, l *store.Ledger, id string) (ledger.Receipt, bool) {
	r, err := l.Append(context.WithoutCancel(t.Context()), entry(id), body(id))
	if err != nil {
		t.Errorf("%s: %v", id, err)
	}
	return r, err == nil
}

// whole checks that the ledger holds so many entries without a gap or a
// duplicate, that its root is the tree's over them, and that proofs hold.
func whole(t testing.TB, l *store.Ledger, key ledger.Key, want int64) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var f ledger.Frontier
	keys := map[string]bool{}
	for r, err := range l.Records(ctx, ledger.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Index != f.Size() {
			t.Fatalf("entry %d stands where %d is due", r.Index, f.Size())
		}
		name := fmt.Sprintf("%s %s %s %x", r.Kind, r.Source, r.ID, r.BodyHash)
		if keys[name] {
			t.Errorf("twice: %s", name)
		}
		keys[name] = true
		f.Append(r.Hash())
	}
	size, root, err := l.Head(ctx)
	if err != nil || size != f.Size() || root != f.Root() || size != want {
		t.Errorf("head: %d entries, %v, %v; there are %d, and %d are wanted", size, root, err, f.Size(), want)
	}
	for _, index := range []int64{0, size / 3, size - 1} {
		p, err := l.Prove(ctx, index)
		if err == nil {
			err = p.Verify(key.Public())
		}
		if err != nil {
			t.Errorf("proof of entry %d: %v", index, err)
		}
	}
}
