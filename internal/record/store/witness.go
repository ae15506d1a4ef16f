package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// ErrRewritten says that the ledger is not what grew out of the trees that its
// key signed before: somebody has rewritten it, or put an older state in its
// place. Nothing is signed or taken then.
var ErrRewritten = errors.New("the ledger is not the one that was signed before: " +
	"it was rewritten, or an older state was put in its place; verify it")

// witness remembers the largest tree that this process knows to be genuine.
// Whoever can write to the database, and has not the key, could otherwise have
// it sign any tree: it would find it in its own head.
type witness struct {
	mu   sync.Mutex
	tree ledger.Checkpoint
}

// known is the tree up to now. Ask before reading the head: whoever reads first
// may find less.
func (w *witness) known() ledger.Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tree.Size == 0 {
		w.tree.Root = new(ledger.Frontier).Root()
	}
	return w.tree
}

// advance takes a tree that is genuine.
func (w *witness) advance(size int64, root tlog.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if size >= w.tree.Size {
		w.tree = ledger.Checkpoint{Size: size, Root: root}
	}
}

// grown says whether the tree grew out of an older one, by a proof that holds
// whatever the stored hashes are (RFC 6962, 2.1.2).
func grown(from ledger.Checkpoint, to *ledger.Frontier, nodes ledger.Nodes) error {
	switch size, root := to.Size(), to.Root(); {
	case size < from.Size:
		return fmt.Errorf("%w: it has %d entries, and had %d", ErrRewritten, size, from.Size)
	case size == from.Size && root == from.Root, from.Size == 0:
		return nil
	case size == from.Size:
		return fmt.Errorf("%w: another root over its %d entries", ErrRewritten, size)
	default:
		proof, err := tlog.ProveTree(size, from.Size, nodes)
		if err != nil {
			return fmt.Errorf("prove that the ledger grew: %w", err)
		}
		if tlog.CheckTree(proof, size, root, from.Size, from.Root) != nil {
			return fmt.Errorf("%w: other entries among the first %d", ErrRewritten, from.Size)
		}
		return nil
	}
}

// anchor holds the ledger, when it is opened, against the checkpoint that it
// keeps, and against the one that was kept elsewhere.
func (l *Ledger) anchor(ctx context.Context) error {
	kept, _, err := l.KeptCheckpoint(ctx)
	if err != nil {
		return err
	}
	f, err := l.frontier(ctx) // after the checkpoint, or it could be smaller
	if err != nil {
		return err
	}
	if f.Size() > 0 && len(kept) == 0 { // the first commit signed one
		return fmt.Errorf("%w: its own checkpoint is missing", ErrRewritten)
	}
	// What is altered further back is for Verify to find; a tail that was cut off
	// would get new entries behind the gap.
	var last int64
	if err := l.read(ctx, `SELECT coalesce(max(idx), -1) FROM entry`, &last); err != nil {
		return err
	}
	if last < f.Size()-1 {
		return fmt.Errorf("%w: its last entry is %d, and it had %d", ErrRewritten, last, f.Size())
	}
	for which, signed := range [...][]byte{kept, l.o.Seen} {
		if len(signed) == 0 {
			continue
		}
		c, err := ledger.OpenCheckpoint(signed, l.public)
		if err != nil {
			return fmt.Errorf("look at %s: %w", [...]string{"the checkpoint in the ledger", "the checkpoint kept outside of it"}[which], err)
		}
		if err := grown(c, f, l.nodes(ctx)); err != nil {
			return err
		}
	}
	l.seen.advance(f.Size(), f.Root())
	return nil
}

// sign gives a checkpoint of the tree as it is, for those who ask.
func (l *Ledger) sign(f *ledger.Frontier, known ledger.Checkpoint, nodes ledger.Nodes) ([]byte, error) {
	if err := grown(known, f, nodes); err != nil {
		return nil, err
	}
	l.seen.advance(f.Size(), f.Root())
	return l.o.Key.Sign(f.Size(), f.Root())
}
