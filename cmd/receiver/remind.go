package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// remindEvery is how often serve looks at the rotations on record.
const remindEvery = time.Hour

// reminder tells of the alerts of the rotations on record while a receiver runs: in
// the metrics always, in the log once.
type reminder struct {
	read    func(context.Context) ([]token.Drill, error)
	metrics *metric.Metrics
	log     *slog.Logger
	told    map[occasion]bool
}

// occasion is what an alert is about, whose words change from day to day.
type occasion struct {
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
	known, err := r.read(ctx)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Error("read rotations", "error", err, "hint", console.HintOf(err))
		}
		if _, partly := errors.AsType[unreadable](err); !partly {
			return
		}
	}
	holds, overdue := map[occasion]bool{}, false
	for _, a := range token.Alerts(known, now, "") {
		o := occasion{a.Rule, a.New, a.Reminder}
		holds[o] = true
		overdue = overdue || a.Rule == token.RuleOverdue
		if !r.told[o] {
			r.log.Warn("the token needs attention", "rule", a.Rule, "severity", a.Severity, "what", a.Message, "hint", a.Hint)
		}
	}
	r.told = holds // what passed and comes again is told again
	live := token.Live(known)
	unknown := slices.ContainsFunc(live, func(d token.Drill) bool { return d.Expires.IsZero() })
	r.metrics.Tokens(earliest(live), unknown, overdue)
}

// earliest is the first end of a stored token that is on record; zero where none is.
func earliest(live []token.Drill) time.Time {
	var first time.Time
	for _, d := range live {
		if !d.Expires.IsZero() && (first.IsZero() || d.Expires.Before(first)) {
			first = d.Expires
		}
	}
	return first
}
