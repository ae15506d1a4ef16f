package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The log is moved into the database each moveEvery, without holding up the
// writer. Where it has grown past maxLog all the same, the writer waits for the
// last bit, since the log starts anew only when all of it was moved.
const (
	moveEvery = 250 * time.Millisecond
	maxLog    = 32 << 20
)

func (e *sqliteEngine) moveLog(ctx context.Context) {
	for wait := moveEvery; ; {
		if sleep(ctx, wait); ctx.Err() != nil {
			return
		}
		start := time.Now()
		if e.dirty.Swap(false) {
			if err := e.move(ctx); err != nil && ctx.Err() == nil {
				e.moveFailed(err)
			}
		}
		// On a slow disk commits come first: a move takes the disk for a fifth of
		// the time at most.
		wait = max(moveEvery, 4*time.Since(start))
	}
}

func (e *sqliteEngine) moveFailed(err error) {
	e.dirty.Store(true)
	if e.transient(err) {
		e.log.Warn("move the log into the database", "error", err)
		return
	}
	e.report(err)
}

func (e *sqliteEngine) move(ctx context.Context) error {
	e.movers.Lock()
	defer e.movers.Unlock()
	if e.mover == nil {
		return nil
	}
	size, _, err := e.checkpoint(ctx, "PASSIVE")
	if err == nil && size > maxLog {
		e.mu.Lock()
		_, _, err = e.checkpoint(ctx, "PASSIVE")
		e.mu.Unlock()
	}
	return err
}

// errMoving says that another process prevents what was asked for.
var errMoving = errors.New("move the log into the database: another process reads or moves it")

// checkpoint moves the log and gives its size in bytes. PASSIVE leaves what somebody
// reads for later, and is busy only where another process moves the log; TRUNCATE is busy
// unless all of it was moved.
func (e *sqliteEngine) checkpoint(ctx context.Context, mode string) (size int64, busy bool, err error) {
	var frames int64
	err = e.mover.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &e.moved)
	if err != nil {
		return 0, false, fmt.Errorf("move the log into the database: %w", err)
	}
	return frames * pageSize, busy, nil
}

// moveAgain moves all of the log, unless somebody goes on reading.
func (e *sqliteEngine) moveAgain(ctx context.Context) error {
	for range moveTries {
		size, busy, err := e.checkpoint(ctx, "PASSIVE")
		if err != nil {
			return err
		}
		if !busy && size == e.moved*pageSize {
			return nil
		}
		sleep(ctx, lastSleep/moveTries)
	}
	return e.mustMove(ctx, "PASSIVE")
}

// moveTries is how often the log is moved for those who read for a moment.
const moveTries = 10

// mustMove is checkpoint for those who cannot leave it to another process.
func (e *sqliteEngine) mustMove(ctx context.Context, mode string) error {
	_, busy, err := e.checkpoint(ctx, mode)
	if busy {
		err = errMoving
	}
	return err
}

const pageSize = 8192
