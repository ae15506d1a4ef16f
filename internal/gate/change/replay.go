package change

import (
	"context"
	"slices"
	"strings"
)

// MaxPicks bounds the commits of a change that are looked into one by one.
const MaxPicks = 50

// Pick is a commit as a rebase takes it up: its parent's tree and its own. A rebase
// leaves merges out.
type Pick struct{ From, To string }

// Replays tells whether a rebase of the change can give something else than a merge:
// its commits are no line from the merge base, or are several upon another tree.
func (f Facts) Replays(picks []Pick) bool {
	at := f.MergeBase.Tree
	for _, p := range picks {
		if p.From != at {
			return true
		}
		at = p.To
	}
	return at != f.Head.Tree || len(picks) > 1 && f.Base.Tree != f.MergeBase.Tree
}

// Changes finds the paths that merging the change may change, sorted; where a rebase
// gives something else, or that is not known, the path is Stale. Each pick is a merge of
// its own and goes by the rule of Sides.Stale. Of more picks than MaxPicks nothing is known.
func (f Facts) Changes(ctx context.Context, from Folders, picks []Pick) ([]Sides, error) {
	changed, err := Compare(ctx, from, f.MergeBase.Tree, f.Base.Tree, f.Head.Tree)
	if err != nil || !f.Replays(picks) {
		return changed, err
	}
	if len(picks) > MaxPicks {
		for i := range changed {
			changed[i].replayed = true
		}
		return changed, nil
	}
	now, unknown := map[string]Entry{}, map[string]bool{} // what the picks have made of the base so far
	for _, p := range picks {
		picked, err := Compare(ctx, from, p.From, p.From, p.To)
		if err != nil {
			return nil, err
		}
		for _, s := range picked {
			at, known := now[s.Path]
			if !known {
				if at, err = Find(ctx, from, f.Base.Tree, s.Path); err != nil {
					return nil, err
				}
			}
			if at.same(s.Old) {
				at = s.New
			}
			now[s.Path], unknown[s.Path] = at, unknown[s.Path] || !at.same(s.New)
		}
	}
	for path, at := range now {
		i, differs := slices.BinarySearchFunc(changed, path, func(s Sides, path string) int { return strings.Compare(s.Path, path) })
		if differs && !unknown[path] && at.same(changed[i].New) {
			continue
		}
		s := Sides{Path: path, replayed: true}
		for _, side := range []struct {
			of   *Entry
			tree string
		}{{&s.Old, f.MergeBase.Tree}, {&s.Tip, f.Base.Tree}, {&s.New, f.Head.Tree}} {
			if *side.of, err = Find(ctx, from, side.tree, path); err != nil {
				return nil, err
			}
		}
		switch {
		case differs:
			changed[i].replayed = true
		case unknown[path] || !at.same(s.Tip):
			changed = slices.Insert(changed, i, s)
		}
	}
	return changed, nil
}
