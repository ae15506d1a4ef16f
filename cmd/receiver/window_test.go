package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// keptPush is what the bot pushed, by number.
const keptPush = `{"ref":"refs/heads/main","before":"%040[1]d","after":"%040[1]d","repository":{"id":1296269,"full_name":"acme/fleet"},
	"sender":{"login":"fluxbot","id":7,"type":"User"}}`

// keep makes a ledger of deliveries that came in at these times.
func keep(t *testing.T, times ...time.Time) *store.Ledger {
	t.Helper()
	return keepIn(t, filepath.Join(t.TempDir(), "ledger.db"), times...)
}

func keepIn(t *testing.T, address string, times ...time.Time) *store.Ledger {
	t.Helper()
	key, err := ledger.NewKey(rand.Reader, "test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := store.Open(t.Context(), store.Options{Address: address, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for i, at := range times {
		e := ledger.Entry{Kind: ledger.Delivery, Time: at, Source: "1", ID: fmt.Sprint("guid-", i), Name: "push"}
		if _, err := l.Append(t.Context(), e, fmt.Appendf(nil, keptPush, i)); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func indexes(readings []audit.Reading) []int64 {
	var all []int64
	for _, r := range readings {
		if !r.Before {
			all = append(all, r.Record.Index)
		}
	}
	return all
}

// collect gives the readings of a window.
func collect(t *testing.T, l *store.Ledger, window audit.Window) (readings []audit.Reading, err error) {
	t.Helper()
	_, _, err = audit.Collect(t.Context(), l, window, func(r audit.Reading) { readings = append(readings, r) })
	return readings, err
}

// TestWrongClock: what came in while the clock was wrong, far ahead or without a
// battery, is hidden from no report: order is by position.
func TestWrongClock(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window := audit.Window{From: now.Add(-24 * time.Hour), To: now}
	l := keep(t,
		now.Add(-48*time.Hour), // 0: before the window
		now.Add(-2*time.Hour),
		time.Unix(60, 0).UTC(), // 2: no battery
		now.Add(-time.Hour),
		now.AddDate(10, 0, 0), // 4: ahead
		now.Add(-time.Minute),
		time.Unix(90, 0).UTC(), // 6: the last one
	)
	readings, err := collect(t, l, window)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5, 6}, indexes(readings)); diff != "" {
		t.Error(diff)
	}
}

// TestClockStoodStill: what came in between two right times came in between them,
// also where the window begins there.
func TestClockStoodStill(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, before := range []time.Duration{3 * time.Hour, 100 * time.Hour} {
		l := keep(t, now.Add(-2*before), now.Add(-before), time.Unix(120, 0).UTC(), now.Add(-10*time.Minute))
		var readings []audit.Reading
		_, gaps, err := audit.Collect(t.Context(), l, audit.Window{From: now.Add(-time.Hour), To: now},
			func(r audit.Reading) { readings = append(readings, r) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int64{2, 3}, indexes(readings)); diff != "" {
			t.Errorf("%v before: read are %v\n%s", before, indexes(readings), diff)
		}
		if len(gaps) != 1 || !strings.Contains(gaps[0], "when entry 2 came in is not known") {
			t.Errorf("%v before: gaps %q", before, gaps)
		}
	}
}

// TestErasuresOutsideOfTheWindow: a report reads of the erasures what it needs.
func TestErasuresOutsideOfTheWindow(t *testing.T) {
	reads := func(erased int) float64 {
		now := time.Now().UTC().Truncate(time.Microsecond)
		l := keep(t, now)
		e := ledger.Erased{Before: now}
		for i := range erased {
			e.Entries = append(e.Entries, ledger.ErasedEntry{Index: int64(1000 + i), Kept: json.RawMessage(`{"event":"push"}`)})
		}
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), ledger.Entry{Kind: ledger.Erasure, Time: now, ID: "1000-9999", Name: "bodies"}, body); err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(3, func() {
			if r, err := collect(t, l, audit.Window{From: now, To: now}); err != nil || len(r) != 1 {
				t.Errorf("%d readings: %v", len(r), err)
			}
		})
	}
	if few, many := reads(1), reads(5000); many > 2*few {
		t.Errorf("5000 bodies erased elsewhere cost %.0f allocations, and one %.0f", many, few)
	}
}

// TestErasuresAreReadByRange: of what is erased in the window, those that name it.
func TestErasuresAreReadByRange(t *testing.T) {
	begin := now()
	l := keep(t, begin.Add(-time.Minute))
	if _, err := l.Erase(t.Context(), begin, audit.Keep); err != nil {
		t.Fatal(err)
	}
	reads := func() (n int) {
		counting := &countingReader{Ledger: l}
		_, gaps, err := audit.Collect(t.Context(), counting, audit.Window{From: begin.Add(-time.Hour), To: begin}, func(audit.Reading) {})
		if err != nil || len(gaps) > 0 {
			t.Fatal(gaps, err)
		}
		return counting.bodies
	}
	before := reads()
	for n := range 20 { // of entries far from here
		e := ledger.Entry{Kind: ledger.Erasure, Time: now(), ID: fmt.Sprintf("%d-%d", 1000+n, 1000+n), Name: "bodies"}
		if _, err := l.Append(t.Context(), e, []byte("nobody reads this")); err != nil {
			t.Fatal(err)
		}
	}
	if after := reads(); after != before {
		t.Errorf("%d bodies are read, and %d before", after, before)
	}
}

// countingReader counts the bodies that are read.
type countingReader struct {
	*store.Ledger
	bodies int
}

