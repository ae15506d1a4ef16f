package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// item is an entry on its way into the ledger.
type item struct {
	entry    ledger.Entry
	leaf     tlog.Hash
	identity identity
	encoding string
	data     []byte // the body as it is stored
	receipt  ledger.Receipt
	done     chan error // takes one answer without blocking
	unsure   bool       // it may have been kept already
	size     int64      // what it holds of memory, roughly
	state    atomic.Int32
	refused  error  // nil, or why the last try did not keep it
	same     *int64 // the entry that has the body; nil: it has its own
}

// The states of an item. Whose it is lets go of it when nobody waits any more: what is
// refused while the ledger takes nothing is not to be held until that is over.
const (
	queued    int32 = iota // its sender's
	taken                  // the writer's
	cancelled              // the writer's, and nobody waits
	gone                   // nobody's
)

// How a body is stored.
const (
	encodingS2  = "s2"
	encodingRaw = "raw"
)

// A commit takes no more when it has so many entries or bytes, and waits so long
// for others to join.
const (
	maxBatch      = 512
	maxBatchBytes = 4 << 20
	batchWindow   = time.Millisecond
)

// Append keeps an entry with its body, whose hash and size it works out, and
// returns when they are durable; the version is 1 where none is given. An entry of
// the same kind, id, source, name, target and body as one before is not kept again: the receipt is the first one's. The body may
// be reused afterwards.
//
// A delivery whose body came too often is a ledger.ErrRepeated, and not kept.
// Errors that wrap ledger.ErrUnavailable leave it open whether the entry was
// kept; it may be sent again, which does no harm.
func (l *Ledger) Append(ctx context.Context, e ledger.Entry, body []byte) (ledger.Receipt, error) {
	if l.o.ReadOnly {
		return ledger.Receipt{}, fmt.Errorf("append: %w", ErrReadOnly)
	}
	e.BodyHash, e.BodySize, e.Version = sha256.Sum256(body), int64(len(body)), cmp.Or(e.Version, 1)
	if err := e.Validate(); err != nil {
		return ledger.Receipt{}, fmt.Errorf("append: %w", err)
	}
	it := &item{entry: e, leaf: e.Hash(), identity: identityOf(&e), done: make(chan error, 1)}
	it.encoding, it.data = l.pack.encode(body)
	it.size = int64(len(it.data)) + itemOverhead
	until := time.Now().Add(l.o.Hold)
	if !l.enter(ctx, it, until) {
		return ledger.Receipt{}, l.unavailable(ctx)
	}
	hold := time.NewTimer(time.Until(until))
	defer hold.Stop()
	select {
	case err := <-it.done:
		return it.receipt, err
	case <-hold.C:
	case <-ctx.Done():
	case <-l.ended:
		select {
		case err := <-it.done: // the last commit's
			return it.receipt, err
		default:
			return ledger.Receipt{}, fmt.Errorf("%w: %w", ledger.ErrUnavailable, errClosed)
		}
	}
	if it.state.CompareAndSwap(queued, gone) {
		it.data = nil
		l.leave(it)
	} else {
		it.state.Store(cancelled)
	}
	return ledger.Receipt{}, l.unavailable(ctx)
}

// enter waits until the quota has as much left as the item takes, and queues it.
func (l *Ledger) enter(ctx context.Context, it *item, until time.Time) bool {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if l.quota.Acquire(waiting, it.size) != nil {
		return false
	}
	l.queued.Add(1)
	l.queuedBytes.Add(it.size)
	select {
	case l.queue <- it:
		return true
	case <-waiting.Done():
		l.leave(it)
		return false
	}
}

// leave gives back what the item takes of the quota.
func (l *Ledger) leave(it *item) {
	l.queued.Add(-1)
	l.queuedBytes.Add(-it.size)
	l.quota.Release(it.size)
}

const itemOverhead = 1 << 10

// unavailable says why an entry was not taken within the time.
func (l *Ledger) unavailable(ctx context.Context) error {
	cause := ctx.Err()
	if broken := l.broken.Load(); cause == nil && broken != nil {
		cause = *broken
	}
	if cause == nil {
		cause = fmt.Errorf("no commit within %v", l.o.Hold)
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, cause)
}

// maxScratch is the greatest buffer, in bytes, that is kept for packing another body.
const maxScratch = 256 << 10

// packer packs bodies for many at once.
type packer struct{ scratch sync.Pool } // of *[]byte

// encode gives a copy of the body as it is stored; what does not get smaller
// stays raw. The copy is no larger than it must be, since many may wait.
func (p *packer) encode(body []byte) (encoding string, data []byte) {
	scratch, ok := p.scratch.Get().(*[]byte)
	if !ok {
		scratch = new([]byte)
	}
	packed := s2.Encode((*scratch)[:cap(*scratch)], body)
	encoding, data = encodingS2, packed
	if len(packed) >= len(body) {
		encoding, data = encodingRaw, body
	}
	data = append([]byte{}, data...)
	if cap(packed) <= maxScratch {
		*scratch = packed
		p.scratch.Put(scratch)
	}
	return encoding, data
}

// gather takes the items that make up one commit, the first of which is given.
// Those who were answered by the commit before get the time to come back, so that
// they share one again.
func (l *Ledger) gather(ctx context.Context, batch []*item, first *item, previous int) []*item {
	window := time.NewTimer(batchWindow)
	defer window.Stop()
	batch, bytes := append(batch, first), first.size
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		var it *item
		select {
		case it = <-l.queue:
		default:
			if previous <= 1 || len(batch) >= previous {
				return batch
			}
			select {
			case it = <-l.queue:
			case <-window.C:
				return batch
			case <-ctx.Done():
				return batch
			}
		}
		batch, bytes = append(batch, it), bytes+it.size
	}
	return batch
}

// errClosed ends the waiting of those who append.
var errClosed = errors.New("the ledger is being closed")
