package github

import (
	"context"
	"fmt"
	"slices"
	"strings"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

// Publish says the verdict on the commit: as a check run, or as a commit status
// where the token may not write check runs, and, where asked, in a comment and
// labels. What is there already is changed, never said twice. What the token may
// not do is a note in the outcome, not an error: the verdict stands without it.
//
// The pull request's head is read last before anything is written; only a look
// at what was made, which as a rule leaves nothing to write, reads it beside the
// rest, and again where there is something to write after all. Where it is
// another than the judged commit, nothing is published, and the outcome says
// Moved: the verdict is then undecided.
func (c *Client) Publish(ctx context.Context, p plan.Publication) (Outcome, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	foreign := map[int64]bool{} // check runs of another app with our mark
	work := carrying{c: c, dry: p.DryRun, foreign: foreign}
	head := func(ctx context.Context, now *plan.Published) (err error) {
		if p.Number != 0 {
			now.Head, err = c.Head(ctx, p.Number)
		}
		return err
	}
	work.plan = func(ctx context.Context) (plan.Plan, error) {
		var now, tip plan.Published
		group, groupCtx := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			now, err = c.published(groupCtx, p, work.denied)
			return err
		})
		if work.checking { // as a rule nothing is left to write
			group.Go(func() error { return head(groupCtx, &tip) })
		}
		if err := group.Wait(); err != nil {
			return plan.Plan{}, err
		}
		now.Head = tip.Head
		now.Runs = slices.DeleteFunc(now.Runs, func(r plan.Run) bool { return foreign[r.ID] })
		if work.checking {
			if made := plan.Publish(p, now); len(made.Actions) == 0 {
				return made, nil
			}
		}
		if err := head(ctx, &now); err != nil {
			return plan.Plan{}, err
		}
		return plan.Publish(p, now), nil
	}
	return work.carryOut(ctx)
}

// published reads what a publication needs to know, except for the head. What
// the token may not read it may not write either; that goes into denied.
func (c *Client) published(ctx context.Context, p plan.Publication, denied map[plan.Right]string) (plan.Published, error) {
	now := plan.Published{Denied: denied}
	var state plan.PullState
	var refused error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.publishedOnCommit(groupCtx, p, &now) })
	group.Go(func() error {
		if p.Number == 0 || !p.Comment && p.LabelPrefix == "" {
			return nil
		}
		var err error
		if state, err = c.pullState(groupCtx, p.Number); isRefusal(err) {
			refused, err = err, nil
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return now, err
	}
	if refused != nil {
		denied[plan.RightComments], denied[plan.RightLabels] = refused.Error(), refused.Error()
	}
	now.Comments, now.Labels = state.Comments, state.Labels
	return now, nil
}

// publishedOnCommit reads what was published on the commit.
func (c *Client) publishedOnCommit(ctx context.Context, p plan.Publication, now *plan.Published) error {
	if p.Via == plan.ViaAuto || p.Via == plan.ViaCheck {
		runs, err := c.checkRuns(ctx, p)
		if err := refusedInto(now.Denied, plan.RightChecks, err); err != nil {
			return err
		}
		now.Runs = runs
	}
	if p.Via == plan.ViaStatus || p.Via == plan.ViaAuto && now.Denied[plan.RightChecks] != "" {
		statuses, err := c.statuses(ctx, p)
		if err := refusedInto(now.Denied, plan.RightStatuses, err); err != nil {
			return err
		}
		now.Statuses = statuses
	}
	if !p.MindsOthers(*now) {
		return nil
	}
	var err error
	now.Others, err = c.pullsAt(ctx, p.SHA, p.Number)
	return err
}

// refusedInto takes an error that says what the token may not do, and gives
// every other one back.
func refusedInto(denied map[plan.Right]string, right plan.Right, err error) error {
	if !isRefusal(err) {
		return err
	}
	denied[right] = err.Error()
	return nil
}

// isRefusal tells whether an error says that the token may not do something.
func isRefusal(err error) bool {
	return kindOfError(err) == Forbidden || kindOfError(err) == NotFound
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
