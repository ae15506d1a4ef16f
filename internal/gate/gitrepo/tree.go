package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/go-git/go-git/v5/plumbing"
)

// entry is one entry of a tree. The zero entry is none.
type entry struct {
	name string
	mode change.Mode
	id   plumbing.Hash
}

func (e entry) isTree() bool { return e.mode == folder }
func (e entry) isFile() bool { return e.mode == change.Regular || e.mode == change.Executable }
func (e entry) same(o entry) bool {
	return e.mode == o.mode && e.id == o.id
}

// folder is the mode of a tree in a tree.
const folder change.Mode = "40000"

// parseTree reads a tree object. It insists on git's order and on single
// names: in a tree that has neither, two programs find two files. What else
// git's own checks refuse in a name (.git, ..) stays as it is.
func parseTree(data []byte) ([]entry, error) {
	var entries []entry
	files := map[string]bool{} // where a folder of the same name may follow later
	for len(data) > 0 {
		space := bytes.IndexByte(data, ' ')
		end := bytes.IndexByte(data, 0)
		if space < 0 || end < space || len(data) < end+1+hashSize {
			return nil, errors.New("malformed tree")
		}
		e := entry{name: string(data[space+1 : end]), id: plumbing.Hash(data[end+1 : end+1+hashSize])}
		var err error
		if e.mode, err = parseMode(data[:space]); err != nil {
			return nil, err
		}
		data = data[end+1+hashSize:]
		if e.name == "" || strings.Contains(e.name, "/") {
			return nil, fmt.Errorf("tree with an entry named %s", text.Quote(e.name))
		}
		if n := len(entries); n > 0 && sortKey(entries[n-1]) >= sortKey(e) || files[e.name] {
			return nil, fmt.Errorf("tree with entry %s out of order or there twice", text.Quote(e.name))
		}
		if !e.isTree() {
			files[e.name] = true
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// sortKey is the name that git sorts by: a folder's ends in a slash.
func sortKey(e entry) string {
	if e.isTree() {
		return e.name + "/"
	}
	return e.name
}

// parseMode reads a mode the way git does: of a regular file only whether its
// owner may execute it counts.
func parseMode(octal []byte) (change.Mode, error) {
	n := 0
	for _, c := range octal {
		if c < '0' || c > '7' || n > 0o177777 {
			return "", fmt.Errorf("tree entry of mode %s", text.Quote(string(octal)))
		}
		n = n<<3 | int(c-'0')
	}
	switch {
	case n == 0o040000:
		return folder, nil
	case n == 0o120000:
		return change.Symlink, nil
	case n == 0o160000:
		return change.Submodule, nil
	case n&0o170000 == 0o100000 && n&0o100 != 0:
		return change.Executable, nil
	case n&0o170000 == 0o100000:
		return change.Regular, nil
	}
	return "", fmt.Errorf("tree entry of mode %s", text.Quote(string(octal)))
}

// maxEntries bounds how many tree entries are looked at: trees that hold each
// other can spell more paths than there are atoms.
const maxEntries = 4 << 20

// forest reads trees, each once.
type forest struct {
	r       *Repository
	trees   map[plumbing.Hash][]entry
	entries int // looked at
}

// load reads the trees that were not read yet.
func (f *forest) load(ctx context.Context, ids []plumbing.Hash) error {
	var todo []plumbing.Hash
	for _, id := range ids {
		if _, ok := f.trees[id]; !ok && !id.IsZero() {
			f.trees[id] = nil
			todo = append(todo, id)
		}
	}
	parsed := make([][]entry, len(todo))
	err := f.r.each(ctx, todo, plumbing.TreeObject, func(i int, o object) error {
		var err error
		if parsed[i], err = parseTree(o.data); err != nil {
			return corrupt(todo[i], "%w", err)
		}
		return nil
	})
	for i, id := range todo {
		f.trees[id] = parsed[i]
	}
	return err
}

func (f *forest) count(n int) error {
	if f.entries += n; f.entries > maxEntries {
		return fail(Unsupported, "compare trees", "", "more than %d files and folders", maxEntries)
	}
	return nil
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
func (f *forest) compare(ctx context.Context, old, tip, head plumbing.Hash) ([]sides, error) {
	var out []sides
	level := []sides{{old: treeEntry(old), tip: treeEntry(tip), head: treeEntry(head)}}
	for len(level) > 0 {
		ids := make([]plumbing.Hash, 3*len(level))
		for i, c := range level { // side by side, as they lie in a pack
			ids[i], ids[len(level)+i], ids[2*len(level)+i] = c.head.id, c.old.id, c.tip.id
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

func treeEntry(id plumbing.Hash) entry { return entry{mode: folder, id: id} }

// children pairs up the entries of one folder on three sides.
func (f *forest) children(c sides) (files, folders []sides, err error) {
	at := map[string]int{}
	var all []sides
	for side, id := range []plumbing.Hash{c.old.id, c.tip.id, c.head.id} {
		entries := f.trees[id]
		if err := f.count(len(entries)); err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			i, ok := at[e.name]
			if !ok {
				i = len(all)
				at[e.name] = i
				all = append(all, sides{path: join(c.path, e.name)})
			}
			*[]*entry{&all[i].old, &all[i].tip, &all[i].head}[side] = e
		}
	}
	for _, c := range all {
		if !c.differs() {
			continue
		}
		// A path may be a file on one side and a folder on another.
		file, dir := split(c)
		if file.differs() {
			files = append(files, file)
		}
		if dir.differs() {
			folders = append(folders, dir)
		}
	}
	return files, folders, nil
}

func split(c sides) (file, dir sides) {
	file.path, dir.path = c.path, c.path
	for _, side := range []struct{ from, file, dir *entry }{
		{&c.old, &file.old, &dir.old}, {&c.tip, &file.tip, &dir.tip}, {&c.head, &file.head, &dir.head},
	} {
		if side.from.isTree() {
			*side.dir = *side.from
		} else {
			*side.file = *side.from
		}
	}
	return file, dir
}

// file is one file of a tree.
type file struct {
	path string
	entry
}

// list gives all files below a tree whose name passes, sorted by path.
func (f *forest) list(ctx context.Context, root plumbing.Hash, pass func(name string) bool) ([]file, error) {
	var out []file
	level := []file{{entry: treeEntry(root)}}
	for len(level) > 0 {
		var ids []plumbing.Hash
		for _, d := range level {
			ids = append(ids, d.id)
		}
		if err := f.load(ctx, ids); err != nil {
			return nil, err
		}
		var next []file
		for _, d := range level {
			entries := f.trees[d.id]
			if err := f.count(len(entries)); err != nil {
				return nil, err
			}
			for _, e := range entries {
				if e.isTree() {
					next = append(next, file{join(d.path, e.name), e})
				} else if e.isFile() && pass(e.name) {
					out = append(out, file{join(d.path, e.name), e})
				}
			}
		}
		level = next
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
