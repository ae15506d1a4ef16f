package gitrepo

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// objects is a repository's object database: its own folder and the
// alternates. It is safe for concurrent use.
type objects struct {
	dirs  []string // object folders, the repository's own first
	packs []*pack
}

// maxAlternates is how deep alternates may name others; git stops there too.
const maxAlternates = 5

func openObjects(dir string) (*objects, error) {
	o := &objects{}
	if err := o.add(dir, 0); err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *objects) add(dir string, depth int) error {
	if depth > maxAlternates || slices.Contains(o.dirs, dir) {
		return nil
	}
	o.dirs = append(o.dirs, dir)
	entries, err := os.ReadDir(filepath.Join(dir, "pack"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "pack-") || !strings.HasSuffix(e.Name(), ".idx") {
			continue
		}
		p, err := openPack(filepath.Join(dir, "pack", e.Name()))
		if err != nil {
			return err
		}
		o.packs = append(o.packs, p)
	}
	others, err := alternates(dir)
	if err != nil {
		return err
	}
	for _, other := range others {
		if err := o.add(other, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// alternates reads info/alternates itself, for go-git's reader refuses paths
// that lead out of the repository and decodes every index anew for each object.
func alternates(dir string) ([]string, error) {
	f, err := os.Open(filepath.Join(dir, "info", "alternates"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var dirs []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		if plain, err := strconv.Unquote(line); err == nil && line[0] == '"' {
			line = plain
		}
		if !filepath.IsAbs(line) {
			line = filepath.Join(dir, line)
		}
		dirs = append(dirs, filepath.Clean(line))
	}
	return dirs, lines.Err()
}

func (o *objects) close() {
	for _, p := range o.packs {
		p.close()
	}
}

// withPrefix gives the ids of all objects that begin with at least four hex
// digits in lower case, sorted.
func (o *objects) withPrefix(hex string) ([]plumbing.Hash, error) {
	first, err := strconv.ParseUint(hex[:2], 16, 8)
	if err != nil {
		return nil, err
	}
	var ids []plumbing.Hash
	for _, p := range o.packs {
		found, err := p.withPrefix(byte(first), hex)
		if err != nil {
			return nil, err
		}
		ids = append(ids, found...)
	}
	for _, dir := range o.dirs {
		entries, err := os.ReadDir(filepath.Join(dir, hex[:2]))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if name := hex[:2] + e.Name(); strings.HasPrefix(name, hex) && plumbing.IsHash(name) {
				ids = append(ids, plumbing.NewHash(name))
			}
		}
	}
	plumbing.HashesSort(ids)
	return slices.Compact(ids), nil
}

// openLoose opens the file of a loose object; fs.ErrNotExist where there is none.
func (o *objects) openLoose(id plumbing.Hash) (io.ReadCloser, error) {
	name := id.String()
	for _, dir := range o.dirs {
		f, err := os.Open(filepath.Join(dir, name[:2], name[2:]))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, fs.ErrNotExist
}
