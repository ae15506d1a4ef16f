package plan

import (
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Merging is what a team allows to be done with a pull request that passed.
type Merging struct {
	Number  int
	Bound   // what was judged
	Verdict finding.Verdict
	// Approve asks for an approving review.
	Approve bool
	When    When
	Method  string // merge, squash or rebase
	// DeleteBranch deletes the branch after a merge, if it is at SHA.
	DeleteBranch bool
	DryRun       bool
}

// When says when a pull request that passed is merged.
type When string

// The times.
const (
	MergeNever When = "never" // only approve
	MergeAuto  When = "auto"  // when the base's rules are met, by GitHub's auto-merge
	MergeNow   When = "now"   // at once
)

// PullState is a pull request as it is now.
type PullState struct {
	Number int
	// Node and Repository are GitHub's ids for mutations.
	Node, Repository string
	Head             string
	Branch, Base     string
	// BaseTip is where the base is; empty where it is gone.
	BaseTip string
	// BranchHead is where the branch is; empty where it is gone.
	BranchHead          string
	SameRepository      bool
	Open, Merged, Draft bool
	// Mine says that it was opened with this token.
	Mine bool
	// Conflicts says that it cannot be merged; Ready that the base's rules are
	// met; Unstable that only checks that nothing requires have not passed.
	Conflicts, Ready, Unstable bool
	// Armed says that auto-merge is armed, ArmedByMe that we did it.
	Armed, ArmedByMe bool
	// Others are all open pull requests; they are read where the branch is to be deleted.
	Others []Pull
	// Approvals are our own that stand.
	Approvals []Approval
	// Unread says why more of them may be left that are not known.
	Unread   error
	Comments []Comment // our own
	Labels   []string
	Denied   map[Right]string
}

// Approval is an approving review of our own.
type Approval struct {
	ID   int64
	SHA  string // the commit that was approved
	Body string
}

// Merge plans to approve and merge what passed, always bound to the commits that
// were judged. Whatever else it is, our approval and auto-merge are taken back.
func Merge(m Merging, now PullState) Plan {
	var plan Plan
	if now.Merged || !now.Open {
		if now.Merged && now.Head == m.SHA && m.Verdict == finding.Pass {
			plan.afterMerge(m, now)
		}
		plan.note("#%d is %s", m.Number, map[bool]string{true: "merged", false: "closed"}[now.Merged])
		return plan
	}
	if now.Base != m.BaseRef {
		plan = movedBase(m.Number, m.BaseRef, now.Base)
		plan.takeBack(now, "the pull request goes to another base than the one that it was judged against", "")
		return plan
	}
	if now.Head != m.SHA {
		plan = moved(m.Number, m.SHA, now.Head)
		plan.takeBack(now, "the pull request has another head than the one that was approved", now.Head)
		return plan
	}
	if m.Verdict != finding.Pass {
		plan.note("#%d is not merged: the verdict is %s", m.Number, m.Verdict)
		plan.takeBack(now, "the verdict is "+string(m.Verdict), "")
		return plan
	}
	if now.BaseTip != m.BaseTip {
		return outdated(m.BaseRef, m.BaseTip, now.BaseTip)
	}
	for _, a := range now.Approvals {
		if a.SHA == m.SHA && !m.given(a) {
			plan.do(DismissApproval{m.Number, a.ID, "it was given for another base than " + text.Quote(m.BaseRef)})
		}
	}
	if m.Approve {
		plan.approve(m, now)
	}
	plan.merge(m, now)
	return plan
}

// given tells whether an approval is for what was judged now, the base too.
func (b Bound) given(a Approval) bool { return a.SHA == b.SHA && strings.TrimSpace(a.Body) == b.Says() }

// afterMerge plans to delete the branch where that is asked, and nobody else needs it.
func (p *Plan) afterMerge(m Merging, now PullState) {
	needed := neededBy(now.Others, now.Branch, func(o Pull) bool { return o.Number == m.Number })
	switch {
	case !m.DeleteBranch:
	case needed != 0:
		p.note("#%d needs the branch %s: it stays", needed, text.Quote(now.Branch))
	default:
		p.deleteBranch(now, m.SHA)
	}
}

// neededBy is an open pull request that goes to a branch, or comes from it and is not
// done with; 0 where there is none.
func neededBy(open []Pull, branch string, done func(Pull) bool) (number int) {
	for _, o := range open {
		if o.BaseRef == branch || o.SameRepository && o.HeadRef == branch && !done(o) {
			return o.Number
		}
	}
	return 0
}

// takeBack plans to disarm and to dismiss our approvals, but for those of keep.
func (p *Plan) takeBack(now PullState, why, keep string) {
	if now.Armed && now.ArmedByMe {
		p.do(DisarmAutoMerge{now.Number, now.Node})
	}
	for _, a := range now.Approvals {
		if a.SHA != keep {
			p.do(DismissApproval{now.Number, a.ID, why})
		}
	}
}

// approve plans our approval of the judged commit, unless there is one.
func (p *Plan) approve(m Merging, now PullState) {
	if slices.ContainsFunc(now.Approvals, m.given) {
		return
	}
	switch {
	case now.Mine:
		p.note("#%d was opened with this token, and nobody can approve their own pull request: it is not approved", m.Number)
	case now.Denied[RightReviews] != "":
		p.note("could not approve #%d: %s", m.Number, now.Denied[RightReviews])
	default:
		p.do(Approve{m.Number, m.Bound})
	}
}

// merge plans the merge itself.
func (p *Plan) merge(m Merging, now PullState) {
	switch {
	case m.When == MergeNever || m.When == "":
	case now.Draft:
		p.note("#%d is a draft: it is not merged", m.Number)
	case now.Conflicts:
		p.note("#%d conflicts with its base: delete its branch, and Flux makes a new one", m.Number)
	case now.Denied[RightMerge] != "":
		p.note("could not merge #%d: %s", m.Number, now.Denied[RightMerge])
	case m.When == MergeNow || now.Ready:
		p.do(MergePull{m.Number, m.Bound, m.Method})
		p.afterMerge(m, now)
	case now.Armed:
		p.note("auto-merge of #%d is armed already", m.Number)
	case now.Unstable:
		p.note("#%d has checks that have not passed and that nothing requires, so GitHub cannot wait for them: require them in the base's "+
			"rules, or merge at once", m.Number)
	default:
		p.do(ArmAutoMerge{m.Number, m.Bound, now.Node, m.Method})
	}
}
