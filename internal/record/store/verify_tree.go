package store

import (
	"database/sql"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// groupSize is how many hashes of one stored level lie under one of the next.
const groupSize = 1 << ledger.Stride

// twin is a hash of a stored level, known twice: as it follows from what lies
// below, and as it was kept. Where both are known and differ, the hash above
// tells which of the two is right.
type twin struct {
	n                int64
	computed, stored *tlog.Hash
}

func (i twin) differs() bool { return i.computed != nil && i.stored != nil && *i.computed != *i.stored }

// group holds the twins of a level under one hash of the next stored level.
type group struct {
	n     int64
	twins []twin
}

// doubt is a range of leaves that agree with themselves, and not with the hash
// that was kept over them.
type doubt struct {
	from   int64
	leaves []tlog.Hash
	want   tlog.Hash
	fault  Fault // what to say where nothing more can be found out
}

// maxDoubts is how many such ranges are searched for entries that were swapped.
const maxDoubts = 4

// push adds a twin to a level, and closes the group that it completes.
func (v *verifier) push(level int, i twin) error {
	depth := level / ledger.Stride
	for len(v.groups) <= depth {
		v.groups = append(v.groups, &group{n: 0, twins: make([]twin, 0, groupSize)})
	}
	g := v.groups[depth]
	if i.n/groupSize != g.n {
		if err := v.close(level); err != nil { // a gap lies between
			return err
		}
		g.n = i.n / groupSize
	}
	g.twins = append(g.twins, i)
	if i.n%groupSize == groupSize-1 {
		return v.close(level)
	}
	return nil
}

// close judges the group under way and hands its hash to the next level.
func (v *verifier) close(level int) error {
	g := v.groups[level/ledger.Stride]
	if len(g.twins) == 0 {
		return nil
	}
	stored, err := v.nodes.get(v, level+ledger.Stride, g.n)
	if err != nil {
		return err
	}
	from := g.n * groupSize << level
	up := twin{n: g.n, stored: stored}
	if stored == nil {
		v.fault(from, FaultNode, "the hash over %s is missing", span(from, from+groupSize<<level))
	}
	up.computed = v.judge(level, g.twins, groupSize, stored)
	if up.differs() && level == 0 {
		v.doubt(from, g.twins, *stored, Fault{})
	} else if level == 0 && stored != nil && len(g.twins) == groupSize {
		if err := v.leaves(g.n, g.twins); err != nil {
			return err
		}
	}
	*g = group{n: g.n + 1, twins: g.twins[:0]}
	return v.push(level+ledger.Stride, up)
}

// leaves holds how leaf hashes begin, by which entries are found, against the leaves.
func (v *verifier) leaves(n int64, twins []twin) error {
	var kept sql.NullString
	err := v.tx.QueryRowContext(v.ctx, `SELECT leaves FROM node WHERE level = $1 AND n = $2`, ledger.Stride, n).Scan(&kept)
	if err != nil {
		return err
	}
	if kept.String != begins(storedLeaves(twins)) {
		from := n * groupSize
		v.fault(from, FaultIndex, "%s are looked up by leaf hashes that are not theirs", span(from, from+groupSize))
	}
	return nil
}

func storedLeaves(twins []twin) (leaves []tlog.Hash) {
	for _, i := range twins {
		leaves = append(leaves, *i.stored)
	}
	return leaves
}

// judge says of each twin whose two hashes differ which one the hash above
// confirms. It returns the hash that the twins give: the one above, where either
// reading leads to it, else what follows from below; nil when twins are missing.
func (v *verifier) judge(level int, twins []twin, width int, above *tlog.Hash) *tlog.Hash {
	var below, kept []tlog.Hash
	differ := false
	for _, i := range twins {
		differ = differ || i.differs()
		if i.computed != nil {
			below = append(below, *i.computed)
		}
		if i.stored != nil {
			kept = append(kept, *i.stored)
		}
	}
	belowRoot := subtree(below, width)
	keptRoot := belowRoot
	if differ || belowRoot == nil {
		keptRoot = subtree(kept, width)
	}
	agree := func(h *tlog.Hash) bool { return above != nil && h != nil && *h == *above }
	if differ {
		for _, i := range twins {
			if i.differs() {
				v.altered(level, i.n, agree(belowRoot), agree(keptRoot))
			}
		}
	}
	if agree(keptRoot) || belowRoot == nil {
		return keptRoot
	}
	return belowRoot
}

// altered tells of a hash that does not follow from what lies below it.
func (v *verifier) altered(level int, n int64, belowRight, keptRight bool) {
	from, to := n<<level, (n+1)<<level
	kind, what := FaultLeaf, "the entry and its leaf hash do not belong together"
	below, kept := ": the leaf hash was altered, the entry is right", ": the entry was altered, the leaf hash is right"
	if level > 0 {
		kind, what = FaultNode, fmt.Sprintf("%s and the hash kept over them do not belong together", span(from, to))
		below, kept = ": the hash was altered, the entries are right", ": the hash is right, at least one of the entries was altered or has moved"
	}
	switch {
	case belowRight && !keptRight:
		what += below
	case keptRight && !belowRight:
		what += kept
	}
	if level == ledger.Stride {
		for i := range v.doubts {
			if d := &v.doubts[i]; d.from == from && len(d.leaves) == groupSize {
				d.fault = Fault{from, kind, what} // told when the search for swaps has found nothing
				return
			}
		}
	}
	v.fault(from, kind, "%s", what)
}

// doubt keeps leaves whose hash is not the one above. Without a fault to tell,
// the level above will tell it.
func (v *verifier) doubt(from int64, twins []twin, want tlog.Hash, fault Fault) {
	d := doubt{from: from, want: want, fault: fault}
	if len(v.doubts) > maxDoubts {
		v.settle(d)
		return
	}
	for _, i := range twins {
		d.leaves = append(d.leaves, *i.computed)
	}
	v.doubts = append(v.doubts, d)
}

// settle tells what there is to tell of a doubt.
func (v *verifier) settle(d doubt) {
	if d.fault.Kind != "" {
		v.fault(d.fault.Index, d.fault.Kind, "%s", d.fault.Message)
	}
}

// closeTree judges what lies under no complete node: by the head's right edge.
func (v *verifier) closeTree() error {
	fits := v.head != nil && v.head.frontier != nil && v.head.frontier.Size() == v.next
	for depth := 0; depth < len(v.groups); depth++ {
		level := depth * ledger.Stride
		if v.groups[depth].n < v.next>>(level+ledger.Stride) { // left open by a gap
			if err := v.close(level); err != nil {
				return err
			}
		}
		at := 0
		for bit := level + ledger.Stride - 1; bit >= level; bit-- {
			if v.next>>bit&1 == 0 {
				continue
			}
			var above *tlog.Hash
			if fits {
				above = &v.head.frontier.Roots()[bits.OnesCount64(uint64(v.next)>>(bit+1))]
			}
			first := v.next >> (bit + 1) << (bit + 1) // of the leaves under it
			at = v.closeSpan(level, at, first>>level, 1<<(bit-level), above)
		}
	}
	return nil
}

// closeSpan judges the twins from first on, width of them, and returns where in
// the group the next ones stand.
func (v *verifier) closeSpan(level, at int, first, width int64, above *tlog.Hash) int {
	g, end := v.groups[level/ledger.Stride], at
	for end < len(g.twins) && g.twins[end].n < first+width {
		end++
	}
	twins := g.twins[at:end]
	root := v.judge(level, twins, int(width), above)
	if above == nil || root == nil || *root == *above {
		return end
	}
	from, to := first<<level, (first+width)<<level
	fault := Fault{from, FaultHead, span(from, to) + " and the hash that the head keeps over them do not belong together: " +
		"one of them was altered or has moved, or the head was altered"}
	if level == 0 {
		v.doubt(from, twins, *above, fault)
	} else {
		v.fault(fault.Index, fault.Kind, "%s", fault.Message)
	}
	return end
}

// subtree is the root over hashes, if they are all there: a power of two.
func subtree(hashes []tlog.Hash, width int) *tlog.Hash {
	if len(hashes) != width {
		return nil
	}
	root := ledger.Subtree(hashes)
	return &root
}

// nodeCache holds the lowest stored nodes over the page at hand.
type nodeCache struct {
	from, to int64
	hashes   map[int64]tlog.Hash
}

// fill reads the nodes from (included) to to (included) of the lowest level.
func (c *nodeCache) fill(v *verifier, from, to int64) error {
	from = min(from, v.next>>ledger.Stride)
	*c = nodeCache{from, to, map[int64]tlog.Hash{}}
	return each(v.ctx, v.tx, func(rows *sql.Rows) error {
		var (
			n    int64
			hash sql.RawBytes
		)
		err := rows.Scan(&n, &hash)
		c.hashes[n] = nodeHash(hash)
		return err
	}, `SELECT n, hash FROM node WHERE level = $1 AND n >= $2 AND n <= $3 ORDER BY n LIMIT $4`,
		ledger.Stride, from, to, 2*verifyPage)
}

// get gives a stored node, nil when it is missing.
func (c *nodeCache) get(v *verifier, level int, n int64) (*tlog.Hash, error) {
	if level == ledger.Stride && n >= c.from && n <= c.to {
		if hash, ok := c.hashes[n]; ok {
			return &hash, nil
		}
	}
	var data []byte
	err := v.tx.QueryRowContext(v.ctx, `SELECT hash FROM node WHERE level = $1 AND n = $2`, level, n).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	hash := nodeHash(data)
	return &hash, nil
}

// nodeHash reads a hash; one of another length is none that could ever fit.
func nodeHash(data []byte) (h tlog.Hash) {
	if len(data) == tlog.HashSize {
		copy(h[:], data)
	}
	return h
}
