package facts

import (
	"context"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// picks are the commits that a rebase would take up. Their trees are read, a request
// each, where it can give something else than a merge.
func (r *Reader) picks(ctx context.Context, facts change.Facts, commits []*gh.RepositoryCommit) (picks []change.Pick, err error) {
	trees := map[string]string{facts.MergeBase.Commit: facts.MergeBase.Tree}
	var parents []string // of the picks; empty for none
	for _, c := range commits {
		trees[c.GetSHA()] = revisionOf(c).Tree
		if len(c.Parents) > 1 {
			continue
		}
		parent := ""
		if len(c.Parents) == 1 {
			parent = c.Parents[0].GetSHA()
		}
		picks, parents = append(picks, change.Pick{To: revisionOf(c).Tree}), append(parents, parent)
	}
	for i, parent := range parents {
		if trees[parent] == "" && parent != "" && len(picks) <= change.MaxPicks {
			if trees[parent], err = r.treeOf(ctx, parent); err != nil {
				return nil, err
			}
		}
		picks[i].From = trees[parent]
	}
	if !facts.Replays(picks) || len(picks) > change.MaxPicks {
		return picks, nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, p := range picks {
		if _, known := r.store.Entries(p.To); !known {
			group.Go(func() error {
				_, err := r.listing(ctx, p.To, true)
				return err
			})
		}
	}
	return picks, group.Wait()
}

// treeOf reads the tree of a commit below the change, and gives its id.
func (r *Reader) treeOf(ctx context.Context, commit string) (string, error) {
	id, err := r.listing(ctx, commit, true)
	if err != nil || id != "" {
		return id, err
	}
	found, err := r.revision(ctx, commit)
	return found.Tree, err
}
