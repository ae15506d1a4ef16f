package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// errReplaced says that what was just committed may be gone with the process.
var errReplaced = errors.New("the ledger's file or its log was moved, deleted or replaced while it is open")

// files are the database and its log, as they were when they were opened. What
// is written to a file that has lost its name is gone with the process.
type files struct {
	path      string
	data, log fs.FileInfo
}

func look(path string) (f files, err error) {
	f.path = path
	if f.data, err = os.Stat(path); err != nil {
		return f, err
	}
	f.log, err = os.Stat(path + "-wal")
	return f, err
}

// same says whether the names still lead to the files that are open.
func (f files) same() error {
	now, err := look(f.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look after the ledger's files: %w", err)
	}
	if err != nil || !os.SameFile(f.data, now.data) || !os.SameFile(f.log, now.log) {
		return fmt.Errorf("%w: put %q back, or stop the receiver first", errReplaced, f.path)
	}
	return nil
}
