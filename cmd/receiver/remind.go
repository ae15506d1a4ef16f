package main

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// remindEvery is how often serve looks at the rotations on record.
const remindEvery = time.Hour

// reminder tells of the alerts of the rotations on record while a receiver runs: in
// the metrics always, in the log once.
type reminder struct {
	ledger  ledger.Reader
	metrics *metric.Metrics
	log     *slog.Logger
	told    map[subject]bool
}

// subject is what an alert is about, whose words change from day to day.
type subject struct {
	rule, token string
	reminder    int
}

// follow looks at each of the times as it comes, until the context ends.
func (r *reminder) follow(ctx context.Context, times <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-times:
			r.look(ctx, now)
		}
	}
}

// look reads the record once. Where it cannot, the metrics stay as they were; where a
// part of it cannot be read, they go by the rest.
func (r *reminder) look(ctx context.Context, now time.Time) {
	history, err := rotation.Read(ctx, r.ledger)
	if trouble := cmp.Or(err, history.Gap); trouble != nil && ctx.Err() == nil {
		r.log.Error("read rotations", "error", trouble, "hint", text.HintOf(trouble))
	}
	if err != nil {
		return
	}
	holds, overdue := map[subject]bool{}, false
	for _, a := range rotation.Alerts(history.Rotations, now, "") {
		about := subject{a.Rule, a.New, a.Reminder}
		holds[about] = true
		overdue = overdue || a.Rule == rotation.RuleOverdue
		if !r.told[about] {
			r.log.Warn("the token needs attention", "rule", a.Rule, "severity", a.Severity, "what", a.Message, "hint", a.Hint)
		}
	}
	r.told = holds // what passed and comes again is told again
	first, unknown := history.Ends()
	r.metrics.Tokens(first, unknown, overdue)
}
