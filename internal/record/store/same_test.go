package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// rows counts the rows that have a body of a delivery.
func (e *evidence) rows(t *testing.T) (n int) {
	t.Helper()
	err := e.db.QueryRow(`SELECT count(*) FROM body JOIN entry ON entry.idx = body.idx WHERE same IS NULL AND kind = 'delivery'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBodyIsKeptOnce: and goes when no entry has it any more that is not erased.
func TestBodyIsKeptOnce(t *testing.T) { scenes(t, testBodyIsKeptOnce) }

func testBodyIsKeptOnce(t *testing.T, s *scene) {
	e, body, other := s.evidence(t, 0), payload(77), payload(78)
	l := e.open(t)
	add := func(n int64, body []byte) {
		t.Helper()
		if _, err := l.Append(t.Context(), numbered(n), body); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(rows, erased int64, want map[int64][]byte) {
		t.Helper()
		for index, body := range want {
			got, err := l.Body(t.Context(), index)
			if body == nil && !errors.Is(err, ledger.ErrErased) || body != nil && (err != nil || !bytes.Equal(got, body)) {
				t.Errorf("entry %d: %.20q, %v", index, got, err)
			}
		}
		v, err := l.Verify(t.Context(), store.VerifyOptions{Public: e.key.Public()})
		if err != nil || !v.OK() || v.Erased != erased {
			t.Errorf("%+v, %v", v, err)
		}
		if got := e.rows(t); int64(got) != rows {
			t.Errorf("%d rows have a body, want %d", got, rows)
		}
	}
	for n := range int64(4) {
		add(n, body)
	}
	add(4, other)
	holds(2, 0, map[int64][]byte{0: body, 1: body, 3: body, 4: other})

	var export bytes.Buffer
	into := &evidence{scene: s, address: s.place(t), key: e.key}
	copied := into.open(t)
	if err := errors.Join(l.Export(t.Context(), &export), store.Import(t.Context(), &export, copied)); err != nil {
		t.Fatal(err)
	}
	into.connect(t)
	if got := into.rows(t); got != 2 {
		t.Errorf("the copy has %d rows with a body", got)
	}

	erase := func(before, want int64, keepers ...int64) {
		t.Helper()
		kept, err := l.Keepers(t.Context(), at(before))
		if err != nil || !slices.Equal(kept, keepers) {
			t.Errorf("kept by %v, %v, want %v", kept, err, keepers)
		}
		if n, err := l.Erase(t.Context(), at(before), keepNumber); err != nil || n != want {
			t.Errorf("%d erased, %v, want %d", n, err, want)
		}
	}
	erase(2, 2, 2)
	holds(2, 2, map[int64][]byte{0: nil, 1: nil, 2: body, 3: body})
	erase(5, 3)
	holds(0, 5, map[int64][]byte{2: nil, 3: nil, 4: nil})
	add(5, body) // it comes once more
	add(6, body)
	holds(1, 5, map[int64][]byte{0: nil, 7: body, 8: body})
}

// repeating opens a ledger that takes three equal bodies an hour.
func repeating(t *testing.T, s *scene) *store.Ledger {
	t.Helper()
	e := s.evidence(t, 0)
	l, err := store.Open(t.Context(), store.Options{Address: e.address, Key: e.key, Repeats: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestRepeatedBodies: so many an hour and hook, and those that are asked for.
func TestRepeatedBodies(t *testing.T) { scenes(t, testRepeatedBodies) }

func testRepeatedBodies(t *testing.T, s *scene) {
	l, body := repeating(t, s), payload(1)
	add := func(want error, n int64, hook string, body []byte) ledger.Receipt {
		t.Helper()
		e := numbered(n)
		e.Source = hook
		r, err := l.Append(t.Context(), e, body)
		if !errors.Is(err, want) {
			t.Errorf("delivery %d of hook %s: %v, want %v", n, hook, err, want)
		}
		return r
	}
	for n := range int64(3) {
		add(nil, n, "1", body)
	}
	add(ledger.ErrRepeated, 3, "1", body)
	if r := add(nil, 2, "1", body); !r.Duplicate {
		t.Error("the same delivery is not known again")
	}
	add(nil, 4, "1", payload(2))
	add(nil, 5, "2", body)
	add(ledger.ErrRepeated, 3599, "1", body)
	add(nil, 3600, "1", body) // an hour after the first one
	l.Await(numbered(3).ID)
	if r := add(nil, 3, "1", body); r.Duplicate {
		t.Error("what was refused is known")
	}
	for n := range int64(100) { // whoever calls himself another hook each time
		e := numbered(10_000 + n)
		e.Source = fmt.Sprint(100 + n)
		if _, err := l.Append(t.Context(), e, body); (err != nil) != (n >= 30) {
			t.Errorf("delivery %d: %v", n, err)
		}
	}
	if v, err := l.Verify(t.Context(), store.VerifyOptions{}); err != nil || !v.OK() {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestRepeatedBodiesTogether: those of one moment count as those of an hour.
func TestRepeatedBodiesTogether(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		l := repeating(t, s)
		var all sync.WaitGroup
		var taken atomic.Int64
		for n := range int64(40) {
			all.Go(func() {
				e := numbered(n)
				e.Time = numbered(0).Time.Add(time.Duration(n) * time.Millisecond)
				switch _, err := l.Append(t.Context(), e, payload(1)); {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, ledger.ErrRepeated):
					t.Error(err)
				}
			})
		}
		all.Wait()
		v, err := l.Verify(t.Context(), store.VerifyOptions{})
		if err != nil || !v.OK() || v.Size != 3 || taken.Load() != 3 {
			t.Errorf("%d taken, %+v, %v", taken.Load(), v, err)
		}
	})
}

// TestReferencesAreHeldAgainstTheEntries: a row that leads to another body, or to none, is a fault.
func TestReferencesAreHeldAgainstTheEntries(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, 10)
		l := e.open(t)
		for n := range int64(3) {
			if _, err := l.Append(t.Context(), numbered(100+n), payload(5)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		honest := e.save(t)
		for statement, want := range map[string]string{
			`UPDATE body SET same = NULL WHERE idx = 11`:                                              "[body 11]",
			`UPDATE body SET same = 4 WHERE idx = 11`:                                                 "[body 11]",
			`UPDATE body SET same = 11 WHERE idx = 11`:                                                "[body 11]",
			`UPDATE body SET same = 12 WHERE idx = 11`:                                                "[body 11]",
			`UPDATE body SET same = 500 WHERE idx = 11`:                                               "[body 11]",
			`UPDATE body SET encoding = 's2' WHERE idx = 11`:                                          "[body 11]",
			`DELETE FROM body WHERE idx = 11`:                                                         "[lost 11]",
			`DELETE FROM body WHERE idx = 10`:                                                         "[body 11 body 12 lost 10]",
			`UPDATE body SET same = 12, encoding = 'same' WHERE idx = 3`:                              "[body 3]",
			`UPDATE body SET data = (SELECT data FROM body WHERE idx = 4) WHERE idx = 10`:             "[body 10 body 11 body 12]",
			`UPDATE body SET data = (SELECT data FROM body WHERE idx = 5) WHERE idx = 12`:             "[body 12]",
			`UPDATE body SET idx = 6000 WHERE idx = 10`:                                               "[body 11 body 12 lost 10 stray 6000]",
			`UPDATE entry SET kind = 'other' WHERE idx = 11`:                                          "[leaf 11]",
			`UPDATE entry SET body_hash = (SELECT body_hash FROM entry WHERE idx = 4) WHERE idx = 11`: "[body 11 leaf 11]",
		} {
			e.restore(t, honest)
			e.exec(t, statement)
			v := e.verify(t, store.VerifyOptions{Public: e.key.Public()})
			if got := strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(found(v)), "checkpoint -1 ", ""), " checkpoint -1", ""); got != want {
				t.Errorf("%s: %s, want %s\n%s", statement, got, want, messages(v))
			}
		}
	})
}
