package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Propose opens the pull request of a branch, or brings its title and body up to
// date where they are ours. The outcome says Moved where the branch is no longer
// at the commit whose updates the proposal lists.
func (w *Writer) Propose(ctx context.Context, p plan.Proposal) (Outcome, error) {
	out, err := carryOut(ctx, w, p.DryRun, func(ctx context.Context, _ *carrying) (plan.Plan, error) {
		pulls, err := w.pulls(ctx, &gh.PullRequestListOptions{
			State: "all", Head: w.Owner + ":" + p.Branch, Base: p.Base, Sort: "created", Direction: "desc",
		})
		if err != nil {
			return plan.Plan{}, err
		}
		head, err := w.branchHead(ctx, p.Branch)
		if err != nil {
			return plan.Plan{}, err
		}
		return plan.Propose(p, plan.Proposed{Head: head, Pulls: pulls})
	})
	if github.KindOf(err) == github.Refused && strings.Contains(err.Error(), "No commits between") {
		out.Notes = append(out.Notes, "the branch holds nothing that the base does not: nothing to propose")
		return out, nil
	}
	return out, err
}

// OpenPulls reads all open pull requests of the repository, newest first.
func (w *Writer) OpenPulls(ctx context.Context) ([]plan.Pull, error) {
	ctx, cancel := w.Limited(ctx)
	defer cancel()
	return w.pulls(ctx, &gh.PullRequestListOptions{State: "open", Sort: "created", Direction: "desc"})
}

// Sweep closes a stale pull request with a comment that says why, and deletes
// its branch where that is asked and it still is at the judged commit.
func (w *Writer) Sweep(ctx context.Context, s plan.Closing) (Outcome, error) {
	return carryOut(ctx, w, s.DryRun, func(ctx context.Context, _ *carrying) (plan.Plan, error) {
		now, err := w.PullState(ctx, s.Number)
		if err != nil {
			return plan.Plan{}, err
		}
		// Of very many, ours may be among those that are not read: then it is said twice.
		if now.Comments, err = w.comments(ctx, s.Number); err != nil && github.KindOf(err) != github.Truncated {
			return plan.Plan{}, err
		}
		return plan.Close(s, now), nil
	})
}

// Merge approves and merges what passed, or arms auto-merge, only at the judged
// commit and into the branch that it was judged against; else it takes our
// approval and auto-merge back. What GitHub's rules do not allow is a note; a head
// or base that moved on the way is Moved or Outdated.
func (w *Writer) Merge(ctx context.Context, m plan.Merging) (Outcome, error) { return Merge(ctx, w, m) }

// Merge is Writer.Merge on any hub.
func Merge(ctx context.Context, hub Hub, m plan.Merging) (Outcome, error) {
	var unread error
	out, err := carryOut(ctx, hub, m.DryRun, func(ctx context.Context, work *carrying) (plan.Plan, error) {
		var open []plan.Pull
		if m.DeleteBranch && m.Verdict == finding.Pass {
			var err error
			if open, err = hub.OpenPulls(ctx); err != nil {
				return plan.Plan{}, err
			}
		}
		now, err := hub.PullState(ctx, m.Number)
		if err != nil {
			return plan.Plan{}, err
		}
		now.Denied, now.Others, unread = work.denied, open, now.Unread
		return plan.Merge(m, now), nil
	})
	if m.Verdict == finding.Pass && !out.Moved {
		unread = nil // there is nothing to take back
	}
	return out, errors.Join(err, unread)
}

// pulls lists pull requests.
func (w *Writer) pulls(ctx context.Context, o *gh.PullRequestListOptions) ([]plan.Pull, error) {
	const op = "list pull requests"
	var all []plan.Pull
	err := pages(ctx, op, func(page gh.ListOptions) (*gh.Response, error) {
		o.ListOptions = page
		list, resp, err := w.API.PullRequests.List(ctx, w.Owner, w.Name, o)
		for _, p := range list {
			head, base := p.GetHead(), p.GetBase()
			all = append(all, plan.Pull{
				Number: p.GetNumber(), Head: head.GetSHA(), HeadRef: head.GetRef(), BaseRef: base.GetRef(),
				SameRepository: head.GetRepo().GetID() != 0 && head.GetRepo().GetID() == base.GetRepo().GetID(),
				Open:           p.GetState() == "open", Merged: !p.GetMergedAt().IsZero(), Bot: p.GetUser().GetType() == "Bot",
				Title: p.GetTitle(), Body: p.GetBody(), Link: p.GetHTMLURL(),
			})
		}
		return resp, err
	})
	return all, err
}

