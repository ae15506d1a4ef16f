package github

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

// Propose opens the pull request of a branch, or brings its title and body up to
// date where they are ours. The outcome says Moved where the branch is no longer
// at the commit whose updates the proposal lists.
func (c *Client) Propose(ctx context.Context, p plan.Proposal) (Outcome, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	work := carrying{c: c, dry: p.DryRun}
	work.plan = func(ctx context.Context) (plan.Plan, error) {
		pulls, err := c.pulls(ctx, &gh.PullRequestListOptions{
			State: "all", Head: c.owner + ":" + p.Branch, Base: p.Base, Sort: "created", Direction: "desc",
		})
		if err != nil {
			return plan.Plan{}, err
		}
		head, err := c.branchHead(ctx, p.Branch)
		if err != nil {
			return plan.Plan{}, err
		}
		return plan.Propose(p, plan.Proposed{Head: head, Pulls: pulls})
	}
	out, err := work.carryOut(ctx)
	if e := kindOfError(err); e == Refused && strings.Contains(err.Error(), "No commits between") {
		out.Notes = append(out.Notes, "the branch holds nothing that the base does not: nothing to propose")
		return out, nil
	}
	return out, err
}

// OpenPulls reads all open pull requests of the repository, newest first.
func (c *Client) OpenPulls(ctx context.Context) ([]plan.Pull, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	return c.pulls(ctx, &gh.PullRequestListOptions{State: "open", Sort: "created", Direction: "desc"})
}

// Sweep closes a stale pull request with a comment that says why, and deletes
// its branch where that is asked and it still is at the judged commit.
func (c *Client) Sweep(ctx context.Context, s plan.Closing) (Outcome, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	work := carrying{c: c, dry: s.DryRun}
	work.plan = func(ctx context.Context) (plan.Plan, error) {
		now, err := c.pullState(ctx, s.Number)
		if err != nil {
			return plan.Plan{}, err
		}
		return plan.Close(s, now), nil
	}
	return work.carryOut(ctx)
}

// Merge approves and merges what passed, or arms auto-merge, only at the judged
// commit; else it takes our approval and auto-merge back. What GitHub's rules do
// not allow is a note; a head that moved on the way is Moved.
func (c *Client) Merge(ctx context.Context, m plan.Merging) (Outcome, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	work := carrying{c: c, dry: m.DryRun}
	work.plan = func(ctx context.Context) (plan.Plan, error) {
		now, err := c.pullState(ctx, m.Number)
		if err != nil {
			return plan.Plan{}, err
		}
		now.Denied = work.denied
		return plan.Merge(m, now), nil
	}
	return work.carryOut(ctx)
}

// pulls lists pull requests.
func (c *Client) pulls(ctx context.Context, o *gh.PullRequestListOptions) ([]plan.Pull, error) {
	const op = "list pull requests"
	var all []plan.Pull
	err := pages(op, func(page gh.ListOptions) (*gh.Response, error) {
		o.ListOptions = page
		list, resp, err := c.api.PullRequests.List(ctx, c.owner, c.name, o)
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
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	return all, nil
}

// branchHead reads where a branch is; empty where there is none.
func (c *Client) branchHead(ctx context.Context, branch string) (string, error) {
	op := "read branch " + text.Quote(branch)
	ref, _, err := c.api.Git.GetRef(ctx, c.owner, c.name, "heads/"+branch)
	if err != nil {
		e := classify(ctx, op, err)
		if e.Kind == NotFound {
			return "", nil // the list of pull requests was readable, so the repository is
		}
		return "", e
	}
	sha := ref.GetObject().GetSHA()
	if !isID(sha) || ref.GetRef() != "refs/heads/"+branch {
		return "", odd(op, "the answer is another ref")
	}
	return sha, nil
}

// pullQuery asks for a pull request's state with all that is ours on it. What
// GitHub says we did ourselves (viewerDidAuthor) is ours: marks and names can be
// copied.
const pullQuery = `query($owner: String!, $name: String!, $number: Int!, $after: String) {
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
      mergeable
      mergeStateStatus
      viewerDidAuthor
      headRef { target { oid } }
      autoMergeRequest { enabledBy { login } }
      labels(first: 100) { nodes { name } }
      reviews(last: 100, states: [APPROVED]) { nodes { fullDatabaseId viewerDidAuthor commit { oid } } }
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
	HeadRef                              *struct{ Target struct{ Oid string } }
	AutoMergeRequest                     *struct{ EnabledBy struct{ Login string } }
	Labels                               struct{ Nodes []struct{ Name string } }
	Reviews                              struct{ Nodes []ownNode }
	Comments                             struct {
		PageInfo struct {
			HasNextPage bool
			EndCursor   string
		}
		Nodes []ownNode
	}
}

// ownNode is a comment or a review. GitHub's ids outgrow 32 bits, so that they
// come as text.
type ownNode struct {
	FullDatabaseID  string `json:"fullDatabaseId"`
	ViewerDidAuthor bool
	Body            string
	Commit          *struct{ Oid string }
}

// pullState reads a pull request as it is now.
func (c *Client) pullState(ctx context.Context, number int) (plan.PullState, error) {
	op := fmt.Sprintf("read pull request %d", number)
	var state plan.PullState
	var after *string
	for range maxPages {
		var answer pullAnswer
		q := query{pullQuery, map[string]any{"owner": c.owner, "name": c.name, "number": number, "after": after}}
		if err := c.graphql(ctx, op, q, &answer); err != nil {
			return plan.PullState{}, err
		}
		node := answer.Repository.PullRequest
		if node == nil || node.Number != number || !isID(node.HeadRefOid) {
			return plan.PullState{}, odd(op, "the answer has no head commit, or is another pull request's")
		}
		if after != nil && node.HeadRefOid != state.Head {
			return plan.PullState{}, odd(op, "the head moved between two pages of comments")
		}
		comments := state.Comments
		state = node.state(answer.Viewer.Login)
		state.Repository, state.Comments = answer.Repository.ID, append(comments, state.Comments...)
		page := node.Comments.PageInfo
		if !page.HasNextPage {
			return state, nil
		}
		after = &page.EndCursor
	}
	return plan.PullState{}, &Error{Op: op, Kind: Truncated, text: fmt.Sprintf("it has more than %d comments", maxPages*100), hint: hints[Truncated]}
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
	if n.AutoMergeRequest != nil {
		s.Armed = true
		// A bot's login comes with and without its suffix.
		same := strings.TrimSuffix(viewer, "[bot]") == strings.TrimSuffix(n.AutoMergeRequest.EnabledBy.Login, "[bot]")
		s.ArmedByMe = viewer != "" && same
	}
	for _, l := range n.Labels.Nodes {
		s.Labels = append(s.Labels, l.Name)
	}
	for _, r := range n.Reviews.Nodes {
		if id, ok := r.own(); ok && r.Commit != nil {
			s.Approvals = append(s.Approvals, plan.Approval{ID: id, SHA: r.Commit.Oid})
		}
	}
	for _, one := range n.Comments.Nodes {
		if id, ok := one.own(); ok {
			s.Comments = append(s.Comments, plan.Comment{ID: id, Body: one.Body})
		}
	}
	return s
}

// own gives the id of what this token's owner wrote.
func (n ownNode) own() (int64, bool) {
	id, err := strconv.ParseInt(n.FullDatabaseID, 10, 64)
	return id, n.ViewerDidAuthor && err == nil && id > 0
}
