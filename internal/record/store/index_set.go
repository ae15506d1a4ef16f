package store

import (
	"iter"
	"maps"
	"math/bits"
	"slices"
)

// indexSet is a set of indexes that takes a bit for each, in blocks that are
// there only where something is in them.
type indexSet map[int64]*[1024]uint64

const indexBlock = 1024 * 64

func (s *indexSet) add(index int64) {
	if *s == nil {
		*s = indexSet{}
	}
	block := (*s)[index/indexBlock]
	if block == nil {
		block = new([1024]uint64)
		(*s)[index/indexBlock] = block
	}
	block[index%indexBlock/64] |= 1 << (index % 64)
}

func (s indexSet) remove(index int64) {
	if block := s[index/indexBlock]; index >= 0 && block != nil {
		block[index%indexBlock/64] &^= 1 << (index % 64)
	}
}

// runs gives what is in the set as ranges from (included) to to (excluded), by
// size.
func (s indexSet) runs() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		from, to := int64(-1), int64(-1)
		for _, at := range slices.Sorted(maps.Keys(s)) {
			for i, word := range s[at] {
				for ; word != 0; word &= word - 1 {
					index := at*indexBlock + int64(i)*64 + int64(bits.TrailingZeros64(word))
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
		}
		if to >= 0 {
			yield(from, to)
		}
	}
}
