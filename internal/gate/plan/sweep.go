package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// Candidate is an open pull request of the bot's, with what was found out about
// the commit that it names as its head.
type Candidate struct {
	Pull
	// Passes says that it may be merged as it is.
	Passes bool
	// Empty says that merging it would change nothing; see Empty.
	Empty   bool
	Updates []gate.Update
	// Keep says that its branch stays.
	Keep bool
	// Pushed is when its newest commit was made. A commit's time is its
	// author's word; one in the future only keeps the pull request open.
	Pushed time.Time
}

// SweepOptions say what is stale.
type SweepOptions struct {
	// MaxAge is how long nothing may be pushed; 0 means for ever.
	MaxAge time.Duration
	Now    time.Time
	// DeleteBranch also deletes the branch, if it still is at the judged commit.
	DeleteBranch bool
	DryRun       bool
}

// Closing is a pull request to close.
type Closing struct {
	Number       int
	SHA, Branch  string
	BaseRef      string
	Why          string // a sentence for people, safe Markdown
	DeleteBranch bool
	DryRun       bool
}

// Empty tells whether merging the change would change nothing on the base. It
// is false where facts are missing.
func Empty(facts change.Facts) bool {
	return len(facts.Gaps) == 0 && !facts.Crosswise && !slices.ContainsFunc(facts.Files, change.File.Differs)
}

// Stale picks what is to be closed, and says why: what is on the base already,
// what a newer one that passes does too, and what nobody pushed to for long. Only
// pull requests with words of our own, or of another bot, are closed. open is
// every open pull request of the repository, whose branches stay.
func Stale(candidates []Candidate, open []Pull, o SweepOptions) []Closing {
	var out []Closing
	closing := map[int]bool{}
	for _, c := range candidates {
		if !c.Open || !c.SameRepository || !c.ours() {
			continue
		}
		if why := c.stale(candidates, o); why != "" {
			closing[c.Number] = true
			out = append(out, Closing{Number: c.Number, SHA: c.Head, Branch: c.HeadRef, BaseRef: c.BaseRef, Why: why,
				DeleteBranch: o.DeleteBranch && !c.Keep, DryRun: o.DryRun})
		}
	}
	for i := range out {
		// A branch that another open pull request needs, or goes to, stays.
		needed := neededBy(open, out[i].Branch, func(p Pull) bool { return closing[p.Number] })
		out[i].DeleteBranch = out[i].DeleteBranch && needed == 0
	}
	slices.SortFunc(out, func(a, b Closing) int { return a.Number - b.Number })
	return out
}

// stale says why the pull request is to be closed; empty where it is not.
func (c Candidate) stale(all []Candidate, o SweepOptions) string {
	if c.Empty {
		return "Everything in this pull request is on the base branch already."
	}
	newest := 0
	for _, other := range all {
		if other.Open && other.SameRepository && other.Number > c.Number && other.BaseRef == c.BaseRef && other.covers(c) {
			newest = max(newest, other.Number)
		}
	}
	if newest != 0 {
		return fmt.Sprintf("#%d updates all of these images too, and is newer.", newest)
	}
	if age := o.Now.Sub(c.Pushed); o.MaxAge > 0 && age > o.MaxAge {
		return fmt.Sprintf("Nothing was pushed to this pull request for %d days.", int(age.Hours()/24))
	}
	return ""
}

// covers tells whether c may be merged, and updates every place that older
// updates. Nothing good is closed for what will not be merged.
func (c Candidate) covers(older Candidate) bool {
	if len(older.Updates) == 0 || c.Empty || !c.Passes {
		return false
	}
	for _, u := range older.Updates {
		if !slices.ContainsFunc(c.Updates, func(v gate.Update) bool {
			return v.File == u.File && v.Path == u.Path && v.Policy == u.Policy
		}) {
			return false
		}
	}
	return true
}

// ClosingMark is the hidden line of the comment that says why.
const ClosingMark = "<!-- fluxkeeper:closed -->"

// Close plans to close a pull request: first the reason, so that nobody finds
// it closed without one. Nothing is done where its head is not the judged one.
func Close(c Closing, now PullState) Plan {
	if now.Base != c.BaseRef {
		return movedBase(c.Number, c.BaseRef, now.Base)
	}
	if now.Head != c.SHA {
		return moved(c.Number, c.SHA, now.Head)
	}
	var plan Plan
	if now.Open {
		said := slices.ContainsFunc(now.Comments, func(comment Comment) bool {
			return strings.HasPrefix(comment.Body, ClosingMark)
		})
		if !said {
			plan.do(PutComment{Number: c.Number, Body: ClosingMark + "\n" + c.Why +
				" So Fluxkeeper closes it; Flux pushes again when there is something to update."})
		}
		plan.do(ClosePull{c.Number, c.SHA})
	} else {
		plan.note("#%d is closed already", c.Number)
	}
	if c.DeleteBranch {
		plan.deleteBranch(now, c.SHA)
	}
	return plan
}

// deleteBranch plans to delete the branch where it still is at the judged
// commit. GitHub is asked to compare once more when it deletes.
func (p *Plan) deleteBranch(now PullState, sha string) {
	switch {
	case !now.SameRepository || now.Branch == "" || now.BranchHead == "":
	case now.BranchHead != sha:
		p.note("the branch %s moved on: it stays", now.Branch)
	case now.Branch == now.Base:
		p.note("the branch %s is the base: it stays", now.Branch)
	default:
		p.do(DeleteBranch{now.Repository, now.Branch, sha})
	}
}
