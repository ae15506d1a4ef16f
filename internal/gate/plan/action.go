package plan

import (
	"fmt"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Action is one change to make on GitHub. Its text is one line for the log and
// the dry run, safe to print.
type Action interface {
	fmt.Stringer
	// Right names what the token must be allowed to do.
	Right() Right
}

// Right is something that a token may be allowed to do.
type Right string

// The rights, and the permission that a workflow grants each with.
const (
	RightChecks   Right = "checks"   // checks: write
	RightStatuses Right = "statuses" // statuses: write
	RightComments Right = "comments" // pull-requests: write
	RightLabels   Right = "labels"   // pull-requests: write
	RightPulls    Right = "pulls"    // pull-requests: write
	RightReviews  Right = "reviews"  // pull-requests: write
	RightMerge    Right = "merge"    // contents: write
	RightContents Right = "contents" // contents: write
	RightIssues   Right = "issues"   // issues: write
)

// Permission is the line under permissions: that grants the right.
func (r Right) Permission() string {
	switch r {
	case RightChecks, RightStatuses, RightContents, RightIssues:
		return string(r) + ": write"
	case RightMerge:
		return "contents: write"
	}
	return "pull-requests: write"
}

// PutCheck creates a check run, or changes the one with the id.
type PutCheck struct {
	ID                   int64 // 0 creates
	SHA, Name, External  string
	Conclusion           string
	Title, Summary, Link string
	// Annotations are those to add: GitHub keeps what a run already has.
	Annotations []Annotation
}

// Annotation is one remark of a check run at a line of a file.
type Annotation struct {
	Path           string
	Line, Column   int    // from 1; Column is 0 where unknown
	Level          string // notice, warning or failure
	Title, Message string
}

// SetStatus sets the commit status of a context.
type SetStatus struct{ SHA, Context, State, Description, Link string }

// PutComment writes a comment, or changes the one with the id.
type PutComment struct {
	Number int
	ID     int64 // 0 writes a new one
	Body   string
}

// DeleteComment takes one of our own comments away.
type DeleteComment struct {
	Number int
	ID     int64
}

// AddLabels adds labels; RemoveLabel takes one away.
type AddLabels struct {
	Number int
	Labels []string
}

// RemoveLabel takes a label away.
type RemoveLabel struct {
	Number int
	Label  string
}

// OpenPull opens a pull request.
type OpenPull struct{ Branch, Base, Title, Body string }

// EditPull gives a pull request another title and body; an empty one stays.
type EditPull struct {
	Number      int
	Title, Body string
}

// ClosePull closes a pull request.
type ClosePull struct {
	Number int
	SHA    string // what was judged
}

// DeleteBranch deletes a branch, only where its head is SHA.
type DeleteBranch struct{ Repository, Branch, SHA string }

// Bound is what an action holds for: GitHub compares the head by itself, and
// nobody but us the base. It is read again right before the action.
type Bound struct {
	SHA              string // the head
	BaseRef, BaseTip string
	// DefaultBranch is the one by which the base was guarded; it may be empty.
	DefaultBranch string
}

// Says is the text of an approval. It names the base, by which it is known again:
// GitHub keeps an approval when a pull request gets another one.
func (b Bound) Says() string {
	return "Fluxkeeper: pass, at " + b.SHA + ", into " + text.MarkdownCode(b.BaseRef) + "."
}

// Approve approves a pull request at a commit.
type Approve struct {
	Number int
	Bound
}

// BoundOf gives what an action holds for, and its pull request; false for one that
// is not bound.
func BoundOf(a Action) (number int, b Bound, ok bool) {
	switch a := a.(type) {
	case Approve:
		return a.Number, a.Bound, true
	case MergePull:
		return a.Number, a.Bound, true
	case ArmAutoMerge:
		return a.Number, a.Bound, true
	}
	return 0, Bound{}, false
}

// DismissApproval takes an approval of our own back.
type DismissApproval struct {
	Number int
	ID     int64
	Why    string
}

// MergePull merges a pull request, only where its head is SHA.
type MergePull struct {
	Number int
	Bound
	Method string
}

// ArmAutoMerge lets GitHub merge once the base's rules are met, only where the
// head is SHA.
type ArmAutoMerge struct {
	Number int
	Bound
	Node, Method string
}

// DisarmAutoMerge takes that back.
type DisarmAutoMerge struct {
	Number int
	Node   string
}

// Right is RightChecks.
func (PutCheck) Right() Right { return RightChecks }

// Right is RightStatuses.
func (SetStatus) Right() Right { return RightStatuses }

// Right is RightComments.
func (PutComment) Right() Right { return RightComments }

// Right is RightComments.
func (DeleteComment) Right() Right { return RightComments }

// Right is RightLabels.
func (AddLabels) Right() Right { return RightLabels }

// Right is RightLabels.
func (RemoveLabel) Right() Right { return RightLabels }

// Right is RightPulls.
func (OpenPull) Right() Right { return RightPulls }

// Right is RightPulls.
func (EditPull) Right() Right { return RightPulls }

// Right is RightPulls.
func (ClosePull) Right() Right { return RightPulls }

// Right is RightContents.
func (DeleteBranch) Right() Right { return RightContents }

// Right is RightReviews.
func (Approve) Right() Right { return RightReviews }

// Right is RightReviews.
func (DismissApproval) Right() Right { return RightReviews }

// Right is RightMerge.
func (MergePull) Right() Right { return RightMerge }

// Right is RightMerge.
func (ArmAutoMerge) Right() Right { return RightMerge }

// Right is RightMerge.
func (DisarmAutoMerge) Right() Right { return RightMerge }

func (a PutCheck) String() string {
	verb := "create"
	if a.ID != 0 {
		verb = "update"
	}
	return fmt.Sprintf("%s check run %s on %s: %s, %s", verb, text.Plain(a.Name), text.Commit(a.SHA), a.Conclusion, text.Plain(a.Title))
}

func (a SetStatus) String() string {
	return fmt.Sprintf("set status %s on %s: %s, %s", text.Plain(a.Context), text.Commit(a.SHA), a.State, text.Plain(a.Description))
}

func (a PutComment) String() string {
	if a.ID != 0 {
		return fmt.Sprintf("edit comment on #%d", a.Number)
	}
	return fmt.Sprintf("comment on #%d", a.Number)
}

func (a DeleteComment) String() string {
	return fmt.Sprintf("delete our second comment on #%d", a.Number)
}

func (a AddLabels) String() string {
	return fmt.Sprintf("label #%d: %s", a.Number, text.Plain(strings.Join(a.Labels, ", ")))
}

func (a RemoveLabel) String() string {
	return fmt.Sprintf("remove label of #%d: %s", a.Number, text.Plain(a.Label))
}

func (a OpenPull) String() string {
	return fmt.Sprintf("open pull request from %s to %s: %s", text.Plain(a.Branch), text.Plain(a.Base), text.Plain(a.Title))
}

func (a EditPull) String() string {
	switch {
	case a.Body == "":
		return fmt.Sprintf("give #%d the title %s", a.Number, text.Plain(a.Title))
	case a.Title == "":
		return fmt.Sprintf("refresh the body of #%d", a.Number)
	}
	return fmt.Sprintf("refresh title and body of #%d", a.Number)
}

func (a ClosePull) String() string { return fmt.Sprintf("close #%d", a.Number) }

func (a DeleteBranch) String() string {
	return fmt.Sprintf("delete branch %s if it is at %s", text.Plain(a.Branch), text.Commit(a.SHA))
}

func (a Approve) String() string {
	return fmt.Sprintf("approve #%d at %s", a.Number, text.Commit(a.SHA))
}

func (a DismissApproval) String() string {
	return fmt.Sprintf("take back our approval of #%d: %s", a.Number, text.Plain(a.Why))
}

func (a MergePull) String() string {
	return fmt.Sprintf("merge #%d if it is at %s (%s)", a.Number, text.Commit(a.SHA), text.Plain(a.Method))
}

func (a ArmAutoMerge) String() string {
	return fmt.Sprintf("arm auto-merge of #%d if it is at %s (%s)", a.Number, text.Commit(a.SHA), text.Plain(a.Method))
}

func (a DisarmAutoMerge) String() string { return fmt.Sprintf("disarm auto-merge of #%d", a.Number) }

// Plan is what to do, in order, and what is not done.
type Plan struct {
	Actions []Action
	// Notes say what is not done and why. They are safe to print.
	Notes []string
	// Moved says that the pull request has another head or goes to another
	// branch than was judged: what was found holds for nothing that is there now.
	Moved bool
	// Outdated says that the base branch moved on, so that there is something
	// else to be judged by. Nothing is done until it was.
	Outdated bool
}

func (p *Plan) do(a Action) { p.Actions = append(p.Actions, a) }

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, text.Plain(fmt.Sprintf(format, args...)))
}

// movedBase is the plan where the pull request goes to another branch: nothing.
func movedBase(number int, judged, now string) Plan {
	p := Plan{Moved: true}
	p.note("#%d goes to %s, and was judged against %s: nothing is published or done", number, text.Quote(now), text.Quote(judged))
	return p
}

// outdated is the plan where the base branch is at another commit: nothing yet.
func outdated(branch, judged, now string) Plan {
	p := Plan{Outdated: true}
	p.note("the base %s moved from %s, against which it was judged, to %s: it is to be judged anew", text.Quote(branch), text.Commit(judged),
		text.Commit(now))
	return p
}

// moved is the plan where the head is another: nothing.
func moved(number int, judged, now string) Plan {
	p := Plan{Moved: true}
	p.note("#%d moved from %s, which was judged, to %s: nothing is published or done", number, text.Commit(judged), text.Commit(now))
	return p
}
