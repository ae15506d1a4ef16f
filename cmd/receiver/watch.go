package main

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// newLog logs to standard error: text for a person at a terminal, else JSON. Errors and
// hints hide credentials, as console.OneLine does.
func newLog(a *console.Console, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
		if at.Key == "error" || at.Key == "cause" || at.Key == "hint" {
			at.Value = slog.StringValue(secret.Redact(at.Value.String()))
		}
		return at
	}}
	file, ok := a.Stderr.(*os.File)
	if format == "text" || format == "auto" && ok && term.IsTerminal(int(file.Fd())) {
		return slog.New(slog.NewTextHandler(a.Stderr, options))
	}
	return slog.New(slog.NewJSONHandler(a.Stderr, options))
}

// shown is the ledger's place without a password.
func (w where) shown() string {
	if !w.postgres() {
		return w.Ledger
	}
	u, err := url.Parse(w.Ledger)
	if err != nil {
		return "postgres://…"
	}
	return u.Redacted()
}

// requests counts what the intake tells.
type requests struct{ metrics *metric.Metrics }

func (r requests) Accepted(event string)         { r.metrics.Accepted(event) }
func (r requests) Duplicate(event string)        { r.metrics.Duplicate(event) }
func (r requests) Rejected(reason intake.Reason) { r.metrics.Rejected(string(reason)) }

// gauges read the ledger, once it is open.
func gauges(l **store.Ledger) metric.Gauges {
	return metric.Gauges{
		QueuedBytes: func() float64 { return float64((*l).Stats().QueuedBytes) },
		Ready: func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			if (*l).Ready(ctx) != nil {
				return 0
			}
			return 1
		},
		Entries: func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			size, _, err := (*l).Head(ctx)
			if err != nil {
				return -1
			}
			return float64(size)
		},
	}
}
