package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// postgres is the engine that many replicas can share: whoever locks the one
// row of head is the only writer until it commits. Only the ledger's writer
// uses conn; everybody reads through reads.
type postgres struct {
	o      Options
	config *pgx.ConnConfig
	sign   signer
	reads  *sql.DB
	conn   *pgx.Conn // nil: to be made by the next transaction
	// warned is a warning of the server in the present transaction.
	warned *pgconn.Notice
	rows   rows // of the last batch, for its memory
	// unsure are the items of which it is not known whether they were committed.
	unsure map[*item]bool
}

// The statements of a batch. The first three are one round trip, the others a
// second one. At READ COMMITTED each statement has its own snapshot, so that the
// look for duplicates, which comes after the lock, sees all that other replicas
// committed before.
const (
	sqlBegin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	sqlLock  = `SELECT frontier, current_setting('fsync') = 'on' FROM head WHERE one = 1 FOR UPDATE`
	sqlFind  = `SELECT k.n - 1, e.idx, e.time, e.name, e.target, e.body_size
FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) WITH ORDINALITY AS k (id, source, kind, body_hash, n)
JOIN entry e ON e.id = k.id AND e.source = k.source AND e.kind = k.kind AND e.body_hash = k.body_hash`

	sqlEntries = `INSERT INTO entry (idx, kind, time, source, id, name, target, body_hash, body_size, leaf_hash)
SELECT $1 + n - 1, kind, time, source, id, name, target, body_hash, body_size, leaf_hash
FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bigint[], $10::bytea[])
WITH ORDINALITY AS e (kind, time, source, id, name, target, body_hash, body_size, leaf_hash, n)`
	sqlBodies = `INSERT INTO body (idx, encoding, data)
SELECT $1 + n - 1, encoding, data FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS b (encoding, data, n)`
	sqlNodes  = `INSERT INTO node (level, n, hash) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[])`
	sqlHead   = `UPDATE head SET size = $1, frontier = $2 WHERE one = 1`
	sqlSigned = `UPDATE head SET checkpoint = $1, checkpoint_time = $2 WHERE one = 1`

	// COMMIT is answered after the flush, also of a transaction that only locked
	// the head: that has a number of its own, and so something to flush.
	sqlCommit = `COMMIT`
)

// commit keeps the items with two round trips.
func (p *postgres) commit(ctx context.Context, items []*item) error {
	err := p.transact(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		frontier, known, err := p.look(ctx, conn, items)
		if err != nil {
			return err
		}
		p.rows.fill(frontier, items, known)
		for _, it := range items {
			p.unsure[it] = true
		}
		return p.write(ctx, conn, frontier, p.sign.due)
	})
	if err == nil {
		clear(p.unsure)
	}
	return err
}

// transact runs one transaction on the writer's connection within the time that
// leaves another try before Hold is over. After any error the connection is
// given up: the server then undoes what was not committed, if it has not done so.
func (p *postgres) transact(ctx context.Context, do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.o.Hold*3/4)
	defer cancel()
	if p.conn == nil {
		conn, err := p.connect(ctx)
		if err != nil {
			return err
		}
		p.conn = conn
	}
	p.warned = nil
	err := do(ctx, p.conn)
	if err == nil && p.warned != nil {
		// Such as a commit that was not awaited to reach the standby.
		err = lostError{fmt.Errorf("the server warns: %w", (*pgconn.PgError)(p.warned))}
	}
	if err != nil {
		if p.conn.IsClosed() {
			err = lostError{err}
		}
		p.drop()
	}
	return err
}

// drop gives up the writer's connection without waiting for the server.
func (p *postgres) drop() {
	if p.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = p.conn.Close(ctx) // it is given up for an error that is told
	p.conn = nil
}

