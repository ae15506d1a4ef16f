package facts

import (
	"context"
	"fmt"
	"slices"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

const (
	// maxCommits bounds the commits of a change that are read.
	maxCommits = 1000
	// maxForks bounds the places, beside the merge base, where the change's
	// history leaves that of the base.
	maxForks = 10
	// maxRereads bounds the commits whose signature GitHub was not able to
	// check at first.
	maxRereads = 20
	// rereads is how often something is asked again that may not be there yet.
	rereads = 2
)

// history is how two commits stand to each other.
type history struct {
	base, mergeBase, head change.Revision
	commits               []*gh.RepositoryCommit // reachable from head and not from base, parents first
	// gaps are about the commits, and about whether there are other merge bases.
	gaps []string
	// crosswise says that there are, and so other trees to compare with.
	crosswise bool
}

// history compares two commits, given by id. GitHub's answer is held against
// itself: the commits must hang together from the head down to the merge base,
// and be as many as it says.
func (r *Reader) history(ctx context.Context, base, head string) (history, error) {
	var h history
	op := fmt.Sprintf("compare %s with %s", head, base)
	first, listed, err := r.compareAll(ctx, op, base, head)
	if err != nil {
		return h, err
	}
	for _, commit := range append(listed[:len(listed):len(listed)], first.BaseCommit, first.MergeBaseCommit) {
		if err := sound(op, commit); err != nil {
			return h, err
		}
	}
	h.base, h.mergeBase = revisionOf(first.BaseCommit), revisionOf(first.MergeBaseCommit)
	if h.base.Commit != base {
		return h, github.Odd(op, "the answer is about another base, %s", h.base.Commit)
	}
	if total := first.GetTotalCommits(); total != len(listed) { // what is missing leaves ends that mean nothing
		h.commits, h.gaps = listed, []string{fmt.Sprintf("the change has %d commits, of which %d were read", total, len(listed))}
		h.head, err = r.revision(ctx, head)
		return h, err
	}
	if len(listed) == 0 {
		if h.head = h.mergeBase; h.head.Commit != head {
			return h, github.Odd(op, "there is no commit between them, but the merge base is not the head")
		}
		return h, nil
	}
	byID := map[string]*gh.RepositoryCommit{}
	for _, commit := range listed {
		byID[commit.GetSHA()] = commit
	}
	if byID[head] == nil {
		return h, github.Odd(op, "the head is not among the commits")
	}
	h.head = revisionOf(byID[head])
	var outside []string
	h.commits, outside = order(byID, head)
	if len(h.commits) != len(listed) {
		return h, github.Odd(op, "of %d commits only %d are reachable from the head", len(listed), len(h.commits))
	}
	return h, r.forks(ctx, &h, outside)
}

// revision reads a commit that is named by its full id.
func (r *Reader) revision(ctx context.Context, sha string) (change.Revision, error) {
	op := "read commit " + sha
	commit, _, err := r.API.Git.GetCommit(ctx, r.Owner, r.Name, sha)
	if err != nil {
		return change.Revision{}, github.Classify(ctx, op, err)
	}
	found := change.Revision{Commit: commit.GetSHA(), Tree: commit.GetTree().GetSHA()}
	if found.Commit != sha || !github.IsID(found.Tree) {
		return change.Revision{}, github.Odd(op, "the answer has no tree, or is another commit")
	}
	return found, nil
}

// compareAll gives the first page of a comparison, and the commits of all.
func (r *Reader) compareAll(ctx context.Context, op, base, head string) (*gh.CommitsComparison, []*gh.RepositoryCommit, error) {
	get := func(ctx context.Context, page int) (*gh.CommitsComparison, error) {
		answer, _, err := r.API.Repositories.CompareCommits(ctx, r.Owner, r.Name, base, head,
			&gh.ListOptions{Page: page, PerPage: github.PageSize})
		if err != nil {
			return nil, github.Classify(ctx, op, err)
		}
		return answer, nil
	}
	first, err := get(ctx, 1)
	if err != nil {
		return nil, nil, err
	}
	pages := make([][]*gh.RepositoryCommit, (min(max(first.GetTotalCommits(), 0), maxCommits)+github.PageSize-1)/github.PageSize)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for i := 1; i < len(pages); i++ {
		group.Go(func() error {
			answer, err := get(groupCtx, i+1)
			if err == nil {
				pages[i] = answer.Commits
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	all := slices.Concat(append([][]*gh.RepositoryCommit{first.Commits}, pages[min(1, len(pages)):]...)...)
	return first, all, nil
}

// sound tells whether a commit has all that makes it one.
func sound(op string, commit *gh.RepositoryCommit) error {
	if !github.IsID(commit.GetSHA()) || !github.IsID(commit.GetCommit().GetTree().GetSHA()) {
		return github.Odd(op, "a commit without an id or a tree")
	}
	for _, p := range commit.Parents {
		if !github.IsID(p.GetSHA()) {
			return github.Odd(op, "commit %s has a parent without an id", commit.GetSHA())
		}
	}
	return nil
}

func revisionOf(commit *gh.RepositoryCommit) change.Revision {
	return change.Revision{Commit: commit.GetSHA(), Tree: commit.GetCommit().GetTree().GetSHA()}
}

// order gives the commits that head reaches, parents before children, and the
// parents that are not among them.
func order(commits map[string]*gh.RepositoryCommit, head string) (out []*gh.RepositoryCommit, outside []string) {
	type frame struct {
		commit *gh.RepositoryCommit
		next   int
	}
	seen := map[string]bool{head: true}
	stack := []frame{{commit: commits[head]}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == len(top.commit.Parents) {
			out = append(out, top.commit)
			stack = stack[:len(stack)-1]
			continue
		}
		id := top.commit.Parents[top.next].GetSHA()
		top.next++
		if seen[id] {
			continue
		}
		seen[id] = true
		if parent := commits[id]; parent != nil {
			stack = append(stack, frame{commit: parent})
		} else {
			outside = append(outside, id)
		}
	}
	return out, outside
}

// forks looks at the commits of the base's history that the change starts
// from. The merge base is the best common ancestor only if all others lie
// below it.
func (r *Reader) forks(ctx context.Context, h *history, outside []string) error {
	const op = "find the common ancestor of base and head"
	others := slices.DeleteFunc(slices.Clone(outside), func(id string) bool { return id == h.mergeBase.Commit })
	if len(others) == len(outside) {
		return github.Odd(op, "the change does not start from the merge base %s", h.mergeBase.Commit)
	}
	if len(others) > maxForks {
		h.gaps = append(h.gaps, fmt.Sprintf("the change starts from %d places of the base's history, more than are looked at", len(outside)))
		return nil
	}
	for _, id := range others {
		answer, _, err := r.API.Repositories.CompareCommits(ctx, r.Owner, r.Name, id, h.mergeBase.Commit, &gh.ListOptions{PerPage: 1})
		if err != nil {
			return github.Classify(ctx, op, err)
		}
		if status := answer.GetStatus(); status != "ahead" || answer.GetBehindBy() != 0 {
			h.crosswise = true
			return nil
		}
	}
	return nil
}

// transient tells whether GitHub was not able to check a signature just now.
func transient(v *gh.SignatureVerification) bool {
	return v.GetReason() == "gpgverify_error" || v.GetReason() == "gpgverify_unavailable"
}

// reread asks again for the signatures that GitHub was not able to check.
func (r *Reader) reread(ctx context.Context, commits []*gh.RepositoryCommit) error {
	asked := 0
	for round := range rereads {
		for _, commit := range commits {
			v := commit.GetCommit().GetVerification()
			if !transient(v) || asked >= maxRereads {
				continue
			}
			asked++
			if err := github.Sleep(ctx, r.FirstWait<<round); err != nil {
				return github.Classify(ctx, "check signatures", err)
			}
			again, _, err := r.API.Git.GetCommit(ctx, r.Owner, r.Name, commit.GetSHA())
			if err != nil {
				return github.Classify(ctx, "read commit "+commit.GetSHA(), err)
			}
			if again.GetSHA() == commit.GetSHA() && again.Verification != nil {
				commit.Commit.Verification = again.Verification
			}
		}
	}
	return nil
}
