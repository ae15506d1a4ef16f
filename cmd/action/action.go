package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cli/inputs"
	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/facts"
	"github.com/goldfish-inc/fluxkeeper/internal/github/publish"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

type actionCmd struct{}

// Run does what the input command says, for the event of the workflow.
func (actionCmd) Run(a *console.Console) error {
	s, err := newStep(a)
	if err != nil {
		return err
	}
	switch s.inputs.Text("command") {
	case inputs.Propose:
		return s.propose()
	case inputs.Sweep:
		return s.sweep()
	case inputs.Merge:
		return s.merge()
	case inputs.Token:
		return s.token()
	case inputs.Scan:
		return s.scan()
	}
	return s.check()
}

// step is one run of the Action.
type step struct {
	*console.Console
	inputs inputs.Values
	runner *runner.Runner
	where  runner.Context
	event  runner.Event
	reader reader
	writer writer
	sent   atomic.Int64 // requests
}

// reader reads of GitHub what is judged.
type reader interface {
	Pull(ctx context.Context, number int) (change.Facts, error)
	Range(ctx context.Context, base, head string) (change.Facts, error)
	Past(ctx context.Context, facts *change.Facts, within change.Within) error
	Branch(ctx context.Context, name string) (string, error)
	Branches(ctx context.Context, prefix string) ([]string, error)
	BaseFile(ctx context.Context, base change.Revision, path string) ([]byte, bool, error)
	ChangedFiles(ctx context.Context, base, head string) (facts.Files, error)
	AllFiles(ctx context.Context, sha string) (facts.Files, error)
}

// writer does on GitHub what a verdict asks for.
type writer interface {
	OpenPulls(ctx context.Context) ([]plan.Pull, error)
	Published(ctx context.Context, p plan.Publication, denied map[plan.Right]string, ends bool) (plan.Published, error)
	Publish(ctx context.Context, p plan.Publication) (publish.Outcome, error)
	Merge(ctx context.Context, m plan.Merging) (publish.Outcome, error)
	Propose(ctx context.Context, p plan.Proposal) (publish.Outcome, error)
	StartAfresh(ctx context.Context, a plan.Afresh) (publish.Outcome, error)
	Sweep(ctx context.Context, s plan.Closing) (publish.Outcome, error)
	Notify(ctx context.Context, n plan.Notice) (publish.Outcome, error)
}

// step reads what the runner gives. What it misses is wrong configuration.
func newStep(a *console.Console) (*step, error) {
	s := &step{Console: a, runner: runner.New(a.Environment, a.Stdout)}
	// The runner reads commands on both streams, so that nothing else may reach
	// them unescaped.
	a.Stdout, a.Stderr = runner.Lines(a.Stdout), runner.Lines(a.Stderr)
	wrong := func(err error, hint string) (*step, error) { return nil, console.Fail(console.StatusUsage, err, hint) }
	var err error
	if s.inputs, err = inputs.Read(inputs.Inputs(), a.Environment); err != nil {
		return wrong(err, "docs/settings.md lists the inputs and their values")
	}
	token := s.inputs.Secret("github-token")
	if err := s.runner.Mask(token); err != nil {
		return nil, console.Fail(console.StatusUndecided, err, "")
	}
	if s.where, err = s.runner.Context(); err != nil {
		return wrong(err, "this runs as a step of a GitHub workflow; on the command line, use `fluxkeeper check`")
	}
	if s.event, err = s.runner.Event(); err != nil {
		return wrong(err, "")
	}
	if token.Empty() {
		return wrong(errors.New("read input github-token: empty"),
			"leave the input out to use the workflow's own token, or check that the secret exists")
	}
	client, err := github.New(github.Options{
		Token: token, APIURL: s.where.APIURL, GraphQLURL: s.where.GraphQLURL, Repository: s.where.Repository,
		UserAgent: a.UserAgent(), Sending: func() { s.sent.Add(1) },
	})
	if err != nil {
		return wrong(err, "")
	}
	s.reader, s.writer = facts.New(client), &publish.Writer{Client: client}
	return s, nil
}

// subject is what an event asks about.
type subject struct {
	// number is the pull request's; 0 where there is none.
	number int
	// head is the newest commit that the event names; empty where it names none.
	head string
	// queued says that head is a merge queue's commit upon base.
	queued bool
	base   string
	// into is the branch that the event says the pull request goes to.
	into string
	// branch is where head was pushed to, where there is no pull request.
	branch string
	// nothing says why there is nothing to look at; empty where there is.
	nothing string
}

