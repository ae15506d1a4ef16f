package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Backup writes the ledger, as it is at one moment, into a file that is not
// there yet, while entries come in. The file is verified before it gets its
// name, and holds all that was durable when Backup was called. It is a ledger
// that Open takes; the signing key is not in it. Of PostgreSQL only its own
// tools make a backup.
func (l *Ledger) Backup(ctx context.Context, path string) error {
	e, ok := l.engine.(*sqliteEngine)
	if !ok {
		return errors.New("back up ledger: this is for SQLite: use pg_dump, or export, which every engine can import")
	}
	if err := l.backup(ctx, e, path); err != nil {
		return fmt.Errorf("back up ledger to %q: %w", path, err)
	}
	return nil
}

func (l *Ledger) backup(ctx context.Context, e *sqliteEngine, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	began, err := l.storedHead(ctx)
	if err != nil {
		return err
	}
	h, err := began.open(l.public)
	if err != nil {
		return err
	}
	// In the same folder, so that the last step is only a name; readable by its
	// owner alone, as the ledger is.
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	name := temporary.Name()
	defer os.Remove(name) // gone, once it has its name
	if err := temporary.Close(); err != nil {
		return err
	}
	if err := e.vacuumInto(ctx, name); err != nil {
		return err
	}
	if err := l.checkBackup(ctx, name, h.checkpoint()); err != nil {
		return err
	}
	if err := syncPath(name); err != nil {
		return err
	}
	// A link, unlike a renaming, does not replace what came meanwhile.
	if err := os.Link(name, path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// vacuumInto copies the database into an empty file.
func (e *sqliteEngine) vacuumInto(ctx context.Context, name string) error {
	db, err := sql.Open("sqlite", e.reads)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, name)
	return err
}

// checkBackup verifies the copy, which has to continue the tree as it was.
func (l *Ledger) checkBackup(ctx context.Context, name string, began ledger.Checkpoint) error {
	copied, err := Open(ctx, Options{Address: name, ReadOnly: true})
	if err != nil {
		return err
	}
	v, err := copied.verify(ctx, VerifyOptions{Public: l.public}, &mark{Checkpoint: began, name: "the ledger, when the backup began,"})
	if err = errors.Join(err, copied.Close()); err != nil {
		return err
	}
	if !v.OK() {
		return fmt.Errorf("the copy has %d faults, the first of entry %d (%s: %s): verify the ledger itself",
			v.Count, v.Faults[0].Index, v.Faults[0].Kind, v.Faults[0].Message)
	}
	return nil
}

// syncPath makes a file or a folder durable.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
