package github

import (
	"context"
	"fmt"
	"slices"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/plan"
)

// Publish says the verdict on the commit: as a check run, or as a commit status
// where the token may not write check runs, and, where asked, in a comment and
// labels. What is there already is changed, never said twice. What the token may
// not do is a note in the outcome, not an error: the verdict stands without it.
//
// The pull request's head is read last before anything is written. Where it is
// another than the judged commit, nothing is published, and the outcome says
// Moved: the verdict is then undecided.
func (c *Client) Publish(ctx context.Context, p plan.Publication) (Outcome, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	foreign := map[int64]bool{} // check runs of another app with our mark
	work := carrying{c: c, dry: p.DryRun, foreign: foreign}
	work.plan = func(ctx context.Context) (plan.Plan, error) {
		now, err := c.published(ctx, p, work.denied)
		if err != nil {
			return plan.Plan{}, err
		}
		now.Runs = slices.DeleteFunc(now.Runs, func(r plan.Run) bool { return foreign[r.ID] })
		return plan.Publish(p, now), nil
	}
	return work.carryOut(ctx)
}

// published reads what a publication needs to know, the head last. What the
// token may not read it may not write either; that goes into denied.
func (c *Client) published(ctx context.Context, p plan.Publication, denied map[plan.Right]string) (plan.Published, error) {
	now := plan.Published{Denied: denied}
	if p.Via == plan.ViaAuto || p.Via == plan.ViaCheck {
		runs, err := c.checkRuns(ctx, p)
		if err := refusedInto(denied, plan.RightChecks, err); err != nil {
			return now, err
		}
		now.Runs = runs
	}
	if p.Via == plan.ViaStatus || p.Via == plan.ViaAuto && denied[plan.RightChecks] != "" {
		statuses, err := c.statuses(ctx, p)
		if err := refusedInto(denied, plan.RightStatuses, err); err != nil {
			return now, err
		}
		now.Statuses = statuses
	}
	if p.MindsOthers(now) {
		var err error
		if now.Others, err = c.pullsAt(ctx, p.SHA, p.Number); err != nil {
			return now, err
		}
	}
	if p.Number == 0 {
		return now, nil
	}
	if p.Comment || p.LabelPrefix != "" {
		state, err := c.pullState(ctx, p.Number)
		if e := refusedInto(denied, plan.RightComments, err); e != nil {
			return now, e
		}
		if err != nil {
			denied[plan.RightLabels] = denied[plan.RightComments]
		}
		now.Comments, now.Labels = state.Comments, state.Labels
	}
	var err error
	now.Head, err = c.Head(ctx, p.Number)
	return now, err
}

// refusedInto takes an error that says what the token may not do, and gives
// every other one back.
func refusedInto(denied map[plan.Right]string, right plan.Right, err error) error {
	if kindOfError(err) != Forbidden && kindOfError(err) != NotFound {
		return err
	}
	denied[right] = err.Error()
	return nil
}

// maxPages bounds every list that is read page by page, at 100 each.
const maxPages = 10

// pages reads a list to its end. A longer one than anybody makes by accident is
// an error, not half a list.
func pages(op string, read func(gh.ListOptions) (*gh.Response, error)) error {
	page := gh.ListOptions{PerPage: 100}
	for range maxPages {
		resp, err := read(page)
		if err != nil {
			return err
		}
		if resp.NextPage == 0 {
			return nil
		}
		page.Page = resp.NextPage
	}
	return &Error{Op: op, Kind: Truncated, text: fmt.Sprintf("there are more than %d pages", maxPages), hint: hints[Truncated]}
}

// checkRuns reads our check runs of the name on the commit, oldest first.
func (c *Client) checkRuns(ctx context.Context, p plan.Publication) ([]plan.Run, error) {
	op := "read check runs of " + p.SHA
	var runs []plan.Run
	err := pages(op, func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := c.api.Checks.ListCheckRunsForRef(ctx, c.owner, c.name, p.SHA, &gh.ListCheckRunsOptions{
			CheckName: gh.String(p.Name), Filter: gh.String("all"), ListOptions: page,
		})
		if err != nil {
			return nil, err
		}
		for _, run := range list.CheckRuns {
			if _, ok := plan.ExternalNumber(run.GetExternalID()); !ok || run.GetName() != p.Name || run.GetHeadSHA() != p.SHA {
				continue
			}
			one, err := c.checkRun(ctx, run, run.GetExternalID() == plan.External(p.Number))
			if err != nil {
				return nil, err
			}
			runs = append(runs, one)
		}
		return resp, nil
	})
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	slices.SortFunc(runs, func(a, b plan.Run) int { return int(a.ID - b.ID) })
	return runs, nil
}

// checkRun takes what a plan needs of a run, and its annotations where asked.
func (c *Client) checkRun(ctx context.Context, run *gh.CheckRun, annotations bool) (plan.Run, error) {
	out := run.GetOutput()
	one := plan.Run{
		ID: run.GetID(), External: run.GetExternalID(), Conclusion: run.GetConclusion(),
		Title: out.GetTitle(), Summary: out.GetSummary(), Link: run.GetDetailsURL(),
	}
	if !annotations || out.GetAnnotationsCount() == 0 {
		return one, nil
	}
	err := pages("read annotations", func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := c.api.Checks.ListCheckRunAnnotations(ctx, c.owner, c.name, run.GetID(), &page)
		for _, a := range list {
			one.Annotations = append(one.Annotations, plan.Annotation{
				Path: a.GetPath(), Line: a.GetStartLine(), Column: a.GetStartColumn(), Level: a.GetAnnotationLevel(),
				Title: a.GetTitle(), Message: a.GetMessage(),
			})
		}
		return resp, err
	})
	return one, err
}

// statuses reads those of the context on the commit. GitHub lists the newest
// first, and takes contexts without case.
func (c *Client) statuses(ctx context.Context, p plan.Publication) ([]plan.Status, error) {
	op := "read statuses of " + p.SHA
	var all []plan.Status
	err := pages(op, func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := c.api.Repositories.ListStatuses(ctx, c.owner, c.name, p.SHA, &page)
		for _, s := range list {
			if strings.EqualFold(s.GetContext(), p.Name) {
				all = append(all, plan.Status{State: s.GetState(), Description: s.GetDescription(), Link: s.GetTargetURL()})
			}
		}
		return resp, err
	})
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	return all, nil
}

// pullsAt reads which other open pull requests have the commit as their head.
func (c *Client) pullsAt(ctx context.Context, sha string, but int) (map[int]bool, error) {
	op := "read the pull requests of " + sha
	found := map[int]bool{}
	err := pages(op, func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := c.api.PullRequests.ListPullRequestsWithCommit(ctx, c.owner, c.name, sha, &page)
		for _, p := range list {
			if p.GetState() == "open" && p.GetHead().GetSHA() == sha && p.GetNumber() != but {
				found[p.GetNumber()] = true
			}
		}
		return resp, err
	})
	if err != nil {
		return nil, classify(ctx, op, err)
	}
	return found, nil
}