// look locks the head and finds which items are there already.
func (p *postgres) look(ctx context.Context, conn *pgx.Conn, items []*item) (*ledger.Frontier, map[int]ledger.Receipt, error) {
	var (
		batch    pgx.Batch
		frontier *ledger.Frontier
		known    = map[int]ledger.Receipt{}
		k        = &p.rows
	)
	k.reset()
	for _, it := range items {
		k.key(it)
	}
	batch.Queue(sqlBegin)
	batch.Queue(sqlLock).QueryRow(func(row pgx.Row) (err error) {
		var stored []byte
		var synced bool
		if err := row.Scan(&stored, &synced); err != nil {
			return err
		}
		if !synced {
			return refusal{"fsync was turned off", hintFsync}
		}
		frontier, err = ledger.ParseFrontier(stored)
		return err
	})
	batch.Queue(sqlFind, k.id, k.source, k.kind, k.bodyHash).Query(func(found pgx.Rows) error {
		for found.Next() {
			var n int
			r, err := scanKnown(found, &n, items)
			if err != nil {
				return err
			}
			// The very leaf of an item whose commit got no answer: it is its own.
			r.Duplicate = !p.unsure[items[n]] || r.Hash() != items[n].leaf
			known[n] = r
		}
		return found.Err()
	})
	err := conn.SendBatch(ctx, &batch).Close()
	if err != nil {
		return nil, nil, fmt.Errorf("lock the head: %w", err)
	}
	return frontier, known, p.sign.begin(frontier)
}

// scanKnown makes the receipt of item n, which is there already.
func scanKnown(row pgx.Rows, n *int, items []*item) (ledger.Receipt, error) {
	var (
		r  ledger.Receipt
		at int64
	)
	if err := row.Scan(n, &r.Index, &at, &r.Name, &r.Target, &r.BodySize); err != nil {
		return r, err
	}
	it := items[*n]
	r.Kind, r.ID, r.Source, r.BodyHash = it.entry.Kind, it.entry.ID, it.entry.Source, it.entry.BodyHash
	r.Time = time.UnixMicro(at).UTC()
	return r, nil
}

// write inserts the rows, moves the head, with a checkpoint where sign gives one,
// and commits.
func (p *postgres) write(ctx context.Context, conn *pgx.Conn, frontier *ledger.Frontier, sign func(*ledger.Frontier, ledger.Nodes) ([]byte, int64, error)) error {
	signed, at, err := sign(frontier, nodesOf(within(ctx, conn)))
	if err != nil {
		return err
	}
	var (
		batch     pgx.Batch
		r         = &p.rows
		first     = frontier.Size() - int64(len(r.id))
		committed pgconn.CommandTag
	)
	if len(r.id) > 0 {
		batch.Queue(sqlEntries, first, r.kind, r.time, r.source, r.id, r.name, r.target, r.bodyHash, r.bodySize, r.leaf)
		batch.Queue(sqlBodies, first, r.encoding, r.data)
		if len(r.hash) > 0 {
			batch.Queue(sqlNodes, r.level, r.n, r.hash)
		}
		batch.Queue(sqlHead, frontier.Size(), frontier.AppendBinary(nil))
	}
	if signed != nil {
		batch.Queue(sqlSigned, signed, at)
	}
	batch.Queue(sqlCommit).Exec(func(tag pgconn.CommandTag) error {
		committed = tag
		return nil
	})
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("insert %d entries: %w", len(r.id), err)
	}
	if committed.String() != sqlCommit {
		return fmt.Errorf("insert %d entries: the server answered COMMIT with %q", len(r.id), committed)
	}
	p.sign.done(frontier.Size(), frontier.Root())
	return nil
}

// within asks inside of the transaction: another connection might not be had while
// this one keeps everybody waiting.
func within(ctx context.Context, conn *pgx.Conn) ask {
	return func(see func([]byte) error, text string, args ...any) error {
		rows, err := conn.Query(ctx, text, args...)
		if err != nil {
			return err
		}
		var raw []byte
		_, err = pgx.ForEachRow(rows, []any{&raw}, func() error { return see(raw) })
		return err
	}
}

