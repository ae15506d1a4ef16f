package publish

import (
	"context"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const branchQuery = `query($owner: String!, $name: String!, $ref: String!) {
  repository(owner: $owner, name: $name) {
    id
    defaultBranchRef { name }
    ref(qualifiedName: $ref) { target { oid } }
  }
}`

// StartAfresh deletes a stale branch of Flux's at the judged commit. Where the
// branch is, is read last, and GitHub compares once more.
func (w *Writer) StartAfresh(ctx context.Context, a plan.Afresh) (Outcome, error) {
	return carryOut(ctx, w, a.DryRun, func(ctx context.Context, _ *carrying) (plan.Plan, error) {
		open, err := w.OpenPulls(ctx)
		if err != nil {
			return plan.Plan{}, err
		}
		var answer struct {
			Repository struct {
				ID               string
				DefaultBranchRef *struct{ Name string }
				Ref              *struct{ Target struct{ Oid string } }
			}
		}
		op := "read branch " + text.Quote(a.Branch)
		if err := w.Query(ctx, op, branchQuery, map[string]any{"ref": "refs/heads/" + a.Branch}, &answer); err != nil {
			return plan.Plan{}, err
		}
		now := plan.BranchState{Repository: answer.Repository.ID, Open: open}
		if answer.Repository.DefaultBranchRef != nil {
			now.Default = answer.Repository.DefaultBranchRef.Name
		}
		if answer.Repository.Ref != nil {
			now.Head = answer.Repository.Ref.Target.Oid
		}
		return plan.StartAfresh(a, now), nil
	})
}
