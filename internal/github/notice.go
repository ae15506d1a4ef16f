package github

import (
	"context"
	"fmt"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

// Notify keeps one issue open as long as the notice is needed, and closes it when
// it is not. What the token may not do is a note in the outcome, not an error.
func (c *Client) Notify(ctx context.Context, n plan.Notice) (Outcome, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	work := carrying{c: c, dry: n.DryRun}
	work.plan = func(ctx context.Context) (plan.Plan, error) {
		now := plan.NoticeState{Denied: work.denied}
		var err error
		now.Issues, err = c.ownIssues(ctx)
		if err := refusedInto(work.denied, plan.RightIssues, err); err != nil {
			return plan.Plan{}, err
		}
		return plan.PlanNotice(n, now), nil
	}
	return work.carryOut(ctx)
}

// issueQuery asks for the open issues; those that GitHub says we opened ourselves
// (viewerDidAuthor) are ours.
const issueQuery = `query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    issues(first: 100, after: $after, states: [OPEN], orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number title body viewerDidAuthor }
      pageInfo { hasNextPage endCursor }
    }
  }
}`

// ownIssues reads the open issues that this token's account opened, newest first.
func (c *Client) ownIssues(ctx context.Context) ([]plan.Issue, error) {
	const op = "list open issues"
	var all []plan.Issue
	var after *string
	for range maxPages {
		var answer struct {
			Repository struct {
				Issues struct {
					Nodes []struct {
						Number          int
						Title, Body     string
						ViewerDidAuthor bool
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		q := query{issueQuery, map[string]any{"owner": c.owner, "name": c.name, "after": after}}
		if err := c.graphql(ctx, op, q, &answer); err != nil {
			return nil, err
		}
		for _, i := range answer.Repository.Issues.Nodes {
			if i.ViewerDidAuthor && i.Number > 0 {
				all = append(all, plan.Issue{Number: i.Number, Title: i.Title, Body: i.Body})
			}
		}
		page := answer.Repository.Issues.PageInfo
		if !page.HasNextPage {
			return all, nil
		}
		after = &page.EndCursor
	}
	return nil, &Error{Op: op, Kind: Truncated, text: fmt.Sprintf("there are more than %d", maxPages*100), hint: hints[Truncated]}
}

// actOnIssue does an action of a notice.
func (c *Client) actOnIssue(ctx context.Context, op string, a plan.Action, out *Outcome) error {
	var issue *gh.Issue
	var err error
	switch a := a.(type) {
	case plan.OpenIssue:
		issue, _, err = c.api.Issues.Create(ctx, c.owner, c.name, &gh.IssueRequest{Title: gh.String(a.Title), Body: gh.String(a.Body)})
	case plan.EditIssue:
		issue, _, err = c.api.Issues.Edit(ctx, c.owner, c.name, a.Number, &gh.IssueRequest{Title: gh.String(a.Title), Body: gh.String(a.Body)})
	case plan.CloseIssue:
		issue, _, err = c.api.Issues.Edit(ctx, c.owner, c.name, a.Number, &gh.IssueRequest{Body: gh.String(a.Body), State: gh.String("closed"), StateReason: gh.String("completed")})
	}
	if err != nil {
		return classify(ctx, op, err)
	}
	out.Number, out.Link = issue.GetNumber(), issue.GetHTMLURL()
	return nil
}
