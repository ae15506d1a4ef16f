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
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

// Limits of a session. A replica that hangs in the middle of a transaction
// holds the head no longer than idleLimit; the others wait for it a little longer.
const (
	idleLimit    = 5 * time.Second
	lockLimit    = idleLimit + 500*time.Millisecond
	connectLimit = 2 * time.Second
	maxReaders   = 8
)

// writerSettings are what the writer's session needs. Its statements are few and
// always find their rows by index, so they are planned once, whatever the
// statistics say of tables that were empty a moment ago.
var writerSettings = map[string]string{
	"idle_in_transaction_session_timeout": fmt.Sprint(idleLimit.Milliseconds()),
	"lock_timeout":                        fmt.Sprint(lockLimit.Milliseconds()),
	"statement_timeout":                   fmt.Sprint((2 * lockLimit).Milliseconds()),
	"plan_cache_mode":                     "force_generic_plan",
	"enable_seqscan":                      "off",
	"enable_hashjoin":                     "off",
	"enable_mergejoin":                    "off",
	"jit":                                 "off",
}

// openPostgres connects, makes the tables, and waits up to Hold for a server
// that is not there yet.
func openPostgres(ctx context.Context, o Options, seen *witness, bodies *bodies) (*postgres, error) {
	config, err := parsePostgres(o.Address)
	if err != nil {
		return nil, err
	}
	p := &postgres{o: o, config: config, sign: signer{key: o.Key, now: o.Now, seen: seen}, bodies: bodies}
	p.config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			p.warned = n
		}
	}
	reads := config.Copy()
	reads.OnNotice = nil
	p.reads = stdlib.OpenDB(*reads, stdlib.OptionAfterConnect(flushing))
	p.reads.SetMaxOpenConns(maxReaders)
	p.reads.SetConnMaxIdleTime(time.Minute)
	if err := p.retry(ctx, p.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: PostgreSQL %s: %w", place(config), err), p.close())
	}
	return p, nil
}

// retry tries until it is done, it makes no sense, or Hold is over.
func (p *postgres) retry(ctx context.Context, do func(context.Context) error) error {
	end := time.Now().Add(p.o.Hold)
	away := newOutage(p.o)
	for wait := firstSleep; ; wait = min(2*wait, lastSleep) {
		err := do(ctx)
		if err == nil || hopeless(err) || ctx.Err() != nil {
			return hinted(err)
		}
		if time.Now().After(end) {
			return hinted(fmt.Errorf("no success within %v: %w", p.o.Hold, err))
		}
		away.lasts(slog.LevelWarn, "PostgreSQL takes nothing yet, trying again", err, 0)
		sleep(ctx, wait)
	}
}

// prepare makes the tables and the first head where they are missing.
func (p *postgres) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(p.o.Hold, time.Minute)) // an index may have to be made
	defer cancel()
	if p.o.ReadOnly {
		return p.find(ctx)
	}
	conn, err := p.connect(ctx)
	if err != nil {
		return err
	}
	p.conn = conn
	if err = p.refuseOld(ctx); err == nil {
		err = p.migrate(ctx)
	}
	if err == nil {
		err = makeHead(ctx, p.reads, p.o.Key)
	}
	if err != nil {
		p.drop()
	}
	return err
}

// find looks whether there is a ledger to read.
func (p *postgres) find(ctx context.Context) error {
	var size int64
	err := p.reads.QueryRowContext(ctx, `SELECT size FROM head`).Scan(&size)
	if err == nil {
		return p.refuseOld(ctx)
	}
	var answer *pgconn.PgError
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return refusal{"the ledger's head is missing", "somebody removed it, or is only now making the ledger"}
	case errors.As(err, &answer) && answer.Code == "42P01":
		return fmt.Errorf("%w: the database has no table of a ledger's entries", ErrNoLedger)
	case answer != nil:
		return err
	}
	return lostError{err}
}

// refuseOld looks for tables of before the first release.
func (p *postgres) refuseOld(ctx context.Context) error {
	var old bool
	err := p.reads.QueryRowContext(ctx, `SELECT count(*) > 0 AND count(*) FILTER (WHERE attname = 'identity') = 0
		FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass('entry')`).Scan(&old)
	return cmp.Or(err, refuseOld(old))
}

