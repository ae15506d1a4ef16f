package main

import (
	"context"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/publish"
)

// memRun is GitHub as one run sees it: what it reads is written down as the evidence
// of what it does. Anything may happen before each of its requests.
type memRun struct {
	*memHub
	reader // what the model never asks for
	evidence
	event   runner.Event
	merging bool
	reads   int
	off     switches
	happens func()
	acted   func(r *memRun, a plan.Action)
	last    string // where the base was when its tip was read last
}

func (*memRun) Limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

// Pull is that of a reader. Who pushes and opens is the bot, but for forks.
func (r *memRun) Pull(_ context.Context, number int) (change.Facts, error) {
	r.happens()
	r.reads++
	p := r.pull(number)
	tip := r.branches[p.base]
	r.evidence = evidence{number: number, head: p.head, ref: p.base, tip: tip}
	f, err := r.pullFacts(p, p.base, tip, p.head)
	return r.off.pull(r, f), err
}

// pullFacts are the facts of a pull request that has this base and head.
func (h *memHub) pullFacts(p *memPull, base, tip, head string) (change.Facts, error) {
	if tip == "" {
		return change.Facts{}, github.Errorf(github.NotFound, "read pull request", "its base branch is gone")
	}
	f, err := h.facts(tip, head)
	f.BaseRef, f.HeadRef = base, p.branch
	f.Pull = &change.Pull{Number: p.number, Opener: botAccount, HeadRepoID: 1, BaseRepoID: 1, Pusher: botAccount}
	if p.fork {
		f.Pull.Opener, f.Pull.HeadRepoID, f.Pull.Pusher = change.Account{Login: "mallory", ID: 66}, 2, change.Account{}
	}
	return f, err
}

var botAccount = change.Account{Login: "fluxcdbot", ID: 7}

// Past is that of a reader. Nobody takes anything back here.
func (*memRun) Past(context.Context, *change.Facts, change.Within) error { return nil }

// Range is that of a reader.
func (r *memRun) Range(_ context.Context, base, head string) (change.Facts, error) {
	r.happens()
	ids := []string{base, head}
	for i, name := range ids {
		if r.branches[name] != "" {
			ids[i] = r.branches[name]
		}
	}
	f, err := r.facts(ids[0], ids[1])
	f.BaseRef = base
	return f, err
}

// Branch is that of a reader.
func (r *memRun) Branch(_ context.Context, name string) (string, error) {
	r.happens()
	return r.branches[name], nil
}

// BaseFile is that of a reader.
func (r *memRun) BaseFile(_ context.Context, base change.Revision, path string) ([]byte, bool, error) {
	if base.Tree != "" { // of the base; that of the default branch, which says what is guarded, is read by its commit
		r.policy = base.Commit
	}
	text, ok := r.filesOf(base.Commit)[path]
	if r.off.wild {
		text = strings.Replace(text, "dev]", "dev, "+wildBase+"]", 1)
	}
	return []byte(text), ok, nil
}

func (r *memRun) Ends(ctx context.Context, number int) (github.Ends, error) {
	r.happens()
	e, err := r.memHub.Ends(ctx, number)
	r.last = e.BaseTip
	return r.off.ends(r, e), err
}

func (r *memRun) Published(ctx context.Context, p plan.Publication, denied map[plan.Right]string, ends bool) (plan.Published, error) {
	r.happens()
	now, err := r.memHub.Published(ctx, p, denied, ends)
	e := r.off.ends(r, github.Ends{Head: now.Head, BaseRef: now.BaseRef, BaseTip: now.BaseTip})
	now.BaseRef, now.BaseTip = e.BaseRef, e.BaseTip
	now.Others = r.off.others(now.Others)
	return now, err
}

func (r *memRun) PullState(ctx context.Context, number int) (plan.PullState, error) {
	r.happens()
	return r.memHub.PullState(ctx, number)
}

// Act does an action. Between the look at the ends that an action is bound to and
// the action nothing happens here: that moment cannot be closed on GitHub, whose
// calls do not take a base (docs/security.md).
func (r *memRun) Act(_ context.Context, a plan.Action, _ *publish.Outcome) error {
	if _, _, bound := plan.BoundOf(a); !bound {
		r.happens()
	}
	r.acted(r, a)
	return r.do(a, r.evidence)
}

// OpenPulls is that of publish.Hub.
func (r *memRun) OpenPulls(context.Context) ([]plan.Pull, error) {
	r.happens()
	var all []plan.Pull
	for _, p := range slices.Backward(r.openPulls(func(p *memPull) bool { return !r.off.fluxAlone || ofFlux(p) })) {
		all = append(all, plan.Pull{Number: p.number, Head: p.head, HeadRef: p.branch, BaseRef: p.base, SameRepository: !p.fork, Open: true})
	}
	return all, nil
}

// memWriter is the writer of a step: the real carrying out, on GitHub as the run sees it.
type memWriter struct {
	writer // what the model never asks for
	*memRun
}

func (w memWriter) OpenPulls(ctx context.Context) ([]plan.Pull, error) {
	return w.memRun.OpenPulls(ctx)
}

func (w memWriter) Published(ctx context.Context, p plan.Publication, denied map[plan.Right]string, ends bool) (plan.Published, error) {
	return w.memRun.Published(ctx, p, denied, ends)
}

func (w memWriter) Publish(ctx context.Context, p plan.Publication) (publish.Outcome, error) {
	out, err := publish.Publish(ctx, w.memRun, w.off.publication(p))
	if c := w.newest(p.SHA, p.Name); err == nil && !out.Moved && !out.Outdated && len(out.Actions) == 0 && c != nil && c.number == w.number {
		c.evidence = w.evidence // it was judged again, and there was nothing to write
	}
	return out, err
}

func (w memWriter) Merge(ctx context.Context, m plan.Merging) (publish.Outcome, error) {
	return publish.Merge(ctx, w.memRun, m)
}
