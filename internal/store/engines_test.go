package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/postgrestest"
	"github.com/goldfish-inc/fluxkeeper/internal/store"
)

func TestSQLite(t *testing.T) {
	testLedger(t, func(t testing.TB) store.Options {
		return store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t)}
	})
}

func TestPostgreSQL(t *testing.T) {
	fresh := databases(postgrestest.Start(t))
	testLedger(t, fresh)
	t.Run("opened by many", func(t *testing.T) { testOpenedByMany(t, fresh(t)) })
}

// databases gives a new database on the server each time.
func databases(server *postgrestest.Server) func(testing.TB) store.Options {
	n := 0
	return func(t testing.TB) store.Options {
		n++
		return store.Options{Address: server.Create(t, fmt.Sprint("ledger-", n)), Key: newKey(t)}
	}
}

// testLedger is what a ledger does on either engine; fresh gives a new place for one.
func testLedger(t *testing.T, fresh func(testing.TB) store.Options) {
	for name, test := range map[string]func(*testing.T, store.Options){
		"duplicates": testDuplicates, "company": testCompany, "bodies": testBodies, "questions": testQuestions,
		"reopened": testReopened, "two at once": testTwoAtOnce,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

func testDuplicates(t *testing.T, o store.Options) {
	l := open(t, o)
	first := add(t, l, "a")
	add(t, l, "b")
	later := entry("a")
	later.Time, later.Name = later.Time.Add(time.Hour), "pull_request"
	got, err := l.Append(t.Context(), later, body("a"))
	want := first
	want.Duplicate = true
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("sent again: %v\n%s", err, diff)
	}
	for what, change := range map[string]func(*ledger.Entry, *[]byte){
		"another body":   func(_ *ledger.Entry, b *[]byte) { *b = []byte("{}") },
		"another source": func(e *ledger.Entry, _ *[]byte) { e.Source = "4712" },
		"another kind":   func(e *ledger.Entry, _ *[]byte) { e.Kind = ledger.Erasure },
	} {
		e, b := entry("a"), body("a")
		change(&e, &b)
		if r, err := l.Append(t.Context(), e, b); err != nil || r.Duplicate || r.Index < 2 {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
	whole(t, l, o.Key, 5)
}

// testCompany appends from many goroutines, each entry twice, so that many
// share a commit, also with their own duplicates.
func testCompany(t *testing.T, o store.Options) {
	l := open(t, o)
	const each, senders = 20, 32
	receipts := make([]ledger.Receipt, senders*each)
	var wait sync.WaitGroup
	for s := range senders {
		wait.Go(func() {
			for i := range each {
				receipts[s*each+i], _ = send(t, l, fmt.Sprint("guid-", (s/2)*each+i)) // two senders for each id
			}
		})
	}
	wait.Wait()
	first := map[string]int64{}
	for _, r := range receipts {
		if !r.Duplicate {
			first[r.ID] = r.Index
		}
	}
	for _, r := range receipts {
		if at, ok := first[r.ID]; !ok || at != r.Index {
			t.Errorf("%s: receipt for %d, kept at %d", r.ID, r.Index, at)
		}
	}
	whole(t, l, o.Key, senders*each/2)
}

func testBodies(t *testing.T, o store.Options) {
	l := open(t, o)
	noise := make([]byte, 3<<20)
	_, _ = rand.Read(noise)
	for i, want := range [][]byte{{}, {0}, noise, bytes.Repeat([]byte("x"), 25<<20), {0xff, 0xfe, 0}} {
		r, err := l.Append(t.Context(), entry(fmt.Sprint(i)), want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Body(t.Context(), r.Index)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("body of %d bytes: %d bytes, %v", len(want), len(got), err)
		}
	}
	if _, err := l.Body(t.Context(), 5); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("body of an entry that is not there: %v", err)
	}
}

func testQuestions(t *testing.T, o store.Options) {
	l := open(t, o)
	start := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	for i := range 12 {
		e := entry(fmt.Sprint("guid-", i))
		e.Time = start.Add(time.Duration(i) * time.Minute)
		e.Name = []string{"push", "status", "ping"}[i%3]
		if _, err := l.Append(t.Context(), e, nil); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		q    store.Query
		want []int64
	}{
		"names":         {store.Query{Names: []string{"status", "ping"}, Limit: 4}, []int64{1, 2, 4, 5}},
		"newest":        {store.Query{Newest: true, Limit: 2}, []int64{11, 10}},
		"time":          {store.Query{From: start.Add(3 * time.Minute), To: start.Add(5 * time.Minute)}, []int64{3, 4}},
		"index":         {store.Query{Start: 9, End: 11, Kinds: []ledger.Kind{ledger.Delivery}}, []int64{9, 10}},
		"id and source": {store.Query{ID: "guid-7", Source: "4711", Target: "repository/1296269"}, []int64{7}},
		"nothing":       {store.Query{ID: "guid-7", Source: "1"}, nil},
		"later":         {store.Query{From: start.Add(time.Hour)}, nil},
	} {
		var got []int64
		for r, err := range l.Records(t.Context(), c.q) {
			if err != nil {
				t.Fatal(name, err)
			}
			got = append(got, r.Index)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for _, id := range []string{"7", "guid-7"} {
		if r, err := l.Find(t.Context(), id); err != nil || r.Index != 7 {
			t.Errorf("find %q: %+v, %v", id, r, err)
		}
	}
	r, err := l.Record(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	hash := r.Hash()
	if found, err := l.Find(t.Context(), fmt.Sprintf("%x", hash[:6])); err != nil || found != r {
		t.Errorf("find by a short hash: %+v, %v", found, err)
	}
	if _, err := l.Find(t.Context(), "' OR 1=1 --"); !errors.Is(err, store.ErrNotFound) {
		t.Error(err)
	}
}

func testReopened(t *testing.T, o store.Options) {
	l := open(t, o)
	for i := range 300 { // past the first stored node
		add(t, l, fmt.Sprint(i))
	}
	if err := l.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	until(t, "a checkpoint of all entries is kept", func() bool {
		signed, _, err := l.KeptCheckpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := ledger.OpenCheckpoint(signed, o.Key.Public())
		return err == nil && c.Size == 300
	})
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

// testTwoAtOnce: two ledgers over one database make one sequence.
func testTwoAtOnce(t *testing.T, o store.Options) {
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

// testOpenedByMany: whoever comes first makes the tables.
func testOpenedByMany(t *testing.T, o store.Options) {
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
	for r, err := range l.Records(ctx, store.Query{}) {
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
