package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// exportFormat names the form of an export, so that another form can follow.
const exportFormat = "fluxkeeper ledger v1"

// exportHeader is the first line of an export.
type exportHeader struct {
	Format     string `json:"format"`
	PublicKey  string `json:"public_key"`
	Checkpoint string `json:"checkpoint"`
}

// exportLine is one entry: with the header's checkpoint it is a proof.Inclusion.
type exportLine struct {
	Index int64  `json:"index"`
	Leaf  string `json:"leaf"`
	// Body is null where it was erased.
	Body []byte   `json:"body"`
	Path []string `json:"path"`
}

// Export writes the ledger as JSON Lines: a header with a signed checkpoint, and
// a line for each entry under it with its body and its proof. A ledger that was
// opened without a key is exported up to the checkpoint that it keeps. Export
// fails where a body or the tree is not what was kept.
func (l *Ledger) Export(ctx context.Context, w io.Writer) error {
	if err := l.export(ctx, w); err != nil {
		return fmt.Errorf("export ledger: %w", err)
	}
	return nil
}

func (l *Ledger) export(ctx context.Context, w io.Writer) error {
	known := l.seen.known()
	tx, err := l.engine.reader().BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	signed, c, err := l.exportCheckpoint(ctx, tx, known)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	x := &exporter{l: l, ctx: ctx, tx: tx, size: c.Size, lines: json.NewEncoder(out)}
	x.lines.SetEscapeHTML(false)
	if err := x.lines.Encode(exportHeader{exportFormat, l.public, string(signed)}); err != nil {
		return err
	}
	for from := int64(0); from < c.Size; from += groupSize {
		if err := x.group(from); err != nil {
			return err
		}
	}
	if x.tree.Root() != c.Root {
		return errors.New("the entries are not those that the checkpoint signed: verify the ledger")
	}
	for from, to := range x.gone.runs() {
		return fmt.Errorf("%s: the body is missing, and no erasure under the checkpoint says so: export again with the key, or verify the ledger",
			span(from, to))
	}
	return out.Flush()
}

// exportCheckpoint is of the same moment as what is exported, so that every body
// that is gone has its erasure under it.
func (l *Ledger) exportCheckpoint(ctx context.Context, tx *sql.Tx, known ledger.Checkpoint) ([]byte, ledger.Checkpoint, error) {
	var frontier, signed []byte
	err := tx.QueryRowContext(ctx, `SELECT frontier, checkpoint FROM head`).Scan(&frontier, &signed)
	if err == nil && !l.o.ReadOnly {
		var f *ledger.Frontier
		if f, err = ledger.ParseFrontier(frontier); err == nil {
			signed, err = l.sign(f, known, l.nodes(ctx))
		}
	}
	if err == nil && len(signed) == 0 {
		err = errors.New("no checkpoint was kept yet, and there is no key to sign one")
	}
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	c, err := ledger.OpenCheckpoint(signed, l.public)
	return signed, c, err
}

// exporter is one run of Export.
type exporter struct {
	l     *Ledger
	ctx   context.Context
	tx    *sql.Tx
	size  int64
	lines *json.Encoder
	tree  ledger.Frontier
	gone  indexSet
}

// group writes the entries under one stored hash, or the last ones.
func (x *exporter) group(from int64) error {
	to := min(from+groupSize, x.size)
	records, err := x.records(from, to)
	if err != nil {
		return err
	}
	leaves := make([]tlog.Hash, len(records))
	for i, r := range records {
		leaves[i] = r.Hash()
		x.tree.Append(leaves[i])
	}
	paths, err := x.paths(from, leaves)
	if err != nil {
		return err
	}
	rows, err := x.tx.QueryContext(x.ctx, `SELECT idx, encoding, data FROM body WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	next := from
	for rows.Next() {
		var (
			index    int64
			encoding string
			data     []byte
		)
		if err := rows.Scan(&index, &encoding, &data); err != nil {
			return err
		}
		for ; next < index; next++ {
			if err := x.line(records[next-from], nil, paths[next-from]); err != nil {
				return err
			}
		}
		body, err := checkedBody(records[index-from], encoding, data)
		if err != nil {
			return fmt.Errorf("body %d: %w", index, err)
		}
		if err := x.line(records[index-from], body, paths[index-from]); err != nil {
			return err
		}
		next++
	}
	for ; next < to && rows.Err() == nil; next++ {
		if err := x.line(records[next-from], nil, paths[next-from]); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (x *exporter) line(r ledger.Record, body []byte, path []tlog.Hash) error {
	if err := x.gone.settle(r, body); err != nil {
		return err
	}
	line := exportLine{Index: r.Index, Leaf: string(r.Leaf()), Body: body, Path: []string{}}
	for _, hash := range path {
		line.Path = append(line.Path, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return x.lines.Encode(line)
}

func (x *exporter) records(from, to int64) ([]ledger.Record, error) {
	rows, err := x.tx.QueryContext(x.ctx, `SELECT `+recordColumns+` FROM entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	records := make([]ledger.Record, 0, to-from)
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	if rows.Err() == nil && int64(len(records)) != to-from {
		return nil, fmt.Errorf("entries are missing among %d to %d: verify the ledger", from, to-1)
	}
	return records, rows.Err()
}

// paths gives the proofs of the leaves that start at from. Those under one
// stored hash share what lies above it.
func (x *exporter) paths(from int64, leaves []tlog.Hash) ([][]tlog.Hash, error) {
	stored := x.l.nodes(x.ctx)
	read := ledger.Nodes(func(level int, a, b int64) ([]tlog.Hash, error) {
		if level == 0 && a >= from && b <= from+int64(len(leaves)) {
			return append([]tlog.Hash(nil), leaves[a-from:b-from]...), nil
		}
		return stored(level, a, b)
	})
	paths := make([][]tlog.Hash, len(leaves))
	if len(leaves) < groupSize {
		for i := range paths {
			path, err := tlog.ProveRecord(x.size, from+int64(i), read)
			if err != nil {
				return nil, err
			}
			paths[i] = path
		}
		return paths, nil
	}
	first, err := tlog.ProveRecord(x.size, from, read)
	if err != nil {
		return nil, err
	}
	tree := newPerfect(doubt{leaves: leaves})
	for i := range paths {
		for level, hashes := range tree.levels[:ledger.Stride] {
			paths[i] = append(paths[i], hashes[i>>level^1])
		}
		paths[i] = append(paths[i], first[ledger.Stride:]...)
	}
	return paths, nil
}
