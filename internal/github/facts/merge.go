package facts

import (
	"context"
	"errors"
	"fmt"

	gh "github.com/google/go-github/v66/github"
	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxMerges bounds the merges of a change that are looked into.
const maxMerges = 10

// mechanical finds the merges of the base's history into a line of commits that add
// nothing, such as those of GitHub's button "Update branch".
func (r *Reader) mechanical(ctx context.Context, commits []*gh.RepositoryCommit) (map[string]bool, error) {
	below, found := map[string]change.Revision{}, map[string]bool{}
	met := "" // where the line last met the base's history
	for _, c := range commits {
		parents := text.Each(c.Parents, (*gh.Commit).GetSHA)
		switch {
		case len(parents) == 1 && below[parents[0]].Commit == "":
			met = parents[0]
		case len(parents) == 2 && below[parents[0]].Commit != "" && below[parents[1]].Commit == "" && len(found) < maxMerges:
			same, err := r.addsNothing(ctx, revisionOf(c), below[parents[0]], parents[1], met)
			if err != nil {
				return nil, err
			}
			if same {
				found[c.GetSHA()], met = true, parents[1]
			}
		}
		below[c.GetSHA()] = revisionOf(c)
	}
	return found, nil
}

// addsNothing tells whether a merge is what its parents make of what both have grown
// from. Since that is where the line last met the base's history, there is only one.
func (r *Reader) addsNothing(ctx context.Context, merge, ours change.Revision, theirs, from string) (bool, error) {
	op := fmt.Sprintf("compare %s with %s", ours.Commit, theirs)
	answer, _, err := r.API.Repositories.CompareCommits(ctx, r.Owner, r.Name, theirs, ours.Commit, &gh.ListOptions{PerPage: 1})
	if err != nil {
		return false, github.Classify(ctx, op, err)
	}
	base := revisionOf(answer.GetBaseCommit())
	if base.Commit != theirs {
		return false, github.Odd(op, "the answer is about another base, %s", base.Commit)
	}
	old := revisionOf(answer.GetMergeBaseCommit())
	if old.Commit != from {
		return false, nil
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, id := range []string{old.Tree, ours.Tree, base.Tree, merge.Tree} {
		group.Go(func() error {
			if _, known := r.store.Entries(id); known {
				return nil
			}
			_, err := r.listing(groupCtx, id, true)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	same, err := change.Mechanical(ctx, r.forest(), old.Tree, ours.Tree, base.Tree, merge.Tree)
	if errors.Is(err, change.ErrTooLarge) {
		return false, tooLarge("%v", err)
	}
	return same, err
}
