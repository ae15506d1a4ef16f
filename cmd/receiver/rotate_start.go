package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// rotateStartCmd checks and stores a new token.
type rotateStartCmd struct {
	signed
	keeping
	Repo      []string `required:"" sep:"none" placeholder:"OWNER/NAME" help:"A repository that the token is for; may be repeated."`
	Workflows bool     `help:"Flux changes files under .github/workflows, too."`
	Account   string   `placeholder:"LOGIN" help:"The machine user that the token should belong to."`
	TokenFile string   `placeholder:"FILE" complete:"file" help:"Read the new token from this file (default: standard input)."`
	By        string   `placeholder:"WHO" help:"Who does it, for the record (default: $$GITHUB_ACTOR or $$USER)."`
	APIURL    string   `name:"api-url" placeholder:"URL" help:"Where GitHub's API is, such as https://ghe.example.com/api/v3 (default: github.com's)."`
	Color     string   `default:"auto" enum:"auto,always,never" placeholder:"WHEN" help:"auto (default: on a terminal, unless NO_COLOR is set), always or never."`
}

// Help is shown by rotate start --help.
func (rotateStartCmd) Help() string {
	return `Without a new token it says what to choose on GitHub's page. With one it asks GitHub what that token can do (in at most 15 requests that change nothing), and stores nothing that is not as it should be. Then it puts the token into the environment and the Secret that are named. A Secret that Pulumi, External Secrets or another program manages is left alone; it says what to do there. A token that is on record for another cluster, or in another Secret or environment for another repository, is refused.

The old token stays valid: its 24 hours begin when the new one is stored.`
}

// Run is the step.
func (c *rotateStartCmd) Run(a *console.Console) error {
	need := token.ForFlux(c.Repo, c.Workflows)
	need.Account = c.Account
	all, err := c.places(a)
	if err != nil {
		return err
	}
	fresh, err := c.fresh(a, need)
	if err != nil || fresh.Empty() {
		return err
	}
	checked, err := c.check(a, need, fresh)
	if err != nil {
		return err
	}
	l, err := c.open(a.Context, store.Options{})
	if err != nil {
		return err
	}
	defer l.Close()
	return c.swap(a, l, all, fresh, checked)
}

// fresh is the new token; empty where there is none, after saying how to make one.
func (c *rotateStartCmd) fresh(a *console.Console, need token.Need) (secret.Secret, error) {
	if c.TokenFile != "" {
		s, err := console.ReadSecretFile(c.TokenFile)
		if err == nil && s.Empty() {
			err = fmt.Errorf("read token: %q is empty", c.TokenFile)
		}
		if err != nil {
			return s, console.Fail(console.StatusUsage, err, "")
		}
		return s, nil
	}
	tell := func() { fmt.Fprint(a.Stdout, instructions(need, c.APIURL)) }
	if a.StdinIsTerminal() {
		tell() // before asking for it
	}
	s, err := a.ReadSecret("new token")
	if err != nil {
		return s, console.Fail(console.StatusUsage, err, "")
	}
	if s.Empty() && !a.StdinIsTerminal() {
		tell()
	}
	return s, nil
}

// instructions say how a person makes the token.
func instructions(need token.Need, api string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Log in to GitHub as the machine user, and make a fine-grained token at\n\n  %s\n\nGitHub may leave fields of the address out, so look at each:\n\n", console.OneLine(need.Link(site(api))))
	for _, line := range need.Settings() {
		fmt.Fprintf(&out, "  %s\n", console.OneLine(line))
	}
	out.WriteString("\nThen give the token to this command on standard input.\n")
	return out.String()
}

// site is GitHub's web site for its API's address.
func site(api string) string {
	u, err := url.Parse(api)
	if api == "" || err != nil || u.Host == "" {
		return "https://github.com"
	}
	return u.Scheme + "://" + strings.TrimPrefix(u.Host, "api.")
}

// check asks GitHub about the new token, and lets only a good one pass.
func (c *rotateStartCmd) check(a *console.Console, need token.Need, fresh secret.Secret) (report.Token, error) {
	slow := a.Announce("asking GitHub")
	seen, err := probe.Token(a.Context, github.Options{Token: fresh, APIURL: c.APIURL, UserAgent: a.UserAgent()}, need)
	slow.Stop()
	if err != nil {
		return report.Token{}, console.Fail(console.StatusUsage, err, console.HintOf(err))
	}
	t := report.JudgeToken(need, seen, a.Version)
	if err := report.Text(a.Stdout, t.Report(), a.Style(c.Color)); err != nil {
		return t, err
	}
	switch t.Verdict() {
	case finding.Pass, finding.NotApplicable:
		return t, nil
	case finding.Fail:
		return t, console.Fail(console.StatusFail, errors.New("the new token is not as it should be: nothing was stored"), "make another, and give it to `rotate start`")
	}
	return t, console.Fail(console.StatusUndecided, errors.New("it cannot be told whether the new token is good: nothing was stored"), "try again later")
}

