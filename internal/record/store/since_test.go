package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// since reads the ledger from the entry's time on.
func (e *evidence) since(t testing.TB, entry int64) (indexes []int64, gaps []string) {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gaps, err = l.Since(t.Context(), numbered(entry).Time, func(r ledger.Record) error {
		indexes = append(indexes, r.Index)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return indexes, gaps
}

// TestSince: what is read is held against the signed head, wherever the reading begins.
func TestSince(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, size600)
		honest := e.save(t)
		for _, from := range []int64{0, 1, 100, 255, 256, 257, 512, 599, 600} {
			e.restore(t, honest)
			indexes, gaps := e.since(t, from)
			var want []int64
			for n := max(from-1, 0); n < size600; n++ {
				want = append(want, n)
			}
			if diff := cmp.Diff(want, indexes); diff != "" || len(gaps) > 0 {
				t.Errorf("from %d: %q\n%s", from, gaps, diff)
			}
		}
		for name, c := range map[string]struct {
			alter func(*testing.T, *evidence)
			want  string
		}{
			"altered": {func(t *testing.T, e *evidence) { e.exec(t, `UPDATE entry SET name = 'ping' WHERE idx = 550`) },
				"entry 550: not as written"},
			"looked up by another id": {func(t *testing.T, e *evidence) {
				e.exec(t, `UPDATE entry SET identity = $1 WHERE idx = 550`, make([]byte, 24))
			}, "entry 550: not as written"},
			"altered with its hash": {func(t *testing.T, e *evidence) {
				rewrite(t, e, 550, func(n *ledger.Entry) { n.Name = "ping" })
			}, "the key signed others"},
			"altered with all hashes": {func(t *testing.T, e *evidence) {
				rewrite(t, e, 550, func(n *ledger.Entry) { n.Name = "ping" })
				rebuild(t, e)
			}, "did not sign its head"},
			"made earlier": {func(t *testing.T, e *evidence) {
				e.exec(t, `UPDATE entry SET time = time - 1000000000 WHERE idx < 590`)
			},
				"entries 512 to 589: not as written"},
			"removed":              {func(t *testing.T, e *evidence) { remove(t, e, 550, 552) }, "entries 550 to 551: missing"},
			"removed at the end":   {func(t *testing.T, e *evidence) { remove(t, e, 598, 600) }, "entries 598 to 599: missing"},
			"cut off":              {func(t *testing.T, e *evidence) { remove(t, e, 590, 600); rebuild(t, e) }, "did not sign its head"},
			"added":                {func(t *testing.T, e *evidence) { insert(t, e, 600) }, "entry 600: the head does not know of them"},
			"without a node below": {func(t *testing.T, e *evidence) { e.exec(t, `DELETE FROM node WHERE n = 0`) }, "hashes over the entries"},
			"without a head":       {func(t *testing.T, e *evidence) { e.exec(t, `DELETE FROM head`) }, "the ledger's head is missing"},
		} {
			t.Run(name, func(t *testing.T) {
				e.restore(t, honest)
				c.alter(t, e)
				if name == "without a head" {
					if _, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true}); err == nil {
						t.Error("opened") // nothing names the key
					}
					return
				}
				indexes, gaps := e.since(t, 540)
				if !strings.Contains(strings.Join(gaps, "\n"), c.want) || len(indexes) == 0 {
					t.Errorf("%d are seen: %q", len(indexes), gaps)
				}
			})
		}
	})
}

// TestVerifyNotesAClockThatWentBack: order is by index, and who reads times is told.
func TestVerifyNotesAClockThatWentBack(t *testing.T) {
	e := newEvidence(t, 0)
	l := e.open(t)
	for n, at := range []int64{5000, 100, 200, 5001} { // seconds
		d := numbered(at)
		d.ID = fmt.Sprint("guid-", n)
		if _, err := l.Append(t.Context(), d, nil); err != nil {
			t.Fatal(err)
		}
	}
	v := e.verify(t, store.VerifyOptions{})
	if !v.OK() || !strings.Contains(strings.Join(v.Notes, "\n"), "the clock had gone back when 2 entries came in, entry 1 first") {
		t.Errorf("%v, %q", v.Faults, v.Notes)
	}
}

// TestOwn: entries of the program's own are all there, or that is said.
func TestOwn(t *testing.T) {
	e := newEvidence(t, size600)
	l := e.open(t)
	if _, err := l.Erase(t.Context(), at(50), keepNumber); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	honest := e.save(t)
	for alter, want := range map[string]string{
		`UPDATE head SET one = 1`:                             "",
		`UPDATE entry SET kind = 'x' WHERE idx = 600`:         "is not one that the key signed",
		`UPDATE entry SET kind = 'delivery' WHERE idx = 600`:  "of 1 entries that are no deliveries 0 are there",
		`UPDATE entry SET kind = 'rotation' WHERE idx = 10`:   "entry 10, a rotation, is not one that the key signed",
		`UPDATE entry SET source = 'x' WHERE idx = 600`:       "is not one that the key signed",
		`DELETE FROM entry WHERE idx = 600`:                   "of 1 entries that are no deliveries 0 are there",
		`UPDATE entry SET body_hash = x'00' WHERE idx = 600`:  "is not one that the key signed",
		`UPDATE entry SET name = 'ping' WHERE kind <> 'none'`: "is not one that the key signed",
	} {
		e.restore(t, honest)
		e.exec(t, alter)
		l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		own, gaps, err := l.Own(t.Context(), ledger.Erasure)
		if err != nil || !strings.Contains(strings.Join(gaps, "\n"), want) || want == "" && (len(gaps) > 0 || len(own) != 1) {
			t.Errorf("%s: %d, %q, %v", alter, len(own), gaps, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
