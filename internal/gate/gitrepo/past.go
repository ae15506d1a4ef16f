package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// past looks at what the base's own line of commits did to the files of a change. What
// a partial clone lacks of it is said, and keeps nothing else from being judged.
func (r *Repository) past(ctx context.Context, facts *change.Facts) error {
	err := r.walkPast(ctx, facts)
	if e, ok := errors.AsType[*Error](err); ok && e.Kind == Missing {
		facts.Past, err = change.Past{Cut: e.Error()}, nil
	}
	return err
}

func (r *Repository) walkPast(ctx context.Context, facts *change.Facts) error {
	paths, most := facts.Looked()
	if len(paths) == 0 {
		return nil
	}
	n, err := r.node(plumbing.NewHash(facts.Base.Commit))
	if err != nil {
		return err
	}
	trees, oldest := r.forest(), n.when-int64(change.PastAge.Seconds())
	for i := 0; len(n.parents) > 0 && n.when >= oldest; i++ {
		if i == most {
			facts.Past.Cut = fmt.Sprintf("no more than %d commits are looked at", most)
			return nil
		}
		parent, err := r.node(n.parents[0])
		if err != nil {
			return err
		}
		if parent.tree != n.tree {
			if err := r.steps(ctx, trees, facts, paths, parent, n); err != nil {
				return err
			}
		}
		n = parent
	}
	if n.cut {
		facts.Past.Cut = "the clone is shallow"
	}
	return nil
}

// steps adds what one commit did.
func (r *Repository) steps(ctx context.Context, trees *forest, facts *change.Facts, paths []string, parent, n *node) error {
	changed, err := r.compare(ctx, trees, change.Facts{
		MergeBase: parent.revision(), Base: parent.revision(), Head: n.revision(),
	})
	if err != nil {
		return err
	}
	for _, s := range changed {
		if _, ours := slices.BinarySearch(paths, s.Path); !ours || !s.Old.IsFile() || !s.New.IsFile() {
			continue
		}
		before, err := r.reader.read(plumbing.NewHash(s.Old.ID), plumbing.BlobObject)
		if err != nil {
			return err
		}
		after, err := r.reader.read(plumbing.NewHash(s.New.ID), plumbing.BlobObject)
		if err != nil {
			return err
		}
		var one change.Facts
		if err := r.commits(ctx, &one, []*node{n}); err != nil {
			return err
		}
		facts.Past.Steps = append(facts.Past.Steps, change.Step{
			Path: s.Path, Commit: one.Commits[0].Maker(), Before: before.data, After: after.data,
		})
	}
	return nil
}
