package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/publish"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// propose opens or refreshes the pull request of Flux's branch. What it lists is
// worked out from the contents, not taken from commit messages. A change that
// would not pass is proposed too: the check says so where people look.
func (s *step) propose() error {
	base, err := s.baseBranch()
	if err != nil {
		return err
	}
	branch, head := s.inputs.Text("head-branch"), s.inputs.Text("head-branch")
	switch s.event.Name {
	case "push", "create":
		ours, err := s.isFlux(s.event.HeadRef, base)
		switch {
		case err != nil:
			return s.cannot(err)
		case s.event.Deleted || !ours:
			fmt.Fprintf(s.Stdout, "note: the %s left nothing on %s to propose\n", s.event.Name, console.OneLine(branch))
			return nil
		}
		branch, head = s.event.HeadRef, s.event.Head
	case "workflow_dispatch", "schedule":
	default:
		return s.wrongEvent("push, create, workflow_dispatch or schedule")
	}
	facts, err := s.reader.Range(s.Context, base, head)
	if err != nil {
		return s.cannot(err)
	}
	facts.HeadRef = cmp.Or(facts.HeadRef, branch)
	j := s.judge(facts, false)
	if j.Result.Verdict() == finding.Undecided {
		return s.finish(j)
	}
	if gone, err := s.startAfresh(j, base); err != nil {
		return s.cannot(err)
	} else if gone {
		return s.done(j)
	}
	out, err := s.writer.Propose(s.Context, plan.Proposal{
		Branch: branch, Base: base, SHA: j.Result.Head.Commit, Updates: gate.Proposed(j.Result.Updates),
		Templates: proposal.Templates{Title: s.inputs.Text("title"), Body: s.inputs.Text("body")},
		TakenBack: j.Result.TakenBack(), DryRun: s.inputs.Flag("dry-run"),
	})
	s.tell(out)
	if err != nil {
		return s.cannot(err)
	}
	return s.done(j)
}

// startAfresh deletes a stale branch of Flux's where that is asked, and tells
// whether it did: Flux never rebases its branch, and makes a fresh one from the base.
func (s *step) startAfresh(j judged, base string) (gone bool, err error) {
	if !j.Result.Afresh || !s.inputs.Flag("delete-stale-branch") {
		return false, nil
	}
	out, err := s.writer.StartAfresh(s.Context, plan.Afresh{
		Branch: j.facts.HeadRef, SHA: j.Result.Head.Commit, BaseRef: base, DryRun: s.inputs.Flag("dry-run"),
	})
	s.tell(out)
	return len(out.Actions) > 0, err
}

// merge approves and merges the pull request, or takes that back, as its
// verdict says.
func (s *step) merge() error {
	if base, err := s.pushedBase(); err != nil {
		return s.cannot(err)
	} else if base != "" {
		return s.each(base, s.mergeJudged)
	}
	sub, err := s.subject()
	if err != nil {
		return err
	}
	switch {
	case s.event.Name == "merge_group":
		return s.wrongEvent("pull_request_target, push, workflow_dispatch or schedule")
	case sub.number == 0:
		fmt.Fprintln(s.Stdout, "note: there is no pull request to merge")
		return nil
	}
	j, err := s.settle(sub, s.mergeJudged)
	if err != nil {
		return s.cannot(err)
	}
	return s.done(j)
}

func (s *step) mergeJudged(sub subject, j judged) (publish.Outcome, error) {
	return s.writer.Merge(s.Context, plan.Merging{
		Number:  sub.number,
		Bound:   plan.Bound{SHA: j.Result.Head.Commit, BaseRef: sub.into, BaseTip: j.Result.Base.Commit, DefaultBranch: s.event.DefaultBranch},
		Verdict: j.Result.Verdict(), Approve: s.inputs.Flag("approve"),
		When: plan.When(s.inputs.Text("merge-when")), Method: s.inputs.Text("merge-method"),
		DeleteBranch: s.inputs.Flag("delete-branch") && !j.Result.HeadIsBase, DryRun: s.inputs.Flag("dry-run"),
	})
}

