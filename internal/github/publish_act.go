package github

import (
	"context"
	"errors"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

// Outcome says what was done on GitHub, or, in a dry run, what would be.
type Outcome struct {
	// Actions are those that were done, in order.
	Actions []plan.Action
	// Notes say what was not done and why; each is one line, safe to print.
	Notes []string
	// Moved says that the head is no longer the commit that was judged, so that
	// nothing was done with it: the verdict holds no more.
	Moved bool
	// Number and Link are those of the pull request that was opened; 0 and
	// empty where none was.
	Number int
	Link   string
}

// maxRounds bounds how often the state is read anew: once for each right that
// may turn out to be missing, twice for failures that leave it unclear whether
// something was done, once to look at what was made.
const maxRounds = 8

// carrying carries plans out. After an unclear failure it does not repeat what
// it sent: it reads the state again and plans what is left to do.
type carrying struct {
	c       *Client
	dry     bool
	plan    func(context.Context) (plan.Plan, error)
	denied  map[plan.Right]string
	foreign map[int64]bool
	created map[string]bool
	// checking says that the plan to make is a look at what was made.
	checking bool
	out      Outcome
}

// aftermath is what became of one action.
type aftermath int

const (
	done    aftermath = iota
	replan            // the state is other than thought: read it and plan again
	unclear           // it may have been done: read the state
	moved             // the head moved under the action
	failed
)

func (w *carrying) carryOut(ctx context.Context) (Outcome, error) {
	w.denied, w.created = map[plan.Right]string{}, map[string]bool{}
	unclears := 0
	for range maxRounds {
		p, err := w.plan(ctx)
		if err != nil {
			return w.out, err
		}
		switch {
		case !w.checking, p.Moved && len(p.Actions) > 0:
			w.out.Notes, w.out.Moved = p.Notes, p.Moved
		case p.Moved:
			return w.out, nil // what was done was done in time, and harms nobody
		}
		if w.dry {
			w.out.Actions = p.Actions
			return w.out, nil
		}
		after, made, err := w.round(ctx, p)
		switch after {
		case done:
			if !made {
				return w.out, nil
			}
			w.checking = true
		case replan:
			w.checking = false
		case unclear:
			if unclears++; unclears > 2 {
				return w.out, err
			}
			w.checking = false
		case moved:
			// The next plan sees it, and takes back what was done for nothing.
			if unclears++; unclears > 2 {
				return w.out, err
			}
			w.checking = false
		default:
			return w.out, err
		}
	}
	return w.out, odd("carry out the plan", "GitHub's state does not settle in %d rounds", maxRounds)
}

// round does the actions of a plan up to the first that is not simply done.
// made says that something new was made, which another run at the same time may
// have made too: it is worth another look.
func (w *carrying) round(ctx context.Context, p plan.Plan) (after aftermath, made bool, err error) {
	for _, a := range p.Actions {
		key := creation(a)
		if w.created[key] {
			continue // a list that does not show yet what was just made
		}
		err := w.c.act(ctx, a, &w.out)
		if after := w.judge(a, err); after != done {
			return after, made, err
		}
		if err == nil {
			w.out.Actions = append(w.out.Actions, a)
			if key != "" {
				w.created[key], made = true, true
			}
		}
	}
	return done, made, nil
}

// creation names what must not be made twice, and what is looked at again once
// it is made: another run may have made the same, or the head may have moved
// under it. It is empty for what can be done again.
func creation(a plan.Action) string {
	switch a := a.(type) {
	case plan.PutCheck:
		if a.ID == 0 {
			return "check " + a.External
		}
	case plan.SetStatus:
		return fmt.Sprintf("status %s %s", a.State, a.Description)
	case plan.PutComment:
		if a.ID == 0 {
			return fmt.Sprintf("comment %d", a.Number)
		}
	case plan.OpenIssue:
		return "issue " + a.Title
	case plan.Approve:
		return "approval " + a.SHA
	case plan.ArmAutoMerge:
		return "auto-merge " + a.SHA
	}
	return ""
}

// judge sorts what became of an action.
func (w *carrying) judge(a plan.Action, err error) aftermath {
	if err == nil {
		return done
	}
	if errors.Is(err, errHeadMoved) {
		return moved
	}
	kind := kindOfError(err)
	switch kind {
	case Server, Network, Truncated, Inconsistent, SecondaryLimit:
		return unclear
	case Misuse, Unauthorized, SSO, PrimaryLimit:
		return failed
	}
	// GitHub understood, and said no.
	switch a := a.(type) {
	case plan.PutCheck:
		if a.ID != 0 && kind != Refused {
			w.foreign[a.ID] = true
			return replan
		}
	case plan.DeleteBranch:
		w.out.Notes = append(w.out.Notes, err.Error())
		return done
	case plan.RemoveLabel, plan.DeleteComment:
		if kind == NotFound {
			return done // somebody else was faster
		}
	case plan.OpenPull:
		return openRefused(err)
	case plan.DisarmAutoMerge, plan.DismissApproval, plan.ClosePull, plan.EditPull:
		return failed
	}
	if kind == Refused && (a.Right() == plan.RightChecks || a.Right() == plan.RightStatuses) {
		return failed
	}
	if w.denied[a.Right()] != "" {
		return failed // the plan knew, and did it all the same
	}
	w.denied[a.Right()] = err.Error()
	return replan
}

// kindOfError is the kind of an error of this package; empty for nil.
func kindOfError(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// annotationBatch is how many annotations GitHub takes in one request.
const annotationBatch = 50

// putCheck creates or changes a check run, its annotations in batches.
func (c *Client) putCheck(ctx context.Context, a plan.PutCheck) error {
	op := "write check run " + text.Quote(a.Name)
	batch := a.Annotations[:min(annotationBatch, len(a.Annotations))]
	rest := a.Annotations[len(batch):]
	output := checkOutput(a, batch)
	link := gh.String(a.Link)
	if a.Link == "" {
		link = nil
	}
	if a.ID == 0 {
		run, _, err := c.api.Checks.CreateCheckRun(ctx, c.owner, c.name, gh.CreateCheckRunOptions{
			Name: a.Name, HeadSHA: a.SHA, ExternalID: gh.String(a.External), DetailsURL: link,
			Status: gh.String("completed"), Conclusion: gh.String(a.Conclusion), Output: output,
		})
		if err != nil {
			return classify(ctx, op, err)
		}
		if a.ID = run.GetID(); a.ID == 0 || run.GetHeadSHA() != a.SHA {
			return odd(op, "the answer is another check run")
		}
	} else if err := c.updateCheck(ctx, op, a, link, output); err != nil {
		return err
	}
	for len(rest) > 0 {
		batch, rest = rest[:min(annotationBatch, len(rest))], rest[min(annotationBatch, len(rest)):]
		if err := c.updateCheck(ctx, op, a, link, checkOutput(a, batch)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) updateCheck(ctx context.Context, op string, a plan.PutCheck, link *string, output *gh.CheckRunOutput) error {
	_, _, err := c.api.Checks.UpdateCheckRun(ctx, c.owner, c.name, a.ID, gh.UpdateCheckRunOptions{
		Name: a.Name, ExternalID: gh.String(a.External), DetailsURL: link,
		Status: gh.String("completed"), Conclusion: gh.String(a.Conclusion), Output: output,
	})
	if err != nil {
		return classify(ctx, op, err)
	}
	return nil
}

func checkOutput(a plan.PutCheck, batch []plan.Annotation) *gh.CheckRunOutput {
	out := &gh.CheckRunOutput{Title: gh.String(a.Title), Summary: gh.String(a.Summary)}
	for _, one := range batch {
		made := &gh.CheckRunAnnotation{
			Path: gh.String(one.Path), StartLine: gh.Int(one.Line), EndLine: gh.Int(one.Line),
			AnnotationLevel: gh.String(one.Level), Title: gh.String(one.Title), Message: gh.String(one.Message),
		}
		if one.Column > 0 {
			made.StartColumn, made.EndColumn = gh.Int(one.Column), gh.Int(one.Column)
		}
		out.Annotations = append(out.Annotations, made)
	}
	return out
}
