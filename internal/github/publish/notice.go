package publish

import (
	"context"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// Notify keeps one issue open as long as the notice is needed, and closes it when
// it is not. What the token may not do is a note in the outcome, not an error.
func (w *Writer) Notify(ctx context.Context, n plan.Notice) (Outcome, error) {
	return carryOut(ctx, w, n.DryRun, func(ctx context.Context, work *carrying) (plan.Plan, error) {
		now := plan.NoticeState{Denied: work.denied}
		var err error
		now.Issues, err = w.ownIssues(ctx)
		if err := refusedInto(work.denied, plan.RightIssues, err); err != nil {
			return plan.Plan{}, err
		}
		return plan.PlanNotice(n, now), nil
	})
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
func (w *Writer) ownIssues(ctx context.Context) ([]plan.Issue, error) {
	const op = "list open issues"
	var all []plan.Issue
	err := github.Pages(op, maxPages, func(after string) (string, error) {
		var answer struct {
			Repository struct {
				Issues struct {
					Nodes []struct {
						Number          int
						Title, Body     string
						ViewerDidAuthor bool
					}
					PageInfo pageInfo
				}
			}
		}
		if err := w.Query(ctx, op, issueQuery, from(after), &answer); err != nil {
			return "", err
		}
		for _, i := range answer.Repository.Issues.Nodes {
			if i.ViewerDidAuthor && i.Number > 0 {
				all = append(all, plan.Issue{Number: i.Number, Title: i.Title, Body: i.Body})
			}
		}
		return answer.Repository.Issues.PageInfo.next(), nil
	})
	return all, err
}

// pageInfo is how GraphQL names the next page.
type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

func (p pageInfo) next() string {
	if !p.HasNextPage {
		return ""
	}
	return p.EndCursor
}

// from are the variables of a query for the page behind a cursor.
func from(after string) map[string]any {
	if after == "" {
		return map[string]any{"after": nil}
	}
	return map[string]any{"after": after}
}

// actOnIssue does an action of a notice.
func (w *Writer) actOnIssue(ctx context.Context, op string, a plan.Action, out *Outcome) error {
	var issue *gh.Issue
	var err error
	switch a := a.(type) {
	case plan.OpenIssue:
		issue, _, err = w.API.Issues.Create(ctx, w.Owner, w.Name, &gh.IssueRequest{Title: gh.String(a.Title), Body: gh.String(a.Body)})
	case plan.EditIssue:
		issue, _, err = w.API.Issues.Edit(ctx, w.Owner, w.Name, a.Number, &gh.IssueRequest{Title: gh.String(a.Title), Body: gh.String(a.Body)})
	case plan.CloseIssue:
		issue, _, err = w.API.Issues.Edit(ctx, w.Owner, w.Name, a.Number, &gh.IssueRequest{Body: gh.String(a.Body), State: gh.String("closed"),
			StateReason: gh.String("completed")})
	}
	if err != nil {
		return github.Classify(ctx, op, err)
	}
	out.Number, out.Link = issue.GetNumber(), issue.GetHTMLURL()
	return nil
}
