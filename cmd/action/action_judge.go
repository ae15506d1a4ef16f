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
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github/publish"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// judged is a change with its verdict.
type judged struct {
	report.Change
	facts change.Facts
	// unguarded says that no check of ours speaks for the base.
	unguarded bool
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
		p.Advice = cmp.Or(p.Advice, text.HintOf(err))
		all = append(all, text.Sentence(p))
	}
	return all
}

// judgeSubject judges what the event is about. What cannot be read is undecided.
func (s *step) judgeSubject(sub subject) judged {
	if sub.number == 0 {
		return s.judgeRange(sub.base, sub.head, sub.branch, false)
	}
	facts, err := s.reader.Pull(s.Context, sub.number)
	if err != nil {
		return s.undecided(sub.head, err)
	}
	if facts.BaseRef != sub.into {
		return s.undecided(sub.head, fmt.Errorf("#%d goes to %s, and the event is about %s: the run for the new base decides",
			sub.number, text.Quote(facts.BaseRef), text.Quote(sub.into)))
	}
	j := s.judge(facts, false)
	if sub.queued {
		j = s.judgeQueued(sub, j)
		j.Result.Head.Commit = sub.head
	}
	return s.guard(sub.into, j)
}

// guard takes back a pass for a base that is not guarded: not the default branch,
// and not named by the policy there. Whoever may push can make such a base, with a
// policy of their own, or a branch of a stack of pull requests.
func (s *step) guard(base string, j judged) judged {
	guarded, err := s.guards(base)
	if err != nil {
		return doubt(j, err)
	}
	if j.unguarded = !guarded; j.unguarded && j.Result.Verdict() == finding.Pass {
		return doubt(j, fmt.Errorf("the branch %s takes no updates: name it under branches.base of %s on %s, or propose the update to a branch "+
			"that takes them", text.Quote(base), s.inputs.Text("policy"), text.Quote(s.event.DefaultBranch)))
	}
	return j
}

// guards tells whether a check of ours speaks for a base.
func (s *step) guards(base string) (bool, error) {
	switch s.event.DefaultBranch {
	case "":
		return false, errNoDefault
	case base:
		return true, nil
	}
	rules, err := s.basePolicy(s.event.DefaultBranch)
	return err == nil && rules.Guards(base, s.event.DefaultBranch), err
}

// judgeQueued judges a merge queue's commit. GitHub made it, so that it tells
// nothing of who made the change: that is judged of the pull request itself. Of
// the commit, only the contents are judged, once the pull request passes.
func (s *step) judgeQueued(sub subject, pull judged) judged {
	if pull.Result.Verdict() != finding.Pass {
		return pull
	}
	queued := s.judgeRange(sub.base, sub.head, "", true)
	queued.Result.Evidence = pull.Result.Evidence
	queued.BaseName, queued.HeadName = pull.BaseName, s.event.HeadRef
	return queued
}

// judgeRange judges what merging head into base would change; the branch is
// head's, where head does not name it.
func (s *step) judgeRange(base, head, branch string, contents bool) judged {
	facts, err := s.reader.Range(s.Context, base, head)
	if err != nil {
		return s.undecided(head, err)
	}
	facts.HeadRef = cmp.Or(facts.HeadRef, branch)
	return s.judge(facts, contents)
}

// judge holds the facts of a change, or its contents alone, against the policy
// of its base.
func (s *step) judge(facts change.Facts, contents bool) judged {
	j := judged{facts: facts, Change: report.Change{
		BaseName: facts.BaseRef, HeadName: facts.HeadRef, Version: s.Version, Source: source(facts),
	}}
	rules, err := s.policy(facts.Base)
	if err != nil {
		j.Result = s.undecided(facts.Head.Commit, err).Result
		j.Result.Base, j.Result.Head = facts.Base, facts.Head
		return j
	}
	if err := s.reader.Past(s.Context, &facts, rules.Lookback(time.Now())); err != nil {
		facts.Gaps = slices.Concat(facts.Gaps, gaps(err))
	}
	j.Result = gate.Judge(rules, facts, gate.Options{Now: time.Now(), IgnoreIdentity: contents})
	return j
}

// policy reads the policy file of a base. A file that cannot be read leaves
// nothing to judge by.
func (s *step) policy(base change.Revision) (policy.Policy, error) {
	name := s.inputs.Text("policy")
	data, ok, err := s.reader.BaseFile(s.Context, base, name)
	switch {
	case err != nil:
		return policy.Policy{}, err
	case !ok && name != policy.File:
		return policy.Policy{}, console.Fail(console.StatusUndecided, fmt.Errorf("read policy: the base has no file %q", name),
			"correct the input policy, or leave it out")
	case !ok:
		return policy.Default(), nil
	}
	return policy.ParseAmong("base:"+name, data, func(prefix string) ([]string, error) { return s.reader.Branches(s.Context, prefix) })
}

// maxAnew is how often a change is judged anew because its base branch moved on.
const maxAnew = 2

// settle judges what the event is about, and does what there is to do with the
// verdict; both anew where the base branch moved on meanwhile. A verdict that was
// overtaken is undecided.
func (s *step) settle(sub subject, do func(subject, judged) (publish.Outcome, error)) (judged, error) {
	for again := 0; ; again++ {
		j := s.judgeSubject(sub)
		if err := s.Context.Err(); err != nil {
			return j, console.Fail(console.StatusUndecided, err, "")
		}
		out, err := do(sub, j)
		if out.Outdated && again == maxAnew {
			j = doubt(j, errRestless)
			out, err = do(sub, j)
		}
		s.tell(out)
		switch {
		case out.Moved:
			return doubt(j, errMoved), nil
		case !out.Outdated:
			return j, err
		}
	}
}

var (
	// errMoved says that a verdict holds no more.
	errMoved = errors.New("the head moved while this was judged, or the pull request got another base: the run for what is there now decides")
	// errRestless says that a verdict was overtaken too often.
	errRestless = errors.New("the base branch moved on each time that this was judged: run it again")
)
