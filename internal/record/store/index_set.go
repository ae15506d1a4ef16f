package store

import (
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// indexSet is a set of indexes that takes a bit for each, in words that are there
// only where something is in them.
type indexSet map[int64]uint64

func (s *indexSet) add(index int64) {
	if *s == nil {
		*s = indexSet{}
	}
	(*s)[index/64] |= 1 << (index % 64)
}

func (s indexSet) has(index int64) bool { return index >= 0 && s[index/64]>>(index%64)&1 == 1 }

func (s indexSet) remove(index int64) {
	word, ok := s[index/64]
	if !ok || index < 0 {
		return
	}
	if s[index/64] = word &^ (1 << (index % 64)); s[index/64] == 0 {
		delete(s, index/64)
	}
}

// runs gives what is in the set as ranges from (included) to to (excluded), by
// size.
func (s indexSet) runs() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		from, to := int64(-1), int64(-1)
		for _, at := range slices.Sorted(maps.Keys(s)) {
			for word := s[at]; word != 0; word &= word - 1 {
				index := at*64 + int64(bits.TrailingZeros64(word))
				if index == to {
					to++
					continue
				}
				if to >= 0 && !yield(from, to) {
					return
				}
				from, to = index, index+1
			}
		}
		if to >= 0 {
			yield(from, to)
		}
	}
}
