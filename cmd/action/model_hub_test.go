package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// memHub is a GitHub in memory with one repository, whose default branch is main.
// Its rules are those of GitHub's documentation, named by the page of
// docs.github.com, or by operation and schema of its OpenAPI description; where the
// two are silent or contradict each other it takes the reading that is worst for us.
type memHub struct {
	*memGit
	branches map[string]string          // of the repository, by name
	tips     map[string]map[string]bool // where they have been
	pulls    []*memPull                 // by number, from 1
	checks   []*memCheck                // in the order in which they were completed last
	statuses []*memCheck                // in the order in which they were made
	// noChecks says that the token may write statuses only.
	noChecks bool
	// send is told of every event that may start a workflow, and of its type.
	send func(kind string, event runner.Event)
	// landed is told of every merge.
	landed func(p *memPull, auto bool)
	reopen map[int]string // the heads at which pull requests were closed
	ids    int64
}

type memPull struct {
	number       int
	branch, base string
	head         string
	fork         bool // the branch lies in a fork
	open, merged bool
	armed        *evidence
	approvals    []memApproval
}

type memApproval struct {
	plan.Approval
	evidence
}

// memCheck is a check run, or a commit status under the name of its context.
type memCheck struct {
	sha, name string
	run       plan.Run
	status    plan.Status
	green     bool
	evidence
}

// evidence is by what a run of ours came to what it did.
type evidence struct {
	number         int
	head, ref, tip string
	policy         string // the commit whose policy file was read
}

const memDefault = "main"

func newMemHub() *memHub {
	return &memHub{memGit: newMemGit(), branches: map[string]string{}, tips: map[string]map[string]bool{}, reopen: map[int]string{}}
}

func (h *memHub) pull(number int) *memPull { return h.pulls[number-1] }

func (h *memHub) openPulls(pass func(*memPull) bool) []*memPull {
	return slices.DeleteFunc(slices.Clone(h.pulls), func(p *memPull) bool { return !p.open || !pass(p) })
}

// tell starts workflows for a pull request. The event names the base branch as it
// is now, for good: a re-run gets the same event ("Re-running workflows and jobs":
// the same GITHUB_SHA and GITHUB_REF).
func (h *memHub) tell(p *memPull, kind string) {
	h.send(kind, runner.Event{
		Name: "pull_request_target", Number: p.number, Head: p.head, Base: h.branches[p.base],
		HeadRef: p.branch, BaseRef: p.base, DefaultBranch: memDefault,
	})
}

// Open opens a pull request; false where GitHub does not. ("Create a pull request":
// 422 where one of the two branches exists already, or there are no commits between.)
func (h *memHub) Open(branch, base, head string, fork bool) bool {
	same := h.openPulls(func(p *memPull) bool { return p.branch == branch && p.base == base && p.fork == fork })
	if tip := h.branches[base]; tip == "" || h.past[tip][head] || len(same) > 0 || branch == base {
		return false
	}
	p := &memPull{number: len(h.pulls) + 1, branch: branch, base: base, head: head, fork: fork, open: true}
	h.pulls = append(h.pulls, p)
	h.tell(p, "opened")
	return true
}

// Push moves a branch, or makes it. Checks stay on the commit that they were made
// for; a new head has none ("About status checks"). The pull requests of the branch
// synchronize. ("Events that trigger workflows": pull_request_target, push.)
func (h *memHub) Push(branch, sha string) {
	before := h.branches[branch]
	h.branches[branch] = sha
	if h.tips[branch] == nil {
		h.tips[branch] = map[string]bool{}
	}
	h.tips[branch][sha] = true
	for _, p := range h.openPulls(func(p *memPull) bool { return p.branch == branch && !p.fork }) {
		h.synchronize(p, sha)
	}
	h.send("push", runner.Event{
		Name: "push", Ref: "refs/heads/" + branch, HeadRef: branch, Base: before, Head: sha, DefaultBranch: memDefault,
	})
	// What became reachable from the base is merged, whatever its rules say ("About
	// pull request merges", indirect merges).
	for _, p := range h.openPulls(func(p *memPull) bool { return p.base == branch && h.past[sha][p.head] }) {
		p.open, p.merged = false, true
	}
}

func (h *memHub) synchronize(p *memPull, sha string) {
	if p.head == sha {
		return
	}
	p.head = sha
	if p.fork { // somebody without write access pushed ("Automatically merging a pull request")
		p.armed = nil
	}
	h.tell(p, "synchronize")
}

