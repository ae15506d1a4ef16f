package rotation

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Reminder tells of the alerts of the rotations on record while a receiver runs: in
// the metrics always, in the log once.
type Reminder struct {
	Ledger  ledger.Reader
	Metrics interface {
		Tokens(expires time.Time, unknown, overdue bool)
	}
	Log  *slog.Logger
	told map[subject]bool
}

// subject is what an alert is about, whose words change from day to day.
type subject struct {
	rule, token string
	reminder    int
}

// Follow looks at each of the times as it comes, until the context ends.
func (r *Reminder) Follow(ctx context.Context, times <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-times:
			r.Look(ctx, now)
		}
	}
}

// Look reads the record once. Where it cannot, the metrics stay as they were; where a
// part of it cannot be read, they go by the rest.
func (r *Reminder) Look(ctx context.Context, now time.Time) {
	history, err := Read(ctx, r.Ledger)
	if trouble := cmp.Or(err, history.Gap); trouble != nil && ctx.Err() == nil {
		r.Log.Error("read rotations", "error", trouble, "hint", text.HintOf(trouble))
	}
	if err != nil {
		return
	}
	holds, overdue := map[subject]bool{}, false
	for _, a := range Alerts(history.Rotations, now, "") {
		about := subject{a.Rule, a.New, a.Reminder}
		holds[about] = true
		overdue = overdue || a.Rule == RuleOverdue
		if !r.told[about] {
			r.Log.Warn("the token needs attention", "rule", a.Rule, "severity", a.Severity, "what", a.Message, "hint", a.Hint)
		}
	}
	r.told = holds // what passed and comes again is told again
	first, unknown := history.Ends()
	r.Metrics.Tokens(first, unknown, overdue)
}
