package publish

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// Writer writes to one repository, and reads what is there before it does. It is
// safe for concurrent use.
type Writer struct{ *github.Client }

// Publish says the verdict on the commit: as a check run, or as a commit status
// where the token may not write check runs, and, where asked, in a comment and
// labels. What is there already is changed, never said twice. What the token may
// not do is a note in the outcome, not an error: the verdict stands without it.
//
// The pull request's head and base are read last before anything is written;
// only a look at what was made, which as a rule leaves nothing to write, reads
// them beside the rest, and again where there is something to write after all.
// Where head or base branch are others than was judged, nothing is published, and
// the outcome says Moved: the verdict is then undecided. Where the base branch
// moved on, it says Outdated.
func (w *Writer) Publish(ctx context.Context, p plan.Publication) (Outcome, error) {
	return Publish(ctx, w, p)
}

// Publish is Writer.Publish on any hub.
func Publish(ctx context.Context, hub Hub, p plan.Publication) (Outcome, error) {
	return carryOut(ctx, hub, p.DryRun, func(ctx context.Context, work *carrying) (plan.Plan, error) {
		now, err := hub.Published(ctx, p, work.denied, work.checking && p.Number != 0)
		if err != nil {
			return plan.Plan{}, err
		}
		now.Runs = slices.DeleteFunc(now.Runs, func(r plan.Run) bool { return work.foreign[r.ID] })
		if work.checking { // as a rule nothing is left to write
			if made := plan.Publish(p, now); len(made.Actions) == 0 {
				return made, nil
			}
		}
		if p.Number != 0 {
			ends, err := hub.Ends(ctx, p.Number)
			if err != nil {
				return plan.Plan{}, err
			}
			now.Head, now.BaseRef, now.BaseTip, now.DefaultBranch = ends.Head, ends.BaseRef, ends.BaseTip, ends.DefaultBranch
		}
		return plan.Publish(p, now), nil
	})
}

