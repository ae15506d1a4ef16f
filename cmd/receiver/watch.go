package main

import (
	"context"
	"net/url"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/metric"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

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

// gauges read the ledger.
func gauges(l *store.Ledger) metric.Gauges {
	// A scrape is not kept waiting by a database that does not answer.
	soon := func(ask func(context.Context) float64) func() float64 {
		return func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			return ask(ctx)
		}
	}
	return metric.Gauges{
		QueuedBytes: func() float64 { return float64(l.Stats().QueuedBytes) },
		Ready: soon(func(ctx context.Context) float64 {
			if l.Ready(ctx) != nil {
				return 0
			}
			return 1
		}),
		Entries: soon(func(ctx context.Context) float64 {
			size, _, err := l.Head(ctx)
			if err != nil {
				return -1
			}
			return float64(size)
		}),
	}
}