// Retarget gives a pull request another base: its author may, without write access,
// too ("Changing the base branch of a pull request"). That is edited, which is none
// of the default types of pull_request_target, and never synchronize. Checks and
// approvals stay; a writer's change leaves auto-merge armed. A closed one keeps its
// base.
func (h *memHub) Retarget(p *memPull, base string) {
	taken := h.openPulls(func(o *memPull) bool { return o.branch == p.branch && o.base == base && o.fork == p.fork })
	if !p.open || h.branches[base] == "" || p.branch == base || p.base == base || len(taken) > 0 || h.past[h.branches[base]][p.head] {
		return
	}
	p.base = base
	if p.fork {
		p.armed = nil
	}
	h.Edit(p)
}

// Edit is another title, too: edited is told of both.
func (h *memHub) Edit(p *memPull) { h.tell(p, "edited") }

// Close closes; closed is none of the types that start our workflow. Auto-merge does
// not outlive it.
func (h *memHub) Close(p *memPull) { p.open, p.armed, h.reopen[p.number] = false, nil, p.head }

// Reopen opens it again, unless a branch is gone or the head was force-pushed
// meanwhile ("Closing a pull request"; pulls/update: 422).
func (h *memHub) Reopen(p *memPull, head string) {
	taken := h.openPulls(func(o *memPull) bool { return o.branch == p.branch && o.base == p.base && o.fork == p.fork })
	tip := h.branches[p.base]
	if p.open || p.merged || head == "" || tip == "" || !h.past[head][h.reopen[p.number]] || len(taken) > 0 || h.past[tip][head] {
		return
	}
	p.open, p.head = true, head
	h.tell(p, "reopened")
}

// Delete deletes a branch: the pull requests to it are closed. (Only the button
// under a merged pull request, or its automatic deletion, retargets them: "Managing
// the automatic deletion of branches".)
func (h *memHub) Delete(branch string) {
	for _, p := range h.openPulls(func(p *memPull) bool { return p.base == branch || p.branch == branch && !p.fork }) {
		h.Close(p)
	}
	delete(h.branches, branch)
}

// newest is the check that a rule of a base goes by: of equal names the one that was
// completed last (checks/list-for-ref, filter=latest, goes by completed_at). Every
// base requires its own name. Success, skipped and neutral satisfy a rule
// ("Troubleshooting required status checks"); of these we make success alone.
func (h *memHub) newest(sha, name string) *memCheck {
	return h.newestOf(sha, name, func(*memCheck) bool { return true })
}

func (h *memHub) newestOf(sha, name string, pass func(*memCheck) bool) *memCheck {
	all := h.checks
	if h.noChecks {
		all = h.statuses
	}
	for _, c := range slices.Backward(all) {
		if c.sha == sha && c.name == name && pass(c) {
			return c
		}
	}
	return nil
}

// rules is the base by whose rules a pull request is merged: in a stack of them that of
// the lowest ("Stacked pull requests"), so that a check about another branch counts.
func (h *memHub) rules(p *memPull) string {
	base := p.base
	for range h.pulls {
		below := h.openPulls(func(o *memPull) bool { return o.branch == base && !o.fork })
		if len(below) == 0 {
			break
		}
		base = below[0].base
	}
	return base
}

func (h *memHub) ready(p *memPull) bool {
	c := h.newest(p.head, plan.CheckName(modelCheck, h.rules(p), memDefault))
	_, clean := h.merge(h.branches[p.base], p.head)
	return c != nil && c.green && clean
}

// AutoMerge merges what is armed and whose base's rules are met ("Automatically
// merging a pull request").
func (h *memHub) AutoMerge() {
	for _, p := range h.openPulls(func(p *memPull) bool { return p.armed != nil }) {
		if p.open && h.ready(p) {
			h.land(p, true)
		}
	}
}

func (h *memHub) land(p *memPull, auto bool) {
	h.landed(p, auto)
	files, _ := h.merge(h.branches[p.base], p.head)
	p.open, p.merged = false, true
	h.Push(p.base, h.commit(annAuthor, files, h.branches[p.base])) // squashed: no second parent
	// The branch is deleted, and what was stacked upon it goes to the base ("Managing the
	// automatic deletion of branches").
	if stacked := h.openPulls(func(o *memPull) bool { return o.base == p.branch && !p.fork }); len(stacked) > 0 {
		for _, o := range stacked {
			h.Retarget(o, p.base)
		}
		h.Delete(p.branch)
	}
}

// Ends is that of publish.Hub; a deleted base has no tip.
func (h *memHub) Ends(_ context.Context, number int) (github.Ends, error) {
	p := h.pull(number)
	return github.Ends{Head: p.head, BaseRef: p.base, BaseTip: h.branches[p.base], DefaultBranch: memDefault}, nil
}

