package github

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pjbgf/sha1cd"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// objectID is the id that Git gives to an object. Contents that were made to
// collide under SHA-1 get another id than they claim.
func objectID(kind string, data []byte) string {
	h := sha1cd.New()
	fmt.Fprintf(h, "%s %d\x00", kind, len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// entry is one entry of a tree. The zero entry is none.
type entry struct {
	name string
	mode change.Mode
	id   string
	size int // of a file, in bytes, as GitHub says; only a hint
}

// folder is the mode of a tree in a tree.
const folder change.Mode = "40000"

func (e entry) isTree() bool       { return e.mode == folder }
func (e entry) isFile() bool       { return e.mode == change.Regular || e.mode == change.Executable }
func (e entry) same(o entry) bool  { return e.mode == o.mode && e.id == o.id }
func treeEntry(id string) entry    { return entry{mode: folder, id: id} }
func join(dir, name string) string { return strings.TrimPrefix(dir+"/"+name, "/") }
func sortKey(name string, m string) string {
	if m == string(folder) {
		return name + "/" // as Git sorts
	}
	return name
}

// listed is a tree's entry as the API lists it.
type listed struct {
	name, mode, id string // mode in octal, without zeros before it
	size           int
}

// normalMode reads a mode the way Git does: of a regular file only whether its
// owner may execute it counts.
func normalMode(octal string) (change.Mode, bool) {
	n, err := strconv.ParseUint(octal, 8, 17)
	if err != nil || strings.HasPrefix(octal, "0") {
		return "", false
	}
	switch {
	case n == 0o040000:
		return folder, true
	case n == 0o120000:
		return change.Symlink, true
	case n == 0o160000:
		return change.Submodule, true
	case n&0o170000 == 0o100000 && n&0o100 != 0:
		return change.Executable, true
	case n&0o170000 == 0o100000:
		return change.Regular, true
	}
	return "", false
}

// newTree makes a tree of listed entries, and the id that Git gives to it; not
// ok where there can be no such tree. Since names hold no NUL, no other
// entries have these bytes: whatever has the right id is complete and true.
func newTree(list []listed) (id string, entries []entry, ok bool) {
	slices.SortFunc(list, func(a, b listed) int {
		return strings.Compare(sortKey(a.name, a.mode), sortKey(b.name, b.mode))
	})
	var raw []byte
	seen := make(map[string]bool, len(list))
	for _, l := range list {
		mode, known := normalMode(l.mode)
		if !known || !isID(l.id) || l.name == "" || strings.ContainsAny(l.name, "/\x00") || seen[l.name] {
			return "", nil, false
		}
		seen[l.name] = true
		raw = append(raw, l.mode+" "+l.name+"\x00"...)
		raw, _ = hex.AppendDecode(raw, []byte(l.id))
		entries = append(entries, entry{l.name, mode, l.id, max(l.size, 0)})
	}
	return objectID("tree", raw), entries, true
}

// store keeps objects by their ids. Objects never change, so that what one
// call has read the next need not read again.
type store struct {
	mu    sync.Mutex
	trees map[string][]entry
	blobs map[string][]byte
}

func newStore() *store { return &store{trees: map[string][]entry{}, blobs: map[string][]byte{}} }

func (s *store) tree(id string) ([]entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.trees[id]
	return t, ok
}

func (s *store) keepTree(id string, entries []entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trees[id] = entries
}

func (s *store) blob(id string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[id]
	return b, ok
}

func (s *store) keepBlob(id string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[id] = data
}
