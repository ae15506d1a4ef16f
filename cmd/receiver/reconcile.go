package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/reconcile"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

// redeliver says what to ask for, and how.
type redeliver struct {
	Event    []string      `placeholder:"NAME" help:"Ask for these events only (default: all)."`
	Tries    int           `default:"5" placeholder:"N" help:"How often to ask for one delivery."`
	Cooldown time.Duration `default:"5m" placeholder:"TIME" help:"How long to wait before asking for the same again."`
	Limit    int           `default:"1000" placeholder:"N" help:"How many to ask for in one round."`
	Rate     float64       `default:"2" placeholder:"N" help:"How many to ask for in a second."`
	DryRun   bool          `help:"Only say what would be asked for."`
}

// reconcileCmd compares the ledger with what GitHub says it sent.
type reconcileCmd struct {
	signed
	listing
	redeliver
	Since  console.Days  `default:"3d" placeholder:"TIME" help:"How far back (default: 3d, as far as github.com can)."`
	Wait   time.Duration `default:"1m" placeholder:"TIME" help:"How long to wait for what was asked for."`
	Format string        `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text (default) or json."`
	console.Colored
}

// options are the flags as a round takes them.
func (r redeliver) options(tell func(audit.Redelivery)) reconcile.Options {
	return reconcile.Options{
		RedeliveryOptions: audit.RedeliveryOptions{Events: r.Event, Cooldown: r.Cooldown, MaxTries: r.Tries, Limit: r.Limit},
		DryRun:            r.DryRun, Pace: rate.NewLimiter(rate.Limit(r.Rate), 1).Wait, Tell: tell,
	}
}

// awaiting are the options of a receiver that runs: it takes what it asks for, whatever its body.
func awaiting(await func(guid string)) reconcile.Options {
	return redeliver{Tries: 5, Cooldown: 5 * time.Minute, Limit: 1000, Rate: 2}.options(func(d audit.Redelivery) {
		if d.Step == audit.Ask {
			await(d.GUID)
		}
	})
}

// Run asks for what is missing, waits for it, and prints the statement.
func (c *reconcileCmd) Run(a *console.Console) error {
	if !c.asked() {
		return console.Fail(console.StatusUsage, errors.New("nobody to ask: no repository, organization or App given"),
			"name one with --repo, --org or --app-id")
	}
	client, err := c.client(a, tellRetries(a))
	if err != nil {
		return err
	}
	kept, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer kept.Close()
	r := c.reconciler(client, kept)
	r.Keep = c.keep()
	statement, err := c.reconcile(a, r)
	if err != nil {
		return err
	}
	return a.Present(report.Completeness{Statement: statement, Version: a.Version}.Report(), c.Format, c.Color)
}

// reconcile asks for what is missing, and looks again until it is there or the time
// is up.
func (c *reconcileCmd) reconcile(a *console.Console, r reconcile.Reconciler) (audit.Statement, error) {
	busy := a.Announce("asking GitHub what it sent")
	asked, err := r.Round(a.Context, r.Last(time.Duration(c.Since)), c.options(c.teller(a)))
	busy.Stop()
	if err != nil && a.Context.Err() == nil {
		a.Complain(err) // the statement says what that leaves missing
	}
	if asked > 0 {
		defer a.Announce(fmt.Sprintf("waiting up to %v for %d deliveries that GitHub was asked for", c.Wait, asked)).Stop()
		r.Await(a.Context, time.Duration(c.Since), c.Wait)
	}
	statement, err := r.State(a.Context, r.Last(time.Duration(c.Since)), nil)
	if a.Context.Err() != nil {
		err = console.Fail(console.StatusUndecided, errors.New("reconcile: stopped before it was done"),
			"run it again: it goes on where it was")
	}
	return statement, err
}

// keep appends to the ledger, for whoever has its key to itself: nil for who only reads,
// as beside a receiver, which keeps its own with --reconcile.
func (c *reconcileCmd) keep() func(context.Context, ledger.Entry, []byte) error {
	release, err := c.lease(true)
	if err != nil {
		return nil
	}
	release()
	if c.DryRun {
		return nil
	}
	return func(ctx context.Context, e ledger.Entry, body []byte) error {
		l, end, err := c.hold(ctx, store.Options{})
		if err != nil {
			return err
		}
		defer end()
		return l.Keep(ctx, e, body)
	}
}

// teller prints each step for a person.
func (c *reconcileCmd) teller(a *console.Console) func(audit.Redelivery) {
	return func(r audit.Redelivery) {
		if c.Format != "text" {
			return
		}
		would := ""
		if c.DryRun && r.Step == audit.Ask {
			would = "would "
		}
		fmt.Fprintf(a.Stdout, "%s%s: %s of hook %d, %s, sent %s: %s\n", would, r.Step, console.OneLine(r.GUID), r.Hook,
			console.OneLine(r.Event), r.First.Format(time.RFC3339), console.OneLine(r.Status))
	}
}
