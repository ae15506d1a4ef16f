package facts

import (
	"context"
	"errors"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

const (
	// sideBySide is how many requests run at once; GitHub allows 100.
	sideBySide = 8
	// maxTreeLoads bounds how many folders are read one by one, where a
	// repository is too large to be listed at once.
	maxTreeLoads = 400
)

// listing reads the tree of a commit, or the tree itself, with all below it,
// and keeps every folder that is complete. What GitHub left out of a large
// repository is read later, if it is needed. It gives the root's id, empty
// where the root is not complete.
func (r *Reader) listing(ctx context.Context, id string, recursive bool) (string, error) {
	op := "read tree " + id
	tree, _, err := r.API.Git.GetTree(ctx, r.Owner, r.Name, id, recursive)
	if err != nil {
		return "", github.Classify(ctx, op, err)
	}
	folders := map[string][]change.Entry{"": nil}
	for _, e := range tree.Entries {
		if e == nil {
			return "", github.Odd(op, "an entry is null")
		}
		dir, name := path.Split(e.GetPath())
		dir = strings.TrimSuffix(dir, "/")
		folders[dir] = append(folders[dir], change.Entry{Name: name, Mode: change.Mode(strings.TrimLeft(e.GetMode(), "0")), ID: e.GetSHA(),
			Size: max(e.GetSize(), 0)})
	}
	root := ""
	for dir, list := range folders {
		treeID, entries, ok := newTree(list)
		if !ok {
			continue
		}
		r.store.keepTree(treeID, entries)
		if dir == "" && !tree.GetTruncated() {
			root = treeID
		}
	}
	return root, nil
}

// Entries gives the entries of a folder that was read.
func (s *store) Entries(id string) ([]change.Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.trees[id]
	return t, ok
}

// Load reads nothing: what was not read is not known.
func (*store) Load(context.Context, []string) error { return nil }

// forest is the store, and reads what is missing there folder by folder.
type forest struct {
	*store
	r     *Reader
	loads int
}

func (r *Reader) forest() *forest { return &forest{store: r.store, r: r} }

// Load reads folders.
func (f *forest) Load(ctx context.Context, ids []string) error {
	if f.loads += len(ids); f.loads > maxTreeLoads {
		return tooLarge("the repository is too large to be listed at once, and the change touches more than %d folders", maxTreeLoads)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, id := range ids {
		group.Go(func() error {
			if _, err := f.r.listing(ctx, id, false); err != nil {
				return err
			}
			if _, ok := f.Entries(id); !ok {
				return github.Odd("read tree "+id, "its entries do not fit its id")
			}
			return nil
		})
	}
	return group.Wait()
}

// compare finds the paths that differ; see change.Compare.
func (f *forest) compare(ctx context.Context, old, tip, head string) ([]change.Sides, error) {
	changed, err := change.Compare(ctx, f, old, tip, head)
	if errors.Is(err, change.ErrTooLarge) {
		return nil, tooLarge("%v", err)
	}
	return changed, err
}

func tooLarge(format string, args ...any) *github.Error {
	return github.Errorf(github.Truncated, "compare trees", format, args...)
}
