package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

// errHeadMoved says that GitHub refused because the head is another commit.
var errHeadMoved = errors.New("the head moved")

// act does one action, once. Whether it may be done again is not decided here.
func (c *Client) act(ctx context.Context, a plan.Action, out *Outcome) error {
	op := a.String()
	var err error
	switch a := a.(type) {
	case plan.PutCheck:
		return c.putCheck(ctx, a)
	case plan.SetStatus:
		status := &gh.RepoStatus{State: gh.String(a.State), Context: gh.String(a.Context), Description: gh.String(a.Description)}
		if a.Link != "" {
			status.TargetURL = gh.String(a.Link)
		}
		_, _, err = c.api.Repositories.CreateStatus(ctx, c.owner, c.name, a.SHA, status)
	case plan.PutComment:
		comment := &gh.IssueComment{Body: gh.String(a.Body)}
		if a.ID == 0 {
			_, _, err = c.api.Issues.CreateComment(ctx, c.owner, c.name, a.Number, comment)
		} else {
			_, _, err = c.api.Issues.EditComment(ctx, c.owner, c.name, a.ID, comment)
		}
	case plan.DeleteComment:
		_, err = c.api.Issues.DeleteComment(ctx, c.owner, c.name, a.ID)
	case plan.AddLabels:
		_, _, err = c.api.Issues.AddLabelsToIssue(ctx, c.owner, c.name, a.Number, a.Labels)
	case plan.RemoveLabel:
		// go-github puts the name into the path as it is; it may hold slashes.
		_, err = c.api.Issues.RemoveLabelForIssue(ctx, c.owner, c.name, a.Number, url.PathEscape(a.Label))
	case plan.OpenIssue, plan.EditIssue, plan.CloseIssue:
		return c.actOnIssue(ctx, op, a, out)
	default:
		return c.actOnPull(ctx, op, a, out)
	}
	if err != nil {
		return classify(ctx, op, err)
	}
	return nil
}

// actOnPull does an action of a pull request's life.
func (c *Client) actOnPull(ctx context.Context, op string, a plan.Action, out *Outcome) error {
	var err error
	switch a := a.(type) {
	case plan.OpenPull:
		return c.open(ctx, op, a, out)
	case plan.EditPull:
		edit := &gh.PullRequest{}
		if a.Title != "" {
			edit.Title = gh.String(a.Title)
		}
		if a.Body != "" {
			edit.Body = gh.String(a.Body)
		}
		_, _, err = c.api.PullRequests.Edit(ctx, c.owner, c.name, a.Number, edit)
	case plan.ClosePull:
		_, _, err = c.api.PullRequests.Edit(ctx, c.owner, c.name, a.Number, &gh.PullRequest{State: gh.String("closed")})
	case plan.Approve:
		_, _, err = c.api.PullRequests.CreateReview(ctx, c.owner, c.name, a.Number, &gh.PullRequestReviewRequest{
			CommitID: gh.String(a.SHA), Event: gh.String("APPROVE"), Body: gh.String("Fluxkeeper: pass, at " + a.SHA + "."),
		})
	case plan.DismissApproval:
		_, _, err = c.api.PullRequests.DismissReview(ctx, c.owner, c.name, a.Number, a.ID, &gh.PullRequestReviewDismissalRequest{
			Message: gh.String("Fluxkeeper takes this approval back: " + a.Why + "."),
		})
	case plan.MergePull:
		return c.merge(ctx, op, a)
	case plan.DeleteBranch:
		return c.mutate(ctx, op, query{deleteBranch, map[string]any{"input": map[string]any{
			"repositoryId": a.Repository, "refUpdates": []any{map[string]any{
				"name": "refs/heads/" + a.Branch, "beforeOid": a.SHA, "afterOid": strings.Repeat("0", 40), "force": true,
			}},
		}}}, nil)
	case plan.ArmAutoMerge:
		return headMoved(c.mutate(ctx, op, query{armAutoMerge, map[string]any{"input": map[string]any{
			"pullRequestId": a.Node, "expectedHeadOid": a.SHA, "mergeMethod": strings.ToUpper(a.Method),
		}}}, nil), "Head sha didn't match")
	case plan.DisarmAutoMerge:
		return c.mutate(ctx, op, query{disarmAutoMerge, map[string]any{"input": map[string]any{"pullRequestId": a.Node}}}, nil)
	default:
		return misuse(op, "", fmt.Sprintf("nobody knows how to do a %T", a))
	}
	if err != nil {
		return classify(ctx, op, err)
	}
	return nil
}

const (
	// REST deletes a branch whatever it points at; this compares first.
	deleteBranch    = `mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }`
	armAutoMerge    = `mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) { clientMutationId } }`
	disarmAutoMerge = `mutation($input: DisablePullRequestAutoMergeInput!) { disablePullRequestAutoMerge(input: $input) { clientMutationId } }`
)

// merge merges only the commit that was judged.
func (c *Client) merge(ctx context.Context, op string, a plan.MergePull) error {
	_, _, err := c.api.PullRequests.Merge(ctx, c.owner, c.name, a.Number, "", &gh.PullRequestOptions{SHA: a.SHA, MergeMethod: a.Method})
	if err == nil {
		return nil
	}
	e := classify(ctx, op, err)
	if e.Status == http.StatusConflict {
		return headMoved(e, "")
	}
	return e
}

// headMoved makes an error errHeadMoved where its text says so.
func headMoved(err error, text string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !strings.Contains(e.text, text) || e.Kind != Refused {
		return err
	}
	e.cause = errors.Join(errHeadMoved, e.cause)
	return e
}

// actionsBot is who acts with a workflow's own token.
const actionsBot = "github-actions[bot]"

// open opens a pull request.
func (c *Client) open(ctx context.Context, op string, a plan.OpenPull, out *Outcome) error {
	pull, _, err := c.api.PullRequests.Create(ctx, c.owner, c.name, &gh.NewPullRequest{
		Title: gh.String(a.Title), Head: gh.String(a.Branch), Base: gh.String(a.Base), Body: gh.String(a.Body),
	})
	if err != nil {
		e := classify(ctx, op, err)
		if strings.Contains(e.text, "not permitted to create") {
			e.Kind = Forbidden
			e.hint = "let workflows open pull requests (Settings, Actions, General, \"Allow GitHub Actions to create and approve pull requests\"), " +
				"or better, give the token of a GitHub App or of the bot: checks of pull requests that a workflow's own token opens wait for a person's approval"
		}
		return e
	}
	out.Number, out.Link = pull.GetNumber(), pull.GetHTMLURL()
	if pull.GetUser().GetLogin() == actionsBot {
		out.Notes = append(out.Notes, fmt.Sprintf(
			"#%d was opened with the workflow's own token, so its checks wait until a person approves their run; the token of a GitHub App or of the bot starts them at once", out.Number))
	}
	return nil
}

// openRefused sorts GitHub's reasons not to open a pull request.
func openRefused(err error) aftermath {
	text := err.Error()
	if strings.Contains(text, "A pull request already exists") {
		return replan // another run was faster: refresh that one
	}
	return failed
}
