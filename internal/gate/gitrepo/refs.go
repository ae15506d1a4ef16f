package gitrepo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// refs are a repository's references: a file each, and a line of packed-refs each
// where there is no such file. go-git's reader brings its whole configuration along.
type refs struct{ own, common string } // a work tree's folder, and the one that all share

// find reads one reference. A file that holds none is an error, for an older value may
// be packed.
func (r refs) find(name plumbing.ReferenceName) (*plumbing.Reference, error) {
	data, err := os.ReadFile(r.file(name.String()))
	if err == nil {
		return parseReference(name, string(data))
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EISDIR) {
		return nil, err
	}
	packed, err := r.packed()
	if err != nil {
		return nil, err
	}
	if ref := packed[name]; ref != nil {
		return ref, nil
	}
	return nil, plumbing.ErrReferenceNotFound
}

// file is where a reference has its file.
func (r refs) file(name string) string {
	dir := r.own
	if kind, _, _ := strings.Cut(strings.TrimPrefix(name, "refs/"), "/"); strings.HasPrefix(name, "refs/") &&
		kind != "bisect" && kind != "worktree" && kind != "rewritten" {
		dir = r.common
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

func parseReference(name plumbing.ReferenceName, data string) (*plumbing.Reference, error) {
	value := strings.TrimSpace(data)
	if target, ok := strings.CutPrefix(value, "ref:"); ok {
		return plumbing.NewSymbolicReference(name, plumbing.ReferenceName(strings.TrimSpace(target))), nil
	}
	if !plumbing.IsHash(value) {
		return nil, fmt.Errorf("reference %s holds no object id", text.Quote(name.String()))
	}
	return plumbing.NewHashReference(name, plumbing.NewHash(value)), nil
}

// packed reads packed-refs.
func (r refs) packed() (map[plumbing.ReferenceName]*plumbing.Reference, error) {
	data, err := os.ReadFile(filepath.Join(r.common, "packed-refs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	all := map[plumbing.ReferenceName]*plumbing.Reference{}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line == "" || line[0] == '#' || line[0] == '^' { // what a tag leads to
			continue
		}
		id, name, ok := strings.Cut(line, " ")
		if !ok || !plumbing.IsHash(id) {
			return nil, errors.New("packed-refs has a line that is no reference")
		}
		all[plumbing.ReferenceName(name)] = plumbing.NewHashReference(plumbing.ReferenceName(name), plumbing.NewHash(id))
	}
	return all, nil
}

// all gives HEAD and every reference but those that are broken, as git lists them.
func (r refs) all() ([]*plumbing.Reference, error) {
	all, err := r.packed()
	if err != nil {
		return nil, err
	}
	add := func(name plumbing.ReferenceName) {
		delete(all, name)
		if ref, err := r.find(name); err == nil {
			all[name] = ref
		}
	}
	add(plumbing.HEAD)
	err = filepath.WalkDir(filepath.Join(r.common, "refs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(r.common, path)
		add(plumbing.ReferenceName(filepath.ToSlash(rel)))
		return err
	})
	return slices.SortedFunc(maps.Values(all), func(a, b *plumbing.Reference) int { return cmp.Compare(a.Name(), b.Name()) }), err
}