// Published is that of publish.Hub. Checks belong to commits, and all pull requests
// of a commit share them ("About status checks"); repos/list-pull-requests-associated-
// with-commit tells of forks, too.
func (h *memHub) Published(ctx context.Context, p plan.Publication, denied map[plan.Right]string, ends bool) (plan.Published, error) {
	now := plan.Published{Denied: denied, Others: map[int]plan.Other{}}
	if h.noChecks {
		denied[plan.RightChecks] = "Resource not accessible by integration"
		for _, s := range slices.Backward(h.statuses) {
			if s.sha == p.SHA && s.name == p.Name {
				now.Statuses = append(now.Statuses, s.status)
			}
		}
	}
	for _, c := range h.checks {
		if c.sha == p.SHA && c.name == p.Name {
			now.Runs = append(now.Runs, c.run)
		}
	}
	slices.SortFunc(now.Runs, func(a, b plan.Run) int { return int(a.ID - b.ID) })
	if p.MindsOthers(now) {
		for _, o := range h.openPulls(func(o *memPull) bool { return o.head == p.SHA && o.number != p.Number }) {
			now.Others[o.number] = plan.Other{BaseRef: o.base, Fork: o.fork}
		}
	}
	if ends {
		e, err := h.Ends(ctx, p.Number)
		now.Head, now.BaseRef, now.BaseTip, now.DefaultBranch = e.Head, e.BaseRef, e.BaseTip, e.DefaultBranch
		return now, err
	}
	return now, nil
}

// PullState is that of publish.Hub.
func (h *memHub) PullState(_ context.Context, number int) (plan.PullState, error) {
	p := h.pull(number)
	s := plan.PullState{
		Number: number, Node: strconv.Itoa(number), Head: p.head, Branch: p.branch, Base: p.base, BaseTip: h.branches[p.base],
		BranchHead: p.head, SameRepository: !p.fork, Open: p.open, Merged: p.merged,
		Armed: p.armed != nil, ArmedByMe: p.armed != nil,
	}
	if p.open {
		_, clean := h.merge(s.BaseTip, p.head)
		s.Conflicts, s.Ready = !clean, h.ready(p)
	}
	for _, a := range p.approvals {
		s.Approvals = append(s.Approvals, a.Approval)
	}
	return s, nil
}

// do does an action of ours. GitHub's merge calls pin the head and never the base
// (pulls/merge: sha; EnablePullRequestAutoMergeInput: expectedHeadOid).
func (h *memHub) do(a plan.Action, by evidence) error {
	h.ids++
	switch a := a.(type) {
	case plan.PutCheck:
		c := &memCheck{sha: a.SHA, name: a.Name, run: plan.Run{ID: h.ids}}
		for i, old := range h.checks {
			if old.run.ID == a.ID { // an update completes it anew
				c, h.checks = old, slices.Delete(h.checks, i, i+1)
				break
			}
		}
		c.run = plan.Run{
			ID: c.run.ID, External: a.External, Conclusion: a.Conclusion, Title: a.Title, Summary: a.Summary, Link: a.Link,
			Annotations: append(c.run.Annotations, a.Annotations...),
		}
		c.evidence, c.green = by, a.Conclusion == "success"
		h.checks = append(h.checks, c)
	case plan.SetStatus:
		h.statuses = append(h.statuses, &memCheck{
			sha: a.SHA, name: a.Context, evidence: by, green: a.State == "success",
			status: plan.Status{State: a.State, Description: a.Description, Link: a.Link},
		})
	case plan.Approve:
		p := h.pull(a.Number)
		p.approvals = append(p.approvals, memApproval{plan.Approval{ID: h.ids, SHA: a.SHA}, by})
	case plan.DismissApproval:
		p := h.pull(a.Number)
		p.approvals = slices.DeleteFunc(p.approvals, func(one memApproval) bool { return one.ID == a.ID })
	case plan.ArmAutoMerge:
		p := h.pull(a.Number)
		if !p.open || p.head != a.SHA {
			return github.Errorf(github.Refused, a.String(), "Head sha didn't match")
		}
		p.armed = &by
	case plan.DisarmAutoMerge:
		h.pull(a.Number).armed = nil
	case plan.MergePull:
		p := h.pull(a.Number)
		if !p.open || p.head != a.SHA || !h.ready(p) { // 405: not mergeable, or a rule of the base is not met
			return github.Errorf(github.Forbidden, a.String(), "Required status check is failing")
		}
		h.land(p, false)
	default:
		return fmt.Errorf("the model cannot do %T", a)
	}
	return nil
}
