package change

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Folder is the mode of a folder in a folder.
const Folder Mode = "40000"

// Entry is one entry of a folder as Git keeps it. The zero Entry is none.
type Entry struct {
	Name string
	Mode Mode
	ID   string // object id, hex
	Size int    // of a file, in bytes, as a listing says; only a hint
}

// IsFolder tells whether the entry is a folder.
func (e Entry) IsFolder() bool { return e.Mode == Folder }

// IsFile tells whether the entry is a regular file.
func (e Entry) IsFile() bool { return e.Mode == Regular || e.Mode == Executable }

// SortKey is the name that Git sorts by: a folder's ends in a slash.
func (e Entry) SortKey() string {
	if e.IsFolder() {
		return e.Name + "/"
	}
	return e.Name
}

// ParseMode reads a mode the way Git does: of a regular file only whether its
// owner may execute it counts.
func ParseMode(octal string) (Mode, bool) {
	n, err := strconv.ParseUint(octal, 8, 17)
	switch {
	case err != nil:
		return Absent, false
	case n == 0o040000:
		return Folder, true
	case n == 0o120000:
		return Symlink, true
	case n == 0o160000:
		return Submodule, true
	case n&0o170000 == 0o100000 && n&0o100 != 0:
		return Executable, true
	case n&0o170000 == 0o100000:
		return Regular, true
	}
	return Absent, false
}

// Found is an entry with its path from the root.
type Found struct {
	Path string
	Entry
}

// Sides are one path at the merge base (Old), at the base's tip and at the head
// (New). A side without it has the zero Entry.
type Sides struct {
	Path          string
	Old, Tip, New Entry
	// stray says that Git may put what is new here elsewhere, or nowhere: the
	// base has moved, removed or replaced the folder meanwhile.
	stray bool
	// replayed says that a rebase may make something else of it; see Facts.Changes.
	replayed bool
}

func (e Entry) same(other Entry) bool { return e.Mode == other.Mode && e.ID == other.ID }

// differs tells whether merging could change the path: what is as it was, or as
// the base already has it, has no effect.
func (s Sides) differs() bool { return !s.New.same(s.Old) && !s.New.same(s.Tip) }

// Stale tells whether it is not known what a merge makes of the path. What only
// one side changed is that side's, whatever the algorithm; of what both changed
// Git's answer hangs on its diff, its rename detection and its settings.
func (s Sides) Stale() bool { return s.replayed || s.differs() && (s.stray || !s.Tip.same(s.Old)) }

// compare pairs up the entries of one folder on three sides, and gives those
// that differ. A path may be a file on one side and a folder on another: these
// are two.
func compare(in Sides, old, tip, head []Entry) (files, folders []Sides) {
	at := map[string]int{}
	for side, entries := range [][]Entry{old, tip, head} {
		for _, e := range entries {
			i, ok := at[e.Name]
			if !ok {
				i = len(files)
				at[e.Name] = i
				named := Sides{Path: join(in.Path, e.Name), stray: in.stray}
				files, folders = append(files, named), append(folders, named)
			}
			to := &files[i]
			if e.IsFolder() {
				to = &folders[i]
			}
			*[]*Entry{&to.Old, &to.Tip, &to.New}[side] = e
		}
	}
	for i := range files {
		file, folder := &files[i], &folders[i]
		lost := folder.Old.IsFolder() && !folder.Tip.IsFolder()
		folder.stray = folder.stray || lost || file.Tip.Mode != Absent && !file.Tip.same(file.Old)
		file.stray = file.stray || folder.Tip.IsFolder() && !folder.Old.IsFolder()
	}
	same := func(s Sides) bool { return !s.differs() }
	return slices.DeleteFunc(files, same), slices.DeleteFunc(folders, same)
}

func join(dir, name string) string { return strings.TrimPrefix(dir+"/"+name, "/") }

// Folders are those of one repository, by their ids.
type Folders interface {
	// Load reads folders that are not known yet, as far as they can be had.
	Load(ctx context.Context, ids []string) error
	// Entries gives the entries of a folder; false where it is not known.
	Entries(id string) ([]Entry, bool)
}

// maxEntries bounds how many entries one walk looks at: folders that hold each
// other can spell more paths than there are atoms.
const maxEntries = 4 << 20

// ErrTooLarge says that trees hold more than is looked at.
var ErrTooLarge = fmt.Errorf("more than %d files and folders", maxEntries)

