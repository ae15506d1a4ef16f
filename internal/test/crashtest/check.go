package crashtest

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Key is what makes a delivery the same as another one: the hook, its target, the
// GUID, the event and the SHA-256 of the body.
type Key struct {
	Source, Target, GUID, Event string
	Body                        [32]byte
}

// Attempt is one request and what came of it.
type Attempt struct {
	Key
	// Start is when it was sent, End when the answer was there or it was clear
	// that none would come, both since the first request of all.
	Start, End time.Duration
	// Status is the answer's, 0 where none came.
	Status int
	// ID is the entry's id as the answer told it.
	ID string
}

// Held is one entry of the ledger as it was found. The key's body is worked out
// from the body's bytes.
type Held struct {
	Key
	Index int64
	Leaf  [32]byte
}

// Check gives a sentence for every breach of the model:
//
//   - the ledger is a sequence without gaps, and holds no delivery twice;
//   - it holds every acknowledged delivery (200, 202) under the id that was
//     told, and none that was refused (4xx) or never sent; one without an answer,
//     or answered with 503, it may hold;
//   - a delivery is new (202) once at most, and a duplicate (200) of another;
//   - what was acknowledged before another was sent stands before it;
//   - every checkpoint that was seen is one of this very tree.
func Check(sent []Attempt, held []Held, seen []ledger.Checkpoint) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	at := map[Key]Held{}
	var tree ledger.Frontier
	roots := [][32]byte{tree.Root()}
	for i, h := range held {
		if h.Index != int64(i) {
			fault("entry %d stands at position %d", h.Index, i)
		}
		if first, twice := at[h.Key]; twice {
			fault("entry %d is entry %d again: %s", h.Index, first.Index, h.GUID)
		}
		at[h.Key] = h
		tree.Append(h.Leaf)
		roots = append(roots, tree.Root())
	}
	for _, c := range seen {
		if c.Size >= int64(len(roots)) {
			fault("a checkpoint of %d entries was seen, and there are %d", c.Size, len(held))
		} else if roots[c.Size] != c.Root {
			fault("the first %d entries have another root than the checkpoint that was seen", c.Size)
		}
	}

	taken, fresh := map[Key]int{}, map[Key]int{} // attempts that may have been taken; that were new
	for _, a := range sent {
		h, there := at[a.Key]
		switch {
		case a.Status == http.StatusOK || a.Status == http.StatusAccepted:
			if !there {
				fault("%s was acknowledged with %d and is lost", a.GUID, a.Status)
			} else if a.ID != hex.EncodeToString(h.Leaf[:]) {
				fault("%s was acknowledged as %s and is entry %d, %x", a.GUID, a.ID, h.Index, h.Leaf)
			}
			if a.Status == http.StatusAccepted {
				fresh[a.Key]++
			}
			taken[a.Key]++
		case a.Status == 0 || a.Status == http.StatusServiceUnavailable:
			taken[a.Key]++
		case a.Status < 400 || a.Status > 499:
			fault("%s was answered with %d", a.GUID, a.Status)
		}
	}
	for _, h := range held {
		if taken[h.Key] == 0 {
			fault("entry %d was refused or never sent: %s", h.Index, h.GUID)
		}
	}
	for _, a := range sent {
		if a.Status == http.StatusAccepted && fresh[a.Key] > 1 {
			fault("%s was new %d times", a.GUID, fresh[a.Key])
		}
		if a.Status == http.StatusOK && taken[a.Key] == 1 {
			fault("%s was called a duplicate and was sent once", a.GUID)
		}
	}
	return append(faults, disorder(sent, at)...)
}

// disorder finds deliveries that stand before one that was acknowledged before
// they were sent.
func disorder(sent []Attempt, at map[Key]Held) (faults []string) {
	var starts []Attempt
	for _, a := range sent {
		if _, there := at[a.Key]; there && a.Status == http.StatusAccepted {
			starts = append(starts, a)
		}
	}
	ends := slices.Clone(starts)
	slices.SortFunc(starts, func(a, b Attempt) int { return cmp.Compare(a.Start, b.Start) })
	slices.SortFunc(ends, func(a, b Attempt) int { return cmp.Compare(a.End, b.End) })
	last := Held{Index: -1}
	for _, a := range starts {
		for ; len(ends) > 0 && ends[0].End < a.Start; ends = ends[1:] {
			if h := at[ends[0].Key]; h.Index > last.Index {
				last = h
			}
		}
		if h := at[a.Key]; h.Index < last.Index {
			faults = append(faults, fmt.Sprintf("entry %d was sent after entry %d had been acknowledged: %s", h.Index, last.Index, h.GUID))
		}
	}
	return faults
}
