package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Stride is how many levels of the tree lie between two that are stored: leaves
// (level 0), then one hash for each 256 of them (level 8), and so on. What lies
// between is worked out anew, from at most 256 hashes.
const Stride = 8

// Node is a stored hash: of the complete subtree number Index at a level that
// is a multiple of Stride.
type Node struct {
	Level int
	Index int64
	Hash  tlog.Hash
}

// Frontier is the right edge of the tree: the roots of its complete subtrees,
// the largest first. It is all that is needed to add leaves. The zero value is
// the empty tree.
type Frontier struct {
	size  int64
	roots []tlog.Hash // one for each bit that is set in size
}

// Size is the number of leaves.
func (f *Frontier) Size() int64 { return f.size }

// Roots are the roots of the complete subtrees, the largest first.
func (f *Frontier) Roots() []tlog.Hash { return f.roots }

// Append adds a leaf, and returns the stored nodes above the leaves that became
// complete by it, lowest first.
func (f *Frontier) Append(leaf tlog.Hash) []Node {
	var complete []Node
	hash, level := leaf, 0
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.roots) - 1
		hash = tlog.NodeHash(f.roots[last], hash)
		f.roots = f.roots[:last]
		level++
		if level%Stride == 0 {
			complete = append(complete, Node{level, f.size >> level, hash})
		}
	}
	f.roots = append(f.roots, hash)
	f.size++
	return complete
}

// Root is the tree's hash.
func (f *Frontier) Root() tlog.Hash {
	if f.size == 0 {
		return sha256.Sum256(nil) // RFC 6962, 2.1
	}
	root := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.roots[i], root)
	}
	return root
}

// Clone gives a copy that can grow on its own.
func (f *Frontier) Clone() *Frontier {
	return &Frontier{f.size, append([]tlog.Hash(nil), f.roots...)}
}

// AppendBinary adds the frontier's stored form: the size, then the roots.
func (f *Frontier) AppendBinary(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(f.size))
	for _, root := range f.roots {
		b = append(b, root[:]...)
	}
	return b
}

// ParseFrontier reads what AppendBinary wrote.
func ParseFrontier(b []byte) (*Frontier, error) {
	if len(b) < 8 {
		return nil, fmt.Errorf("parse frontier: %d bytes", len(b))
	}
	f := &Frontier{size: int64(binary.BigEndian.Uint64(b))}
	b = b[8:]
	if f.size < 0 || len(b) != bits.OnesCount64(uint64(f.size))*tlog.HashSize {
		return nil, fmt.Errorf("parse frontier: %d bytes of hashes for %d leaves", len(b), f.size)
	}
	for ; len(b) > 0; b = b[tlog.HashSize:] {
		f.roots = append(f.roots, tlog.Hash(b[:tlog.HashSize]))
	}
	return f, nil
}

// Nodes reads stored hashes: of the subtrees from (included) to to (excluded)
// at a level that is a multiple of Stride; level 0 are the leaves. It gives
// exactly to-from hashes or an error.
type Nodes func(level int, from, to int64) ([]tlog.Hash, error)

// ReadHashes makes Nodes a tlog.HashReader, from which tlog makes proofs.
func (read Nodes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		stored := level - level%Stride
		width := int64(1) << (level - stored)
		below, err := read(stored, n*width, (n+1)*width)
		if err != nil {
			return nil, err
		}
		if int64(len(below)) != width {
			return nil, fmt.Errorf("read hashes: %d of %d at level %d", len(below), width, stored)
		}
		hashes[i] = Subtree(below)
	}
	return hashes, nil
}

// Subtree is the root over a power of two of hashes, in whose place it computes.
func Subtree(hashes []tlog.Hash) tlog.Hash {
	for ; len(hashes) > 1; hashes = hashes[:len(hashes)/2] {
		for j := 0; j < len(hashes); j += 2 {
			hashes[j/2] = tlog.NodeHash(hashes[j], hashes[j+1])
		}
	}
	return hashes[0]
}

// FrontierAt is the right edge of the tree when it had so many leaves, as the stored
// hashes have it. Whoever adds the leaves since, and comes to a root that was signed,
// knows that these are right, too.
func FrontierAt(size int64, read Nodes) (*Frontier, error) {
	f := &Frontier{size: size}
	for level := 62; level >= 0; level-- {
		if size>>level&1 == 0 {
			continue
		}
		before := size >> (level + 1) << (level + 1)
		root, err := read.ReadHashes([]int64{tlog.StoredHashIndex(level, before>>level)})
		if err != nil {
			return nil, err
		}
		f.roots = append(f.roots, root[0])
	}
	return f, nil
}