// branchHead reads where a branch is; empty where there is none.
func (w *Writer) branchHead(ctx context.Context, branch string) (string, error) {
	op := "read branch " + text.Quote(branch)
	ref, _, err := w.API.Git.GetRef(ctx, w.Owner, w.Name, "heads/"+branch)
	if err != nil {
		e := github.Classify(ctx, op, err)
		if e.Kind == github.NotFound {
			return "", nil // the list of pull requests was readable, so the repository is
		}
		return "", e
	}
	sha := ref.GetObject().GetSHA()
	if !github.IsID(sha) || ref.GetRef() != "refs/heads/"+branch {
		return "", github.Odd(op, "the answer is another ref")
	}
	return sha, nil
}

// pullQuery asks for a pull request's state with all that is ours on it. What
// GitHub says we did ourselves (viewerDidAuthor) is ours: marks and names can be
// copied.
const pullQuery = `query($owner: String!, $name: String!, $number: Int!) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    id
    pullRequest(number: $number) {
      id
      number
      state
      isDraft
      isCrossRepository
      headRefOid
      headRefName
      baseRefName
      baseRef { target { oid } }
      mergeable
      mergeStateStatus
      viewerDidAuthor
      headRef { target { oid } }
      autoMergeRequest { enabledBy { login } }
      labels(first: 100) { nodes { name } }
      reviews(last: 100, states: [APPROVED]) { ...page }
    }
  }
}
` + reviewPage

const reviewPage = `fragment page on PullRequestReviewConnection {
  pageInfo { hasPreviousPage startCursor }
  nodes { fullDatabaseId viewerDidAuthor body commit { oid } }
}`

// reviewQuery asks for the approvals before those that are known.
const reviewQuery = `query($owner: String!, $name: String!, $number: Int!, $before: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { reviews(last: 100, before: $before, states: [APPROVED]) { ...page } }
  }
}
` + reviewPage

