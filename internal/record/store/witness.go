package store

import (
	"bytes"
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

// witness remembers the largest head that this process knows to be genuine.
// Whoever can write to the database, and has not the key, could otherwise put
// back an older head that the key did sign.
type witness struct {
	mu   sync.Mutex
	last head
}

// known is the head up to now. Ask before reading the database: whoever reads
// first may find less.
func (w *witness) known() head {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.Frontier == nil {
		w.last.Frontier = new(ledger.Frontier)
	}
	return w.last
}

// advance takes a head that is genuine.
func (w *witness) advance(h head) {
	known := w.known()
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.Size() >= known.Size() {
		w.last = h
	}
}

// take gives the stored head where it is the known one, or grew out of it and the
// key signed it.
func (w *witness) take(stored storedHead, public string, nodes ledger.Nodes) (head, error) {
	known := w.known()
	if known.Size() > 0 && bytes.Equal(stored.frontier, known.AppendBinary(nil)) {
		return known, nil
	}
	h, err := stored.open(public)
	if err == nil {
		err = followed(known.Frontier, h.Frontier, nodes)
	}
	return h, err
}

// maxFollowed is how many leaves are appended to see whether a tree grew out of
// another. It is one question to the database, where a proof takes a dozen.
const maxFollowed = 4096

// followed says whether a tree grew out of one that is known as a whole.
func followed(known, to *ledger.Frontier, nodes ledger.Nodes) error {
	from := ledger.Checkpoint{Size: known.Size(), Root: known.Root()}
	if n := to.Size() - known.Size(); n <= 0 || n > maxFollowed {
		return grown(from, to, nodes)
	}
	leaves, err := nodes(0, known.Size(), to.Size())
	if err != nil {
		return err
	}
	again := known.Clone()
	for _, leaf := range leaves {
		again.Append(leaf)
	}
	if again.Size() != to.Size() || again.Root() != to.Root() {
		return fmt.Errorf("%w: other entries among its %d", ErrRewritten, to.Size())
	}
	return nil
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

// anchor holds the ledger, when it is opened, against its own checkpoint and
// against the one that was kept elsewhere.
func (l *Ledger) anchor(ctx context.Context) error {
	stored, err := l.storedHead(ctx)
	if err != nil {
		return err
	}
	h, err := stored.open(l.public)
	if err != nil {
		return err
	}
	// What is altered further back is for Verify to find; a tail that was cut off
	// would get new entries behind the gap.
	var last int64
	if err := l.read(ctx, `SELECT coalesce(max(idx), -1) FROM entry`, &last); err != nil {
		return err
	}
	if last < h.Size()-1 {
		return fmt.Errorf("%w: its last entry is %d, and it had %d", ErrRewritten, last, h.Size())
	}
	if err := l.fits(ctx, h.Frontier); err != nil {
		return err
	}
	l.seen.advance(h)
	return nil
}

// fits says whether a tree grew out of the checkpoint that was kept elsewhere.
func (l *Ledger) fits(ctx context.Context, to *ledger.Frontier) error {
	if len(l.o.Seen) == 0 {
		return nil
	}
	c, err := ledger.OpenCheckpoint(l.o.Seen, l.public)
	if err != nil {
		return fmt.Errorf("look at the checkpoint kept outside of it: %w", err)
	}
	return grown(c, to, l.nodes(ctx))
}
