package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
)

// The pauses between two tries, doubled from the first to the last.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// takesNothing is what the log says while it may help to wait.
const takesNothing = "the ledger takes nothing, trying again"

// write is the one goroutine that writes to the database.
func (l *Ledger) write(ctx context.Context) {
	var (
		batch    []*item
		previous int
		wrote    bool
		idle     = time.NewTimer(time.Hour) // set while something is not under a kept checkpoint
	)
	idle.Stop()
	for {
		select {
		case <-ctx.Done():
			l.end(wrote)
			return
		case cause := <-l.spoiled:
			l.mend(ctx, cause)
		case answer := <-l.probes:
			answer <- l.probe(ctx)
		case <-idle.C:
			_ = l.probe(ctx) // where it fails the ledger and the log say so
		case <-l.queue.wake:
			if previous > 1 {
				l.wait(ctx, previous)
			}
			batch = l.present(l.queue.take(batch[:0]))
			if previous = len(batch); previous > 0 {
				l.keep(ctx, batch)
				wrote = true
				clear(batch)
				idle.Reset(signEvery)
			}
		}
		if l.broken.Load() != nil { // find out when it is over, also where nothing comes in
			idle.Reset(lastPause)
		}
	}
}

// end refuses what still waits, and leaves a checkpoint of everything behind.
func (l *Ledger) end(wrote bool) {
	for _, it := range l.queue.close() {
		l.answer(it, fmt.Errorf("%w: %w", ledger.ErrUnavailable, errClosed))
	}
	if !wrote || l.broken.Load() != nil {
		return
	}
	if err := l.engine.probe(context.Background()); err != nil {
		l.o.Log.Warn("no checkpoint of the last entries is kept", "error", err)
	}
}

// wait gives those who were just answered the time to come back, so that they
// share a commit.
func (l *Ledger) wait(ctx context.Context, previous int) {
	timer := time.NewTimer(company)
	defer timer.Stop()
	for l.queue.len() < previous {
		select {
		case <-l.queue.wake:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// present leaves out the items that nobody waits for.
func (l *Ledger) present(batch []*item) []*item {
	kept := batch[:0]
	for _, it := range batch {
		if it.gone.Load() {
			l.leave(it)
			continue
		}
		kept = append(kept, it)
	}
	return kept
}

// answer ends an item.
func (l *Ledger) answer(it *item, err error) {
	l.leave(it)
	it.done <- err
}

// keep commits the batch, again and again while that may help and somebody waits.
func (l *Ledger) keep(ctx context.Context, batch []*item) {
	for pause := firstPause; len(batch) > 0; pause = min(2*pause, lastPause) {
		start := time.Now()
		err := l.engine.commit(ctx, batch)
		if err == nil {
			l.kept(batch, time.Since(start))
			return
		}
		l.fails(err)
		again := l.engine.transient(err) && ctx.Err() == nil
		l.o.Observe.Failed(err, again)
		if !again {
			for _, it := range batch {
				l.answer(it, fmt.Errorf("%w: %w", ledger.ErrUnavailable, err))
			}
			l.mend(ctx, err)
			return
		}
		l.outage.lasts(slog.LevelWarn, takesNothing, err, len(batch)+l.queue.len())
		rest(ctx, pause)
		batch = l.present(batch)
	}
}

func (l *Ledger) kept(batch []*item, took time.Duration) {
	l.whole()
	duplicates, bytes := 0, int64(0)
	for _, it := range batch {
		l.size.Store(max(l.size.Load(), it.receipt.Index+1))
		if it.receipt.Duplicate {
			duplicates++
		} else {
			bytes += int64(len(it.data))
		}
		l.answer(it, nil)
	}
	l.o.Observe.Committed(len(batch)-duplicates, duplicates, bytes, took)
}

// mend works at a broken ledger until it is whole again. Nothing is taken
// meanwhile; what comes in waits as long as its senders do.
func (l *Ledger) mend(ctx context.Context, cause error) {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		l.fails(cause)
		l.outage.lasts(slog.LevelError, "the ledger is broken, recovering", cause, l.queue.len())
		err := l.engine.recover(ctx)
		if err == nil {
			err = l.engine.probe(ctx)
		}
		if err == nil {
			l.whole()
			return
		}
		cause = err
		rest(ctx, pause)
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
		l.spoil(err)
	case ctx.Err() == nil:
		l.outage.lasts(slog.LevelWarn, takesNothing, err, l.queue.len())
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

func rest(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