func (c *countingReader) BodyOf(ctx context.Context, r ledger.Record) ([]byte, error) {
	c.bodies++
	return c.Ledger.BodyOf(ctx, r)
}

// TestBodyBeforeErasure: a body that is there counts, and not what an erasure
// says of it.
func TestBodyBeforeErasure(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	l := keep(t, now)
	erasure(t, l, 1, leaf(t, l, 0), `{"event":"issues"}`)
	window := audit.Window{From: now.Add(-time.Hour), To: now.Add(time.Hour)}
	readings, err := collect(t, l, window)
	if err != nil {
		t.Fatal(err)
	}
	if len(readings) != 1 || readings[0].Body.Event == "issues" {
		t.Errorf("readings: %+v", readings)
	}
}

// interrupted is a ledger with which something is done while it is read.
type interrupted struct {
	*store.Ledger
	at int64
	do func()
}

func (i interrupted) Since(ctx context.Context, from time.Time, see func(ledger.Record) error) ([]string, error) {
	return i.Ledger.Since(ctx, from, func(r ledger.Record) error {
		if r.Index == i.at {
			i.do()
		}
		return see(r)
	})
}

// TestReportWhileErased: what is erased while a report reads it is told as before.
func TestReportWhileErased(t *testing.T) {
	for engine, address := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return filepath.Join(t.TempDir(), "ledger.db") },
		"PostgreSQL": func(t *testing.T) string { return postgrestest.Shared(t).Create(t, t.Name()) },
	} {
		for _, at := range []int64{0, 2, 4} {
			t.Run(fmt.Sprint(engine, "/", at), func(t *testing.T) {
				start := now().Add(-time.Hour)
				l := keepIn(t, address(t), slices.Repeat([]time.Time{start}, 5)...)
				judged := func(l ledger.Reader) audit.Timeline {
					var readings []audit.Reading
					_, gaps, err := audit.Collect(t.Context(), l, audit.Window{From: start, To: now()},
						func(r audit.Reading) { readings = append(readings, r) })
					if err != nil {
						t.Fatal(err)
					}
					out := audit.Judge(readings, audit.Contract{Accounts: []audit.Account{{ID: 7, Login: "fluxbot"}}})
					out.Gaps = append(out.Gaps, gaps...)
					return out
				}
				before := judged(l)
				if len(before.Uses) != 5 {
					t.Fatalf("%d uses", len(before.Uses))
				}
				during := judged(interrupted{l, at, func() {
					if n, err := l.Erase(t.Context(), now(), audit.Keep); err != nil || n != 5 {
						t.Error(n, err)
					}
				}})
				for when, told := range map[string]audit.Timeline{"during": during, "after": judged(l)} {
					if diff := cmp.Diff(before, told, cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("%s the erasure:\n%s", when, diff)
					}
				}
			})
		}
	}
}

// leaf is an entry's leaf hash, as an erasure names it.
func leaf(t *testing.T, l *store.Ledger, index int64) string {
	t.Helper()
	r, err := l.Record(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	hash := r.Hash()
	return hex.EncodeToString(hash[:])
}

// erasure appends one of entry 0, that keeps this of it.
func erasure(t *testing.T, l *store.Ledger, version int64, leaf, kept string) {
	t.Helper()
	body, err := json.Marshal(ledger.Erased{Before: now(), Entries: []ledger.ErasedEntry{{Index: 0, Leaf: leaf, Kept: json.RawMessage(kept)}}})
	if err != nil {
		t.Fatal(err)
	}
	e := ledger.Entry{Kind: ledger.Erasure, Version: version, Time: now(), ID: fmt.Sprint(kept, version), Name: "bodies"}
	if _, err := l.Append(t.Context(), e, body); err != nil {
		t.Fatal(err)
	}
}

// TestWhatWasKept: the first erasure tells what was erased, if it is of that very entry.
func TestWhatWasKept(t *testing.T) {
	for name, c := range map[string]struct {
		erasures func(*store.Ledger, string)
		event    string
		gaps     int
	}{
		"the first one": {func(l *store.Ledger, leaf string) {
			erasure(t, l, 1, leaf, `{"event":"push"}`)
			erasure(t, l, 1, leaf, `{"event":"issues"}`)
		}, "push", 0},
		"of another entry":   {func(l *store.Ledger, _ string) { erasure(t, l, 1, strings.Repeat("0", 64), `{"event":"push"}`) }, "", 1},
		"of a later version": {func(l *store.Ledger, leaf string) { erasure(t, l, 2, leaf, `{"event":"push"}`) }, "", 2},
		"of a later version, too": {func(l *store.Ledger, leaf string) {
			erasure(t, l, 2, leaf, `{"event":"issues"}`)
			erasure(t, l, 1, leaf, `{"event":"push"}`)
		}, "push", 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := keep(t, now().Add(-time.Minute), now())
			c.erasures(l, leaf(t, l, 0))
			if _, err := l.Erase(t.Context(), now().Add(-time.Second), nil); err != nil {
				t.Fatal(err)
			}
			var readings []audit.Reading
			_, gaps, err := audit.Collect(t.Context(), l, audit.Window{From: now().Add(-time.Hour), To: now()},
				func(r audit.Reading) { readings = append(readings, r) })
			if err != nil || len(gaps) != c.gaps {
				t.Errorf("gaps %q, %v", gaps, err)
			}
			event := ""
			for _, r := range readings {
				if r.Record.Index == 0 {
					event = r.Body.Event
				}
			}
			if event != c.event {
				t.Errorf("it says %q, want %q", event, c.event)
			}
		})
	}
}
