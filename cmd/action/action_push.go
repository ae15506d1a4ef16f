package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/publish"
)

// maxRequests is how many requests a push to a base may cost before pull requests
// are left out: a workflow's own token has a thousand an hour.
const maxRequests = 300

// errLeftOut says why a pull request was not judged.
var errLeftOut = fmt.Errorf("the base moved on, and %d requests went to newer pull requests: start its own run again", maxRequests)

// pushedBase is the base that the event is a push to, where it is guarded or nobody can
// tell; else empty.
func (s *step) pushedBase() (string, error) {
	base := s.event.HeadRef
	if s.event.Name != "push" || s.event.Deleted || base == "" || base == s.inputs.Text("head-branch") {
		return "", nil
	}
	guarded, err := s.guards(base)
	switch {
	case err != nil && !unreadable(err):
		return "", err
	case err == nil && !guarded:
		return "", nil
	}
	return base, nil
}

// unreadable tells whether a policy is one that nobody can read, now or later. That
// stops no run: what was green by the one before is undecided for it.
func unreadable(err error) bool {
	return slices.Contains([]github.Kind{"", github.Refused, github.Inconsistent}, github.KindOf(err))
}

// each judges every open pull request of Flux's to a base anew, newest first, and then
// those of others that have a green check of ours, and does what there is to do with the
// verdict: the base has moved, and what was done before was for where it was. Where the
// budget ends, Flux's are undecided. The run itself does not fail for what was
// found: that is on the pull requests, and no fault of the commit that was pushed.
func (s *step) each(base string, do func(subject, judged) (publish.Outcome, error)) error {
	open, err := s.writer.OpenPulls(s.Context)
	if err != nil {
		return s.cannot(err)
	}
	open = slices.DeleteFunc(open, func(p plan.Pull) bool { return p.BaseRef != base })
	var rules []policy.Policy
	if len(open) > 0 {
		if rules, err = s.policiesAround(); err != nil {
			return s.cannot(err)
		}
	}
	others := func(p plan.Pull) bool {
		return !p.SameRepository || !slices.ContainsFunc(rules, func(one policy.Policy) bool { return one.MatchHead(p.HeadRef) })
	}
	flux := slices.DeleteFunc(slices.Clone(open), others)
	var all []judged
	for _, pull := range append(flux, slices.DeleteFunc(open, func(p plan.Pull) bool { return !others(p) })...) {
		if others(pull) && !s.green(pull) {
			continue
		}
		j, err := s.anew(pull, do)
		switch {
		case s.Context.Err() != nil:
			return err
		case err != nil:
			j = doubt(j, err)
		}
		all = append(all, j)
	}
	if len(all) == 0 {
		return s.finish(s.nothing(subject{nothing: fmt.Sprintf("no pull request to %q that is Flux's or has a green check is open", base)}))
	}
	gravest := 0
	for i := range all {
		if graveness(all[i]) > graveness(all[gravest]) {
			gravest = i
		}
	}
	for i, j := range all {
		if i != gravest {
			err = errors.Join(err, s.show(j, j.Report()))
		}
	}
	return errors.Join(err, s.done(all[gravest]))
}

// green tells whether somebody else's pull request has a success of ours on its head: it
// may be not applicable no more. What cannot be read may be one.
func (s *step) green(pull plan.Pull) bool {
	if s.sent.Load() >= maxRequests {
		fmt.Fprintf(s.Stdout, "note: #%d is not Flux's, and is not judged anew after %d requests\n", pull.Number, maxRequests)
		return false
	}
	now, err := s.writer.Published(s.Context, plan.Publication{Name: s.checkName(pull.BaseRef), SHA: pull.Head, Via: s.via()},
		map[plan.Right]string{}, false)
	return err != nil || slices.ContainsFunc(now.Runs, func(r plan.Run) bool { return r.Conclusion == "success" }) ||
		len(now.Statuses) > 0 && now.Statuses[0].State == "success"
}

// graveness orders verdicts.
func graveness(j judged) int {
	return slices.Index([]finding.Verdict{finding.NotApplicable, finding.Pass, finding.Fail, finding.Undecided}, j.Result.Verdict())
}

// anew judges one pull request, while there is budget, and does what there is to do.
func (s *step) anew(pull plan.Pull, do func(subject, judged) (publish.Outcome, error)) (judged, error) {
	fmt.Fprintf(s.Stdout, "#%d:\n", pull.Number)
	sub := subject{number: pull.Number, head: pull.Head, into: pull.BaseRef}
	if s.sent.Load() < maxRequests {
		return s.settle(sub, do)
	}
	j := s.undecided(pull.Head, errLeftOut)
	j.facts = change.Facts{BaseRef: pull.BaseRef, Pull: &change.Pull{HeadRepoID: s.event.RepositoryID, BaseRepoID: s.event.RepositoryID}}
	out, err := do(sub, j)
	s.tell(out)
	return j, err
}

// policiesAround are the policies before and after a push, as far as they can be
// read: what was Flux's before may still be green.
func (s *step) policiesAround() ([]policy.Policy, error) {
	all := []policy.Policy{{Head: []string{s.inputs.Text("head-branch")}}}
	for _, commit := range []string{s.event.Base, s.event.Head} {
		if commit == "" {
			continue // the push made the branch
		}
		rules, err := s.policy(change.Revision{Commit: commit})
		if err != nil && !unreadable(err) && (github.KindOf(err) != github.NotFound || commit != s.event.Base) {
			return nil, err
		}
		all = append(all, rules)
	}
	return all, nil
}
