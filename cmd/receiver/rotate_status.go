package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// rotateStatusCmd tells where the last rotation stands.
type rotateStatusCmd struct {
	where
	keeping
	Repo         string `placeholder:"OWNER/NAME" help:"The last rotation of this repository (default: the last one of all)."`
	OldTokenFile string `placeholder:"FILE" complete:"file" help:"Ask GitHub whether this, the old token, still answers (default: that of the environment's revision before)."`
	APIURL       string `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: github.com's)."`
	Format       string `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
	Color        string `default:"auto" enum:"auto,always,never" placeholder:"WHEN" help:"auto (default: on a terminal, unless NO_COLOR is set), always or never."`
}

// Help is shown by rotate status --help.
func (rotateStatusCmd) Help() string {
	return `Goes by the ledger, and by what it is pointed at: the environment, the Secret with Flux's last runs, and GitHub's answer to the old token. What it does not look at it says. It changes nothing.

The findings are what the rotations on record call for, of all repositories, and a token that two clusters hold, or two Secrets or environments of different repositories: by the record, and by what was looked at.

Exit status: 0 nothing is late, 1 one of these is an error, such as an old token that outlived its overlap and was not seen dead, or a shared one, 2 wrong usage, 3 something could not be told.`
}

// Run looks and tells.
func (c *rotateStatusCmd) Run(a *console.Console) error {
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	kept, gap := records(a.Context, l)
	if _, partly := errors.AsType[unreadable](gap); gap != nil && !partly {
		return gap
	}
	known := token.Drills(kept)
	if len(known) == 0 && gap != nil {
		return gap
	}
	if len(known) == 0 {
		return c.tell(a, report.Rotation{Answer: finding.Answer{Basis: finding.Foreign}, Version: a.Version})
	}
	d, ok := token.Newest(known, c.Repo)
	if !ok {
		return noRotation(c.Repo)
	}
	all, err := c.places(a)
	if err != nil {
		return err
	}
	old, err := c.oldToken(a, c.OldTokenFile, d)
	if err != nil {
		return err
	}
	s, gaps, err := sight(a, all, d, old, c.APIURL)
	if err != nil {
		return err
	}
	if gap != nil {
		gaps = append(gaps, gap.Error())
	}
	dead := ""
	if s.Old == token.BadCredentials {
		dead = d.Old
	}
	found := shared(kept, s.Now, all, "", d.Repositories)
	for _, alert := range token.Alerts(known, s.Now, dead) {
		found = append(found, alert.Finding)
	}
	return c.tell(a, report.Rotation{Answer: finding.Answered(found, gaps...), Drill: d, Sight: s, Version: a.Version})
}

func (c *rotateStatusCmd) tell(a *console.Console, rotation report.Rotation) error {
	r := rotation.Report()
	if err := r.Write(a.Stdout, c.Format, a.Style(c.Color)); err != nil {
		return err
	}
	return console.Conclude(r.Verdict())
}

// noRotation says that there is none of a repository.
func noRotation(repo string) error {
	return console.Fail(console.StatusUsage, fmt.Errorf("no rotation of %q is on record", repo), "write --repo as `rotate start` had it")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return t.UTC().Format(minute)
}

// rotateFinishCmd ends the last rotation.
type rotateFinishCmd struct {
	signed
	keeping
	Repo         string        `placeholder:"OWNER/NAME" help:"The rotation of this repository (default: the last one that is under way)."`
	OldTokenFile string        `placeholder:"FILE" complete:"file" help:"The old token (default: standard input, or the environment's revision before)."`
	Revoke       bool          `help:"Revoke the old token through GitHub's API, for good, if it still answers."`
	Deleted      bool          `help:"Take your word that the old token was deleted at GitHub, where nobody has its text any more."`
	Unseen       bool          `help:"Revoke it although nobody saw Flux work with the new one."`
	Wait         time.Duration `default:"1m" placeholder:"TIME" help:"How long to wait until GitHub has revoked it (default: 1m)."`
	By           string        `placeholder:"WHO" help:"Who does it, for the record (default: $$GITHUB_ACTOR or $$USER)."`
	APIURL       string        `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: github.com's)."`
}

// Help is shown by rotate finish --help.
func (rotateFinishCmd) Help() string {
	return `Asks GitHub about the old token, whose fingerprint must be the one on record. Where GitHub does not take it, that is put on record. Where it does, delete it at GitHub's settings, or let --revoke do that; it cannot be undone. --revoke is refused as long as Flux was not seen to work with the new token (--cluster-secret), unless with --unseen. Where nobody has the old token's text any more, delete it at GitHub's settings, and say --deleted: the record then has your word for it.

Exit status: 0 the old token is dead and that is on record, 1 it still answers, 2 wrong usage, 3 it could not be told.`
}
