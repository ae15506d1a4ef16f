package gitrepo

import (
	"context"
	"errors"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// Past adds to the facts what the base's own line of commits did to the files of the
// change. What a shallow or partial clone lacks of it is said, and keeps nothing else from
// being judged.
func (r *Repository) Past(ctx context.Context, facts *change.Facts, within change.Within) error {
	trail := facts.Follow(within)
	if len(trail.Names) == 0 {
		return nil
	}
	n, err := r.node(plumbing.NewHash(facts.Base.Commit))
	if err != nil {
		return err
	}
	err = r.walk(ctx, trail, n)
	e, _ := errors.AsType[*Error](err)
	lacks := e != nil && e.Kind == Missing
	if lacks {
		trail.Past.Cut, err = e.Error(), nil
	}
	if err == nil {
		facts.Past, err = r.fill(ctx, trail)
	}
	return err
}

// forestAge is after how many commits their trees are forgotten: neighbours share most.
const forestAge = 64

// walk follows the files down from a commit.
func (r *Repository) walk(ctx context.Context, trail *change.Trail, n *node) error {
	trees := r.forest()
	for i := 1; trail.Goes(time.Unix(n.when, 0)) && len(n.parents) > 0; i++ {
		parent, err := r.node(n.parents[0])
		if err != nil {
			return err
		}
		if i%forestAge == 0 {
			trees = r.forest()
		}
		changed, err := r.changed(ctx, trees, trail.Names, parent, n)
		if err != nil {
			return err
		}
		trail.Take(n.id.String(), time.Unix(n.when, 0), changed)
		n = parent
	}
	if n.cut {
		trail.Short("the clone is shallow")
	}
	return nil
}

// quickNames is of how many files it is quicker to look at each than at all that differs.
const quickNames = 16

// changed gives what differs between two commits; nothing where the named files do not.
func (r *Repository) changed(ctx context.Context, trees *forest, names []string, parent, n *node) ([]change.Sides, error) {
	all := func() ([]change.Sides, error) {
		return r.compare(ctx, trees, change.Facts{MergeBase: parent.revision(), Base: parent.revision(), Head: n.revision()})
	}
	if len(names) > quickNames {
		return all()
	}
	for _, name := range names {
		before, err := change.Find(ctx, trees, parent.tree.String(), name)
		if err != nil {
			return nil, err
		}
		after, err := change.Find(ctx, trees, n.tree.String(), name)
		if err != nil {
			return nil, err
		}
		if before != after {
			return all()
		}
	}
	return nil, nil
}

// fill reads the commits and contents of a trail.
func (r *Repository) fill(ctx context.Context, trail *change.Trail) (change.Past, error) {
	commits, blobs := map[string]change.Commit{}, map[string][]byte{}
	for _, turn := range trail.Turns {
		for _, id := range []string{turn.Old, turn.New} {
			if _, known := blobs[id]; known || id == "" {
				continue
			}
			o, err := r.reader.read(plumbing.NewHash(id), plumbing.BlobObject)
			if e, ok := errors.AsType[*Error](err); ok && e.Kind == Missing {
				continue // as a partial clone has it
			}
			if err != nil {
				return change.Past{}, err
			}
			blobs[id] = o.data
		}
		if _, known := commits[turn.Commit]; known {
			continue
		}
		n, err := r.node(plumbing.NewHash(turn.Commit))
		if err != nil {
			return change.Past{}, err
		}
		var one change.Facts
		if err := r.commits(ctx, &one, []*node{n}); err != nil {
			return change.Past{}, err
		}
		commits[turn.Commit] = one.Commits[0]
	}
	return trail.Fill(commits, func(id string) ([]byte, bool) { data, ok := blobs[id]; return data, ok }), nil
}
