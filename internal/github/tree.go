package github

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

const (
	// sideBySide is how many requests run at once; GitHub allows 100.
	sideBySide = 8
	// maxTreeLoads bounds how many folders are read one by one, where a
	// repository is too large to be listed at once.
	maxTreeLoads = 400
	// maxEntries bounds how many tree entries are looked at: trees that hold
	// each other can spell more paths than there are atoms.
	maxEntries = 4 << 20
)

// listing reads the tree of a commit, or the tree itself, with all below it,
// and keeps every folder that is complete. What GitHub left out of a large
// repository is read later, if it is needed. It gives the root's id, empty
// where the root is not complete.
func (c *Client) listing(ctx context.Context, id string, recursive bool) (string, error) {
	op := "read tree " + id
	tree, _, err := c.api.Git.GetTree(ctx, c.owner, c.name, id, recursive)
	if err != nil {
		return "", classify(ctx, op, err)
	}
	folders := map[string][]listed{"": nil}
	for _, e := range tree.Entries {
		if e == nil {
			return "", odd(op, "an entry is null")
		}
		dir, name := path.Split(e.GetPath())
		dir = strings.TrimSuffix(dir, "/")
		folders[dir] = append(folders[dir], listed{name, strings.TrimLeft(e.GetMode(), "0"), e.GetSHA(), e.GetSize()})
	}
	root := ""
	for dir, list := range folders {
		treeID, entries, ok := newTree(list)
		if !ok {
			continue
		}
		c.store.keepTree(treeID, entries)
		if dir == "" && !tree.GetTruncated() {
			root = treeID
		}
	}
	return root, nil
}

// forest compares trees, reading those that are missing.
type forest struct {
	c              *Client
	loads, entries int
}

// load reads the trees that the store does not have.
func (f *forest) load(ctx context.Context, ids []string) error {
	var todo []string
	for _, id := range ids {
		if _, ok := f.c.store.tree(id); !ok && id != "" && !slices.Contains(todo, id) {
			todo = append(todo, id)
		}
	}
	if f.loads += len(todo); f.loads > maxTreeLoads {
		return &Error{Op: "compare trees", Kind: Truncated, hint: hints[Truncated],
			text: fmt.Sprintf("the repository is too large to be listed at once, and the change touches more than %d folders", maxTreeLoads)}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, id := range todo {
		group.Go(func() error {
			if _, err := f.c.listing(ctx, id, false); err != nil {
				return err
			}
			if _, ok := f.c.store.tree(id); !ok {
				return odd("read tree "+id, "its entries do not fit its id")
			}
			return nil
		})
	}
	return group.Wait()
}

// sides are one path on three sides; a side without it has the zero entry.
type sides struct {
	path           string
	old, tip, head entry
}

// differs says whether merging would change the path: what is as it was, or as
// the base already has it, has no effect.
func (c sides) differs() bool { return !c.head.same(c.old) && !c.head.same(c.tip) }

// compare finds the paths that differ between the merge base and the head and
// between the base and the head, sorted. It goes by ids and modes alone, level
// by level, and down only into folders that differ themselves.
func (f *forest) compare(ctx context.Context, old, tip, head string) ([]sides, error) {
	var out []sides
	level := []sides{{old: treeEntry(old), tip: treeEntry(tip), head: treeEntry(head)}}
	for len(level) > 0 {
		var ids []string
		for _, c := range level {
			ids = append(ids, c.old.id, c.tip.id, c.head.id)
		}
		if err := f.load(ctx, ids); err != nil {
			return nil, err
		}
		var next []sides
		for _, c := range level {
			files, folders, err := f.children(c)
			if err != nil {
				return nil, err
			}
			out = append(out, files...)
			next = append(next, folders...)
		}
		level = next
	}
	slices.SortFunc(out, func(a, b sides) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

// children pairs up the entries of one folder on three sides. A path may be a
// file on one side and a folder on another; these are two changes.
func (f *forest) children(c sides) (files, folders []sides, err error) {
	at := map[string]int{}
	var all, dirs []sides
	for side, id := range []string{c.old.id, c.tip.id, c.head.id} {
		entries, _ := f.c.store.tree(id)
		if f.entries += len(entries); f.entries > maxEntries {
			return nil, nil, &Error{Op: "compare trees", Kind: Truncated, hint: hints[Truncated],
				text: fmt.Sprintf("more than %d files and folders", maxEntries)}
		}
		for _, e := range entries {
			i, ok := at[e.name]
			if !ok {
				i = len(all)
				at[e.name] = i
				named := sides{path: join(c.path, e.name)}
				all, dirs = append(all, named), append(dirs, named)
			}
			to := &all[i]
			if e.isTree() {
				to = &dirs[i]
			}
			*[]*entry{&to.old, &to.tip, &to.head}[side] = e
		}
	}
	same := func(c sides) bool { return !c.differs() }
	return slices.DeleteFunc(all, same), slices.DeleteFunc(dirs, same), nil
}

// file is one file of a tree.
type file struct {
	path string
	entry
}

// list gives the files below a tree whose path passes, sorted, and how many
// folders it did not look into because they were not read.
func (f *forest) list(root string, pass func(path string) bool) (out []file, unread int) {
	level := []file{{entry: treeEntry(root)}}
	for len(level) > 0 {
		var next []file
		for _, d := range level {
			entries, ok := f.c.store.tree(d.id)
			if f.entries += len(entries); !ok || f.entries > maxEntries {
				unread++
				continue
			}
			for _, e := range entries {
				p := join(d.path, e.name)
				if e.isTree() {
					next = append(next, file{p, e})
				} else if e.isFile() && pass(p) {
					out = append(out, file{p, e})
				}
			}
		}
		level = next
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return out, unread
}

// find gives the entry of a path below a tree; the zero entry where there is none.
func (f *forest) find(ctx context.Context, root, name string) (entry, error) {
	at := treeEntry(root)
	for part := range strings.SplitSeq(name, "/") {
		if !at.isTree() {
			return entry{}, nil
		}
		if err := f.load(ctx, []string{at.id}); err != nil {
			return entry{}, err
		}
		entries, _ := f.c.store.tree(at.id)
		at = entry{}
		for _, e := range entries {
			if e.name == part {
				at = e
			}
		}
	}
	return at, nil
}