// migrate makes the tables. Of several replicas that start at once one does it,
// and the others wait for its lock.
func (p *postgres) migrate(ctx context.Context) error {
	folder, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	provider, current, err := migrations(ctx, goose.DialectPostgres, p.reads, folder, goose.WithSessionLocker(locker))
	if err != nil || current { // nothing to lock for
		return err
	}
	var may bool // goose would tell of a table that is not there
	err = p.reads.QueryRowContext(ctx, `SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)`).Scan(&may)
	if err == nil && !may {
		err = refusal{"the role may not make tables", hintGrant}
	}
	if err == nil {
		err = migrate(ctx, provider, p.o.Log)
	}
	return err
}

// connect makes the writer's connection, and refuses a server that would
// acknowledge what is not on its disk.
func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, lostError{err}
	}
	if err = checkServer(ctx, conn); err == nil {
		err = configure(ctx, conn)
	}
	if err != nil {
		if conn.IsClosed() {
			err = lostError{err}
		}
		_ = conn.Close(ctx) // it is given up for an error that is told
		return nil, err
	}
	return conn, nil
}

// errStandby says that the server only follows another one. That ends by
// itself when it is promoted, or when the address leads to the other one again.
var errStandby = errors.New("the server is a standby, which cannot be written to")

const (
	hintFsync = "set fsync=on in the server's configuration: without it a power cut loses what was acknowledged"
	hintAsync = "set synchronous_commit=on for this database or role"
	hintPool  = "a pooler in transaction mode seems to be in between: use session mode, or connect to the server itself"
	hintGrant = "make the role the owner of the database, or: GRANT USAGE, CREATE ON SCHEMA public TO …"
)

// checkServer looks at what the session cannot change.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var standby bool
	var fsync, encoding string
	err := conn.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('fsync'), current_setting('server_encoding')`).
		Scan(&standby, &fsync, &encoding)
	switch {
	case err != nil:
		return err
	case fsync != "on":
		return refusal{"the server runs with fsync=" + fsync, hintFsync}
	case encoding != "UTF8":
		return refusal{"the database's encoding is " + encoding, "make it with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"}
	case standby:
		return errStandby
	}
	return nil
}

// configure makes the settings of the writer's session.
func configure(ctx context.Context, conn *pgx.Conn) error {
	var batch pgx.Batch
	for name, value := range writerSettings {
		batch.Queue(`SELECT set_config($1, $2, false)`, name, value)
	}
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("set up the session: %w", err)
	}
	return flushing(ctx, conn)
}

// flushed is the level of synchronous_commit that waits for the disk, and for
// whatever else it waits for already. Each transaction that writes sets it again,
// since behind a pooler the session may be another one's.
const flushed = `coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on')`

// flushing makes a session wait for the disk at each commit, and reads back
// whether it does.
func flushing(ctx context.Context, conn *pgx.Conn) error {
	var level string
	err := conn.QueryRow(ctx, `SELECT set_config('synchronous_commit', `+flushed+`, false)`).Scan(&level)
	if err != nil {
		return err
	}
	switch level {
	case "on", "local", "remote_write", "remote_apply":
		return nil
	}
	return refusal{"synchronous_commit is " + level, hintAsync}
}

// parsePostgres reads the address. What pgx says of an address that it cannot
// read may quote it, and with it the password: only what is safe is told.
func parsePostgres(address string) (*pgx.ConnConfig, error) {
	const hint = "write postgres://user:password@host:5432/database?sslmode=verify-full, with %-escapes for special characters in the password"
	config, err := pgx.ParseConfig(address)
	// An @ in the name of the database is the end of a password that holds a "/".
	if err != nil || strings.Contains(config.Database, "@") {
		return nil, refusal{"open ledger: the address of PostgreSQL cannot be read", hint}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectLimit
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "fluxkeeper"
	}
	return config, nil
}

// place names the server and the database, and nothing secret.
func place(c *pgx.ConnConfig) string {
	host := c.Host
	if !strings.HasPrefix(host, "/") {
		host = fmt.Sprintf("%s:%d", host, c.Port)
	}
	return fmt.Sprintf("%q on %q", c.Database, host)
}
