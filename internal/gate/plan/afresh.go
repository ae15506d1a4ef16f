package plan

import (
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Afresh is a stale branch of Flux's that is to be deleted, so that Flux makes it
// anew from the base. GitHub closes the pull request of a branch that goes.
type Afresh struct {
	Branch, SHA string // what was judged
	BaseRef     string
	DryRun      bool
}

// BranchState is a branch as it is now.
type BranchState struct {
	Repository string // GitHub's id for mutations
	Default    string // the name of the repository's default branch
	Head       string // empty where the branch is gone
	// Open is every open pull request of the repository.
	Open []Pull
}

// StartAfresh plans to delete the branch where it still is at the judged commit,
// and nothing but a pull request to the same base needs it.
func StartAfresh(a Afresh, now BranchState) Plan {
	var plan Plan
	needed := neededBy(now.Open, a.Branch, func(p Pull) bool { return p.BaseRef == a.BaseRef })
	switch {
	case now.Head == "":
		plan.note("the branch %s is gone already", text.Quote(a.Branch))
	case now.Head != a.SHA:
		plan.note("the branch %s moved on to %s: it stays", text.Quote(a.Branch), text.Commit(now.Head))
	case now.Default == "" || a.Branch == now.Default || a.Branch == a.BaseRef:
		plan.note("the branch %s is the base or the default branch: it stays", text.Quote(a.Branch))
	case needed != 0:
		plan.note("the branch %s is stale, and #%d needs it: it stays", text.Quote(a.Branch), needed)
	default:
		plan.note("the branch %s is stale: Flux makes it anew from %s", text.Quote(a.Branch), text.Quote(a.BaseRef))
		plan.do(DeleteBranch{now.Repository, a.Branch, a.SHA})
	}
	return plan
}
