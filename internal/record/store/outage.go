package store

import (
	"context"
	"log/slog"
	"time"
)

// tellEvery is how often the log says that an outage lasts.
const tellEvery = 10 * time.Second

// outage tells the log of a time in which nothing is taken: when it begins, now and
// then while it lasts, and when it is over. One goroutine uses it.
type outage struct {
	log         *slog.Logger
	now         func() time.Time
	what        string    // empty while all is well
	since, told time.Time // when it began, and when the log was last told
}

func newOutage(o Options) outage { return outage{log: o.Log, now: o.Now} }

// lasts says that nothing is taken, and how many entries wait. What another cause
// makes of it is told at once.
func (o *outage) lasts(level slog.Level, what string, cause error, waiting int) {
	now := o.now()
	if o.what == "" {
		o.since = now
	}
	if o.what == what && now.Sub(o.told) < tellEvery {
		return
	}
	o.what, o.told = what, now
	o.log.Log(context.Background(), level, what, "error", cause, "lasts", now.Sub(o.since).Round(time.Second), "waiting", waiting)
}

// over says that entries are taken again.
func (o *outage) over() {
	if o.what == "" {
		return
	}
	o.what = ""
	o.log.Info("the ledger takes entries again", "lasted", o.now().Sub(o.since).Round(time.Millisecond))
}
