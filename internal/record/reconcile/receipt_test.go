package reconcile_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/reconcile"
)

// answerLog is what GitHub keeps of answers, and what it was asked for.
type answerLog struct {
	attempts []audit.Attempt // the latest first
	entries  map[int64]string
	trouble  error

	mu    sync.Mutex
	asked []int64
}

func (l *answerLog) show(attempt int64) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, attempt)
	if l.entries[attempt] == "forgotten" {
		return "", audit.ErrForgotten
	}
	return l.entries[attempt], l.trouble
}

// answered is a shelf with n deliveries that GitHub saw acknowledged, one a minute,
// each with the entry that it was told of; the attempts count down.
func answered(n int) *shelf {
	s := &shelf{log: answerLog{entries: map[int64]string{}}, kept: map[int64][]byte{}}
	for i := range n {
		at := noon.Add(time.Duration(i-n-60) * time.Minute)
		e := ledger.Entry{Kind: ledger.Delivery, Version: 1, Time: at, Source: "7", ID: fmt.Sprintf("guid-%d", i), Name: "status"}
		leaf := e.Hash()
		s.records = append(s.records, ledger.Record{Index: int64(i), Entry: e})
		s.log.entries[int64(1000+i)] = hex.EncodeToString(leaf[:])
		s.log.attempts = append([]audit.Attempt{{ID: int64(1000 + i), GUID: e.ID, Time: at, Status: "OK", StatusCode: 202, Event: "status"}},
			s.log.attempts...)
	}
	return s
}

// round is one statement of a process that remembers what it has seen, or of another
// one, and the verdict on the answers alone.
func (s *shelf) round(t *testing.T, r reconcile.Reconciler) (audit.Statement, []int64) {
	t.Helper()
	s.log.asked = nil
	statement, err := r.State(t.Context(), r.Last(24*time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.log.asked)
	return statement, s.log.asked
}

// process is a reconciler as a process makes it, which may write to the ledger.
func (s *shelf) process(budget int) reconcile.Reconciler {
	r := s.reconciler()
	r.Receipts, r.Seen = budget, map[audit.ReceiptKey]audit.Receipt{}
	r.Keep = func(_ context.Context, e ledger.Entry, body []byte) error {
		e.BodySize = int64(len(body))
		r := ledger.Record{Index: int64(1000 + len(s.records)), Entry: e}
		s.records, s.kept[r.Index] = append(s.records, r), body
		return e.Validate()
	}
	return r
}

// TestReceiptsGoOn: a round looks at the latest answers that nobody has looked at, and
// the next one goes on with those before, also in another process.
func TestReceiptsGoOn(t *testing.T) {
	for name, restart := range map[string]bool{"one process": false, "another each time": true} {
		t.Run(name, func(t *testing.T) {
			s := answered(7)
			r := s.process(3)
			for n, want := range [][]int64{{1004, 1005, 1006}, {1001, 1002, 1003}, {1000}, {1000}} {
				if n == 3 && !restart {
					want = nil // it has seen that one, which is not worth an entry yet
				}
				if restart {
					r = s.process(3)
				}
				statement, asked := s.round(t, r)
				if diff := cmp.Diff(want, asked); diff != "" {
					t.Errorf("round %d: %s", n, diff)
				}
				if done := min(3*(n+1), 7); statement.Confirmed != done || statement.Unasked != 7-done || len(statement.Removed) > 0 {
					t.Errorf("round %d: %+v", n, statement)
				}
				if complained := strings.Contains(fmt.Sprint(statement.Answer().Gaps), "of our answers"); complained != (n < 2) {
					t.Errorf("round %d: %q", n, statement.Answer().Gaps)
				}
			}
			if len(s.kept) != 2 {
				t.Errorf("%d entries put them on record", len(s.kept))
			}
		})
	}
}

// TestReceiptsFind: an entry that GitHub was told of and that is not there is an alarm,
// and stays one when GitHub has forgotten it.
func TestReceiptsFind(t *testing.T) {
	for name, harm := range map[string]func(*shelf){
		"removed":             func(s *shelf) { s.records = slices.Delete(s.records, 3, 4) },
		"replaced":            func(s *shelf) { s.records[3].Time = s.records[3].Time.Add(time.Second) }, // as one that came once more
		"of another delivery": func(s *shelf) { s.log.entries[1003] = s.log.entries[1004] },
	} {
		t.Run(name, func(t *testing.T) {
			s := answered(7)
			harm(s)
			check := func(r reconcile.Reconciler, more int) {
				t.Helper()
				statement, asked := s.round(t, r)
				var rules []string
				for _, f := range statement.Answer().Findings {
					if f.Rule == "delivery/removed" {
						rules = append(rules, f.Message)
					}
				}
				if len(asked) != more || len(rules) != 1 || !strings.Contains(rules[0], "guid-3") ||
					statement.Answer().Verdict() != finding.Fail {
					t.Errorf("asked for %v: %q", asked, rules)
				}
			}
			check(s.process(500), 7)
			if len(s.kept) != 1 {
				t.Fatalf("it is put on record %d times", len(s.kept))
			}
			check(s.process(500), 0)
			s.log.attempts = nil
			check(s.process(500), 0)
			if len(s.kept) != 1 {
				t.Errorf("it is put on record %d times", len(s.kept))
			}
		})
	}
}

// TestReceiptsInTrouble: what could not be asked, looked up or read is a gap, and never
// taken for good.
func TestReceiptsInTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		harm func(*shelf, *reconcile.Reconciler)
		says string
		left int
	}{
		"GitHub":     {func(s *shelf, _ *reconcile.Reconciler) { s.log.trouble = errors.New("it is down") }, "it is down", 7},
		"the ledger": {func(s *shelf, _ *reconcile.Reconciler) { s.doubt = errors.New("no hash over it") }, "no hash over it", 7},
		"the record": {func(_ *shelf, r *reconcile.Reconciler) {
			r.Receipts = 7
			r.Keep = func(context.Context, ledger.Entry, []byte) error { return errors.New("no space left") }
		}, "no space left", 0},
		"a record of later": {func(s *shelf, _ *reconcile.Reconciler) {
			s.records = append(s.records, ledger.Record{Index: 7, Entry: ledger.Entry{Kind: ledger.Observation, Version: 2, Time: noon}})
		}, "a version that this program does not know", 0},
		"a record that cannot be read": {func(s *shelf, _ *reconcile.Reconciler) {
			s.kept[7] = []byte(`[{"hook":7,"attempt":1000,"held":true,"why":"I say so"}]`)
			s.records = append(s.records, ledger.Record{Index: 7, Entry: ledger.Entry{Kind: ledger.Observation, Version: 1, Time: noon}})
		}, "unknown field", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := answered(7)
			r := s.process(500)
			test.harm(s, &r)
			statement, _ := s.round(t, r)
			if gaps := strings.Join(statement.Answer().Gaps, "\n"); !strings.Contains(gaps, test.says) || statement.Unasked != test.left ||
				statement.Confirmed != 7-test.left {
				t.Errorf("%d left, %d confirmed: %s", statement.Unasked, statement.Confirmed, gaps)
			}
		})
	}
}

