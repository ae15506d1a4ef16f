package main

import (
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// rotateStatusCmd tells where the last rotation stands.
type rotateStatusCmd struct {
	where
	keeping
	Repo         string `placeholder:"OWNER/NAME" help:"The last rotation of this repository (default: the last one of all)."`
	OldTokenFile string `placeholder:"FILE" complete:"file" help:"Ask GitHub whether this, the old token, still answers (default: that of the environment's revision before)."`
	APIURL       string `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: github.com's)."`
	Format       string `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text (default) or json."`
}

// Help is shown by rotate status --help.
func (rotateStatusCmd) Help() string {
	return `Goes by the ledger, and by what it is pointed at: the environment, the Secret with Flux's last runs, and GitHub's answer to the old token. What it does not look at it says. It changes nothing.

On top stands what the rotations on record call for, of all repositories, and a token that two clusters hold, or two Secrets or environments of different repositories: by the record, and by what was looked at.

Exit status: 0 nothing is late, 1 one of these is an error, such as an old token that outlived its overlap and was not seen dead, or a shared one, 2 wrong usage, 3 something could not be told.`
}

// Run looks and tells.
func (c *rotateStatusCmd) Run(a *console.Console) error {
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	h, err := rotation.Read(a.Context, l)
	if err != nil {
		return err
	}
	if len(h.Rotations) == 0 {
		if h.Gap == nil {
			_, err = fmt.Fprintln(a.Stdout, "no rotation is on record: begin one with `rotate start`")
			return err
		}
		return h.Gap
	}
	last, ok := rotation.Newest(h.Rotations, c.Repo)
	if !ok {
		return console.Fail(console.StatusUsage, fmt.Errorf("no rotation of %q is on record", c.Repo), "write --repo as `rotate start` had it")
	}
	r, err := c.look(a, h, last)
	if err != nil {
		return err
	}
	if c.Format == "json" {
		err = report.RotationJSON(a.Stdout, r)
	} else {
		err = report.RotationText(a.Stdout, r)
	}
	switch {
	case err != nil:
		return err
	case r.Verdict() == finding.Fail:
		return console.Fail(console.StatusFail, nil, "")
	case r.Verdict() == finding.Undecided:
		return console.Fail(console.StatusUndecided, nil, "")
	}
	return nil
}

// look looks at the places and at the old token, and joins that with the record.
func (c *rotateStatusCmd) look(a *console.Console, h rotation.History, last rotation.Rotation) (report.Rotation, error) {
	r := report.Rotation{Rotation: last}
	places, err := c.places(a)
	if err != nil {
		return r, err
	}
	old, err := c.oldToken(a, c.OldTokenFile, last)
	if err != nil {
		return r, err
	}
	if r.Seen, r.Gaps, err = observe(a, places, last, old, c.APIURL); err != nil {
		return r, err
	}
	if h.Gap != nil {
		r.Gaps = append(r.Gaps, h.Gap.Error())
	}
	dead := ""
	if r.Seen.Old == token.BadCredentials {
		dead = last.Old
	}
	r.Findings = rotation.Shared(h.Records, r.Seen.Now, rotation.HoldersOf(places, last.Repositories, ""), nil)
	for _, alert := range rotation.Alerts(h.Rotations, r.Seen.Now, dead) {
		r.Findings = append(r.Findings, alert.Finding)
	}
	r.Findings = finding.Sort(r.Findings)
	return r, nil
}
