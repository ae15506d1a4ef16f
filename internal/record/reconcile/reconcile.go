package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	// retention is how long github.com lists deliveries and sends them again
	// ("Redelivering webhooks"); GitHub Enterprise Server does so for seven days.
	retention       = 3 * 24 * time.Hour
	retentionServer = 7 * 24 * time.Hour
	// settle is how long an event may take to become a delivery.
	settle = 10 * time.Minute
	// maxShown bounds the missing pushes that GitHub is asked to show.
	maxShown = 50
)

// Retention is how long the GitHub whose API is there lists deliveries; github.com's
// where it is empty.
func Retention(api string) time.Duration {
	if api != "" && !strings.HasPrefix(api, "https://api.github.com") {
		return retentionServer
	}
	return retention
}

// GitHub gives its lists, and sends deliveries again.
type GitHub interface {
	Deliveries(ctx context.Context, hook audit.Hook, since time.Time) (audit.Listing, error)
	Activities(ctx context.Context, repository string, since time.Time) (audit.RepositoryActivity, error)
	Pushed(ctx context.Context, hook audit.Hook, d audit.Delivery) (audit.Push, error)
	Redeliver(ctx context.Context, hook audit.Hook, attempt int64) error
	Told(ctx context.Context, hook audit.Hook, a audit.Attempt) (entry string, err error)
}

// Reconciler compares a ledger with GitHub.
type Reconciler struct {
	GitHub GitHub
	Ledger ledger.Reader
	// Hooks list the webhooks of each place that has some.
	Hooks []func(context.Context) ([]audit.Hook, error)
	// Only are the webhooks to look at, by their numbers; none means those whose URL is
	// a receiver's.
	Only []int64
	// Repositories are those whose activity is looked at, as owner/name.
	Repositories []string
	Retention    time.Duration
	Now          func() time.Time
	// Sleep waits, or says why it did not: the context ended.
	Sleep func(context.Context, time.Duration) error
	// Receipts is how many of our answers GitHub is asked for in a round.
	Receipts int
	// Seen are those that this process has read and that are not on record: a map of the
	// reconciler's own.
	Seen map[audit.ReceiptKey]audit.Receipt
	// Keep appends to the ledger; nil where it is only read.
	Keep func(ctx context.Context, e ledger.Entry, body []byte) error
}

// Last is a window that ends now.
func (r Reconciler) Last(span time.Duration) audit.Window {
	now := r.Now().UTC()
	return audit.Window{From: now.Add(-span), To: now}
}

// Options say what to ask for in a round, and how.
type Options struct {
	audit.RedeliveryOptions
	// DryRun only tells what would be asked for.
	DryRun bool
	// Pace waits before each request; an error ends the round.
	Pace func(context.Context) error
	// Tell is given each delivery that the ledger lacks, if it is not nil.
	Tell func(audit.Redelivery)
}

// Round asks GitHub once for what the ledger lacks, and says how much it asked for.
func (r Reconciler) Round(ctx context.Context, window audit.Window, o Options) (asked int, err error) {
	seen, err := r.observe(ctx, window, nil)
	if err != nil {
		return 0, err
	}
	var failures []error
	for _, listed := range seen.Listings {
		plan := o.RedeliveryOptions
		plan.Now = seen.Now
		if plan.Limit > 0 {
			if plan.Limit -= asked; plan.Limit == 0 {
				plan.Limit = -1 // to the plan 0 would be no limit
			}
		}
		for _, next := range audit.PlanRedeliveries(listed, seen.Held, plan) {
			if o.Tell != nil {
				o.Tell(next)
			}
			if next.Step != audit.Ask || o.DryRun {
				continue
			}
			if err := o.Pace(ctx); err != nil {
				return asked, err
			}
			if err := r.GitHub.Redeliver(ctx, listed.Hook, next.Attempt); err != nil {
				failures = append(failures, err)
				continue
			}
			asked++
		}
	}
	return asked, errors.Join(failures...)
}

// State says how complete the record of a window is. What missing pushes told is
// asked of GitHub, so that their branches do not seem to have moved without an event,
// and what its log has of our answers.
// The ledger is read as audit.Collect does.
func (r Reconciler) State(ctx context.Context, window audit.Window, tell func(audit.Reading)) (audit.Statement, error) {
	if tell == nil {
		tell = func(audit.Reading) {} // what the bodies say is held against GitHub's lists
	}
	seen, err := r.observe(ctx, window, tell)
	if err != nil {
		return audit.Statement{}, err
	}
	problems := r.receipts(ctx, &seen)
	if ctx.Err() != nil {
		return audit.Statement{}, ctx.Err()
	}
	statement := audit.Complete(seen)
	hooks := map[int64]audit.Hook{}
	for _, listed := range seen.Listings {
		hooks[listed.Hook.ID] = listed.Hook
	}
	for _, d := range statement.Missing {
		if d.Event != "push" || len(seen.Told) >= maxShown {
			continue
		}
		push, err := r.GitHub.Pushed(ctx, hooks[d.Hook], d)
		if err != nil {
			seen.Problems = append(seen.Problems, err.Error())
			continue
		}
		seen.Told = append(seen.Told, push)
	}
	if len(seen.Told) > 0 {
		statement = audit.Complete(seen)
	}
	statement.Unread = append(statement.Unread, problems...)
	return statement, nil
}

// observe asks GitHub first and the ledger afterwards, or what came in between would
// seem to be missing.
func (r Reconciler) observe(ctx context.Context, window audit.Window, tell func(audit.Reading)) (audit.Observations, error) {
	o := audit.Observations{Window: window, Now: r.Now().UTC(), Retention: r.Retention, Settle: settle}
	var hooks []audit.Hook
	hooks, o.Problems = r.hooks(ctx)
	for _, hook := range hooks {
		listed, err := r.GitHub.Deliveries(ctx, hook, window.From)
		if err != nil && ctx.Err() != nil {
			return o, ctx.Err()
		}
		o.Listings = append(o.Listings, listed)
	}
	for _, name := range r.Repositories {
		activities, err := r.GitHub.Activities(ctx, name, window.From)
		if err != nil && ctx.Err() != nil {
			return o, ctx.Err()
		}
		o.Repositories = append(o.Repositories, activities)
	}
	held, gaps, err := audit.Collect(ctx, r.Ledger, window, tell)
	o.Held, o.Problems = held, append(o.Problems, gaps...)
	return o, err
}

// hooks are the webhooks that point here, and in sentences what could not be read.
func (r Reconciler) hooks(ctx context.Context) (ours []audit.Hook, problems []string) {
	for _, list := range r.Hooks {
		all, err := list(ctx)
		if err != nil {
			problems = append(problems, text.Sentence(err))
			continue
		}
		for _, hook := range all {
			if slices.Contains(r.Only, hook.ID) || len(r.Only) == 0 && strings.HasSuffix(hook.URL, audit.DeliveryPath) {
				ours = append(ours, hook)
			}
		}
	}
	if len(ours) == 0 && len(problems) == 0 {
		problems = append(problems, "no webhook points here: name it with --hook, or set one up whose URL ends in "+audit.DeliveryPath)
	}
	return ours, problems
}
