package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxIdle is how many connections to read with are kept open.
const maxIdle = 2

func (e *sqliteEngine) openReader(ctx context.Context) (err error) {
	if e.read, err = sql.Open("sqlite", e.reads+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	e.read.SetMaxOpenConns(4)
	e.read.SetMaxIdleConns(maxIdle)
	e.read.SetConnMaxLifetime(time.Minute) // so that a fault of one does not last
	return e.read.PingContext(ctx)
}

// openToLook opens the ledger of one who only reads. SQLite makes the index of its
// log in the folder, also to read; where it may not, and a closed ledger lies there
// without a log, the file is all there is.
func (e *sqliteEngine) openToLook(ctx context.Context) error {
	err := e.openReader(ctx)
	if err == nil {
		err = refuseOthers(ctx, e.read)
	}
	var fault *sqlite.Error
	if !errors.As(err, &fault) || fault.Code()&0xff != sqlite3.SQLITE_READONLY && fault.Code()&0xff != sqlite3.SQLITE_CANTOPEN {
		return err
	}
	for _, log := range []string{e.path + "-wal", e.path + "-journal"} {
		if _, there := os.Stat(log); !errors.Is(there, fs.ErrNotExist) {
			return refusal{fmt.Sprintf("its log %q is not moved into the file, which takes a folder that can be written", log),
				"stop the receiver with SIGTERM, or copy both files to such a folder and look there"}
		}
	}
	if err := e.read.Close(); err != nil {
		return err
	}
	e.reads += "&immutable=1"
	if err := e.openReader(ctx); err != nil {
		return err
	}
	return refuseOthers(ctx, e.read)
}
