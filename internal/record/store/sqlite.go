package store

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// sqliteEngine writes over one connection and moves the log into the database
// over a second; questions go over others.
type sqliteEngine struct {
	path   string
	reads  string // how a connection that only reads names the file
	sign   signer
	bodies *bodies
	report func(error)
	log    *slog.Logger

	mu    sync.Mutex // held while the writer's connection is used
	files files
	write *sqliteWriter
	read  *sql.DB
	index index

	movers  sync.Mutex // held while the log is moved
	mover   *sql.DB
	moved   int64       // frames of the log, as it was last moved
	dirty   atomic.Bool // something was written since the log was last moved
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// dsn names the file with the settings of a connection. A wait for another
// process is short, because the writer tries again by itself.
func dsn(path, mode string, pragmas ...string) string {
	values := url.Values{"mode": {mode}, "_pragma": append([]string{"busy_timeout(1000)"}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + values.Encode()
}

func openSQLite(ctx context.Context, o Options, seen *witness, bodies *bodies, report func(error)) (*sqliteEngine, error) {
	e := &sqliteEngine{path: o.Address, reads: dsn(o.Address, "ro"), sign: signer{key: o.Key, now: o.Now, seen: seen},
		bodies: bodies, report: report, log: o.Log, stop: func() {}}
	steps := []func() error{
		func() error { return createFile(e.path) },
		func() error { return refuseFile(ctx, e.path) },
		e.openMover,
		func() error { return e.migrate(ctx, o.Key) },
		func() error { return e.openWriter(ctx) },
		func() error { return e.openReader(ctx) },
		func() error { return e.index.keep(ctx, e.reads) },
	}
	if o.ReadOnly {
		steps = []func() error{
			func() error { _, err := os.Stat(e.path); return err }, // SQLite does not tell why it cannot open
			func() error { return e.openToLook(ctx) },
		}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, errors.Join(fmt.Errorf("open ledger %q: %w", o.Address, err), e.close())
		}
	}
	if o.ReadOnly {
		return e, nil
	}
	e.dirty.Store(true) // a process that was killed leaves a log behind
	background, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.stopped.Go(func() { e.moveLog(background) })
	return e, nil
}

// refuseFile refuses a file that holds something else, before anything of it is
// changed. Other faults are for those who may recover them: what was cut off while
// the file was made has to be rolled back, which a reader may not.
func refuseFile(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, "ro", "query_only(1)"))
	if err != nil {
		return err
	}
	err = refuseOthers(ctx, db)
	if fault := (*sqlite.Error)(nil); errors.As(err, &fault) && fault.Code()&0xff == sqlite3.SQLITE_READONLY {
		err = nil
	}
	return errors.Join(err, db.Close())
}

// refuseOthers refuses a database that has tables, and none of a ledger.
func refuseOthers(ctx context.Context, db *sql.DB) error {
	var tables, ours int
	err := db.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE name IN ('head', 'goose_db_version'))
		FROM sqlite_schema`).Scan(&tables, &ours)
	if err == nil && tables > 0 && ours == 0 {
		return fmt.Errorf("%w: it is the database of something else", ErrNoLedger)
	}
	if err != nil || ours == 0 {
		return err
	}
	var old bool
	err = db.QueryRowContext(ctx, `SELECT count(*) > 0 AND
		count(*) FILTER (WHERE name = 'identity') = 0 FROM pragma_table_info('entry')`).Scan(&old)
	return cmp.Or(err, refuseOld(old))
}

// refuseOld refuses the tables of before the first release, whose entries had no
// identity.
func refuseOld(old bool) error {
	if !old {
		return nil
	}
	return refusal{"a version of before the first release made this ledger, and its entries cannot be read by this one",
		"keep it for the program that made it, and start a new ledger in another place"}
}

// createFile makes an empty file that only its owner can read, since bodies can
// be private. It must not open one that is there: closing it again would let
// go of the locks that this process has on it.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	return file.Close()
}

// migrate brings the tables to this version's form and makes the head.
func (e *sqliteEngine) migrate(ctx context.Context, key ledger.Key) error {
	files, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	// goose knows no lock for SQLite: of two processes that make the tables at the
	// same moment one fails, and finds them when it looks again.
	for range migrateTries {
		var newer refusal
		if err = up(ctx, e.mover, files, e.log); err == nil {
			err = makeHead(ctx, e.mover, key)
		}
		if err == nil || errors.As(err, &newer) {
			break
		}
		sleep(ctx, lastSleep)
	}
	return err
}

const migrateTries = 4

func up(ctx context.Context, db *sql.DB, files fs.FS, log *slog.Logger) error {
	provider, current, err := migrations(ctx, goose.DialectSQLite3, db, files)
	if err == nil && !current {
		err = migrate(ctx, provider, log)
	}
	return err
}

// migrate changes the tables, and tells what was done.
func migrate(ctx context.Context, provider *goose.Provider, log *slog.Logger) error {
	done, err := provider.Up(ctx)
	for _, one := range done {
		log.Info("migrated the ledger's tables", "migration", path.Base(one.Source.Path), "took", one.Duration)
	}
	return err
}

// migrations says whether the tables are of this version, and refuses newer ones.
func migrations(
	ctx context.Context, dialect goose.Dialect, db *sql.DB, files fs.FS, more ...goose.ProviderOption,
) (provider *goose.Provider, current bool, err error) {
	provider, err = goose.NewProvider(dialect, db, files,
		append(more, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))...)
	if err != nil {
		return nil, false, err
	}
	version, target, err := provider.GetVersions(ctx)
	if err == nil && version > target {
		return nil, false, refusal{fmt.Sprintf("its tables have version %d, and this program knows %d", version, target),
			"a newer release made them: run that one, or a newer one"}
	}
	return provider, err == nil && version == target, nil
}

// makeHead makes the one row of the head, for an empty tree, where there is none. It
// looks first: SQLite's write lock is needed even to insert nothing, and goes to whoever
// asks at the right moment, which beside processes that write can take longer than an open waits.
func makeHead(ctx context.Context, db *sql.DB, key ledger.Key) error {
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT count(*) > 0 FROM head`).Scan(&there); err != nil || there {
		return err
	}
	empty := head{Frontier: new(ledger.Frontier)}
	signed, err := key.Sign(empty.checkpoint())
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `INSERT INTO head (one, size, frontier, public_key, checkpoint, checkpoint_time)
		VALUES (1, 0, $1, $2, $3, 0) ON CONFLICT DO NOTHING`, empty.AppendBinary(nil), key.Public(), signed)
	return err
}

