package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// sqliteWriter is the connection that writes, with its statements. They run under
// no context: each would start a goroutine to watch it, and a sync cannot be
// called off anyway.
type sqliteWriter struct {
	db   *sql.DB
	conn *sql.Conn

	begin, commit, rollback *sql.Stmt
	head, setHead           *sql.Stmt
	entry, body, node, find *sql.Stmt
	holder, same, drop      *sql.Stmt

	prepared []*sql.Stmt // all of them
}

func openSQLiteWriter(ctx context.Context, path string) (*sqliteWriter, error) {
	db, err := sql.Open("sqlite", dsn(path, "rw", "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint(0)",
		"secure_delete(1)", // an erased body is overwritten
		"journal_size_limit(67108864)"))
	if err != nil {
		return nil, err
	}
	w := &sqliteWriter{db: db}
	if w.conn, err = db.Conn(ctx); err == nil {
		err = w.check(ctx)
	}
	if err == nil {
		err = w.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// check reads back what makes a commit durable, because SQLite ignores a
// setting that it cannot keep.
func (w *sqliteWriter) check(ctx context.Context) error {
	for _, want := range [...]struct{ pragma, value, meaning string }{
		{"journal_mode", "wal", "a write-ahead log"},
		{"synchronous", "2", "a sync with every commit"},
	} {
		var got string
		if err := w.conn.QueryRowContext(ctx, "PRAGMA "+want.pragma).Scan(&got); err != nil {
			return err
		}
		if got != want.value {
			return fmt.Errorf("the file system does not allow %s (%s is %q, want %q): put the ledger on a local disk",
				want.meaning, want.pragma, got, want.value)
		}
	}
	return nil
}

func (w *sqliteWriter) prepare(ctx context.Context) (err error) {
	for _, s := range [...]struct {
		to   **sql.Stmt
		text string
	}{
		{&w.begin, `BEGIN IMMEDIATE`},
		{&w.commit, `COMMIT`},
		{&w.rollback, `ROLLBACK`},
		{&w.head, sqlStoredHead},
		{&w.setHead, sqlHead},
		{&w.entry, `INSERT INTO entry (` + recordColumns + `, leaf_hash, identity)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (identity) DO NOTHING`},
		{&w.body, sqlKeepBody},
		{&w.holder, sqlHolder + `= $1`},
		{&w.same, sqlKeepSame},
		{&w.drop, `DELETE FROM entry WHERE idx = ?`},
		{&w.node, `INSERT INTO node (level, n, hash, leaves) SELECT $1, $2, $3, CASE WHEN $1 = 8 THEN coalesce($4,
			(SELECT lower(group_concat(hex(substr(leaf_hash, 1, 4)), '' ORDER BY idx)) FROM entry
				WHERE idx >= $2 * 256 AND idx < $2 * 256 + 256)) END`},
		{&w.find, `SELECT ` + recordColumns + ` FROM entry WHERE identity = ?`},
	} {
		if *s.to, err = w.conn.PrepareContext(ctx, s.text); err != nil {
			return err
		}
		w.prepared = append(w.prepared, *s.to)
	}
	return nil
}

func (w *sqliteWriter) close() error {
	var err error
	for _, s := range w.prepared { // a statement that is left open keeps the file open
		err = errors.Join(err, s.Close())
	}
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	return errors.Join(err, w.db.Close())
}

// transaction runs do between BEGIN and COMMIT. BEGIN IMMEDIATE takes the
// database's only write lock, so that what do reads stays true until COMMIT,
// whichever processes write.
func (w *sqliteWriter) transaction(do func(*sqliteWriter) error) error {
	if _, err := w.begin.Exec(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := do(w)
	if err == nil {
		if _, err = w.commit.Exec(); err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	// SQLite has rolled back by itself after some errors, and says so.
	_, _ = w.rollback.Exec()
	return err
}

// add gives the items that are new their places in the tree, and keeps its signed
// head. Without items it signs the head anew.
func (w *sqliteWriter) add(items []*item, signer *signer, bodies *bodies) (*head, error) {
	var stored storedHead
	if err := w.head.QueryRow().Scan(&stored.frontier, &stored.checkpoint); err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	h, err := signer.begin(stored, nodesOf(asking(context.Background(), w.conn)))
	if err != nil {
		return nil, err
	}
	before := h.Size()
	bodies.begin()
	for _, it := range items {
		if err := w.addOne(it, h, bodies); err != nil {
			return nil, fmt.Errorf("add entry: %w", err)
		}
	}
	if len(items) > 0 && h.Size() == before {
		return h, nil
	}
	return h, w.update(h, signer)
}

func (w *sqliteWriter) addOne(it *item, h *head, bodies *bodies) error {
	e, index := &it.entry, h.Size()
	it.refused, it.same = nil, nil
	result, err := w.entry.Exec(outOf(index, e, &it.leaf, &it.identity)...)
	if err != nil {
		return err
	}
	if added, err := result.RowsAffected(); err != nil {
		return err
	} else if added == 0 {
		r, err := scanRecord(w.find.QueryRow(it.identity[:]))
		if err == nil && !same(&r.Entry, e) {
			it.refused = errIdentity
		}
		// The very leaf of an item that may have been kept is its own.
		it.receipt = ledger.Receipt{Record: r, Duplicate: !it.unsure || r.Hash() != it.leaf}
		return err
	}
	if err := w.keepBody(it, index, bodies); err != nil || it.refused != nil {
		return err
	}
	for _, node := range h.add(it) {
		if _, err := w.node.Exec(node.Level, node.Index, node.Hash[:], node.leaves); err != nil {
			return err
		}
	}
	it.receipt = ledger.Receipt{Record: ledger.Record{Index: index, Entry: *e}}
	return nil
}

// keepBody keeps an item's body, where no other row has it; the entry is taken away again
// where it came too often.
func (w *sqliteWriter) keepBody(it *item, index int64, bodies *bodies) error {
	err := bodies.place(it, index, func(index int64) (h holder, err error) { return h, h.scan(w.holder.QueryRow(index)) })
	switch {
	case err != nil:
	case it.refused != nil:
		_, err = w.drop.Exec(index)
	case it.same != nil:
		_, err = w.same.Exec(index, *it.same, []byte{})
	default:
		_, err = w.body.Exec(index, it.encoding, it.data)
	}
	return err
}

// update writes the signed head.
func (w *sqliteWriter) update(h *head, signer *signer) error {
	signed, at, err := signer.sign(h)
	if err != nil {
		return err
	}
	if _, err := w.setHead.Exec(h.Size(), h.AppendBinary(nil), signed, at); err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	return nil
}
