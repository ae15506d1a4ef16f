package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// Outcome says what was done on GitHub, or, in a dry run, what would be.
type Outcome struct {
	// Actions are those that were done, in order.
	Actions []plan.Action
	// Notes say what was not done and why; each is one line, safe to print.
	Notes []string
	// Moved says that the head is no longer the commit that was judged, or that
	// the pull request goes to another branch, so that nothing was done with it:
	// the verdict holds no more.
	Moved bool
	// Outdated says that the base branch moved on before everything was done:
	// judge anew, and then do the rest.
	Outdated bool
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
	hub     Hub
	dry     bool
	plan    func(context.Context, *carrying) (plan.Plan, error)
	denied  map[plan.Right]string
	foreign map[int64]bool // check runs of another app with our mark
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
	moved             // head or base moved under the action
	failed
)

// Hub is GitHub as a verdict is put on it. Writer asks the real one.
type Hub interface {
	// Limited bounds a whole method call by the budget.
	Limited(ctx context.Context) (context.Context, context.CancelFunc)
	// Ends reads head and base of a pull request, in one answer.
	Ends(ctx context.Context, number int) (github.Ends, error)
	// Published reads what a publication needs to know; beside it the ends, where
	// these are asked for. What the token may not read goes into denied.
	Published(ctx context.Context, p plan.Publication, denied map[plan.Right]string, ends bool) (plan.Published, error)
	// PullState reads a pull request with what is ours on it, but for comments.
	PullState(ctx context.Context, number int) (plan.PullState, error)
	// OpenPulls reads all open pull requests of the repository.
	OpenPulls(ctx context.Context) ([]plan.Pull, error)
	// Act does one action, once.
	Act(ctx context.Context, a plan.Action, out *Outcome) error
}

// carryOut carries out what make plans, within the budget.
func carryOut(ctx context.Context, hub Hub, dry bool, make func(context.Context, *carrying) (plan.Plan, error)) (Outcome, error) {
	ctx, cancel := hub.Limited(ctx)
	defer cancel()
	work := carrying{hub: hub, dry: dry, plan: make, denied: map[plan.Right]string{}, foreign: map[int64]bool{}, created: map[string]bool{}}
	err := work.carryOut(ctx)
	return work.out, err
}

func (w *carrying) carryOut(ctx context.Context) error {
	unclears := 0
	for range maxRounds {
		p, err := w.plan(ctx, w)
		if err != nil {
			return err
		}
		switch {
		case !w.checking, p.Moved && len(p.Actions) > 0:
			w.out.Notes, w.out.Moved, w.out.Outdated = p.Notes, p.Moved, p.Outdated
		case p.Outdated: // perhaps before what was done, which then hides the verdict of a run that knew
			w.out.Outdated = true
			return nil
		case p.Moved:
			return nil // what was done is about a head or a base that nobody looks at, and harms nobody
		}
		if w.dry {
			w.out.Actions = p.Actions
			return nil
		}
		after, made, err := w.round(ctx, p)
		switch after {
		case done:
			if !made {
				return nil
			}
		case unclear, moved: // the next plan sees a moved head, and takes back what was done for nothing
			if unclears++; unclears > 2 {
				return err
			}
		case failed:
			return err
		}
		w.checking = after == done
	}
	return github.Odd("carry out the plan", "GitHub's state does not settle in %d rounds", maxRounds)
}

// round does the actions of a plan up to the first that is not simply done.
// made says that something was made or a verdict changed, which another run at the
// same time may have done too: it is worth another look.
func (w *carrying) round(ctx context.Context, p plan.Plan) (after aftermath, made bool, err error) {
	var kept error
	for _, a := range p.Actions {
		key := creation(a)
		if w.created[key] {
			continue // a list that does not show yet what was just made
		}
		err := w.act(ctx, a)
		if after := w.judge(a, err); after == failed && takesBack(a) {
			kept = errors.Join(kept, err) // the rest is taken back all the same
			continue
		} else if after != done {
			return after, made, errors.Join(kept, err)
		}
		if err == nil {
			w.out.Actions = append(w.out.Actions, a)
			_, verdict := a.(plan.PutCheck)
			made = made || verdict || key != ""
			if key != "" {
				w.created[key] = true
			}
		}
	}
	if kept != nil {
		return failed, made, kept
	}
	return done, made, nil
}

// act does one action, once. What holds only for the ends that were judged is not
// done where these are others now: GitHub compares the head once more when it acts,
// and never the base. Whether it may be done again is not decided here.
func (w *carrying) act(ctx context.Context, a plan.Action) error {
	if number, bound, ok := plan.BoundOf(a); ok {
		now, err := w.hub.Ends(ctx, number)
		if err != nil {
			return err
		}
		if now.Head != bound.SHA || now.BaseRef != bound.BaseRef || now.BaseTip != bound.BaseTip ||
			bound.DefaultBranch != "" && now.DefaultBranch != bound.DefaultBranch {
			return errMoved
		}
	}
	return w.hub.Act(ctx, a, &w.out)
}

// takesBack tells whether an action takes back what a verdict no more allows.
func takesBack(a plan.Action) bool {
	switch a.(type) {
	case plan.DisarmAutoMerge, plan.DismissApproval:
		return true
	}
	return false
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
	if errors.Is(err, errMoved) {
		return moved
	}
	kind := github.KindOf(err)
	switch kind {
	case github.Server, github.Network, github.Truncated, github.Inconsistent, github.SecondaryLimit:
		return unclear
	case github.Misuse, github.Unauthorized, github.SSO, github.PrimaryLimit:
		return failed
	}
	// GitHub understood, and said no.
	switch a := a.(type) {
	case plan.PutCheck:
		if a.ID != 0 && kind != github.Refused {
			w.foreign[a.ID] = true
			return replan
		}
	case plan.DeleteBranch:
		w.out.Notes = append(w.out.Notes, err.Error())
		return done
	case plan.RemoveLabel, plan.DeleteComment:
		if kind == github.NotFound {
			return done // somebody else was faster
		}
	case plan.OpenPull:
		if strings.Contains(err.Error(), "A pull request already exists") {
			return replan // another run was faster: refresh that one
		}
		return failed
	case plan.DisarmAutoMerge, plan.DismissApproval, plan.ClosePull, plan.EditPull:
		return failed
	}
	if kind == github.Refused && (a.Right() == plan.RightChecks || a.Right() == plan.RightStatuses) {
		return failed
	}
	if w.denied[a.Right()] != "" {
		return failed // the plan knew, and did it all the same
	}
	w.denied[a.Right()] = err.Error()
	return replan
}