// openMover opens the connection that moves the log. It also makes the tables,
// and is not closed in between: the last one to close would move all of the log,
// which a start need not wait for.
func (e *sqliteEngine) openMover() (err error) {
	e.mover, err = sql.Open("sqlite", dsn(e.path, "rw", "page_size(8192)", "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(0)"))
	if err == nil {
		e.mover.SetMaxOpenConns(1)
	}
	return err
}

func (e *sqliteEngine) openWriter(ctx context.Context) (err error) {
	if e.write, err = openSQLiteWriter(ctx, e.path); err == nil {
		e.files, err = look(e.path)
	}
	return err
}

// retry does not: what a file does not tell at once it will not tell later.
func (*sqliteEngine) retry(ctx context.Context, do func(context.Context) error) error {
	return do(ctx)
}

func (e *sqliteEngine) reader() *sql.DB { return e.read }

func (e *sqliteEngine) close() error {
	e.stop()
	e.stopped.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	// Who writes goes last: the last connection moves the log into the file, so
	// that a closed ledger is one file, and one that only reads could not.
	var err error
	if e.read != nil {
		err = e.read.Close()
	}
	if e.index.db != nil {
		err = errors.Join(err, e.index.db.Close())
	}
	return errors.Join(err, e.closeWriting(), e.index.close())
}

// closeWriting closes the connections that write.
func (e *sqliteEngine) closeWriting() error {
	var err error
	if e.write != nil {
		err = e.write.close()
		e.write = nil
	}
	if e.mover != nil {
		err = errors.Join(err, e.mover.Close())
		e.mover = nil
	}
	return err
}

func (e *sqliteEngine) commit(_ context.Context, items []*item) error {
	return e.transaction(func(w *sqliteWriter) (func(), error) {
		h, err := w.add(items, &e.sign, e.bodies)
		return func() {
			e.sign.done(h)
			e.bodies.done()
		}, err
	})
}

func (e *sqliteEngine) probe(ctx context.Context) error { return e.commit(ctx, nil) }

func (e *sqliteEngine) change(_ context.Context, do func(changer) error) error {
	return e.transaction(func(w *sqliteWriter) (func(), error) { return func() {}, do(w.conn) })
}

// transaction runs do on the writer's connection, and what it gives when that is
// durable.
func (e *sqliteEngine) transaction(do func(*sqliteWriter) (durable func(), err error)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.write == nil {
		return errors.New("the database is closed")
	}
	e.dirty.Store(true)
	var durable func()
	err := e.write.transaction(func(w *sqliteWriter) (err error) {
		durable, err = do(w)
		return err
	})
	if err = cmp.Or(err, e.files.same()); err == nil {
		durable()
	}
	return err
}

// transient: a full disk and another process' lock pass, and leave the
// transaction undone. An error of reading, writing or syncing does not: what it
// left behind must be opened again.
func (*sqliteEngine) transient(err error) bool {
	var fault *sqlite.Error
	if !errors.As(err, &fault) {
		return false
	}
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return false
}

// recover opens the connections that write anew, and moves the log into the
// database. After an error the kernel may call pages clean that never reached the
// disk, so a second sync proves nothing, and only writing them again does: all that is
// in the log, which does not begin anew before. What a failed commit left in the log is
// no part of it, since SQLite counts frames only after their sync, and the index stays.
// So nobody has to wait for who reads.
func (e *sqliteEngine) recover(ctx context.Context) error {
	e.movers.Lock()
	defer e.movers.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.closeWriting() // it is broken
	err := e.openMover()
	if err == nil {
		err = e.openWriter(ctx)
	}
	if err != nil {
		return errors.Join(err, e.closeWriting())
	}
	e.read.SetMaxIdleConns(0) // those may have another file open
	e.read.SetMaxIdleConns(maxIdle)
	if err = e.index.keep(ctx, e.reads); err == nil {
		err = e.index.forgetMoved(e.path + "-shm")
	}
	if err == nil {
		err = e.moveAgain(ctx)
	}
	return err
}
