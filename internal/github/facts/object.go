package facts

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pjbgf/sha1cd"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// objectID is the id that Git gives to an object. Contents that were made to
// collide under SHA-1 get another id than they claim.
func objectID(kind string, data []byte) string {
	h := sha1cd.New()
	fmt.Fprintf(h, "%s %d\x00", kind, len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// newTree makes a tree of entries as the API lists them, with their modes as
// Git writes them, and the id that Git gives to it; not ok where there can be no
// such tree. Since names hold no NUL, no other entries have these bytes:
// whatever has the right id is complete and true.
func newTree(list []change.Entry) (id string, entries []change.Entry, ok bool) {
	slices.SortFunc(list, func(a, b change.Entry) int { return strings.Compare(a.SortKey(), b.SortKey()) })
	var raw []byte
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		mode, known := change.ParseMode(string(e.Mode))
		if !known || !github.IsID(e.ID) || e.Name == "" || strings.ContainsAny(e.Name, "/\x00") || seen[e.Name] {
			return "", nil, false
		}
		seen[e.Name] = true
		raw = append(raw, string(e.Mode)+" "+e.Name+"\x00"...)
		raw, _ = hex.AppendDecode(raw, []byte(e.ID))
		e.Mode = mode
		entries = append(entries, e)
	}
	return objectID("tree", raw), entries, true
}

// store keeps objects by their ids. Objects never change, so that what one
// call has read the next need not read again.
type store struct {
	mu    sync.Mutex
	trees map[string][]change.Entry
	blobs map[string][]byte
}

func newStore() *store { return &store{trees: map[string][]change.Entry{}, blobs: map[string][]byte{}} }

func (s *store) keepTree(id string, entries []change.Entry) {
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
