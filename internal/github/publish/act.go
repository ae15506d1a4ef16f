package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// errMoved says that head, base or default branch are others than the action is bound to.
var errMoved = errors.New("the head or the base moved, or another branch is the default by now")

// Act does one action, once.
func (w *Writer) Act(ctx context.Context, a plan.Action, out *Outcome) error {
	op := a.String()
	var err error
	switch a := a.(type) {
	case plan.PutCheck:
		return w.putCheck(ctx, a)
	case plan.SetStatus:
		status := &gh.RepoStatus{State: gh.String(a.State), Context: gh.String(a.Context), Description: gh.String(a.Description)}
		if a.Link != "" {
			status.TargetURL = gh.String(a.Link)
		}
		_, _, err = w.API.Repositories.CreateStatus(ctx, w.Owner, w.Name, a.SHA, status)
	case plan.PutComment:
		comment := &gh.IssueComment{Body: gh.String(a.Body)}
		if a.ID == 0 {
			_, _, err = w.API.Issues.CreateComment(ctx, w.Owner, w.Name, a.Number, comment)
		} else {
			_, _, err = w.API.Issues.EditComment(ctx, w.Owner, w.Name, a.ID, comment)
		}
	case plan.DeleteComment:
		_, err = w.API.Issues.DeleteComment(ctx, w.Owner, w.Name, a.ID)
	case plan.AddLabels:
		_, _, err = w.API.Issues.AddLabelsToIssue(ctx, w.Owner, w.Name, a.Number, a.Labels)
	case plan.RemoveLabel:
		// go-github puts the name into the path as it is; it may hold slashes.
		_, err = w.API.Issues.RemoveLabelForIssue(ctx, w.Owner, w.Name, a.Number, url.PathEscape(a.Label))
	case plan.OpenIssue, plan.EditIssue, plan.CloseIssue:
		return w.actOnIssue(ctx, op, a, out)
	default:
		return w.actOnPull(ctx, op, a, out)
	}
	return github.Wrap(ctx, op, err)
}

// actOnPull does an action of a pull request's life.
func (w *Writer) actOnPull(ctx context.Context, op string, a plan.Action, out *Outcome) error {
	var err error
	switch a := a.(type) {
	case plan.OpenPull:
		return w.open(ctx, op, a, out)
	case plan.EditPull:
		edit := &gh.PullRequest{}
		if a.Title != "" {
			edit.Title = gh.String(a.Title)
		}
		if a.Body != "" {
			edit.Body = gh.String(a.Body)
		}
		_, _, err = w.API.PullRequests.Edit(ctx, w.Owner, w.Name, a.Number, edit)
	case plan.ClosePull:
		_, _, err = w.API.PullRequests.Edit(ctx, w.Owner, w.Name, a.Number, &gh.PullRequest{State: gh.String("closed")})
	case plan.Approve:
		_, _, err = w.API.PullRequests.CreateReview(ctx, w.Owner, w.Name, a.Number, &gh.PullRequestReviewRequest{
			CommitID: gh.String(a.SHA), Event: gh.String("APPROVE"), Body: gh.String(a.Says()),
		})
	case plan.DismissApproval:
		_, _, err = w.API.PullRequests.DismissReview(ctx, w.Owner, w.Name, a.Number, a.ID, &gh.PullRequestReviewDismissalRequest{
			Message: gh.String("Fluxkeeper takes this approval back: " + a.Why + "."),
		})
	case plan.MergePull:
		return w.merge(ctx, op, a)
	case plan.DeleteBranch:
		return w.Mutate(ctx, op, deleteBranch, map[string]any{"repositoryId": a.Repository, "refUpdates": []any{map[string]any{
			"name": "refs/heads/" + a.Branch, "beforeOid": a.SHA, "afterOid": strings.Repeat("0", 40), "force": true,
		}}})
	case plan.ArmAutoMerge:
		return headMoved(w.Mutate(ctx, op, armAutoMerge, map[string]any{
			"pullRequestId": a.Node, "expectedHeadOid": a.SHA, "mergeMethod": strings.ToUpper(a.Method),
		}), "Head sha didn't match")
	case plan.DisarmAutoMerge:
		return w.Mutate(ctx, op, disarmAutoMerge, map[string]any{"pullRequestId": a.Node})
	default:
		return github.Misused(op, "", fmt.Sprintf("nobody knows how to do a %T", a))
	}
	return github.Wrap(ctx, op, err)
}

const (
	// REST deletes a branch whatever it points at; this compares first.
	deleteBranch    = `mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }`
	armAutoMerge    = `mutation($input: EnablePullRequestAutoMergeInput!) { enablePullRequestAutoMerge(input: $input) { clientMutationId } }`
	disarmAutoMerge = `mutation($input: DisablePullRequestAutoMergeInput!) { disablePullRequestAutoMerge(input: $input) { clientMutationId } }`
)

// merge merges only the commit that was judged.
func (w *Writer) merge(ctx context.Context, op string, a plan.MergePull) error {
	_, _, err := w.API.PullRequests.Merge(ctx, w.Owner, w.Name, a.Number, "", &gh.PullRequestOptions{SHA: a.SHA, MergeMethod: a.Method})
	if err == nil {
		return nil
	}
	e := github.Classify(ctx, op, err)
	if e.Status == http.StatusConflict {
		return headMoved(e, "")
	}
	return e
}

// headMoved makes an error errMoved where its text says so.
func headMoved(err error, text string) error {
	e, ok := errors.AsType[*github.Error](err)
	if !ok || !strings.Contains(e.Text(), text) || e.Kind != github.Refused {
		return err
	}
	return e.WithCause(errMoved)
}

// actionsBot is who acts with a workflow's own token.
const actionsBot = "github-actions[bot]"

// open opens a pull request.
func (w *Writer) open(ctx context.Context, op string, a plan.OpenPull, out *Outcome) error {
	pull, _, err := w.API.PullRequests.Create(ctx, w.Owner, w.Name, &gh.NewPullRequest{
		Title: gh.String(a.Title), Head: gh.String(a.Branch), Base: gh.String(a.Base), Body: gh.String(a.Body),
	})
	if err != nil {
		e := github.Classify(ctx, op, err)
		if strings.Contains(e.Text(), "not permitted to create") {
			e.Kind = github.Forbidden
			return e.WithHint("let workflows open pull requests (Settings, Actions, General, \"Allow GitHub Actions to create and approve pull " +
				"requests\"), " +
				"or better, give the token of a GitHub App or of the bot: checks of pull requests that a workflow's own token opens wait for a " +
				"person's approval")
		}
		return e
	}
	out.Number, out.Link = pull.GetNumber(), pull.GetHTMLURL()
	if pull.GetUser().GetLogin() == actionsBot {
		out.Notes = append(out.Notes, fmt.Sprintf(
			"#%d was opened with the workflow's own token, so its checks wait until a person approves their run; the token of a GitHub App or of "+
				"the bot starts them at once", out.Number))
	}
	return nil
}
