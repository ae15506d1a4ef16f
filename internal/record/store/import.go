package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

var (
	// ErrNoExport says that what is to be imported is no export that this version
	// reads.
	ErrNoExport = errors.New("this is no export of a ledger")
	// ErrNotEmpty says that a ledger to import into has entries.
	ErrNotEmpty = errors.New("import into a new ledger")
)

// Import takes what Export wrote into a ledger that has no entries yet and has
// the same key, so that every checkpoint and proof that was given out still
// holds. Each line is verified, the tree as a whole, and that no body is missing
// without an erasure. It is one transaction: on any error nothing was taken. The
// error is an ErrNoExport, ErrNotEmpty or ErrOtherKey where the wrong things were
// brought together.
func Import(ctx context.Context, r io.Reader, into *Ledger) error {
	if into.o.ReadOnly {
		return fmt.Errorf("import ledger: %w", ErrReadOnly)
	}
	m := &importer{l: into, ctx: ctx, lines: newLineReader(r)}
	err := m.header(into.public)
	if err == nil {
		err = into.engine.change(ctx, func(c changer) error {
			m.into = c
			return m.run()
		})
	}
	if err != nil {
		return fmt.Errorf("import ledger: %w", err)
	}
	return nil
}

// importer is one run of Import.
type importer struct {
	l      *Ledger
	ctx    context.Context
	lines  *lineReader
	into   changer
	signed []byte
	goal   ledger.Checkpoint
	tree   ledger.Frontier
	own    int64
	gone   missing
	bodies bodies
	leaves []tlog.Hash // under the next hash
}

func (m *importer) header(public string) (err error) {
	var h exportHeader
	err = m.lines.header(&h)
	if m.lines.broken != nil {
		return fmt.Errorf("read header: %w", m.lines.broken)
	}
	if err != nil {
		return fmt.Errorf("%w: read header: %w", ErrNoExport, err)
	}
	if h.Format != exportFormat {
		return fmt.Errorf("%w: read header: its format is %q, this version reads %q", ErrNoExport, h.Format, exportFormat)
	}
	if h.PublicKey != public {
		return fmt.Errorf("%w: the export is of %q, this ledger of %q", ErrOtherKey, h.PublicKey, public)
	}
	m.signed = []byte(h.Checkpoint)
	m.goal, err = ledger.OpenCheckpoint(m.signed, public)
	return err
}

func (m *importer) run() error {
	var size, entries int64
	err := m.into.QueryRowContext(m.ctx, `SELECT size, (SELECT count(*) FROM entry) FROM head`).Scan(&size, &entries)
	if err != nil {
		return err
	}
	if size != 0 || entries != 0 {
		return fmt.Errorf("the ledger has %d entries already: %w", max(size, entries), ErrNotEmpty)
	}
	for m.tree.Size() < m.goal.Size {
		if err := m.entry(); err != nil {
			return fmt.Errorf("line of entry %d: %w", m.tree.Size(), err)
		}
	}
	if !m.lines.ended() {
		return fmt.Errorf("something follows the last of %d entries", m.goal.Size)
	}
	if m.tree.Root() != m.goal.Root || m.own != m.goal.Own {
		return errors.New("the entries are not those that the checkpoint signed")
	}
	for from, to := range m.gone.all() {
		return fmt.Errorf("%s: a body is missing, and no erasure says so", span(from, to))
	}
	_, err = m.into.ExecContext(m.ctx, `UPDATE head SET size = $1, frontier = $2, checkpoint = $3, checkpoint_time = $4`,
		m.tree.Size(), m.tree.AppendBinary(nil), m.signed, m.l.o.Now().UnixMicro())
	return err
}

// entry takes one line.
func (m *importer) entry() error {
	line, e, err := m.lines.next()
	if err != nil {
		return err
	}
	if line.Index != m.tree.Size() {
		return fmt.Errorf("it is of entry %d", line.Index)
	}
	path := make(tlog.RecordProof, len(line.Path))
	for i, text := range line.Path {
		hash, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(hash) != tlog.HashSize {
			return errors.New("a hash of its path is not 32 bytes of base64")
		}
		path[i] = tlog.Hash(hash)
	}
	if e.Kind != ledger.Delivery {
		m.own++
	}
	leaf := e.Hash()
	if err := tlog.CheckRecord(path, m.goal.Size, m.goal.Root, line.Index, leaf); err != nil {
		return errors.New("its path does not lead to the checkpoint's root")
	}
	if err := m.insert(ledger.Record{Index: line.Index, Entry: e}, leaf); err != nil {
		return err
	}
	return m.body(ledger.Record{Index: line.Index, Entry: e}, line.Body)
}

// insert keeps an entry as it is, and the nodes that it completes.
func (m *importer) insert(r ledger.Record, leaf tlog.Hash) error {
	key := identityOf(&r.Entry)
	_, err := m.into.ExecContext(m.ctx, `INSERT INTO entry (`+recordColumns+
		`, leaf_hash, identity) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		outOf(r.Index, &r.Entry, &leaf, &key)...)
	if err != nil {
		return err
	}
	m.leaves = append(m.leaves, leaf)
	for _, node := range m.tree.Append(leaf) {
		var leaves any
		if node.Level == ledger.Stride {
			leaves, m.leaves = begins(m.leaves), m.leaves[:0]
		}
		_, err := m.into.ExecContext(m.ctx, `INSERT INTO node (level, n, hash, leaves) VALUES ($1, $2, $3, $4)`,
			node.Level, node.Index, node.Hash[:], leaves)
		if err != nil {
			return err
		}
	}
	return nil
}

// body keeps the body, or waits for an erasure to name the entry.
func (m *importer) body(r ledger.Record, body []byte) error {
	if body != nil {
		if err := fits(r, body); err != nil {
			return err
		}
	}
	if err := m.gone.settle(r, body); err != nil || body == nil {
		return err
	}
	it := item{entry: r.Entry}
	err := m.bodies.place(&it, r.Index, func(index int64) (h holder, err error) {
		return h, h.scan(m.into.QueryRowContext(m.ctx, sqlHolder+`= $1`, index))
	})
	if err == nil && it.same != nil {
		_, err = m.into.ExecContext(m.ctx, sqlKeepSame, r.Index, *it.same, []byte{})
	} else if err == nil {
		it.encoding, it.data = m.l.pack.encode(body)
		_, err = m.into.ExecContext(m.ctx, sqlKeepBody, r.Index, it.encoding, it.data)
	}
	m.bodies.done()
	return err
}
