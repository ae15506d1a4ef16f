package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/reconcile"
)

// listing says whom to ask what was delivered.
type listing struct {
	Repo       []string `placeholder:"OWNER/NAME" help:"Look at this repository's webhooks, and at who moved its branches."`
	Org        []string `placeholder:"LOGIN" help:"Look at this organization's webhooks."`
	AppID      int64    `placeholder:"ID" help:"Look at this GitHub App's webhook."`
	AppKeyFile string   `placeholder:"FILE" help:"The App's private key, in PEM."`
	Hook       []int64  `placeholder:"ID" help:"Look at these webhooks only (default: those whose URL ends in /webhooks/github)."`
	TokenFile  string   `placeholder:"FILE" help:"A token that may read webhooks, and write them to redeliver (else $FLUXKEEPER_TOKEN)."`
	Receipts   uint32   `default:"500" placeholder:"N" help:"How many of our answers GitHub's log is asked for in a round (default: 500)."`
	APIURL     string   `name:"api-url" placeholder:"URL" help:"GitHub's API, such as https://ghe.example.com/api/v3 (default: github.com's)."`
}

// asked says whether anything is to be looked at.
func (l listing) asked() bool { return len(l.Repo) > 0 || len(l.Org) > 0 || l.AppID != 0 }

// client asks GitHub. It reports when it has to ask again.
func (l listing) client(a *console.Console, retrying func(github.Retry)) (*hooks.Client, error) {
	for _, given := range l.Repo {
		if _, _, err := pair("--repo", given, "owner/name", "goldfish-inc/oceanid"); err != nil {
			return nil, err
		}
	}
	token, err := a.Secret(l.TokenFile, "FLUXKEEPER_TOKEN")
	if err != nil {
		return nil, err
	}
	app := github.App{ID: l.AppID}
	if l.AppKeyFile != "" {
		if app.Key, err = console.ReadKeyFile(l.AppKeyFile); err != nil {
			return nil, err
		}
	}
	client, err := hooks.New(github.Options{Token: token, APIURL: l.APIURL, UserAgent: a.UserAgent(), Retrying: retrying}, app)
	if err != nil {
		return nil, console.Fail(console.StatusUsage, err, "")
	}
	return client, nil
}

// pair takes apart what a flag names in two parts.
func pair(flag, given, form, example string) (first, second string, err error) {
	first, second, _ = strings.Cut(given, "/")
	if first == "" || second == "" || strings.Contains(second, "/") {
		err = console.Fail(console.StatusUsage, fmt.Errorf("%s: %q is not of the form %s", flag, given, form), "write "+flag+" "+example)
	}
	return first, second, err
}

// tellRetries tells a person that GitHub is asked again.
func tellRetries(a *console.Console) func(github.Retry) {
	tell := a.Trouble()
	return func(r github.Retry) { tell(r.String()) }
}

// reconciler compares a ledger with what the client says.
func (l listing) reconciler(client *hooks.Client, kept ledger.Reader) reconcile.Reconciler {
	r := reconcile.Reconciler{
		GitHub: client, Ledger: kept, Repositories: l.Repo, Only: l.Hook, Retention: reconcile.Retention(l.APIURL),
		Now: time.Now, Sleep: github.Sleep, Receipts: int(l.Receipts), Seen: map[audit.ReceiptKey]audit.Receipt{},
	}
	add := func(kind, owner string) {
		r.Hooks = append(r.Hooks, func(ctx context.Context) ([]audit.Hook, error) {
			return client.Hooks(ctx, hooks.Scope{Kind: kind, Owner: owner})
		})
	}
	for _, name := range l.Repo {
		add(hooks.RepositoryScope, name)
	}
	for _, login := range l.Org {
		add(hooks.OrganizationScope, login)
	}
	if l.AppID != 0 {
		add(hooks.AppScope, "")
	}
	return r
}