// sweep closes the pull requests of Flux's branches that are stale.
func (s *step) sweep() error {
	base, err := s.baseBranch()
	if err != nil {
		return err
	}
	open, err := s.writer.OpenPulls(s.Context)
	if err != nil {
		return s.cannot(err)
	}
	policy, err := s.basePolicy(base)
	if err != nil {
		return s.cannot(err)
	}
	var candidates []plan.Candidate
	var unread []error
	for _, pull := range open {
		if !pull.SameRepository || pull.BaseRef != base || !policy.MatchHead(pull.HeadRef) {
			continue
		}
		j, err := s.judgeListed(pull)
		gone := false
		if err == nil {
			gone, err = s.startAfresh(j, base)
		}
		unread = append(unread, err)
		if err == nil && !gone {
			candidates = append(candidates, candidate(pull, j))
		}
	}
	closings := plan.Stale(candidates, open, plan.SweepOptions{
		MaxAge: time.Duration(s.inputs.Count("stale-after-days")) * 24 * time.Hour, Now: time.Now(),
		DeleteBranch: s.inputs.Flag("delete-branch"), DryRun: s.inputs.Flag("dry-run"),
	})
	if len(closings) == 0 {
		fmt.Fprintf(s.Stdout, "note: of %d pull requests, none is stale\n", len(candidates))
	}
	for _, closing := range closings {
		out, err := s.writer.Sweep(s.Context, closing)
		s.tell(out)
		unread = append(unread, err)
	}
	if err := errors.Join(unread...); err != nil {
		return s.cannot(err)
	}
	return nil
}

// basePolicy reads the policy of a branch.
func (s *step) basePolicy(branch string) (policy.Policy, error) {
	sha, err := s.reader.Branch(s.Context, branch)
	if err != nil {
		return policy.Policy{}, err
	}
	return s.policy(change.Revision{Commit: sha})
}

// judgeListed judges a pull request that was listed.
func (s *step) judgeListed(pull plan.Pull) (judged, error) {
	facts, err := s.reader.Pull(s.Context, pull.Number)
	if err != nil {
		return judged{}, err
	}
	if facts.BaseRef != pull.BaseRef {
		return judged{}, fmt.Errorf("judge #%d: it goes to %s by now, and no more to %s", pull.Number, text.Quote(facts.BaseRef),
			text.Quote(pull.BaseRef))
	}
	j := s.judge(facts, false)
	if j.Result.Verdict() == finding.Undecided {
		return j, fmt.Errorf("judge #%d: %s", pull.Number, j.Result.Gaps[0])
	}
	return j, nil
}

// candidate is what a sweep needs to know of a pull request.
func candidate(pull plan.Pull, j judged) plan.Candidate {
	c := plan.Candidate{Pull: pull, Passes: j.Result.Verdict() == finding.Pass, Empty: plan.Empty(j.facts), Updates: j.Result.Updates,
		Keep: j.Result.HeadIsBase}
	c.Head = j.Result.Head.Commit
	newest := slices.MaxFunc(append(j.facts.Commits, change.Commit{}), func(a, b change.Commit) int {
		return a.Committer.When.Compare(b.Committer.When)
	})
	c.Pushed = newest.Committer.When
	return c
}

// wrongEvent refuses an event that a command has nothing to do with.
func (s *step) wrongEvent(right string) error {
	return console.Fail(console.StatusUsage, fmt.Errorf("read event: %s has nothing to do on %s", s.inputs.Text("command"), s.event.Name),
		"use it on "+right)
}

// cannot is the end of a command that could not do its work.
func (s *step) cannot(err error) error {
	if github.KindOf(err) == github.Misuse {
		return console.Fail(console.StatusUsage, err, "")
	}
	for _, gap := range gaps(err) {
		s.Complain(errors.New(gap))
	}
	return console.Failure{Status: console.StatusUndecided}
}

// done shows what was found. The command did its work, whatever the verdict,
// unless nobody could tell it.
func (s *step) done(j judged) error {
	err := s.finish(j)
	if f, ok := errors.AsType[console.Failure](err); ok && f.Status == console.StatusFail {
		return nil
	}
	return err
}