// Published reads what a publication needs to know, the ends only where these are
// asked for. What the token may not read it may not write either; that goes into
// denied.
func (w *Writer) Published(ctx context.Context, p plan.Publication, denied map[plan.Right]string, ends bool) (plan.Published, error) {
	now := plan.Published{Denied: denied}
	group, groupCtx := errgroup.WithContext(ctx)
	var at github.Ends
	group.Go(func() (err error) {
		if ends {
			at, err = w.Ends(groupCtx, p.Number)
		}
		return err
	})
	group.Go(func() error { return w.publishedOnCommit(groupCtx, p, &now) })
	// Anybody may comment, and as often as they like: the verdict does not wait for
	// what is told beside it.
	var comments []plan.Comment
	var state plan.PullState
	var noComments, noLabels error
	group.Go(func() error {
		if p.Number != 0 && p.Comment {
			comments, noComments = w.comments(groupCtx, p.Number)
		}
		return nil
	})
	group.Go(func() error {
		if p.Number != 0 && p.LabelPrefix != "" {
			state, noLabels = w.PullState(groupCtx, p.Number)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return now, err
	}
	now.Head, now.BaseRef, now.BaseTip, now.DefaultBranch = at.Head, at.BaseRef, at.BaseTip, at.DefaultBranch
	now.Comments, now.Labels = comments, state.Labels
	if noComments != nil && !p.HasComment(now) {
		denied[plan.RightComments] = noComments.Error()
	}
	if noLabels != nil {
		denied[plan.RightLabels] = noLabels.Error()
	}
	return now, nil
}

// publishedOnCommit reads what was published on the commit.
func (w *Writer) publishedOnCommit(ctx context.Context, p plan.Publication, now *plan.Published) error {
	if p.Via == plan.ViaAuto || p.Via == plan.ViaCheck {
		runs, err := w.checkRuns(ctx, p)
		if err := refusedInto(now.Denied, plan.RightChecks, err); err != nil {
			return err
		}
		now.Runs = runs
	}
	if p.Via == plan.ViaStatus || p.Via == plan.ViaAuto && now.Denied[plan.RightChecks] != "" {
		statuses, err := w.statuses(ctx, p)
		if err := refusedInto(now.Denied, plan.RightStatuses, err); err != nil {
			return err
		}
		now.Statuses = statuses
	}
	if !p.MindsOthers(*now) {
		return nil
	}
	var err error
	now.Others, err = w.pullsAt(ctx, p.SHA, p.Number)
	return err
}

// refusedInto takes an error that says what the token may not do, and gives
// every other one back.
func refusedInto(denied map[plan.Right]string, right plan.Right, err error) error {
	if kind := github.KindOf(err); kind != github.Forbidden && kind != github.NotFound {
		return err
	}
	denied[right] = err.Error()
	return nil
}

// maxPages bounds every list that is read page by page, at 100 each.
const maxPages = 10

// pages reads a list to its end. A longer one than anybody makes by accident is
// an error, not half a list.
func pages(ctx context.Context, op string, read func(gh.ListOptions) (*gh.Response, error)) error {
	return github.Pages(op, maxPages, func(page string) (next string, err error) {
		number, _ := strconv.Atoi(page)
		resp, err := read(gh.ListOptions{PerPage: github.PageSize, Page: number})
		if err != nil || resp.NextPage == 0 {
			return "", github.Wrap(ctx, op, err)
		}
		return strconv.Itoa(resp.NextPage), nil
	})
}

// checkRuns reads our check runs of the name on the commit, oldest first.
func (w *Writer) checkRuns(ctx context.Context, p plan.Publication) ([]plan.Run, error) {
	op := "read check runs of " + p.SHA
	var runs []plan.Run
	err := pages(ctx, op, func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := w.API.Checks.ListCheckRunsForRef(ctx, w.Owner, w.Name, p.SHA, &gh.ListCheckRunsOptions{
			CheckName: gh.String(p.Name), Filter: gh.String("all"), ListOptions: page,
		})
		if err != nil {
			return nil, err
		}
		for _, run := range list.CheckRuns {
			n, _, ok := plan.ParseExternal(run.GetExternalID())
			if !ok || run.GetName() != p.Name || run.GetHeadSHA() != p.SHA {
				continue
			}
			one, err := w.checkRun(ctx, run, n == p.Number)
			if err != nil {
				return nil, err
			}
			runs = append(runs, one)
		}
		return resp, nil
	})
	slices.SortFunc(runs, func(a, b plan.Run) int { return cmp.Compare(a.ID, b.ID) })
	return runs, err
}

// checkRun takes what a plan needs of a run, and its annotations where asked.
func (w *Writer) checkRun(ctx context.Context, run *gh.CheckRun, annotations bool) (plan.Run, error) {
	out := run.GetOutput()
	one := plan.Run{
		ID: run.GetID(), External: run.GetExternalID(), Conclusion: run.GetConclusion(),
		Title: out.GetTitle(), Summary: out.GetSummary(), Link: run.GetDetailsURL(),
	}
	if !annotations || out.GetAnnotationsCount() == 0 {
		return one, nil
	}
	err := pages(ctx, "read annotations", func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := w.API.Checks.ListCheckRunAnnotations(ctx, w.Owner, w.Name, run.GetID(), &page)
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
func (w *Writer) statuses(ctx context.Context, p plan.Publication) ([]plan.Status, error) {
	op := "read statuses of " + p.SHA
	var all []plan.Status
	err := pages(ctx, op, func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := w.API.Repositories.ListStatuses(ctx, w.Owner, w.Name, p.SHA, &page)
		for _, s := range list {
			if strings.EqualFold(s.GetContext(), p.Name) {
				all = append(all, plan.Status{State: s.GetState(), Description: s.GetDescription(), Link: s.GetTargetURL()})
			}
		}
		return resp, err
	})
	return all, err
}

// pullsAt reads which other open pull requests have the commit as their head.
func (w *Writer) pullsAt(ctx context.Context, sha string, but int) (map[int]plan.Other, error) {
	op := "read the pull requests of " + sha
	found := map[int]plan.Other{}
	err := pages(ctx, op, func(page gh.ListOptions) (*gh.Response, error) {
		list, resp, err := w.API.PullRequests.ListPullRequestsWithCommit(ctx, w.Owner, w.Name, sha, &page)
		for _, p := range list {
			if p.GetState() == "open" && p.GetHead().GetSHA() == sha && p.GetNumber() != but {
				head, base := p.GetHead().GetRepo().GetID(), p.GetBase().GetRepo().GetID()
				found[p.GetNumber()] = plan.Other{BaseRef: p.GetBase().GetRef(), Fork: head == 0 || head != base}
			}
		}
		return resp, err
	})
	return found, err
}
