package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

const defaultBase = "main"

type checkCmd struct {
	Repo           string `default:"." placeholder:"DIR" help:"The repository: a work tree, anything inside, or a bare one (default: here)."`
	Base           string `default:"${base}" placeholder:"REV" help:"What the update is to be merged into."`
	Head           string `default:"HEAD" placeholder:"REV" help:"The update."`
	BaseRef        string `placeholder:"NAME" complete:"revision" help:"The base's branch name, where --base is not one."`
	HeadRef        string `placeholder:"NAME" complete:"revision" help:"The update's branch name, where --head is not one."`
	Format         string `default:"text" enum:"text,json,markdown,sarif" placeholder:"FORMAT" help:"text (default), json, markdown or sarif."`
	Policy         string `placeholder:"FILE" help:"Judge by this file instead of the base's ${policyFile}."`
	IgnoreIdentity bool   `help:"Judge the contents alone: not who made the change, nor on which branch."`
	Today          string `placeholder:"DATE" help:"The day to hold dated overrides and pinned keys against, as 2026-11-22 (default: now)."`
	console.Colored
}

// Run judges the range and prints the report; the verdict is its exit status.
func (c *checkCmd) Run(a *console.Console) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	patience := a.Announce("reading the repository")
	facts, rules, err := c.gather(a)
	patience.Stop()
	if err != nil {
		return c.elsewhere(err)
	}
	result := gate.Result{Base: facts.Base, Head: facts.Head, Answer: finding.Answer{Gaps: facts.Gaps}}
	if rules != nil {
		result = gate.Judge(*rules, facts, options)
	}
	if c.Format != "text" { // that one is for whoever would read this
		for _, gap := range result.Gaps {
			a.Complain(errors.New(gap))
		}
	}
	r := report.Change{Result: result, BaseName: c.Base, HeadName: c.Head, Version: a.Version, Source: source(facts)}
	return a.Present(r.Report(), c.Format, c.Color)
}

// options judge now, or in the last second of the day that the person named.
func (c *checkCmd) options() (gate.Options, error) {
	o := gate.Options{Now: time.Now(), IgnoreIdentity: c.IgnoreIdentity}
	if c.Today == "" {
		return o, nil
	}
	day, err := time.Parse(time.DateOnly, c.Today)
	if err != nil {
		return o, console.Fail(console.StatusUsage, fmt.Errorf("--today: %q is not a date", c.Today), "write it as 2026-11-22")
	}
	o.Now = day.Add(24*time.Hour - time.Second)
	return o, nil
}

// gather reads the facts and the policy. There is no policy where the base's
// own cannot be read: its problems are gaps, and the change cannot be judged.
func (c *checkCmd) gather(a *console.Console) (change.Facts, *policy.Policy, error) {
	var none change.Facts
	repo, err := gitrepo.Open(c.Repo)
	if err != nil {
		return none, nil, refusal(err)
	}
	defer repo.Close()
	rng := gitrepo.Range{Base: c.Base, Head: c.Head, BaseRef: c.BaseRef, HeadRef: c.HeadRef}
	rules, why, err := c.policy(a, repo, rng)
	if err != nil {
		return none, nil, err
	}
	facts, err := repo.Facts(a.Context, rng)
	if err == nil && rules != nil {
		if unread := repo.Past(a.Context, &facts, rules.Lookback(time.Now())); unread != nil {
			why = append(why, gaps(unread)...)
		}
	}
	if a.Context.Err() != nil {
		return none, nil, console.Fail(console.StatusUndecided, context.Cause(a.Context), "")
	}
	if err != nil {
		return none, nil, refusal(err)
	}
	facts.Gaps = slices.Concat(why, facts.Gaps)
	return facts, rules, nil
}

// policy reads the policy file that the person named, or the base's own. Nil
// means that the base's cannot be read; why says it.
func (c *checkCmd) policy(a *console.Console, repo *gitrepo.Repository, rng gitrepo.Range) (read *policy.Policy, why []string, err error) {
	if c.Policy != "" {
		rules, err := readPolicy(a, c.Policy)
		return &rules, nil, err
	}
	data, ok, err := repo.BaseFile(a.Context, rng, policy.File)
	if err != nil {
		return nil, nil, refusal(err)
	}
	rules := policy.Default()
	if ok {
		if rules, err = policy.ParseAmong(c.Base+":"+policy.File, data, repo.Branches); err != nil {
			return nil, gaps(err), nil
		}
	}
	return &rules, nil, nil
}

// elsewhere adds to the hint where nobody said that the base is main, and it
// is not.
func (c *checkCmd) elsewhere(err error) error {
	f, ok := errors.AsType[console.Failure](err)
	e, known := errors.AsType[*gitrepo.Error](err)
	if !ok || !known || e.Kind != gitrepo.NoRevision || c.Base != defaultBase || e.Op != fmt.Sprintf("resolve %q", c.Base) {
		return err
	}
	f.Advice = "name the branch that updates are merged into with --base; " + f.Advice
	return f
}

// refusal gives an error of the repository its exit status: 2 where something
// else was meant or is not supported, 3 where the repository could not tell.
func refusal(err error) error {
	f := console.Failure{Status: console.StatusUndecided, Err: err}
	if e, ok := errors.AsType[*gitrepo.Error](err); ok {
		f.Advice = e.Hint()
		switch e.Kind {
		case gitrepo.NotRepository, gitrepo.NoRevision, gitrepo.NotCommit, gitrepo.NoAncestor, gitrepo.Unsupported:
			f.Status = console.StatusUsage
		}
	}
	return f
}

// source gives the report the text of the files that findings point into: of
// what merging gives, or of the files that the change leaves alone.
func source(facts change.Facts) func(file string) []byte {
	files := map[string][]byte{}
	for _, f := range facts.Bystanders {
		files[f.Path] = f.Data
	}
	for _, f := range facts.Files {
		files[f.Path] = f.After.Data
	}
	return func(file string) []byte { return files[file] }
}