// Compare finds the paths that differ between old and head and between tip and
// head, sorted. An empty id is a tree with nothing in it. It goes by ids and
// modes alone, level by level, and down only into folders that differ.
func Compare(ctx context.Context, from Folders, old, tip, head string) ([]Sides, error) {
	var out []Sides
	seen := 0
	level := []Sides{{Old: Entry{ID: old}, Tip: Entry{ID: tip}, New: Entry{ID: head}}}
	for len(level) > 0 {
		ids := make([]string, 3*len(level))
		for i, s := range level { // side by side, as they lie in a pack
			ids[i], ids[len(level)+i], ids[2*len(level)+i] = s.New.ID, s.Old.ID, s.Tip.ID
		}
		if err := load(ctx, from, ids); err != nil {
			return nil, err
		}
		var next []Sides
		for _, s := range level {
			old, _ := from.Entries(s.Old.ID)
			tip, _ := from.Entries(s.Tip.ID)
			head, _ := from.Entries(s.New.ID)
			if seen += len(old) + len(tip) + len(head); seen > maxEntries {
				return nil, ErrTooLarge
			}
			files, folders := compare(s, old, tip, head)
			out, next = append(out, files...), append(next, folders...)
		}
		level = next
	}
	slices.SortFunc(out, func(a, b Sides) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// Mechanical tells whether merged is what merging theirs into ours gives, both
// grown from old, whatever the algorithm: see Sides.Stale.
func Mechanical(ctx context.Context, from Folders, old, ours, theirs, merged string) (bool, error) {
	want, err := Compare(ctx, from, old, theirs, ours)
	if err != nil {
		return false, err
	}
	got, err := Compare(ctx, from, theirs, theirs, merged)
	return !slices.ContainsFunc(want, Sides.Stale) &&
		slices.EqualFunc(want, got, func(a, b Sides) bool { return a.Path == b.Path && a.New.same(b.New) }), err
}

// load loads each folder once, and none for an empty id.
func load(ctx context.Context, from Folders, ids []string) error {
	asked := map[string]bool{"": true}
	var todo []string
	for _, id := range ids {
		if _, known := from.Entries(id); !known && !asked[id] {
			asked[id] = true
			todo = append(todo, id)
		}
	}
	return from.Load(ctx, todo)
}

// List gives the files below a tree whose path passes, sorted, and the folders
// that it did not look into, since they are not known or too many; their paths end
// in a slash.
func List(ctx context.Context, from Folders, root string, pass func(path string) bool) (out []Found, unread []string, err error) {
	seen := 0
	level := []Found{{Entry: Entry{ID: root}}}
	for len(level) > 0 {
		ids := make([]string, len(level))
		for i, d := range level {
			ids[i] = d.ID
		}
		if err := load(ctx, from, ids); err != nil {
			return nil, nil, err
		}
		var next []Found
		for _, d := range level {
			entries, known := from.Entries(d.ID)
			if seen += len(entries); !known || seen > maxEntries {
				unread = append(unread, d.Path+"/")
				continue
			}
			for _, e := range entries {
				switch f := (Found{join(d.Path, e.Name), e}); {
				case e.IsFolder():
					next = append(next, f)
				case e.IsFile() && pass(f.Path):
					out = append(out, f)
				}
			}
		}
		level = next
	}
	slices.SortFunc(out, func(a, b Found) int { return strings.Compare(a.Path, b.Path) })
	return out, unread, nil
}

// Find gives the entry of a path below a tree; the zero Entry where there is none.
func Find(ctx context.Context, from Folders, root, path string) (Entry, error) {
	at := Entry{Mode: Folder, ID: root}
	for name := range strings.SplitSeq(path, "/") {
		if !at.IsFolder() {
			return Entry{}, nil
		}
		if err := load(ctx, from, []string{at.ID}); err != nil {
			return Entry{}, err
		}
		entries, _ := from.Entries(at.ID)
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
		if i < 0 {
			return Entry{}, nil
		}
		at = entries[i]
	}
	return at, nil
}

// Near gives a file that has nearly the name of one that is not there: in other
// letters, with another ending of YAML, or at the root. Who put it there may think
// that it is read. Empty where there is none.
func Near(ctx context.Context, from Folders, root, file string) (string, error) {
	stem := func(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }
	pick := func(in []Found, fits func(Entry) bool) (out []Found, err error) {
		for _, folder := range in {
			if err := load(ctx, from, []string{folder.ID}); err != nil {
				return nil, err
			}
			entries, _ := from.Entries(folder.ID)
			for _, e := range entries {
				if fits(e) {
					out = append(out, Found{join(folder.Path, e.Name), e})
				}
			}
		}
		return out, nil
	}
	top := Found{"", Entry{ID: root, Mode: Folder}}
	dirs, err := []Found{top}, error(nil)
	for name := range strings.SplitSeq(path.Dir(file), "/") {
		if dirs, err = pick(dirs, func(e Entry) bool { return e.IsFolder() && strings.EqualFold(e.Name, name) }); err != nil {
			return "", err
		}
	}
	found, err := pick(append(dirs, top), func(e Entry) bool {
		ext := strings.ToLower(path.Ext(e.Name))
		return !e.IsFolder() && strings.EqualFold(stem(e.Name), stem(file)) && (ext == ".yml" || ext == ".yaml")
	})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].Path, nil
}
