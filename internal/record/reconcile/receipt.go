package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	// atOnce is how many answers GitHub is asked for side by side.
	atOnce = 4
	// worthAnEntry is how many receipts are put on record together: so there are far
	// fewer such entries than deliveries.
	worthAnEntry = 100
)

// receipts holds our answers in GitHub's log against the ledger, the latest first, as
// far as the record and this process have not done so, and puts that on record. It
// says what could not be read.
func (r Reconciler) receipts(ctx context.Context, o *audit.Observations) (problems []string) {
	for key, known := range r.Seen {
		if _, recorded := o.Held.Receipts[key]; recorded || known.Time.Before(o.Window.From) {
			delete(r.Seen, key)
			continue
		}
		o.Held.Receipts[key] = known
	}
	unasked := o.Unasked()
	fresh, err := r.told(ctx, unasked[:min(len(unasked), r.Receipts)])
	if err != nil {
		problems = append(problems, text.Sentence(err))
	}
	failed := 0
	for _, one := range fresh {
		if one.ID != "" {
			if one.Held, err = r.Ledger.Kept(ctx, one.GUID, one.ID); err != nil {
				if failed++; failed == 1 {
					problems = append(problems, err.Error())
				}
				continue
			}
		}
		r.Seen[one.Key()], o.Held.Receipts[one.Key()] = one, one
	}
	if err := r.record(ctx); err != nil {
		problems = append(problems, fmt.Sprintf("put on record which of our answers GitHub has: %v", err))
	}
	return problems
}

// told asks GitHub for answers. With an error come those that it gave. What it lists and
// does not show is no answer, unless it has just become too old to be listed.
func (r Reconciler) told(ctx context.Context, attempts []audit.Acknowledged) ([]audit.Receipt, error) {
	answers, forgotten := make([]*audit.Receipt, len(attempts)), make([]error, len(attempts))
	listed := r.Now().Add(settle - r.Retention)
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, a := range attempts {
		group.Go(func() error {
			if err := within.Err(); err != nil {
				return err
			}
			id, err := r.GitHub.Told(within, a.Hook, a.Attempt)
			if gone := errors.Is(err, audit.ErrForgotten); gone && a.Time.After(listed) {
				forgotten[i] = err
				return nil // the others may be shown
			} else if gone {
				err = nil
			}
			if err == nil {
				answers[i] = &audit.Receipt{Hook: a.Hook.ID, Attempt: a.ID, GUID: a.GUID, Time: a.Time, ID: id}
			}
			return err
		})
	}
	err := cmp.Or(append([]error{group.Wait()}, forgotten...)...)
	var all []audit.Receipt
	for _, one := range answers {
		if one != nil {
			all = append(all, *one)
		}
	}
	return all, err
}

// record puts what this process has seen on record: when it is worth an entry, or no
// more is asked for in a round, and at once where an entry is gone.
func (r Reconciler) record(ctx context.Context) error {
	all := slices.SortedFunc(maps.Values(r.Seen), func(a, b audit.Receipt) int {
		return cmp.Or(cmp.Compare(a.Hook, b.Hook), cmp.Compare(a.Attempt, b.Attempt))
	})
	enough := len(all) >= min(r.Receipts, worthAnEntry) || slices.ContainsFunc(all, audit.Receipt.Broken)
	if r.Keep == nil || len(all) == 0 || !enough {
		return nil
	}
	entry, body, err := audit.RecordReceipts(r.Now(), all)
	if err == nil {
		err = r.Keep(ctx, entry, body)
	}
	return err
}
