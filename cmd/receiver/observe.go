package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	// retention is how long github.com lists deliveries and sends them again
	// ("Redelivering webhooks"); GitHub Enterprise Server does so for seven days.
	retention       = 3 * 24 * time.Hour
	retentionServer = 7 * 24 * time.Hour
	// settle is how long an event may take to become a delivery.
	settle = 10 * time.Minute
	// margin widens what is read of the ledger: a delivery may come in long after
	// GitHub sent it first.
	margin = 24 * time.Hour
	// maxShown bounds the missing pushes that GitHub is asked to show.
	maxShown = 50
)

// listing says whom to ask what was delivered.
type listing struct {
	Repo       []string `placeholder:"OWNER/NAME" help:"Look at this repository's webhooks, and at who moved its branches."`
	Org        []string `placeholder:"LOGIN" help:"Look at this organization's webhooks."`
	AppID      int64    `placeholder:"ID" help:"Look at this GitHub App's webhook."`
	AppKeyFile string   `placeholder:"FILE" complete:"file" help:"The App's private key, in PEM."`
	Hook       []int64  `placeholder:"ID" help:"Look at these webhooks only (default: those whose URL ends in /webhooks/github)."`
	TokenFile  string   `placeholder:"FILE" complete:"file" help:"A token that may read webhooks, and write them to redeliver (else $FLUXKEEPER_TOKEN)."`
	APIURL     string   `name:"api-url" placeholder:"URL" help:"Where GitHub's API is, such as https://ghe.example.com/api/v3 (default: github.com's)."`
}

// asked says whether anything is to be looked at.
func (l listing) asked() bool { return len(l.Repo) > 0 || len(l.Org) > 0 || l.AppID != 0 }

// hub is the client that asks. What it has to ask again it tells.
func (l listing) hub(a *console.Console, retrying func(github.Retry)) (*hooks.Client, error) {
	for _, given := range l.Repo {
		if owner, name, _ := strings.Cut(given, "/"); owner == "" || name == "" || strings.Contains(name, "/") {
			return nil, console.Fail(console.StatusUsage, fmt.Errorf("--repo: %q is not of the form owner/name", given), "name it as in --repo goldfish-inc/oceanid")
		}
	}
	var token secret.Secret
	if l.TokenFile != "" {
		var err error
		if token, err = readSecret(l.TokenFile); err != nil {
			return nil, console.Fail(console.StatusUsage, err, "")
		}
	} else if text, ok := a.Environment("FLUXKEEPER_TOKEN"); ok {
		token = secret.New(strings.TrimSpace(text))
	}
	app := github.App{ID: l.AppID}
	if l.AppKeyFile != "" {
		key, err := readSecret(l.AppKeyFile)
		if err != nil {
			return nil, console.Fail(console.StatusUsage, err, "")
		}
		app.Key = key
	}
	hub, err := hooks.New(github.Options{
		Token: token, APIURL: l.APIURL, UserAgent: a.UserAgent(),
		Retrying: retrying,
	}, app)
	if err != nil {
		return nil, console.Fail(console.StatusUsage, err, console.HintOf(err))
	}
	return hub, nil
}

// tellRetries tells a person that GitHub is asked again.
func tellRetries(a *console.Console) func(github.Retry) {
	tell := a.Trouble()
	return func(r github.Retry) { tell(r.String()) }
}

func (l listing) retention() time.Duration {
	if l.APIURL != "" && !strings.HasPrefix(l.APIURL, "https://api.github.com") {
		return retentionServer
	}
	return retention
}

// hooks are the webhooks that point here. What could not be read is told.
func (l listing) hooks(ctx context.Context, hub *hooks.Client) (ours []audit.Hook, problems []string) {
	var scopes []hooks.Scope
	for _, name := range l.Repo {
		scopes = append(scopes, hooks.Scope{Kind: hooks.RepositoryScope, Owner: name})
	}
	for _, login := range l.Org {
		scopes = append(scopes, hooks.Scope{Kind: hooks.OrganizationScope, Owner: login})
	}
	if l.AppID != 0 {
		scopes = append(scopes, hooks.Scope{Kind: hooks.AppScope})
	}
	for _, scope := range scopes {
		all, err := hub.Hooks(ctx, scope)
		if err != nil {
			problems = append(problems, console.Fail(0, err, console.HintOf(err)).Sentence())
			continue
		}
		for _, hook := range all {
			if l.ours(hook) {
				ours = append(ours, hook)
			}
		}
	}
	if len(ours) == 0 && len(problems) == 0 {
		problems = append(problems, "no webhook points here: name it with --hook, or set one up whose URL ends in "+audit.DeliveryPath)
	}
	return ours, problems
}

