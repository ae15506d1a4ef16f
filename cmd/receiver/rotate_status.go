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
	tokens
	Repo   string `placeholder:"OWNER/NAME" help:"The last rotation of this repository (default: the last one of all)."`
	Format string `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
	console.Colored
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
	switch {
	case len(h.Rotations) == 0 && h.Gap != nil:
		return h.Gap
	case len(h.Rotations) == 0:
		return a.Present(report.Rotation{Answer: finding.Answer{Basis: finding.Foreign}, Version: a.Version}.Report(), c.Format, c.Color)
	}
	last, ok := rotation.Newest(h.Rotations, c.Repo)
	if !ok {
		return console.Fail(console.StatusUsage, fmt.Errorf("no rotation of %q is on record", c.Repo), "write --repo as `rotate start` had it")
	}
	r, err := c.look(a, h, last)
	if err != nil {
		return err
	}
	return a.Present(r.Report(), c.Format, c.Color)
}

// look looks at the places and at the old token, and joins that with the record.
func (c *rotateStatusCmd) look(a *console.Console, h rotation.History, last rotation.Rotation) (report.Rotation, error) {
	r := report.Rotation{Rotation: last, Version: a.Version}
	places, err := c.places(a)
	if err != nil {
		return r, err
	}
	old, err := c.oldToken(a, c.OldTokenFile, last)
	if err != nil {
		return r, err
	}
	var gaps []string
	if r.Seen, gaps, err = observe(a, places, last, old, c.tokens); err != nil {
		return r, err
	}
	if h.Gap != nil {
		gaps = append(gaps, h.Gap.Error())
	}
	dead := ""
	if r.Seen.Old == token.BadCredentials {
		dead = last.Old
	}
	found := rotation.Shared(h.Records, r.Seen.Now, rotation.HoldersOf(places, last.Repositories, ""), nil)
	for _, alert := range rotation.Alerts(h.Rotations, r.Seen.Now, dead) {
		found = append(found, alert.Finding)
	}
	r.Answer = finding.Answered(found, gaps...)
	return r, nil
}
