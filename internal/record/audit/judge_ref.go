package audit

import (
	"cmp"
	"slices"
	"strings"
)

// moves notes where a ref was.
func (j *judge) moves(b Body) {
	if b.Event != "push" {
		return
	}
	key := refKey{b.Repository.ID, b.Ref}
	if j.heads[key] == nil {
		j.heads[key] = map[string]bool{}
	}
	for _, commit := range []string{b.Before, b.After} {
		if whole(commit) {
			j.heads[key][commit] = true
		}
	}
}

// whole tells whether it is the id of a commit. Zeros are none.
func whole(id string) bool {
	return (len(id) == 40 || len(id) == 64) && strings.Trim(id, "0123456789abcdef") == "" && strings.Trim(id, "0") != ""
}

// refGaps holds each push of a branch against the others: where it began, another one
// ended, or that one never came. One of each branch is the first.
func (j *judge) refGaps(readings []Reading) {
	type step struct{ before, after string }
	pushes, order, told := map[refKey][]Reading{}, []refKey{}, map[refKey]map[step]bool{}
	for _, r := range readings {
		b := r.Body
		key := refKey{b.Repository.ID, b.Ref}
		if r.Before || b.Event != "push" || !strings.HasPrefix(b.Ref, "refs/heads/") || !j.contract.repository(b.Repository) ||
			told[key][step{b.Before, b.After}] {
			continue
		}
		if told[key] == nil {
			told[key] = map[step]bool{}
			order = append(order, key)
		}
		told[key][step{b.Before, b.After}] = true
		pushes[key] = append(pushes[key], r)
	}
	for _, key := range order {
		j.refGap(pushes[key])
	}
}

func (j *judge) refGap(pushes []Reading) {
	ended := map[string]bool{}
	for _, r := range pushes {
		ended[r.Body.After] = true
	}
	arrived := pushes[0].Record.Index // the first to come in can follow on one of before the window, whatever came late
	slices.SortStableFunc(pushes, func(a, b Reading) int { return a.Body.Time.Compare(b.Body.Time) })
	for i, r := range pushes {
		if b := r.Body; i > 0 && r.Record.Index != arrived && whole(b.Before) && !ended[b.Before] {
			j.tell(r, "delivery/ref-gap", "look at the repository's activity: who moved the branch meanwhile, and to what",
				"%s of %s was at %s before this push, and no push here ended there", short(b.Ref), cmp.Or(b.Repository.Name, "(no name)"), b.Before)
		}
	}
}