// swap stores the token and records it: before, so that no place has a token that
// the ledger does not know, and after.
func (c *rotateStartCmd) swap(a *console.Console, l *store.Ledger, all []place, fresh secret.Secret, checked report.Token) error {
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	r := token.Record{Step: token.Started, Time: now(), By: who(a, c.By), Repositories: c.Repo, New: token.Fingerprint(fresh), Old: replaced(all, fresh)}
	kept, err := records(a.Context, l)
	if err != nil {
		return err
	}
	known := token.Drills(kept)
	if last, ok := token.Newest(token.Live(known), c.Repo[0]); ok && r.Old == "" && last.New != r.New {
		r.Old = last.New
	}
	for _, d := range known {
		switch {
		case d.New == r.New && !d.Finished.IsZero(), d.Old == r.New:
			return console.Fail(console.StatusUsage, errors.New("this token is not new: the ledger knows it from an earlier rotation"), "make another on GitHub's page")
		case d.New == r.New:
			r.Old = d.Old // once more
		}
	}
	if err := c.alone(a, kept, all, r); err != nil {
		return err
	}
	if at, err := token.ParseExpiry(checked.Seen.Expires); err == nil {
		r.Expires = at
	}
	if err := record(a.Context, l, r); err != nil {
		return err
	}
	for _, p := range all {
		stored, err := deposit(a, p, fresh)
		if err != nil {
			fmt.Fprintf(a.Stdout, "not stored: %s\n", console.OneLine(p.Where))
			return console.Fail(console.StatusUndecided, err, console.HintOf(err))
		}
		r.Places = append(r.Places, stored)
	}
	r.Step, r.Time = token.Stored, now()
	if err := record(a.Context, l, r); err != nil {
		return err
	}
	return tellStored(a, r)
}

// alone refuses a token that another cluster or repository has by the record.
func (c *rotateStartCmd) alone(a *console.Console, kept []token.Record, all []place, r token.Record) error {
	for _, p := range all {
		if p.unknown != "" {
			fmt.Fprintf(a.Stdout, "gap: %s\n", console.OneLine(p.unknown))
		}
	}
	if found := shared(kept, r.Time, all, r.New, c.Repo); len(found) > 0 {
		if err := report.Text(a.Stdout, report.Report{Answer: finding.Answered(found)}, a.Style(c.Color)); err != nil {
			return err
		}
		return console.Fail(console.StatusFail, errors.New("the new token would be in use in several places: nothing was stored"), "make one for this cluster and repository alone, and give that to `rotate start`")
	}
	return nil
}

// replaced is the token that the places hold so far: what Flux reads counts most.
func replaced(all []place, fresh secret.Secret) string {
	old := ""
	for _, p := range all {
		if f := p.fingerprint(); f != "" && f != token.Fingerprint(fresh) {
			old = f
		}
	}
	return old
}

// deposit puts the token into one place, unless it is there or somebody else's business.
func deposit(a *console.Console, p place, fresh secret.Secret) (token.Place, error) {
	where := console.OneLine(p.Where)
	switch {
	case p.bring == nil:
		fmt.Fprintf(a.Stdout, "left alone: %s: %s\n", where, console.OneLine(p.form))
		return p.Place, nil
	case p.fingerprint() == token.Fingerprint(fresh) && p.form == "":
		fmt.Fprintf(a.Stdout, "there already: %s\n", where)
		return p.Place, nil
	}
	revision, err := p.bring(a.Context, fresh)
	if err != nil {
		return p.Place, err
	}
	done := p.Place
	done.Before, done.Revision = p.Revision, revision
	fmt.Fprintf(a.Stdout, "stored: %s, revision %s\n", where, console.OneLine(revision))
	if p.form != "" {
		fmt.Fprintf(a.Stdout, "  %s; it is a secret now, but older revisions still show the old token\n", console.OneLine(p.form))
	}
	return done, nil
}

func tellStored(a *console.Console, r token.Record) error {
	if len(r.Places) == 0 {
		fmt.Fprintln(a.Stdout, "no place was named: bring the new token to where Flux gets it (--esc, --cluster-secret)")
	}
	fmt.Fprintf(a.Stdout, "on record: new hashed_token %s", r.New)
	if r.Old != "" {
		fmt.Fprintf(a.Stdout, ", old %s", r.Old)
	}
	_, err := fmt.Fprintf(a.Stdout, "\nnext: see that Flux works with it (`rotate status`); the old one is to be dead by %s (`rotate finish`)\n", r.Time.Add(token.Overlap).Format(minute))
	return err
}

// minute is how dates are shown.
const minute = "2006-01-02 15:04 UTC"
