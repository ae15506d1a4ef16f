package reconcile

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// lookAgain is how long Await waits between two looks.
const lookAgain = 2 * time.Second

// Metrics are told how rounds end.
type Metrics interface {
	EntriesRemoved(n int)
	ReconcileFailed()
	Reconciled(at time.Time, missing, neverEmitted, asked int)
}

// Await looks again and again, until nothing of the last span is missing, the time is
// up or it cannot be told. Our answers are not asked for: State does so once.
func (r Reconciler) Await(ctx context.Context, span, most time.Duration) {
	r.Receipts = 0
	for deadline := r.Now().Add(most); ; {
		statement, err := r.State(ctx, r.Last(span), nil)
		if err != nil || len(statement.Missing) == 0 || r.Now().After(deadline) || r.Sleep(ctx, lookAgain) != nil {
			return
		}
	}
}

// Follow does a round now and then, until the context ends.
func (r Reconciler) Follow(ctx context.Context, every time.Duration, o Options, m Metrics, log *slog.Logger) {
	for {
		asked, err := r.Round(ctx, r.Last(r.Retention), o)
		var statement audit.Statement
		if err == nil {
			statement, err = r.State(ctx, r.Last(r.Retention), nil)
		}
		if err == nil {
			m.EntriesRemoved(len(statement.Removed))
			for _, r := range statement.Removed {
				log.Error("GitHub was told of an entry that is not in the ledger", "id", r.ID, "guid", r.GUID, "hook", r.Hook)
			}
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			m.ReconcileFailed()
			log.Error("reconcile", "error", err, "hint", text.HintOf(err))
		case len(statement.Unread) > 0: // what nobody could ask about is not known to be here
			m.ReconcileFailed()
			log.Error("reconcile", "error", strings.Join(statement.Unread, "; "), "asked", asked, "summary", statement.Summary())
		default:
			m.Reconciled(r.Now(), len(statement.Missing), len(statement.NeverEmitted), asked)
			log.Info("reconciled", "asked", asked, "summary", statement.Summary(), "gaps", strings.Join(statement.Answer().Gaps, "; "))
		}
		if r.Sleep(ctx, every) != nil {
			return
		}
	}
}
