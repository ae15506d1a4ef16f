package store

import (
	"cmp"
	"context"
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
	bodies *bodies
	reads  *sql.DB
	conn   *pgx.Conn // nil: to be made by the next transaction
	// warned is a warning of the server in the present transaction.
	warned *pgconn.Notice
}

// The statements of a batch. The first three are one round trip, the others a
// second one. At READ COMMITTED each statement has its own snapshot, so that the
// look for duplicates, which comes after the lock, sees all that other replicas
// committed before.
const (
	sqlBegin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`
	sqlLock  = `SELECT frontier, checkpoint, current_setting('fsync') = 'on', set_config('synchronous_commit', ` + flushed + `, true)
FROM head WHERE one = 1 FOR UPDATE`
	sqlFind = `SELECT ` + recordColumns + ` FROM unnest($1::bytea[]) AS k (key) JOIN entry ON identity = key`

	sqlEntries = `INSERT INTO entry (` + recordColumns + `, leaf_hash, identity)
SELECT $1 + n - 1, kind, version, time, source, id, name, target, signature, secret, extra, body_hash, body_size, leaf_hash, identity
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::text[], $11::text[],
	$12::bytea[], $13::bigint[], $14::bytea[], $15::bytea[])
WITH ORDINALITY AS e (kind, version, time, source, id, name, target, signature, secret, extra, body_hash, body_size,
	leaf_hash, identity, n)`
	sqlBodies = `INSERT INTO body (idx, same, encoding, data)
SELECT $1 + n - 1, same, encoding, data
FROM unnest($2::bigint[], $3::text[], $4::bytea[]) WITH ORDINALITY AS b (same, encoding, data, n)`
	sqlNodes = `INSERT INTO node (level, n, hash, leaves) SELECT level, n, hash, CASE WHEN level = 8 THEN coalesce(leaves,
	(SELECT string_agg(encode(substr(leaf_hash, 1, 4), 'hex'), '' ORDER BY idx) FROM entry WHERE idx >= n * 256 AND idx < n * 256 + 256)) END