// commentQuery asks for comments, oldest first.
const commentQuery = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      comments(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { fullDatabaseId viewerDidAuthor body }
      }
    }
  }
}`

// pullAnswer is the answer to pullQuery.
type pullAnswer struct {
	Viewer     struct{ Login string }
	Repository struct {
		ID          string
		PullRequest *pullNode
	}
}

type pullNode struct {
	ID                                   string
	Number                               int
	State                                string
	IsDraft, IsCrossRepository           bool
	HeadRefOid, HeadRefName, BaseRefName string
	Mergeable, MergeStateStatus          string
	ViewerDidAuthor                      bool
	HeadRef, BaseRef                     *struct{ Target struct{ Oid string } }
	AutoMergeRequest                     *struct{ EnabledBy struct{ Login string } }
	Labels                               struct{ Nodes []struct{ Name string } }
	Reviews                              reviewNodes
}

type reviewNodes struct {
	PageInfo struct {
		HasPreviousPage bool
		StartCursor     string
	}
	Nodes []ownNode
}

// approvals are those of our own, and what names the page before them.
func (r reviewNodes) approvals() (all []plan.Approval, before string) {
	for _, one := range r.Nodes {
		if id, ok := one.own(); ok && one.Commit != nil {
			all = append(all, plan.Approval{ID: id, SHA: one.Commit.Oid, Body: one.Body})
		}
	}
	if r.PageInfo.HasPreviousPage {
		before = r.PageInfo.StartCursor
	}
	return all, before
}

// ownNode is a comment or a review. GitHub's ids outgrow 32 bits, so that they
// come as text.
type ownNode struct {
	FullDatabaseID  string `json:"fullDatabaseId"`
	ViewerDidAuthor bool
	Body            string
	Commit          *struct{ Oid string }
}

// PullState reads a pull request as it is now. Anybody can approve it, and as
// often as they like: that not all approvals can be read is told in Unread, and
// keeps nobody from taking back what is known.
func (w *Writer) PullState(ctx context.Context, number int) (plan.PullState, error) {
	op := fmt.Sprintf("read pull request %d", number)
	var answer pullAnswer
	if err := w.Query(ctx, op, pullQuery, map[string]any{"number": number}, &answer); err != nil {
		return plan.PullState{}, err
	}
	node := answer.Repository.PullRequest
	if node == nil || node.Number != number || !github.IsID(node.HeadRefOid) {
		return plan.PullState{}, github.Odd(op, "the answer has no head commit, or is another pull request's")
	}
	state := node.state(answer.Viewer.Login)
	state.Repository = answer.Repository.ID
	approvals, before := node.Reviews.approvals()
	state.Approvals = approvals
	if before == "" {
		return state, nil
	}
	op = fmt.Sprintf("read all approvals of pull request %d", number)
	state.Unread = github.Pages(op, maxPages, func(page string) (string, error) {
		var answer struct {
			Repository struct {
				PullRequest *struct{ Reviews reviewNodes }
			}
		}
		if err := w.Query(ctx, op, reviewQuery, map[string]any{"number": number, "before": cmp.Or(page, before)}, &answer); err != nil {
			return "", err
		}
		if answer.Repository.PullRequest == nil {
			return "", github.Odd(op, "the answer has no pull request")
		}
		more, next := answer.Repository.PullRequest.Reviews.approvals()
		state.Approvals = append(state.Approvals, more...)
		return next, nil
	})
	return state, nil
}

// comments reads our own comments on a pull request, oldest first. What was found
// before an error is given with it.
func (w *Writer) comments(ctx context.Context, number int) ([]plan.Comment, error) {
	op := fmt.Sprintf("read the comments of pull request %d", number)
	var all []plan.Comment
	err := github.Pages(op, maxPages, func(after string) (string, error) {
		var answer struct {
			Repository struct {
				PullRequest *struct {
					Comments struct {
						PageInfo pageInfo
						Nodes    []ownNode
					}
				}
			}
		}
		variables := from(after)
		variables["number"] = number
		if err := w.Query(ctx, op, commentQuery, variables, &answer); err != nil {
			return "", err
		}
		if answer.Repository.PullRequest == nil {
			return "", github.Odd(op, "the answer has no pull request")
		}
		page := answer.Repository.PullRequest.Comments
		for _, one := range page.Nodes {
			if id, ok := one.own(); ok {
				all = append(all, plan.Comment{ID: id, Body: one.Body})
			}
		}
		return page.PageInfo.next(), nil
	})
	return all, err
}

// state takes out of one answer what plans need.
func (n pullNode) state(viewer string) plan.PullState {
	s := plan.PullState{
		Number: n.Number, Node: n.ID, Head: n.HeadRefOid, Branch: n.HeadRefName, Base: n.BaseRefName,
		SameRepository: !n.IsCrossRepository, Open: n.State == "OPEN", Merged: n.State == "MERGED", Draft: n.IsDraft,
		Mine: n.ViewerDidAuthor, Conflicts: n.Mergeable == "CONFLICTING",
		Ready:    n.MergeStateStatus == "CLEAN" || n.MergeStateStatus == "HAS_HOOKS",
		Unstable: n.MergeStateStatus == "UNSTABLE",
	}
	if n.HeadRef != nil {
		s.BranchHead = n.HeadRef.Target.Oid
	}
	if n.BaseRef != nil {
		s.BaseTip = n.BaseRef.Target.Oid
	}
	if n.AutoMergeRequest != nil {
		s.Armed = true
		// A bot's login comes with and without its suffix.
		same := strings.TrimSuffix(viewer, "[bot]") == strings.TrimSuffix(n.AutoMergeRequest.EnabledBy.Login, "[bot]")
		s.ArmedByMe = viewer != "" && same
	}
	for _, l := range n.Labels.Nodes {
		s.Labels = append(s.Labels, l.Name)
	}
	return s
}

// own gives the id of what this token's owner wrote.
func (n ownNode) own() (int64, bool) {
	id, err := strconv.ParseInt(n.FullDatabaseID, 10, 64)
	return id, n.ViewerDidAuthor && err == nil && id > 0
}