func (l listing) ours(hook audit.Hook) bool {
	for _, id := range l.Hook {
		if id == hook.ID {
			return true
		}
	}
	return len(l.Hook) == 0 && strings.HasSuffix(hook.URL, audit.DeliveryPath)
}

// observe asks GitHub first and the ledger afterwards, or what came in between
// would seem to be missing.
func (l listing) observe(ctx context.Context, hub *hooks.Client, kept *store.Ledger, window audit.Window) (audit.Observations, error) {
	o := audit.Observations{Window: window, Now: time.Now().UTC(), Retention: l.retention(), Settle: settle}
	var hooks []audit.Hook
	hooks, o.Problems = l.hooks(ctx, hub)
	for _, hook := range hooks {
		listed, err := hub.Deliveries(ctx, hook, window.From)
		if err != nil && ctx.Err() != nil {
			return o, ctx.Err()
		}
		o.Listings = append(o.Listings, listed)
	}
	for _, name := range l.Repo {
		activities, err := hub.Activities(ctx, name, window.From)
		if err != nil && ctx.Err() != nil {
			return o, ctx.Err()
		}
		o.Repositories = append(o.Repositories, activities)
	}
	var err error
	o.Held, err = readHeld(ctx, kept, window)
	return o, err
}

// readHeld reads what the ledger has of the window, and somewhat more.
func readHeld(ctx context.Context, l *store.Ledger, window audit.Window) (audit.Held, error) {
	held := audit.Held{Deliveries: map[audit.DeliveryKey]time.Time{}}
	kept, err := readErasures(ctx, l)
	if err != nil {
		return held, err
	}
	query, err := deliveriesSince(ctx, l, window.From.Add(-margin))
	if err != nil {
		return held, err
	}
	for record, err := range l.Records(ctx, query) {
		if err != nil {
			return held, err
		}
		hook, _ := strconv.ParseInt(record.Source, 10, 64) // 0: not known
		key := audit.DeliveryKey{Hook: hook, GUID: record.ID}
		if _, ok := held.Deliveries[key]; !ok {
			held.Deliveries[key] = record.Time
		}
		if record.Name != "push" {
			continue
		}
		reading, err := readDelivery(ctx, l, record, kept)
		if err != nil {
			return held, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		held.Pushes = append(held.Pushes, audit.Push{
			Repository: reading.Body.Repository.ID, Ref: reading.Body.Ref, Before: reading.Body.Before, After: reading.Body.After, GUID: record.ID,
		})
	}
	return held, nil
}

// completeness is the statement that a report carries; nil where nobody is to
// be asked.
func (l listing) completeness(a *console.Console, kept *store.Ledger, window audit.Window) (*audit.Statement, error) {
	if !l.asked() {
		return nil, nil
	}
	hub, err := l.hub(a, tellRetries(a))
	if err != nil {
		return nil, err
	}
	defer a.Announce("asking GitHub what it sent").Stop()
	statement, err := l.state(a.Context, hub, kept, window)
	if err != nil {
		return nil, console.Fail(console.StatusUndecided, err, console.HintOf(err))
	}
	return &statement, nil
}

// state observes and compares. What missing pushes told is asked of GitHub, so
// that their branches do not seem to have moved without an event.
func (l listing) state(ctx context.Context, hub *hooks.Client, kept *store.Ledger, window audit.Window) (audit.Statement, error) {
	o, err := l.observe(ctx, hub, kept, window)
	if err != nil {
		return audit.Statement{}, err
	}
	statement := audit.Complete(o)
	hooks := map[int64]audit.Hook{}
	for _, listed := range o.Listings {
		hooks[listed.Hook.ID] = listed.Hook
	}
	for _, d := range statement.Missing {
		if d.Event != "push" || len(o.Told) >= maxShown {
			continue
		}
		push, err := hub.Pushed(ctx, hooks[d.Hook], d)
		if err != nil {
			o.Problems = append(o.Problems, err.Error())
			continue
		}
		o.Told = append(o.Told, push)
	}
	if len(o.Told) > 0 {
		statement = audit.Complete(o)
	}
	return statement, nil
}
