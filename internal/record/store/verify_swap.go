package store

import "golang.org/x/mod/sumdb/tlog"

// judgeSwaps looks for two entries that stand in each other's place: the one
// alteration of whole entries that hashes over them can name to the entry. What
// it does not find is told as a range.
func (v *verifier) judgeSwaps() {
	done := make([]bool, len(v.doubts))
	for i := range v.doubts {
		a := newPerfect(v.doubts[i])
		for j := i; j < len(v.doubts) && !done[i]; j++ {
			if done[j] {
				continue
			}
			b := newPerfect(v.doubts[j])
			if x, y, ok := swapped(a, b, i == j); ok {
				x, y = a.from+x, b.from+y
				v.fault(x, FaultOrder, "entry %d stands in the place of entry %d", y, x)
				v.fault(y, FaultOrder, "entry %d stands in the place of entry %d", x, y)
				done[i], done[j] = true, true
			}
		}
		if !done[i] {
			v.settle(v.doubts[i])
		}
	}
}

// swapped finds the two places whose leaves have to be exchanged to give the
// hashes that were kept.
func swapped(a, b perfect, same bool) (x, y int64, ok bool) {
	top := len(a.levels) - 1
	for x, atX := range a.levels[0] {
		for y, atY := range b.levels[0] {
			toX, toY := leafAt{int64(x), atY}, leafAt{int64(y), atX}
			switch {
			case same && y > x && a.root(top, 0, toX, toY) == a.want,
				!same && a.root(top, 0, toX) == a.want && b.root(len(b.levels)-1, 0, toY) == b.want:
				return int64(x), int64(y), true
			}
		}
	}
	return 0, 0, false
}

// leafAt is a leaf for another place.
type leafAt struct {
	n    int64
	hash tlog.Hash
}

// perfect is a tree over a power of two of leaves, with all its inner hashes.
type perfect struct {
	from   int64
	want   tlog.Hash
	levels [][]tlog.Hash
}

func newPerfect(d doubt) perfect {
	p := perfect{d.from, d.want, [][]tlog.Hash{d.leaves}}
	for below := d.leaves; len(below) > 1; {
		level := make([]tlog.Hash, len(below)/2)
		for i := range level {
			level[i] = tlog.NodeHash(below[2*i], below[2*i+1])
		}
		p.levels = append(p.levels, level)
		below = level
	}
	return p
}

// root is the hash at place n of a level, with other leaves in their places.
func (p perfect) root(level int, n int64, others ...leafAt) tlog.Hash {
	for _, other := range others {
		switch {
		case other.n>>level != n:
		case level == 0:
			return other.hash
		default:
			return tlog.NodeHash(p.root(level-1, 2*n, others...), p.root(level-1, 2*n+1, others...))
		}
	}
	return p.levels[level][n]
}
