package reconcile_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/reconcile"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// shelf is a ledger of deliveries that notes what is read of it, in turn with what
// GitHub is asked.
type shelf struct {
	ledger.Reader
	records []ledger.Record
	notes   []string
	log     answerLog
	kept    map[int64][]byte // the bodies of what was appended
	doubt   error            // of looking an entry up
}

func (s *shelf) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *shelf) Since(_ context.Context, from time.Time, see func(ledger.Record) error) ([]string, error) {
	for _, r := range s.records {
		if r.Time.Before(from) {
			continue
		}
		if err := see(r); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *shelf) BodyOf(_ context.Context, r ledger.Record) ([]byte, error) {
	if r.Kind == ledger.Observation {
		return s.kept[r.Index], nil
	}
	s.note("body %d", r.Index)
	return []byte(`{}`), nil
}

func (s *shelf) Deliveries(_ context.Context, hook audit.Hook, _ time.Time) (audit.Listing, error) {
	s.note("deliveries")
	var l audit.Listing
	l.Hook = hook
	for _, guid := range []string{"a", "b", "c", "d"} {
		l.Attempts = append(l.Attempts, audit.Attempt{ID: int64(guid[0]), GUID: guid, Time: noon.Add(-time.Hour), Event: "push",
			Status: "timed out"})
	}
	l.Attempts = append(l.Attempts, s.log.attempts...)
	return l, nil
}

func (s *shelf) Activities(_ context.Context, name string, _ time.Time) (audit.RepositoryActivity, error) {
	s.note("activities of %s", name)
	return audit.RepositoryActivity{Name: name}, nil
}

func (s *shelf) Pushed(_ context.Context, _ audit.Hook, d audit.Delivery) (audit.Push, error) {
	s.note("pushed %s", d.GUID)
	return audit.Push{GUID: d.GUID}, nil
}

func (s *shelf) Told(_ context.Context, _ audit.Hook, a audit.Attempt) (string, error) {
	return s.log.show(a.ID)
}

func (s *shelf) Kept(_ context.Context, guid, id string) (bool, error) {
	for _, r := range s.records {
		if leaf := r.Hash(); s.doubt == nil && r.ID == guid && hex.EncodeToString(leaf[:]) == id {
			return true, nil
		}
	}
	return false, s.doubt
}

func (s *shelf) Redeliver(_ context.Context, _ audit.Hook, attempt int64) error {
	s.note("redeliver %c", rune(attempt))
	return nil
}

func (s *shelf) reconciler() reconcile.Reconciler {
	return reconcile.Reconciler{
		GitHub: s, Ledger: s, Repositories: []string{"acme/fleet"}, Retention: reconcile.Retention(""), Now: func() time.Time { return noon },
		Hooks: []func(context.Context) ([]audit.Hook, error){func(context.Context) ([]audit.Hook, error) {
			ours := audit.Hook{ID: 7, URL: "https://x/webhooks/github", Owner: "acme/fleet", Scope: "repository", Events: []string{"*"},
				Active: true}
			return []audit.Hook{{ID: 8, URL: "https://x/elsewhere"}, ours}, nil
		}},
	}
}

func deliveries() *shelf {
	return &shelf{records: []ledger.Record{
		{Index: 0, Entry: ledger.Entry{Kind: ledger.Delivery, Version: 1, Time: noon.Add(-30 * time.Hour), Source: "7", ID: "x", Name: "status"}},
		{Index: 1, Entry: ledger.Entry{Kind: ledger.Delivery, Version: 1, Time: noon.Add(-29 * time.Hour), Source: "7", ID: "y", Name: "push"}},
		{Index: 2, Entry: ledger.Entry{Kind: ledger.Delivery, Version: 1, Time: noon.Add(-2 * time.Hour), Source: "7", ID: "a", Name: "push"}},
		{Index: 3, Entry: ledger.Entry{Kind: ledger.Delivery, Version: 1, Time: noon.Add(-time.Hour), Source: "7", ID: "b", Name: "status"}},
	}}
}

// TestStateReadsOnce: what a report takes out of the ledger and what completeness
// does is one reading, after GitHub was asked.
func TestStateReadsOnce(t *testing.T) {
	s := deliveries()
	r := s.reconciler()
	var told []int64
	statement, err := r.State(t.Context(), r.Last(24*time.Hour), func(r audit.Reading) {
		if !r.Before {
			told = append(told, r.Record.Index)
		}
	})
	if err != nil || len(statement.Missing) != 2 {
		t.Errorf("%v: %+v", err, statement)
	}
	want := []string{"deliveries", "activities of acme/fleet", "body 1", "body 2", "body 3", "pushed c", "pushed d"}
	if diff := cmp.Diff(want, s.notes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{2, 3}, told); diff != "" {
		t.Error(diff)
	}
}

// TestRound asks for what is missing as far as the limit goes, and in a dry run for
// nothing.
func TestRound(t *testing.T) {
	for _, c := range []struct {
		dry  bool
		asks []string
	}{{false, []string{"redeliver c"}}, {true, nil}} {
		s := deliveries()
		r := s.reconciler()
		var steps []audit.Step
		asked, err := r.Round(t.Context(), r.Last(24*time.Hour), reconcile.Options{
			RedeliveryOptions: audit.RedeliveryOptions{Limit: 1}, DryRun: c.dry,
			Pace: func(context.Context) error { return nil }, Tell: func(d audit.Redelivery) { steps = append(steps, d.Step) },
		})
		if err != nil || asked != len(c.asks) {
			t.Errorf("asked for %d: %v", asked, err)
		}
		if diff := cmp.Diff([]audit.Step{audit.Ask, audit.Later}, steps); diff != "" {
			t.Error(diff)
		}
		// Without anybody to tell, no body but a push's is read.
		if diff := cmp.Diff(append([]string{"deliveries", "activities of acme/fleet", "body 1", "body 2"}, c.asks...), s.notes); diff != "" {
			t.Error(diff)
		}
	}
}