// rows are the columns of a batch, as unnest takes them.
type rows struct {
	kind, source, id, name, target, encoding []string
	time, bodySize, n                        []int64
	bodyHash, leaf, data, hash               pgtype.FlatArray[[]byte]
	level                                    []int32
}

func (r *rows) reset() {
	clear(r.data) // bodies are large, and not ours for longer
	*r = rows{
		kind: r.kind[:0], source: r.source[:0], id: r.id[:0], name: r.name[:0], target: r.target[:0], encoding: r.encoding[:0],
		time: r.time[:0], bodySize: r.bodySize[:0], n: r.n[:0],
		bodyHash: r.bodyHash[:0], leaf: r.leaf[:0], data: r.data[:0], hash: r.hash[:0],
		level: r.level[:0],
	}
}

// key adds what makes an entry a duplicate.
func (r *rows) key(it *item) {
	r.id = append(r.id, it.entry.ID)
	r.source = append(r.source, it.entry.Source)
	r.kind = append(r.kind, string(it.entry.Kind))
	r.bodyHash = append(r.bodyHash, it.entry.BodyHash[:])
}

// identity is the unique key of an entry.
type identity struct {
	kind       ledger.Kind
	id, source string
	body       [sha256.Size]byte
}

// fill gives the items that are new their places and their rows, and every item
// its receipt.
func (r *rows) fill(frontier *ledger.Frontier, items []*item, known map[int]ledger.Receipt) {
	r.reset()
	fresh := make(map[identity]ledger.Record, len(items))
	for i, it := range items {
		if receipt, ok := known[i]; ok {
			it.receipt = receipt
			continue
		}
		e := &it.entry
		key := identity{e.Kind, e.ID, e.Source, e.BodyHash}
		if first, ok := fresh[key]; ok {
			it.receipt = ledger.Receipt{Record: first, Duplicate: true}
			continue
		}
		record := ledger.Record{Index: frontier.Size(), Entry: *e}
		fresh[key] = record
		it.receipt = ledger.Receipt{Record: record}
		r.key(it)
		r.name = append(r.name, e.Name)
		r.target = append(r.target, e.Target)
		r.time = append(r.time, e.Time.UnixMicro())
		r.bodySize = append(r.bodySize, e.BodySize)
		r.leaf = append(r.leaf, it.leaf[:])
		r.encoding = append(r.encoding, it.encoding)
		r.data = append(r.data, it.data)
		r.nodes(frontier.Append(it.leaf))
	}
}

func (r *rows) nodes(complete []ledger.Node) {
	for _, node := range complete {
		r.level = append(r.level, int32(node.Level))
		r.n = append(r.n, node.Index)
		r.hash = append(r.hash, node.Hash[:])
	}
}

// probe keeps a checkpoint of the tree as it is now.
func (p *postgres) probe(ctx context.Context) error {
	return p.transact(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		frontier, _, err := p.look(ctx, conn, nil)
		if err != nil {
			return err
		}
		p.rows.reset()
		return p.write(ctx, conn, frontier, p.sign.sign)
	})
}

// recover makes a new connection, which looks at the server anew. PostgreSQL
// does its own recovery after a fault of the disk before it takes one.
func (p *postgres) recover(ctx context.Context) error {
	p.drop()
	return p.transact(ctx, func(ctx context.Context, conn *pgx.Conn) error { return conn.Ping(ctx) })
}

// change holds the head from the start, as every batch does. It may take as long
// as it needs: nobody waits for it but its caller.
func (p *postgres) change(ctx context.Context, do func(changer) error) error {
	tx, err := p.reads.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it is over, or has failed
	for _, statement := range []string{
		`SET LOCAL idle_in_transaction_session_timeout = 0`, `SET LOCAL statement_timeout = 0`, `SELECT size FROM head FOR UPDATE`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (p *postgres) reader() *sql.DB { return p.reads }

func (p *postgres) close() error {
	p.drop()
	return p.reads.Close()
}
