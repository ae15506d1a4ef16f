package gitrepo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// parseTree reads a tree object. It insists on git's order and on single
// names: in a tree that has neither, two programs find two files. What else
// git's own checks refuse in a name (.git, ..) stays as it is.
func parseTree(data []byte) ([]change.Entry, error) {
	var entries []change.Entry
	files := map[string]bool{} // where a folder of the same name may follow later
	rest, digits := string(data), hex.EncodeToString(data)
	for rest != "" {
		octal, named, _ := strings.Cut(rest, " ")
		name, after, ok := strings.Cut(named, "\x00")
		if !ok || strings.Contains(octal, "\x00") || len(after) < hashSize {
			return nil, errors.New("malformed tree")
		}
		mode, known := change.ParseMode(octal)
		if !known {
			return nil, fmt.Errorf("tree entry of mode %s", text.Quote(octal))
		}
		at := 2 * (len(data) - len(after))
		e := change.Entry{Name: name, Mode: mode, ID: digits[at : at+2*hashSize]}
		rest = after[hashSize:]
		if e.Name == "" || strings.Contains(e.Name, "/") {
			return nil, fmt.Errorf("tree with an entry named %s", text.Quote(e.Name))
		}
		if n := len(entries); n > 0 && entries[n-1].SortKey() >= e.SortKey() || files[e.Name] {
			return nil, fmt.Errorf("tree with entry %s out of order or there twice", text.Quote(e.Name))
		}
		if !e.IsFolder() {
			files[e.Name] = true
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// forest holds the trees that were read, each once.
type forest struct {
	r     *Repository
	trees map[string][]change.Entry
}

func (r *Repository) forest() *forest { return &forest{r, map[string][]change.Entry{}} }

// Entries gives the entries of a tree that was read.
func (f *forest) Entries(id string) ([]change.Entry, bool) {
	entries, ok := f.trees[id]
	return entries, ok
}

// Load reads trees.
func (f *forest) Load(ctx context.Context, ids []string) error {
	hashes := make([]plumbing.Hash, len(ids))
	for i, id := range ids {
		hashes[i] = plumbing.NewHash(id)
	}
	parsed := make([][]change.Entry, len(ids))
	err := f.r.each(ctx, hashes, plumbing.TreeObject, func(i int, o object) error {
		var err error
		if parsed[i], err = parseTree(o.data); err != nil {
			return corrupt(hashes[i], "%w", err)
		}
		return nil
	})
	for i, id := range ids {
		f.trees[id] = parsed[i]
	}
	return err
}

func tooLarge() *Error { return fail(Unsupported, "compare trees", "", "%w", change.ErrTooLarge) }
