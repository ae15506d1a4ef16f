package store

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// missing are the entries without a body that no erasure has named yet. An erasure
// names their leaves, too: of each 64 entries the sum of those is kept, which is 0
// when all were named rightly. So a million of them take little memory.
type missing struct {
	indexSet
	sums map[int64]uint64
}

// settle notes a body that is missing, and takes back those that an erasure names
// before it. What a later version of the program erased is a ledger.ErrVersion.
func (m *missing) settle(r ledger.Record, body []byte) error {
	switch {
	case body == nil && r.Kind == ledger.Erasure:
		return errors.New("the body of an erasure is gone; those are never erased")
	case body == nil:
		leaf := r.Hash()
		m.add(r.Index)
		m.sum(r.Index, leaf[:])
	case r.Kind == ledger.Erasure:
		erased, err := ledger.ParseErased(r, body)
		if err != nil {
			return err
		}
		for _, e := range erased.Entries {
			if e.Index >= r.Index {
				return fmt.Errorf("the erasure names entry %d, which comes after it", e.Index)
			}
			leaf, err := hex.DecodeString(e.Leaf)
			if err != nil || len(leaf) < 8 {
				return fmt.Errorf("the erasure names no leaf of entry %d", e.Index)
			}
			if m.has(e.Index) {
				m.remove(e.Index)
				m.sum(e.Index, leaf)
			}
		}
	}
	return nil
}

// sum adds a leaf to the sum of its 64 entries, or takes it away again.
func (m *missing) sum(index int64, leaf []byte) {
	if m.sums == nil {
		m.sums = map[int64]uint64{}
	}
	if m.sums[index/64] ^= binary.BigEndian.Uint64(leaf); m.sums[index/64] == 0 {
		delete(m.sums, index/64)
	}
}

// all gives the ranges of the bodies for which no erasure accounts; where one names
// another entry than there is, the 64 among which it does.
func (m *missing) all() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		for from, to := range m.runs() {
			if !yield(from, to) {
				return
			}
		}
		for _, at := range slices.Sorted(maps.Keys(m.sums)) {
			if m.indexSet[at] == 0 && !yield(at*64, at*64+64) {
				return
			}
		}
	}
}