// subject finds out what the event is about. Events that name no pull request
// are about the one from Flux's branch to the base, where there is one.
func (s *step) subject() (subject, error) {
	e := s.event
	switch e.Name {
	case "pull_request", "pull_request_target":
		return subject{number: e.Number, head: e.Head, into: e.BaseRef}, nil
	case "merge_group":
		number, ok := queuedPull(e.HeadRef, e.BaseRef)
		if !ok {
			return subject{}, console.Fail(console.StatusUndecided, fmt.Errorf("read event: the merge queue's branch %q names no pull request to %q",
				e.HeadRef, e.BaseRef), "")
		}
		return subject{number: number, head: e.Head, base: e.Base, into: e.BaseRef, queued: true}, nil
	case "push", "workflow_dispatch", "schedule":
		return s.branchSubject()
	}
	return subject{}, console.Fail(console.StatusUsage, fmt.Errorf("read event: %q is not an event that this can judge", e.Name),
		"use it on pull_request_target, pull_request, merge_group, push, workflow_dispatch or schedule")

}

// branchSubject is the subject of events that are about a branch or none.
func (s *step) branchSubject() (subject, error) {
	base, err := s.baseBranch()
	if err != nil {
		return subject{}, err
	}
	branch := s.inputs.Text("head-branch")
	pushed := s.event.Name == "push"
	if pushed && s.event.Deleted {
		return subject{nothing: "the push took its branch away"}, nil
	}
	if pushed && s.event.HeadRef != base {
		switch ours, err := s.isFlux(s.event.HeadRef, base); {
		case err != nil:
			return subject{}, console.Fail(console.StatusUndecided, err, "")
		case !ours:
			return subject{nothing: fmt.Sprintf("the push went to %q: neither to a branch of Flux's, such as %q, nor to %q",
				s.event.Ref, branch, base)}, nil
		}
		branch = s.event.HeadRef
	}
	open, err := s.writer.OpenPulls(s.Context)
	if err != nil {
		return subject{}, console.Fail(console.StatusUndecided, err, "")
	}
	for _, pull := range open {
		if pull.SameRepository && pull.HeadRef == branch && pull.BaseRef == base {
			return subject{number: pull.Number, head: pull.Head, into: base}, nil
		}
	}
	if pushed && s.event.HeadRef == branch {
		return subject{head: s.event.Head, base: base, branch: branch}, nil
	}
	return subject{nothing: fmt.Sprintf("no pull request from %q to %q is open", branch, base)}, nil
}

// isFlux tells whether Flux pushes to a branch: by the input, or by the policy of the base.
func (s *step) isFlux(branch, base string) (bool, error) {
	if branch == s.inputs.Text("head-branch") || branch == "" || branch == base {
		return branch == s.inputs.Text("head-branch"), nil
	}
	rules, err := s.basePolicy(base)
	return err == nil && rules.MatchHead(branch), err
}

// baseBranch is where updates go to.
func (s *step) baseBranch() (string, error) {
	base := cmp.Or(s.inputs.Text("base-branch"), s.event.BaseRef, s.event.DefaultBranch)
	if base == "" {
		return "", console.Fail(console.StatusUsage, errNoDefault, "give the input base-branch")
	}
	return base, nil
}

var errNoDefault = errors.New("read event: it does not tell the repository's default branch")

// queueBranch is how GitHub names a merge queue's branches.
var queueBranch = pattern.Lazy(`^gh-readonly-queue/(.+)/pr-([1-9][0-9]{0,8})-[0-9a-f]{40}$`)

// queuedPull is the number of the pull request that a merge queue's branch was
// to base was made for, the newest one of its group.
func queuedPull(branch, base string) (number int, ok bool) {
	m := queueBranch().FindStringSubmatch(branch)
	if m == nil || m[1] != base {
		return 0, false
	}
	number, err := strconv.Atoi(m[2])
	return number, err == nil
}

// tell logs what was done on GitHub, and what was not.
func (s *step) tell(out publish.Outcome) {
	did := "done"
	if s.inputs.Flag("dry-run") {
		did = "dry run, would"
	}
	for _, action := range out.Actions {
		fmt.Fprintf(s.Stdout, "%s: %s\n", did, action)
	}
	for _, note := range out.Notes {
		fmt.Fprintf(s.Stdout, "note: %s\n", console.OneLine(note))
	}
	if out.Link != "" {
		fmt.Fprintf(s.Stdout, "#%d: %s\n", out.Number, console.OneLine(out.Link))
	}
}

// end is the end of a command with a verdict. What could not be shown does not
// change the verdict, but it is no success either.
func (s *step) end(v finding.Verdict, problems ...error) error {
	status := console.Conclude(v)
	if err := errors.Join(problems...); err != nil {
		s.Complain(err)
		if status == nil {
			return console.Failure{Status: console.StatusUndecided}
		}
	}
	return status
}

// setOutputs sets outputs, each a name and a value.
func (s *step) setOutputs(all ...[2]string) error {
	var err error
	for _, output := range all {
		set := s.runner.Output(output[0], output[1])
		if errors.Is(set, runner.ErrFull) {
			// The verdict stands, and the log and the summary tell the rest.
			fmt.Fprintf(s.Stdout, "note: %v; it is left out\n", set)
			continue
		}
		err = errors.Join(err, set)
	}
	return err
}

// via is the input publish as a plan has it.
func (s *step) via() plan.Via { return plan.Via(s.inputs.Text("publish")) }
