package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestRecords asks questions of 2,500 entries, more than fit on a page, whose
// times go up by a minute each, and back by a day for every 1,000th.
func TestRecords(t *testing.T) {
	l, _ := newLedger(t)
	start := entry("").Time
	var all []ledger.Record
	var mu sync.Mutex
	var senders sync.WaitGroup
	for g := range 50 { // together, to be quick
		senders.Go(func() {
			for i := g; i < 2500; i += 50 {
				e := entry(fmt.Sprint("guid-", i))
				e.Name, e.Source = []string{"push", "pull_request", "status"}[i%3], fmt.Sprint(i%2)
				e.Time = start.Add(time.Duration(i) * time.Minute)
				if i%1000 == 999 {
					e.Time = e.Time.AddDate(0, 0, -1)
				}
				r, err := l.Append(context.WithoutCancel(t.Context()), e, body(e.ID))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				all = append(all, r.Record)
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	slices.SortFunc(all, func(a, b ledger.Record) int { return int(a.Index - b.Index) })
	from, to := start.Add(500*time.Minute), start.Add(2400*time.Minute)
	for name, c := range map[string]struct {
		q    ledger.Query
		want func(ledger.Record) bool
	}{
		"all":      {ledger.Query{}, func(ledger.Record) bool { return true }},
		"newest":   {ledger.Query{Newest: true}, func(ledger.Record) bool { return true }},
		"one name": {ledger.Query{Names: []string{"push"}}, func(r ledger.Record) bool { return r.Name == "push" }},
		"two names": {ledger.Query{Names: []string{"push", "status"}, Newest: true},
			func(r ledger.Record) bool { return r.Name != "pull_request" }},
		"a kind":       {ledger.Query{Kinds: []ledger.Kind{"delivery"}}, func(ledger.Record) bool { return true }},
		"another kind": {ledger.Query{Kinds: []ledger.Kind{"erasure"}}, func(ledger.Record) bool { return false }},
		"a source":     {ledger.Query{Source: "1"}, func(r ledger.Record) bool { return r.Source == "1" }},
		"a target":     {ledger.Query{Target: "organization/1"}, func(ledger.Record) bool { return false }},
		"an id":        {ledger.Query{ID: "guid-77"}, func(r ledger.Record) bool { return r.ID == "guid-77" }},
		"indices":      {ledger.Query{Start: 10, End: 1500}, func(r ledger.Record) bool { return r.Index >= 10 && r.Index < 1500 }},
		"newest indices": {ledger.Query{Start: 10, End: 1500, Newest: true},
			func(r ledger.Record) bool { return r.Index >= 10 && r.Index < 1500 }},
		"a time": {ledger.Query{From: from, To: to, Source: "0"}, func(r ledger.Record) bool {
			return r.Source == "0" && !r.Time.Before(from) && r.Time.Before(to)
		}},
		"a time to come": {ledger.Query{From: start.AddDate(1, 0, 0)}, func(ledger.Record) bool { return false }},
	} {
		var want []ledger.Record
		for _, r := range all {
			if c.want(r) {
				want = append(want, r)
			}
		}
		if c.q.Newest {
			slices.Reverse(want)
		}
		for _, limit := range []int{0, 1, 999, 1000, 1001, 5000} {
			c.q.Limit = limit
			want := want
			if limit > 0 {
				want = want[:min(limit, len(want))]
			}
			if diff := cmp.Diff(want, collect(t, l, c.q)); diff != "" {
				t.Errorf("%s, at most %d: %s", name, limit, diff)
			}
		}
	}
}

func collect(t *testing.T, l *store.Ledger, q ledger.Query) []ledger.Record {
	t.Helper()
	var got []ledger.Record
	for r, err := range l.Records(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	return got
}

func TestFind(t *testing.T) {
	l, _ := newLedger(t)
	var want ledger.Record
	for i := range 20 {
		r := add(t, l, fmt.Sprint("guid-", i))
		if i == 7 {
			want = r.Record
		}
	}
	own := fmt.Sprintf("%x", [32]byte(want.Hash()))
	for _, id := range []string{"7", "guid-7", own, own[:8], own[:9]} {
		if got, err := l.Find(t.Context(), id); err != nil || got != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	for _, id := range []string{"20", "-1", "", "guid", own[:7], own + "0", "00000000", "zzzzzzzz", "a' OR '1'='1"} {
		if got, err := l.Find(t.Context(), id); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("%q: %+v, %v", id, got, err)
		}
	}
	for name, err := range map[string]error{
		"body": second(l.Body(t.Context(), 20)), "proof": second(l.Prove(t.Context(), 20)), "record": second(l.Record(t.Context(), -1)),
	} {
		if !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestBodiesComeOutAsTheyCame(t *testing.T) {
	l, _ := newLedger(t)
	for name, content := range map[string][]byte{
		"empty": {}, "one byte": {0}, "no JSON": []byte("\xff\x00{"), "small": []byte("{}"),
		"large": slices.Repeat([]byte("0123456789"), 1<<20), "incompressible": randomBytes(3 << 20),
	} {
		given := slices.Clone(content)
		r, err := l.Append(t.Context(), entry(name), given)
		if err != nil {
			t.Fatal(err)
		}
		clear(given) // the caller may use it again
		if got, err := l.Body(t.Context(), r.Index); err != nil || string(got) != string(content) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(content), err)
		}
	}
}

// TestReadyProbes moves the clock on: what was durable long ago says nothing,
// so that something is written, and a lock then shows.
func TestReadyProbes(t *testing.T) {
	var ahead atomic.Int64
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	o := store.Options{
		Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t),
		Now: func() time.Time { return noon.Add(time.Duration(ahead.Load())) },
	}
	l := open(t, o)
	add(t, l, "guid-1")
	for _, jump := range []time.Duration{time.Hour, -24 * time.Hour} {
		before := signedAt(t, o.Address)
		ahead.Add(int64(jump))
		if err := l.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at := signedAt(t, o.Address); !at.Equal(before.Add(jump)) {
			t.Errorf("the clock went %v, the checkpoint from %v to %v", jump, before, at)
		}
	}
	release := block(t, o.Address)
	defer release()
	ahead.Add(int64(time.Hour))
	if err := l.Ready(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("ready, although nothing can be written: %v", err)
	}
	release()
	if err := l.Ready(t.Context()); err == nil {
		return // it may have been tried again already
	}
	await(t, "the ledger to be ready", func() bool { return l.Ready(t.Context()) == nil })
}

// signedAt is when the head was signed last.
func signedAt(t *testing.T, path string) time.Time {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var micros int64
	if err := db.QueryRow(`SELECT checkpoint_time FROM head`).Scan(&micros); err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(micros)
}

func TestObserver(t *testing.T) {
	watch := &commits{}
	o := store.Options{Address: filepath.Join(t.TempDir(), "ledger.db"), Key: newKey(t), Observe: watch}
	l := open(t, o)
	for _, id := range []string{"a", "b", "a", "the last one"} {
		add(t, l, id)
	}
	// The last answer is given before the Observer is told.
	await(t, "the Observer", func() bool { return watch.entries.Load() == 4 })
	if s := l.Stats(); s.Size != 3 || s.Queued != 0 || s.QueuedBytes != 0 || s.Broken != nil {
		t.Errorf("%+v", s)
	}
	await(t, "the log to be moved", func() bool {
		file, err := os.ReadFile(o.Address)
		return err == nil && bytes.Contains(file, []byte("the last one"))
	})
}
