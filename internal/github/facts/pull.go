package facts

import (
	"context"
	"fmt"
	"slices"
	"strings"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Pull gathers the facts of a pull request as it is now, by its number
// alone. Its error is an *github.Error.
func (r *Reader) Pull(ctx context.Context, number int) (change.Facts, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	ends, err := r.pullEnds(ctx, number)
	if err != nil {
		return change.Facts{}, err
	}
	facts := change.Facts{BaseRef: ends.baseRef, HeadRef: ends.headRef, Repository: r.Owner + "/" + r.Name, Pull: &ends.pull}
	addApps(&facts, ends.opener)
	branch := ""
	if ends.pull.HeadRepoID != 0 && ends.pull.HeadRepoID == ends.pull.BaseRepoID {
		branch = ends.headRef
	} else {
		ends.pull.HeadOwner = account(ends.owner)
	}
	h, err := r.gather(ctx, &facts, ends.base, ends.head, branch)
	if err == nil && len(h.gaps) == 0 {
		err = r.count(ctx, &facts, ends)
	}
	if err != nil {
		return change.Facts{}, err
	}
	return facts, nil
}

// Range gathers the facts of merging head into base, each the full id of
// a commit, the name of a branch, or a ref that begins with refs/. It is
// Pull without the pull request.
func (r *Reader) Range(ctx context.Context, base, head string) (change.Facts, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	names := [2]string{base, head}
	var ids, branches [2]string
	group, groupCtx := errgroup.WithContext(ctx)
	for i, name := range names {
		group.Go(func() (err error) {
			ids[i], branches[i], err = r.resolve(groupCtx, name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return change.Facts{}, err
	}
	facts := change.Facts{BaseRef: branches[0], HeadRef: branches[1], Repository: r.Owner + "/" + r.Name}
	if _, err := r.gather(ctx, &facts, ids[0], ids[1], ""); err != nil {
		return change.Facts{}, err
	}
	return facts, nil
}

// Branch gives the id of the commit that a branch is at.
func (r *Reader) Branch(ctx context.Context, name string) (string, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	id, _, err := r.resolve(ctx, "refs/heads/"+name)
	return id, err
}

// Branches lists the branches whose names begin with a text.
func (r *Reader) Branches(ctx context.Context, prefix string) ([]string, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	var names []string
	refs, _, err := r.API.Git.ListMatchingRefs(ctx, r.Owner, r.Name, &gh.ReferenceListOptions{Ref: "heads/" + prefix})
	for _, ref := range refs {
		if name, ok := strings.CutPrefix(ref.GetRef(), "refs/heads/"); ok {
			names = append(names, name)
		}
	}
	return names, github.Wrap(ctx, "list branches", err)
}

// resolve gives the id of a commit, and the name of the branch that it was
// named by.
func (r *Reader) resolve(ctx context.Context, name string) (id, branch string, err error) {
	if github.IsID(name) {
		return name, "", nil
	}
	op := "read " + text.Quote(name)
	ref := name
	if !strings.HasPrefix(name, "refs/") {
		ref = "refs/heads/" + name
	}
	if name == "" || strings.ContainsAny(name, " ~^:?*[\\\x00\x7f") || strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
		return "", "", github.Misused(op, "give the full id of a commit, or the name of a branch", "not the name of a branch")
	}
	answer, _, err := r.API.Git.GetRef(ctx, r.Owner, r.Name, ref)
	if err != nil {
		return "", "", github.Classify(ctx, op, err)
	}
	if answer.GetRef() != ref || answer.GetObject().GetType() != "commit" || !github.IsID(answer.GetObject().GetSHA()) {
		return "", "", github.Odd(op, "it does not name a commit")
	}
	branch, _ = strings.CutPrefix(ref, "refs/heads/")
	if branch == ref {
		branch = ""
	}
	return answer.GetObject().GetSHA(), branch, nil
}

// pullEnds are what a pull request is, and from where to where it goes.
type pullEnds struct {
	pull                         change.Pull
	opener, owner                *gh.User // the owner is the head's
	base, head, baseRef, headRef string
	commits                      *int // as GitHub counts them
}

// pullEnds reads a pull request and, beside it, the tip of its base branch:
// what the pull request says of its base is as old as its last update.
func (r *Reader) pullEnds(ctx context.Context, number int) (pullEnds, error) {
	op := fmt.Sprintf("read pull request %d", number)
	if number <= 0 {
		return pullEnds{}, github.Misused(op, "give the number of a pull request", "not a number that a pull request can have")
	}
	var p *gh.PullRequest
	var tip struct {
		Repository *struct {
			PullRequest *struct {
				HeadRefOid, HeadRefName, BaseRefName string
				BaseRef                              *struct{ Target *struct{ Oid string } }
			}
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if p, _, err = r.API.PullRequests.Get(groupCtx, r.Owner, r.Name, number); err != nil {
			return github.Classify(groupCtx, op, err)
		}
		return nil
	})
	group.Go(func() error {
		const text = "query($owner:String!,$name:String!,$number:Int!){repository(owner:$owner,name:$name){" +
			"pullRequest(number:$number){headRefOid headRefName baseRefName baseRef{target{oid}}}}}"
		return r.Query(groupCtx, op+"'s base", text, map[string]any{"number": number}, &tip)
	})
	if err := group.Wait(); err != nil {
		return pullEnds{}, err
	}
	ends := pullEnds{
		pull: change.Pull{
			Number: p.GetNumber(), Title: p.GetTitle(), Body: p.GetBody(), Opener: account(p.User),
			HeadRepoID: max(p.GetHead().GetRepo().GetID(), 0), BaseRepoID: max(p.GetBase().GetRepo().GetID(), 0),
		},
		opener: p.User, owner: p.GetHead().GetUser(),
		head: p.GetHead().GetSHA(), headRef: p.GetHead().GetRef(), baseRef: p.GetBase().GetRef(), commits: p.Commits,
	}
	switch {
	case ends.pull.Number != number || !github.IsID(ends.head) || ends.headRef == "" || ends.baseRef == "":
		return ends, github.Odd(op, "the answer has no head or base, or is another pull request's")
	case ends.pull.Opener.ID == 0 || ends.pull.BaseRepoID == 0:
		return ends, github.Odd(op, "the answer does not tell who opened it, or the repository's id")
	case tip.Repository == nil || tip.Repository.PullRequest == nil:
		return ends, github.Odd(op, "GraphQL does not know it")
	case tip.Repository.PullRequest.HeadRefOid != ends.head || tip.Repository.PullRequest.HeadRefName != ends.headRef ||
		tip.Repository.PullRequest.BaseRefName != ends.baseRef:
		return ends, github.Odd(op, "two answers name different heads or bases; it may have moved in between")
	case tip.Repository.PullRequest.BaseRef == nil:
		return ends, github.Errorf(github.NotFound, op, "its base branch is gone").WithHint("close the pull request, or give it another base")
	case tip.Repository.PullRequest.BaseRef.Target == nil || !github.IsID(tip.Repository.PullRequest.BaseRef.Target.Oid):
		return ends, github.Odd(op, "its base branch names no commit")
	}
	ends.base = tip.Repository.PullRequest.BaseRef.Target.Oid
	return ends, nil
}

// count holds GitHub's own number of commits against those that were found.
// The number is worked out after a push, so that it is asked for once more.
func (r *Reader) count(ctx context.Context, facts *change.Facts, ends pullEnds) error {
	found := len(facts.Commits)
	told := ends.commits
	if told == nil || *told != found {
		op := fmt.Sprintf("read pull request %d", ends.pull.Number)
		if err := github.Sleep(ctx, r.FirstWait); err != nil {
			return github.Classify(ctx, op, err)
		}
		p, _, err := r.API.PullRequests.Get(ctx, r.Owner, r.Name, ends.pull.Number)
		if err != nil {
			return github.Classify(ctx, op, err)
		}
		if p.GetHead().GetSHA() != ends.head {
			return github.Odd(op, "its head moved while it was read")
		}
		told = p.Commits
	}
	if told == nil {
		facts.Gaps = append(facts.Gaps, "GitHub does not tell how many commits the pull request has")
	} else if *told != found {
		facts.Gaps = append(facts.Gaps, fmt.Sprintf("GitHub counts %d commits in the pull request, but between base and head %d were found",
			*told, found))
	}
	return nil
}

// gather reads what two commits and all between them tell. Requests that do not
// depend on each other run side by side.
func (r *Reader) gather(ctx context.Context, facts *change.Facts, base, head, branch string) (h history, err error) {
	var pushed []push
	var pushErr error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		h, err = r.ends(groupCtx, base, head)
		return err
	})
	group.Go(func() error {
		if branch != "" {
			pushed, pushErr = r.pushesOf(groupCtx, branch, head)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return h, err
	}
	facts.Base, facts.MergeBase, facts.Head = h.base, h.mergeBase, h.head
	var unread []string
	var mechanical map[string]bool
	group, groupCtx = errgroup.WithContext(ctx)
	group.Go(func() error { return r.reread(groupCtx, h.commits) })
	group.Go(func() (err error) {
		mechanical, err = r.mechanical(groupCtx, h.commits)
		return err
	})
	group.Go(func() (err error) {
		unread, err = r.readContents(groupCtx, facts, h.commits)
		return err
	})
	if err := group.Wait(); err != nil {
		return h, err
	}
	facts.Gaps = slices.Concat(h.gaps, unread)
	if facts.Pull != nil {
		whoPushed(facts, pushed, pushErr, h.commits, mechanical)
	}
	facts.Crosswise = h.crosswise
	for _, p := range pushed {
		addApps(facts, p.Actor)
	}
	for _, commit := range h.commits {
		addApps(facts, commit.Author, commit.Committer)
		described, gaps := describe(commit)
		described.Mechanical = mechanical[described.SHA]
		facts.Commits = append(facts.Commits, described)
		facts.Gaps = append(facts.Gaps, gaps...)
	}
	return h, nil
}

// ends compares two commits, and reads what trees they have: these are asked for
// by commit, while the comparison still tells which ones they are.
func (r *Reader) ends(ctx context.Context, base, head string) (h history, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if h, err = r.history(ctx, base, head); err != nil {
			return err
		}
		id := h.mergeBase.Commit
		if id != base && id != head {
			_, err = r.listing(ctx, h.mergeBase.Tree, true)
		}
		return err
	})
	ids := []string{base, head}
	if base == head {
		ids = ids[:1]
	}
	for _, id := range ids {
		group.Go(func() error {
			_, err := r.listing(ctx, id, true)
			return err
		})
	}
	err = group.Wait()
	return h, err
}