// TestReceiptsOfNobody: who has no answer of the receiver's before him has none, counts
// it, and need not ask for it again.
func TestReceiptsOfNobody(t *testing.T) {
	s := answered(3)
	s.log.entries[1001] = ""
	s.log.attempts = append(s.log.attempts, audit.Attempt{ID: 1, GUID: "z", Time: noon.Add(-2 * time.Hour), Status: "failed", StatusCode: 503})
	statement, asked := s.round(t, s.process(3))
	if len(asked) != 3 || statement.Confirmed != 2 || statement.Nameless != 1 || statement.Unasked != 0 || len(statement.Removed) > 0 {
		t.Errorf("asked for %v: %+v", asked, statement)
	}
	if len(s.kept) != 1 {
		t.Errorf("%d entries put them on record", len(s.kept))
	}
	if statement, asked = s.round(t, s.process(3)); len(asked) > 0 || statement.Confirmed != 2 || statement.Nameless != 1 {
		t.Errorf("once more: asked for %v: %+v", asked, statement)
	}
}

// TestReceiptsForgotten: what GitHub lists and does not show says nothing, unless it is
// as old as what GitHub forgets. It keeps nobody from asking for the others.
func TestReceiptsForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		retention time.Duration
		nameless  int
	}{"young": {72 * time.Hour, 0}, "old": {70 * time.Minute, 1}} {
		t.Run(name, func(t *testing.T) {
			s := answered(7)
			s.log.entries[1006] = "forgotten"
			r := s.process(500)
			r.Retention = test.retention
			statement, _ := s.round(t, r)
			if statement.Confirmed != 6 || statement.Nameless != test.nameless || statement.Unasked != 1-test.nameless {
				t.Errorf("%d confirmed, %d nameless, %d left", statement.Confirmed, statement.Nameless, statement.Unasked)
			}
			if told := strings.Contains(strings.Join(statement.Answer().Gaps, "\n"), audit.ErrForgotten.Error()); told == (test.nameless > 0) {
				t.Errorf("%q", statement.Answer().Gaps)
			}
		})
	}
}
