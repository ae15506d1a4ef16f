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
		if f := v.doubts[i].fault; !done[i] && f.Kind != "" {
			v.fault(f.Index, f.Kind, "%s", f.Message)
		}
	}
}

// swapped finds the two places whose leaves have to be exchanged to give the
// hashes that were kept.
func swapped(a, b perfect, same bool) (x, y int64, ok bool) {
	for x := range int64(len(a.levels[0])) {
		for y := range int64(len(b.levels[0])) {
			switch {
			case same && y <= x:
			case same:
				if a.exchanged(x, y) == a.want {
					return x, y, true
				}
			case a.replaced(0, x, b.levels[0][y]) == a.want && b.replaced(0, y, a.levels[0][x]) == b.want:
				return x, y, true
			}
		}
	}
	return 0, 0, false
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

// replaced is the root with another hash at place n of a level.
func (p perfect) replaced(level int, n int64, hash tlog.Hash) tlog.Hash {
	for _, hashes := range p.levels[level : len(p.levels)-1] {
		hash = beside(hashes, n, hash)
		n >>= 1
	}
	return hash
}

// exchanged is the root with the leaves at x and y in each other's place.
func (p perfect) exchanged(x, y int64) tlog.Hash {
	atX, atY := p.levels[0][y], p.levels[0][x]
	for i, level := range p.levels {
		if x>>1 == y>>1 { // their ways meet: x is the left one
			return p.replaced(i+1, x>>1, tlog.NodeHash(atX, atY))
		}
		atX, atY = beside(level, x, atX), beside(level, y, atY)
		x, y = x>>1, y>>1
	}
	return atX
}

// beside is the hash over the one at n, taken as given, and its neighbour.
func beside(level []tlog.Hash, n int64, hash tlog.Hash) tlog.Hash {
	if n&1 == 0 {
		return tlog.NodeHash(hash, level[n+1])
	}
	return tlog.NodeHash(level[n-1], hash)
}
