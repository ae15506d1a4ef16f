package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

// judged is a change with its verdict.
type judged struct {
	report.Change
	facts  change.Facts
	policy policy.Policy
}

// undecided is the answer about a commit of which too little is known.
func (s *step) undecided(head string, err error) judged {
	return judged{Change: report.Change{Version: s.Version, Result: gate.Result{
		Answer: finding.Answer{Gaps: gaps(err)}, Head: change.Revision{Commit: head},
	}}}
}

// gaps says why something is not known: a sentence for each problem of a policy
// file, one for any other error.
func gaps(err error) []string {
	name := ""
	if wrong, ok := errors.AsType[*policy.Error](err); ok {
		name = wrong.Name
	}
	var all []string
	for _, p := range problems(console.StatusUndecided, name, err) {
		if p.Advice == "" {
			p.Advice = console.HintOf(err)
		}
		all = append(all, p.Sentence())
	}
	return all
}

// judgeSubject judges what the event is about. What cannot be read is undecided.
func (s *step) judgeSubject(sub subject) judged {
	if sub.number == 0 {
		read, err := s.client.ReadRange(s.Context, sub.base, sub.head)
		if err != nil {
			return s.undecided(sub.head, err)
		}
		return s.judge(read, judging{headRef: sub.branch, head: sub.head})
	}
	read, err := s.client.ReadPull(s.Context, sub.number)
	if err != nil {
		return s.undecided(sub.head, err)
	}
	j := s.judge(read, judging{head: sub.head})
	if !sub.queued {
		return j
	}
	queued := s.judgeQueued(sub, j)
	queued.Result.Head.Commit = sub.head
	return queued
}

// judgeQueued judges a merge queue's commit. GitHub made it, so that it tells
// nothing of who made the change: that is judged of the pull request itself. Of
// the commit, only the contents are judged, once the pull request passes.
func (s *step) judgeQueued(sub subject, pull judged) judged {
	if pull.Result.Verdict() != finding.Pass {
		return pull
	}
	read, err := s.client.ReadRange(s.Context, sub.base, sub.head)
	if err != nil {
		return s.undecided(sub.head, err)
	}
	queued := s.judge(read, judging{head: sub.head, contents: true})
	queued.Result.Evidence = pull.Result.Evidence
	queued.BaseName, queued.HeadName = pull.BaseName, s.event.HeadRef
	return queued
}

// judging says how to judge a change.
type judging struct {
	head     string // for the answer where nothing can be read
	headRef  string // where the change itself does not tell its branch
	contents bool   // the contents alone
}

// judge holds a change against the policy of its base.
func (s *step) judge(read *github.Change, how judging) judged {
	rules, err := s.policy(read)
	if err != nil {
		return s.unjudged(read, how, err)
	}
	facts, err := read.Facts(keys(rules))
	if err != nil {
		return s.unjudged(read, how, fmt.Errorf("read policy: %w", err))
	}
	facts.Policies = change.FindPolicies(facts.Sources)
	facts.Today = time.Now().UTC().Truncate(24 * time.Hour)
	facts.IgnoreIdentity = how.contents
	if facts.HeadRef == "" {
		facts.HeadRef = how.headRef
	}
	return judged{
		Change: report.Change{
			Result: gate.Judge(rules, facts), BaseName: facts.BaseRef, HeadName: facts.HeadRef,
			Version: s.Version, Source: source(facts),
		},
		facts: facts, policy: rules,
	}
}

// unjudged is the answer about a change that there is no policy to judge by.
func (s *step) unjudged(read *github.Change, how judging, why error) judged {
	j := s.undecided(how.head, why)
	if facts, err := read.Facts(nil); err == nil {
		j.facts, j.Result.Base, j.Result.Head = facts, facts.Base, facts.Head
		j.BaseName, j.HeadName = facts.BaseRef, facts.HeadRef
	}
	return j
}

// policy reads the policy file of the change's base. A file that cannot be read
// leaves nothing to judge by.
func (s *step) policy(read *github.Change) (policy.Policy, error) {
	name := s.inputs.Text("policy")
	data, ok, err := read.BaseFile(s.Context, name)
	return s.parsePolicy(name, data, ok, err)
}

func (s *step) parsePolicy(name string, data []byte, ok bool, err error) (policy.Policy, error) {
	switch {
	case err != nil:
		return policy.Policy{}, err
	case !ok && name != policy.File:
		return policy.Policy{}, console.Fail(console.StatusUndecided, fmt.Errorf("read policy: the base has no file %q", name), "mend the input policy, or leave it out")
	case !ok:
		return policy.Default(), nil
	}
	return policy.Parse("base:"+name, data)
}

// errMoved says that a verdict holds no more.
var errMoved = errors.New("the head moved while this was judged: the run for the new head decides")
