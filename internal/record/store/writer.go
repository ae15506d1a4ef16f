package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// The sleeps between two tries, doubled from the first to the last.
const (
	firstSleep = 5 * time.Millisecond
	lastSleep  = 500 * time.Millisecond
)

// takesNothing is what the log says while it may help to wait.
const takesNothing = "the ledger takes nothing, trying again"

// write is the one goroutine that writes to the database.
func (l *Ledger) write(ctx context.Context) {
	var (
		batch    []*item
		previous int
		idle     = time.NewTimer(time.Hour) // set while the ledger is broken
	)
	idle.Stop()
	defer close(l.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case cause := <-l.faults:
			l.recover(ctx, cause)
		case answer := <-l.probes:
			answer <- l.probe(ctx)
		case <-idle.C:
			_ = l.probe(ctx) // where it fails the ledger and the log say so
		case first := <-l.queue:
			batch = l.dropCancelled(l.gather(ctx, batch[:0], first, previous))
			if previous = len(batch); previous > 0 {
				l.keep(ctx, batch)
				clear(batch)
			}
		}
		if l.broken.Load() != nil { // find out when it is over, also where nothing comes in
			idle.Reset(lastSleep)
		}
	}
}

// dropCancelled takes the items, and leaves out those that nobody waits for.
func (l *Ledger) dropCancelled(batch []*item) []*item {
	return slices.DeleteFunc(batch, func(it *item) bool {
		if it.state.CompareAndSwap(queued, taken) {
			return false
		}
		state := it.state.Load()
		if state == cancelled {
			l.leave(it)
		}
		return state != taken
	})
}

// answer ends an item.
func (l *Ledger) answer(it *item, err error) {
	l.leave(it)
	it.done <- err
}

// keep commits the batch, again and again while that may help and somebody waits.
func (l *Ledger) keep(ctx context.Context, batch []*item) {
	for wait := firstSleep; len(batch) > 0; wait = min(2*wait, lastSleep) {
		start := time.Now()
		err := l.engine.commit(ctx, batch)
		if err == nil {
			select {
			case err = <-l.faults: // it can be of what seems to be durable now
			default:
			}
		}
		if err == nil {
			l.kept(batch, time.Since(start))
			return
		}
		l.fails(err)
		again := l.engine.transient(err) && ctx.Err() == nil
		l.o.Observe.CommitFailed()
		if errors.Is(err, errReplaced) && ctx.Err() == nil { // the new file takes them, if it is a copy
			for _, it := range batch {
				it.unsure = true
			}
			l.recover(ctx, err)
			batch = l.dropCancelled(batch)
			continue
		}
		if !again {
			for _, it := range batch {
				l.answer(it, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err))
			}
			l.recover(ctx, err)
			return
		}
		l.outage.lasts(slog.LevelWarn, takesNothing, err, int(l.queued.Load()))
		sleep(ctx, wait)
		batch = l.dropCancelled(batch)
	}
}

func (l *Ledger) kept(batch []*item, took time.Duration) {
	l.whole()
	l.bodies.awaited.taken(batch)
	for _, it := range batch {
		if it.refused == nil {
			l.size.Store(max(l.size.Load(), it.receipt.Index+1))
		}
		l.answer(it, it.refused)
	}
	l.o.Observe.Committed(len(batch), took)
}

// recover works at a broken ledger until it takes entries again. Nothing is taken
// meanwhile; what comes in waits as long as its senders do.
func (l *Ledger) recover(ctx context.Context, cause error) {
	for wait := firstSleep; ctx.Err() == nil; wait = min(2*wait, lastSleep) {
		l.fails(cause)
		l.outage.lasts(slog.LevelError, "the ledger is broken, recovering", cause, int(l.queued.Load()))
		err := l.engine.recover(ctx)
		if err == nil {
			err = l.engine.probe(ctx)
		}
		if err == nil {
			l.whole()
			return
		}
		cause = err
		sleep(ctx, wait)
	}
}

// probe writes a checkpoint, which tells whether anything can be written.
func (l *Ledger) probe(ctx context.Context) error {
	err := l.engine.probe(ctx)
	if err == nil {
		l.whole()
		return nil
	}
	l.fails(err)
	switch {
	case !l.engine.transient(err):
		l.report(err)
	case ctx.Err() == nil:
		l.outage.lasts(slog.LevelWarn, takesNothing, err, len(l.queue))
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
}

// fails notes why nothing is taken. Others read the error that broken points at
// whenever they like, so it points at this call's own, which nothing changes.
func (l *Ledger) fails(cause error) { l.broken.Store(&cause) }

// whole notes that something was just made durable.
func (l *Ledger) whole() {
	l.committed.Store(l.o.Now().UnixMicro())
	l.broken.Store(nil)
	l.outage.over()
}

func sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
