package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Where the index of the log has how many frames were moved, and what is locked to change
// that (https://www.sqlite.org/walformat.html#the_wal_index_file_format).
const (
	movedAt   = 96
	movedSize = 4
	moveLock  = 121
)

// index keeps the index of the log while the connections that write are opened anew. It
// says which frames were synced; without it SQLite counts whatever it finds, such as
// those of a commit that failed, and who reads since then can keep these in the log.
type index struct {
	db   *sql.DB  // has it open
	file *os.File // itself, after an error; closing it lets go of all locks on it
}

// keep opens the index of the file that is there now.
func (i *index) keep(ctx context.Context, source string) error {
	fresh, err := sql.Open("sqlite", source)
	if err != nil {
		return err
	}
	fresh.SetMaxOpenConns(1)
	var one int
	if err := fresh.QueryRowContext(ctx, `SELECT one FROM head`).Scan(&one); err != nil {
		return errors.Join(fmt.Errorf("open the index of the log: %w", err), fresh.Close())
	}
	old := i.db
	if i.db = fresh; old != nil {
		err = old.Close()
	}
	return err
}

// forgetMoved has the log moved from its first frame on once more. What is moved is
// synced only with the last frame, while SQLite counts it before: after an error it can
// be lost, and would not be written again.
func (i *index) forgetMoved(name string) error {
	now, err := os.Stat(name)
	if err != nil {
		return err
	}
	if i.file != nil {
		if open, err := i.file.Stat(); err != nil || !os.SameFile(open, now) { // another ledger was put there
			_ = i.file.Close()
			i.file = nil
		}
	}
	if i.file == nil {
		if i.file, err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
			return err
		}
	}
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: moveLock, Len: 1}
	if err := syscall.FcntlFlock(i.file.Fd(), syscall.F_SETLK, &lock); err != nil {
		return fmt.Errorf("%w: %w", errMoving, err)
	}
	_, err = i.file.WriteAt(make([]byte, movedSize), movedAt)
	lock.Type = syscall.F_UNLCK
	return errors.Join(err, syscall.FcntlFlock(i.file.Fd(), syscall.F_SETLK, &lock))
}

// close ends that; the file goes last of all that is open.
func (i *index) close() error {
	if i.file == nil {
		return nil
	}
	return i.file.Close()
}
