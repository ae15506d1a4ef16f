package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// exportFormat names the form of an export, so that another form can follow.
const exportFormat = "fluxkeeper ledger v2"

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
// a line for each entry under it with its body and its proof. Export fails where a body or the tree is not what was kept.
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
	for from, to := range x.gone.all() {
		return fmt.Errorf("%s: a body is missing, and no erasure says so: verify the ledger",
			span(from, to))
	}
	return out.Flush()
}

// exportCheckpoint is of the same moment as what is exported, so that every body
// that is gone has its erasure under it.
func (l *Ledger) exportCheckpoint(ctx context.Context, tx *sql.Tx, known head) ([]byte, ledger.Checkpoint, error) {
	var stored storedHead
	err := tx.QueryRowContext(ctx, sqlStoredHead).Scan(&stored.frontier, &stored.checkpoint)
	if err == nil {
		err = l.genuine(known, stored, l.nodes(ctx))
	}
	if err != nil {
		return nil, ledger.Checkpoint{}, err
	}
	c, err := ledger.OpenCheckpoint(stored.checkpoint, l.public)
	return stored.checkpoint, c, err
}

// exporter is one run of Export.
type exporter struct {
	l     *Ledger
	ctx   context.Context
	tx    *sql.Tx
	size  int64
	lines *json.Encoder
	tree  ledger.Frontier
	gone  missing
}

// group writes the entries under one stored hash, or the last ones.
func (x *exporter) group(from int64) error {
	to := min(from+groupSize, x.size)
	entries, err := records(x.ctx, x.tx, `SELECT `+recordColumns+` FROM entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	if err != nil {
		return err
	}
	if int64(len(entries)) != to-from {
		return fmt.Errorf("entries are missing among %d to %d: verify the ledger", from, to-1)
	}
	leaves := make([]tlog.Hash, len(entries))
	for i, r := range entries {
		leaves[i] = r.Hash()
		x.tree.Append(leaves[i])
	}
	hashes := x.hashes(from, leaves)
	return each(x.ctx, x.tx, func(rows *sql.Rows) error {
		var (
			index    int64
			encoding sql.NullString
			data     sql.RawBytes
			body     []byte
		)
		err := rows.Scan(&index, &encoding, &data)
		if err == nil && encoding.Valid {
			body, err = checkedBody(entries[index-from], encoding.String, data)
		}
		if err != nil {
			return fmt.Errorf("body %d: %w", index, err)
		}
		path, err := tlog.ProveRecord(x.size, index, hashes)
		if err != nil {
			return err
		}
		r := entries[index-from]
		if err := x.gone.settle(r, body); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		return x.lines.Encode(exportLine{Index: index, Leaf: string(r.Leaf()), Body: body, Path: pathText(path)})
	}, `SELECT e.idx, `+storedColumns+` FROM entry e LEFT JOIN body b ON b.idx = e.idx LEFT JOIN body h ON h.idx = b.same
		WHERE e.idx >= $1 AND e.idx < $2 ORDER BY e.idx`, from, to)
}

// hashes reads the tree's hashes, each of them once, because the paths of
// neighbours share most of theirs. The leaves from the given one on are told.
func (x *exporter) hashes(from int64, leaves []tlog.Hash) tlog.HashReader {
	stored := x.l.nodes(x.ctx)
	nodes := ledger.Nodes(func(level int, a, b int64) ([]tlog.Hash, error) {
		if level == 0 && a >= from && b <= from+int64(len(leaves)) {
			return slices.Clone(leaves[a-from : b-from]), nil
		}
		return stored(level, a, b)
	})
	known := map[int64]tlog.Hash{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if _, ok := known[index]; !ok {
				one, err := nodes.ReadHashes([]int64{index})
				if err != nil {
					return nil, err
				}
				known[index] = one[0]
			}
			hashes[i] = known[index]
		}
		return hashes, nil
	})
}
