package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// rotateStartCmd checks and stores a new token.
type rotateStartCmd struct {
	appending
	keeping
	Repo      []string `required:"" sep:"none" placeholder:"OWNER/NAME" help:"A repository that the token is for; may be repeated."`
	Workflows bool     `help:"Flux changes files under .github/workflows, too."`
	Account   string   `placeholder:"LOGIN" help:"The machine user that the token should belong to."`
	TokenFile string   `placeholder:"FILE" help:"Read the new token from this file (default: standard input)."`
	By        string   `placeholder:"WHO" help:"Who does it, for the record (default: $$GITHUB_ACTOR or $$USER)."`
	APIURL    string   `name:"api-url" placeholder:"URL" help:"GitHub's API, such as https://ghe.example.com/api/v3 (default: github.com's)."`
	console.Colored
}

// Run is the step.
func (c *rotateStartCmd) Run(a *console.Console) error {
	need := token.ForFlux(c.Repo, c.Workflows)
	need.Account = c.Account
	places, err := c.places(a)
	if err != nil {
		return err
	}
	fresh, err := c.fresh(a, need)
	if err != nil || fresh.Empty() {
		return err
	}
	do, end, err := c.begin(a)
	if err != nil {
		return err
	}
	defer end()
	seen, err := c.check(a, need, fresh)
	if err != nil {
		return err
	}
	server, err := github.Options{APIURL: c.APIURL}.Root()
	if err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	r := rotation.Record{Step: rotation.Started, Time: now(), By: who(a, c.By), Server: server.String(), Repositories: c.Repo,
		New: token.Fingerprint(fresh)}
	if r.Expires, err = token.ParseExpiry(seen.Expires); err != nil {
		r.Expires = time.Time{} // GitHub did not say
	}
	return c.swap(a, do, places, fresh, r)
}

// fresh is the new token; empty where there is none, after saying how to make one.
func (c *rotateStartCmd) fresh(a *console.Console, need token.Need) (secret.Secret, error) {
	if c.TokenFile != "" {
		return console.ReadSecretFile(c.TokenFile)
	}
	tell := func() { fmt.Fprint(a.Stdout, need.Instructions(c.APIURL)) }
	if a.StdinIsTerminal() {
		tell() // before asking for it
	}
	s, err := a.ReadSecret("new token")
	if err == nil && s.Empty() && !a.StdinIsTerminal() {
		tell()
	}
	return s, err
}

// check asks GitHub about the new token, and lets only a good one pass.
func (c *rotateStartCmd) check(a *console.Console, need token.Need, fresh secret.Secret) (token.Observations, error) {
	slow := a.Announce("asking GitHub")
	seen, err := probe.Token(a.Context, github.Options{Token: fresh, APIURL: c.APIURL, UserAgent: a.UserAgent()}, need)
	slow.Stop()
	if err != nil {
		return seen, console.Fail(console.StatusUsage, err, "")
	}
	t := report.JudgeToken(need, seen, a.Version)
	if err := report.Text(a.Stdout, t.Report(), a.Style(c.Color)); err != nil {
		return seen, err
	}
	switch t.Verdict() {
	case finding.Pass, finding.NotApplicable:
		return seen, nil
	case finding.Fail:
		return seen, console.Fail(console.StatusFail, errors.New("the new token is not as it should be: nothing was stored"),
			"make another, and give it to `rotate start`")
	}
	return seen, console.Fail(console.StatusUndecided, errors.New("it cannot be told whether the new token is good: nothing was stored"),
		"try again later")
}

// swap stores the token and records it: before, so that no place has a token that
// the ledger does not know, and after.
func (c *rotateStartCmd) swap(a *console.Console, do operator, places []rotation.Copy, fresh secret.Secret, r rotation.Record) error {
	h, err := do.history(a.Context)
	if err != nil {
		return err
	}
	if r.Old, err = h.Replaces(r, places); err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	if err := c.unshared(a, h, places, r); err != nil {
		return err
	}
	if err := do.record(a.Context, r); err != nil {
		return err
	}
	for _, p := range places {
		stored, err := deposit(a, p, fresh)
		if err != nil {
			fmt.Fprintf(a.Stdout, "not stored: %s\n", text.Line(p.Where))
			return err
		}
		r.Places = append(r.Places, stored)
	}
	r.Step, r.Time = rotation.Stored, now()
	if err := do.record(a.Context, r); err != nil {
		return err
	}
	return tellStored(a, r)
}

// unshared refuses a token that another cluster or repository has by the record.
func (c *rotateStartCmd) unshared(a *console.Console, h rotation.History, places []rotation.Copy, r rotation.Record) error {
	for _, p := range places {
		if p.Unknown != "" {
			fmt.Fprintf(a.Stdout, "gap: %s\n", text.Line(p.Unknown))
		}
	}
	found := rotation.Shared(h.Records, r.Time, rotation.HoldersOf(places, c.Repo, r.New), func(token string) bool { return token == r.New })
	if len(found) == 0 {
		return nil
	}
	if err := report.Text(a.Stdout, report.Report{Answer: finding.Answered(found)}, a.Style(c.Color)); err != nil {
		return err
	}
	return console.Fail(console.StatusFail, errors.New("the new token would be in use in several places: nothing was stored"),
		"make one for this cluster and repository alone, and give that to `rotate start`")
}

// deposit puts the token into one place, unless it is there or somebody else's business.
func deposit(a *console.Console, p rotation.Copy, fresh secret.Secret) (rotation.Place, error) {
	where, remark := text.Line(p.Where), text.Line(p.Remark)
	switch {
	case p.Store == nil:
		fmt.Fprintf(a.Stdout, "left alone: %s: %s\n", where, remark)
		return p.Place, nil
	case p.Token == token.Fingerprint(fresh) && remark == "":
		fmt.Fprintf(a.Stdout, "there already: %s\n", where)
		return p.Place, nil
	}
	revision, err := p.Store(a.Context, fresh)
	if err != nil {
		return p.Place, err
	}
	done := p.Place
	done.Before, done.Revision = p.Revision, revision
	fmt.Fprintf(a.Stdout, "stored: %s, revision %s\n", where, text.Line(revision))
	if remark != "" {
		fmt.Fprintf(a.Stdout, "  %s; it is a secret now, but older revisions still show the old token\n", remark)
	}
	return done, nil
}

func tellStored(a *console.Console, r rotation.Record) error {
	if len(r.Places) == 0 {
		fmt.Fprintln(a.Stdout, "no place was named: bring the new token to where Flux gets it (--esc, --cluster-secret)")
	}
	fmt.Fprintf(a.Stdout, "on record: new hashed_token %s", r.New)
	if r.Old != "" {
		fmt.Fprintf(a.Stdout, ", old %s", r.Old)
	}
	_, err := fmt.Fprintf(a.Stdout,
		"\nnext: see that Flux works with it (`rotate status`); the old one is to be dead by %s (`rotate finish`)\n",
		text.Minute(r.Time.Add(rotation.Overlap)))
	return err
}