FROM unnest($1::integer[], $2::bigint[], $3::bytea[], $4::text[]) AS k (level, n, hash, leaves)`

	// COMMIT is answered after the flush, also of a transaction that only locked
	// the head: that has a number of its own, and so something to flush.
	sqlCommit = `COMMIT`
)

// commit keeps the items with two round trips; where another replica has moved the
// head, one more sees whether it did so rightly.
func (p *postgres) commit(ctx context.Context, items []*item) error {
	err := p.transact(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		h, there, err := p.look(ctx, conn, items)
		if err != nil {
			return err
		}
		added, nodes := p.place(h, items, there)
		for _, it := range items {
			it.unsure = true
		}
		return p.write(ctx, conn, h, added, nodes, len(added) > 0 || len(items) == 0)
	})
	if err == nil {
		p.bodies.done()
	}
	return err
}

func (p *postgres) probe(ctx context.Context) error { return p.commit(ctx, nil) }

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

// there is what the ledger has of a batch already: its entries, and those that hold its
// bodies, by index.
type there struct {
	entries map[identity]ledger.Record
	holders map[int64]holder
}

// look locks the head and finds which entries and bodies are there already.
func (p *postgres) look(ctx context.Context, conn *pgx.Conn, items []*item) (*head, *there, error) {
	var (
		batch  pgx.Batch
		stored storedHead
		known  = there{map[identity]ledger.Record{}, map[int64]holder{}}
	)
	batch.Queue(sqlBegin)
	batch.Queue(sqlLock).QueryRow(func(row pgx.Row) error {
		var synced bool
		if err := row.Scan(&stored.frontier, &stored.checkpoint, &synced, nil); err != nil {
			return err
		}
		if !synced {
			return refusal{"fsync was turned off", hintFsync}
		}
		return nil
	})
	batch.Queue(sqlFind, identities(items)).Query(func(found pgx.Rows) error {
		for found.Next() {
			r, err := scanRecord(found)
			if err != nil {
				return err
			}
			known.entries[identityOf(&r.Entry)] = r
		}
		return found.Err()
	})
	if holders := p.bodies.holders(items); len(holders) > 0 {
		batch.Queue(sqlHolder+`= ANY($1)`, holders).Query(func(found pgx.Rows) error {
			for found.Next() {
				var h holder
				if err := h.scan(found); err != nil {
					return err
				}
				known.holders[h.index] = h
			}
			return found.Err()
		})
	}
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("lock the head: %w", err)
	}
	h, err := p.sign.begin(stored, nodesOf(within(ctx, conn)))
	return h, &known, err
}

// place gives every item its receipt, and those that are new their places in the
// tree. It returns the new ones, and the nodes that they complete.
func (p *postgres) place(h *head, items []*item, t *there) (added []*item, nodes []node) {
	first, known := h.Size(), t.entries
	p.bodies.begin()
	for _, it := range items {
		it.refused, it.same = nil, nil
		key := it.identity
		if there, ok := known[key]; ok {
			if !same(&there.Entry, &it.entry) {
				it.refused = errIdentity
				continue
			}
			// The very leaf of an item whose commit got no answer is its own.
			own := it.unsure && there.Index < first && there.Hash() == it.leaf
			it.receipt = ledger.Receipt{Record: there, Duplicate: !own}
			continue
		}
		err := p.bodies.place(it, h.Size(), func(index int64) (holder, error) {
			if own := index - first; own >= 0 && own < int64(len(added)) {
				return added[own].holder(index), nil
			}
			return t.holders[index], nil
		})
		if err != nil || it.refused != nil {
			it.refused = cmp.Or(it.refused, err)
			continue
		}
		known[key] = ledger.Record{Index: h.Size(), Entry: it.entry}
		it.receipt = ledger.Receipt{Record: known[key]}
		added = append(added, it)
		nodes = append(nodes, h.add(it)...)
	}
	return added, nodes
}

// holder is what the database will say of an item whose body has a row of its own.
func (it *item) holder(index int64) (h holder) {
	if it.same == nil && it.entry.Kind == ledger.Delivery {
		h = holder{index, it.entry.BodyHash[:], coming{it.entry.Time.UnixMicro(), it.entry.Source}}
	}
	return h
}

// bodyRow gives the columns of an item's body.
func (it *item) bodyRow() (encoding string, data []byte) {
	if it.same != nil {
		return encodingSame, []byte{}
	}
	return it.encoding, it.data
}

// write inserts the rows, moves the signed head where it has to, and commits.
func (p *postgres) write(ctx context.Context, conn *pgx.Conn, h *head, added []*item, nodes []node, move bool) error {
	var batch pgx.Batch
	if len(added) > 0 {
		queueRows(&batch, h.Size()-int64(len(added)), added, nodes)
	}
	if move {
		signed, at, err := p.sign.sign(h)
		if err != nil {
			return err
		}
		batch.Queue(sqlHead, h.Size(), h.AppendBinary(nil), signed, at)
	}
	var committed pgconn.CommandTag
	batch.Queue(sqlCommit).Exec(func(tag pgconn.CommandTag) error {
		committed = tag
		return nil
	})
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("insert %d entries: %w", len(added), err)
	}
	if committed.String() != sqlCommit {
		return fmt.Errorf("insert %d entries: the server answered COMMIT with %q", len(added), committed)
	}
	p.sign.done(h)
	return nil
}

// queueRows queues the inserts of the items, whose first has the given index.
func queueRows(batch *pgx.Batch, first int64, items []*item, nodes []node) {
	text := func(of func(*ledger.Entry) string) any {
		return column(items, func(it *item) string { return of(&it.entry) })
	}
	batch.Queue(sqlEntries, first, kinds(items), column(items, func(it *item) int64 { return it.entry.Version }),
		column(items, func(it *item) int64 { return it.entry.Time.UnixMicro() }),
		sources(items), ids(items), names(items), targets(items), column(items, func(it *item) []byte { return packed(it.entry.Signature) }),
		text(func(e *ledger.Entry) string { return e.Secret }), text(func(e *ledger.Entry) string { return e.Extra }), bodyHashes(items),
		column(items, func(it *item) int64 { return it.entry.BodySize }), column(items, func(it *item) []byte { return it.leaf[:] }),
		identities(items))
	batch.Queue(sqlBodies, first, column(items, func(it *item) *int64 { return it.same }),
		column(items, func(it *item) string { encoding, _ := it.bodyRow(); return encoding }),
		column(items, func(it *item) []byte { _, data := it.bodyRow(); return data }))
	if len(nodes) > 0 {
		batch.Queue(sqlNodes, column(nodes, func(n node) int32 { return int32(n.Level) }),
			column(nodes, func(n node) int64 { return n.Index }), column(nodes, func(n node) []byte { return n.Hash[:] }),
			column(nodes, func(n node) *string { return n.leaves }))
	}
}

// column is one column of the rows, as unnest takes it.
func column[R, V any](rows []R, of func(R) V) pgtype.FlatArray[V] {
	all := make(pgtype.FlatArray[V], len(rows))
	for i, row := range rows {
		all[i] = of(row)
	}
	return all
}

// Columns of the items.
func ids(items []*item) any   { return column(items, func(it *item) string { return it.entry.ID }) }
func names(items []*item) any { return column(items, func(it *item) string { return it.entry.Name }) }
func targets(items []*item) any {
	return column(items, func(it *item) string { return it.entry.Target })
}
func sources(items []*item) any {
	return column(items, func(it *item) string { return it.entry.Source })
}
func kinds(items []*item) any {
	return column(items, func(it *item) string { return string(it.entry.Kind) })
}
func identities(items []*item) any {
	return column(items, func(it *item) []byte { return it.identity[:] })
}
func bodyHashes(items []*item) any {
	return column(items, func(it *item) []byte { return it.entry.BodyHash[:] })
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
		`SET LOCAL idle_in_transaction_session_timeout = 0`, `SET LOCAL statement_timeout = 0`,
		`SELECT set_config('synchronous_commit', ` + flushed + `, true) FROM head FOR UPDATE`,
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
