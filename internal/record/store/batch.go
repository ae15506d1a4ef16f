package store

import (
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
	encoding string
	data     []byte // the body as it is stored
	receipt  ledger.Receipt
	done     chan error  // takes one answer without blocking
	gone     atomic.Bool // nobody waits any more
}

// How a body is stored.
const (
	encodingS2  = "s2"
	encodingRaw = "raw"
)

// The most that one commit takes, and how long it waits for company.
const (
	maxBatch      = 512
	maxBatchBytes = 4 << 20
	company       = time.Millisecond
)

// Append keeps an entry with its body, whose hash and size it works out, and
// returns when they are durable. An entry of the same kind, id, source and body
// as one before is not kept again: the receipt is the first one's. The body may
// be reused afterwards.
//
// Errors that wrap ledger.ErrUnavailable leave it open whether the entry was
// kept; it may be sent again, which does no harm.
func (l *Ledger) Append(ctx context.Context, e ledger.Entry, body []byte) (ledger.Receipt, error) {
	if l.o.ReadOnly {
		return ledger.Receipt{}, fmt.Errorf("append: %w", ErrReadOnly)
	}
	e.BodyHash, e.BodySize = sha256.Sum256(body), int64(len(body))
	if err := e.Validate(); err != nil {
		return ledger.Receipt{}, fmt.Errorf("append: %w", err)
	}
	it := &item{entry: e, leaf: e.Hash(), done: make(chan error, 1)}
	it.encoding, it.data = l.encode(body)
	until := time.Now().Add(l.o.Hold)
	if err := l.enter(ctx, it, until); err != nil {
		return ledger.Receipt{}, err
	}
	hold := time.NewTimer(time.Until(until))
	defer hold.Stop()
	select {
	case err := <-it.done:
		return it.receipt, err
	case <-hold.C:
	case <-ctx.Done():
	}
	it.gone.Store(true)
	return ledger.Receipt{}, l.unavailable(ctx)
}

// enter waits until there is room for the item, and queues it.
func (l *Ledger) enter(ctx context.Context, it *item, until time.Time) error {
	if size := it.size(); !l.room.TryAcquire(size) {
		waiting, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		if l.room.Acquire(waiting, size) != nil {
			return l.unavailable(ctx)
		}
	}
	l.queuedBytes.Add(it.size())
	if !l.queue.push(it) {
		l.leave(it)
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, errClosed)
	}
	return nil
}

// leave gives back the item's room.
func (l *Ledger) leave(it *item) {
	l.queuedBytes.Add(-it.size())
	l.room.Release(it.size())
}

// size is what the item holds of memory, roughly.
func (it *item) size() int64 { return int64(len(it.data)) + itemOverhead }

const itemOverhead = 1 << 10

// unavailable says why an entry was not taken within the time.
func (l *Ledger) unavailable(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, ctx.Err())
	}
	if cause := l.broken.Load(); cause != nil {
		return fmt.Errorf("%w: %w", ledger.ErrUnavailable, *cause)
	}
	return fmt.Errorf("%w: no commit within %v", ledger.ErrUnavailable, l.o.Hold)
}

// maxScratch is the greatest buffer that is kept for packing another body.
const maxScratch = 256 << 10

// encode gives a copy of the body as it is stored; what does not get smaller
// stays raw. The copy is no larger than it must be, since many may wait.
func (l *Ledger) encode(body []byte) (encoding string, data []byte) {
	scratch, ok := l.scratch.Get().(*[]byte)
	if !ok {
		scratch = new([]byte)
	}
	packed := s2.Encode((*scratch)[:cap(*scratch)], body)
	encoding = encodingS2
	if len(packed) < len(body) {
		data = append([]byte{}, packed...)
	} else {
		encoding, data = encodingRaw, append([]byte{}, body...)
	}
	if cap(packed) <= maxScratch {
		*scratch = packed
		l.scratch.Put(scratch)
	}
	return encoding, data
}

// queue holds the items that wait for the writer, in order.
type queue struct {
	mu     sync.Mutex
	items  []*item
	closed bool
	wake   chan struct{} // holds one when there may be items
}

func (q *queue) push(it *item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.items = append(q.items, it)
	q.ring()
	return true
}

// ring wakes the writer.
func (q *queue) ring() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

// take moves as many items as fit into one commit to batch.
func (q *queue) take(batch []*item) []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, bytes := 0, 0
	for n < len(q.items) && n < maxBatch && (n == 0 || bytes+len(q.items[n].data) <= maxBatchBytes) {
		bytes += len(q.items[n].data)
		n++
	}
	batch = append(batch, q.items[:n]...)
	rest := copy(q.items, q.items[n:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	if rest > 0 {
		q.ring()
	}
	return batch
}

// close takes no more, and gives what is left.
func (q *queue) close() []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	rest := q.items
	q.items = nil
	return rest
}

// errClosed ends the waiting of the writer.
var errClosed = errors.New("the ledger is being closed")
