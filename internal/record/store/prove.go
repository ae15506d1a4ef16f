package store

import (
	"context"
	"database/sql"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/proof"
)

// Head tells how many entries there are, and the tree's root.
func (l *Ledger) Head(ctx context.Context) (size int64, root tlog.Hash, err error) {
	var stored []byte
	if err := l.read(ctx, `SELECT frontier FROM head`, &stored); err != nil {
		return 0, root, err
	}
	f, err := ledger.ParseFrontier(stored)
	if err != nil {
		return 0, root, err
	}
	return f.Size(), f.Root(), nil
}

// read reads one row of what the ledger keeps of itself.
func (l *Ledger) read(ctx context.Context, query string, into ...any) error {
	if err := l.engine.reader().QueryRowContext(ctx, query).Scan(into...); err != nil {
		return fmt.Errorf("read the head of the ledger: %w", err)
	}
	return nil
}

// PublicKey is the key that the checkpoints are verified with, as it was
// recorded when the ledger was made.
func (l *Ledger) PublicKey(ctx context.Context) (public string, err error) {
	err = l.read(ctx, `SELECT public_key FROM head`, &public)
	return public, err
}

// Checkpoint gives the signed note of the whole tree as it is now. One of a ledger
// that was rewritten under this process is not given out.
func (l *Ledger) Checkpoint(ctx context.Context) ([]byte, error) {
	known := l.seen.known()
	stored, err := l.storedHead(ctx)
	if err == nil {
		err = l.genuine(known, stored, l.nodes(ctx))
	}
	return stored.checkpoint, err
}

// genuine says whether the ledger's key signed the head, and whether it grew out of
// the one that this process knows.
func (l *Ledger) genuine(known head, stored storedHead, nodes ledger.Nodes) error {
	h, err := stored.open(l.public)
	if err == nil {
		err = followed(known.Frontier, h.Frontier, nodes)
	}
	return err
}

// nodes reads the tree's stored hashes.
func (l *Ledger) nodes(ctx context.Context) ledger.Nodes {
	return nodesOf(asking(ctx, l.engine.reader()))
}

// ask sends a query of one column of bytes, and lets see have one value after the
// other, for the moment.
type ask func(see func([]byte) error, text string, args ...any) error

// nodesOf reads stored hashes.
func nodesOf(a ask) ledger.Nodes {
	return func(level int, from, to int64) ([]tlog.Hash, error) {
		text, args := `SELECT hash FROM node WHERE level = $3 AND n >= $1 AND n < $2 ORDER BY n`, []any{from, to, level}
		if level == 0 {
			text, args = `SELECT leaf_hash FROM entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, args[:2]
		}
		hashes := make([]tlog.Hash, 0, to-from)
		err := a(func(raw []byte) error {
			if len(raw) != tlog.HashSize {
				return fmt.Errorf("a hash at level %d has %d bytes", level, len(raw))
			}
			hashes = append(hashes, tlog.Hash(raw))
			return nil
		}, text, args...)
		return hashes, err
	}
}

func asking(ctx context.Context, q querier) ask {
	return func(see func([]byte) error, text string, args ...any) error {
		return each(ctx, q, func(rows *sql.Rows) error {
			var raw sql.RawBytes
			if err := rows.Scan(&raw); err != nil {
				return err
			}
			return see(raw)
		}, text, args...)
	}
}

// Prove makes the proof that the entry is in the tree of the checkpoint as it is
// now.
func (l *Ledger) Prove(ctx context.Context, index int64) (proof.Inclusion, error) {
	p, err := l.prove(ctx, index)
	if err != nil {
		return proof.Inclusion{}, fmt.Errorf("prove entry %d: %w", index, err)
	}
	return p, nil
}

func (l *Ledger) prove(ctx context.Context, index int64) (proof.Inclusion, error) {
	r, err := l.Record(ctx, index)
	if err != nil {
		return proof.Inclusion{}, err
	}
	signed, err := l.Checkpoint(ctx)
	if err != nil {
		return proof.Inclusion{}, err
	}
	c, err := ledger.OpenCheckpoint(signed, l.public)
	if err != nil {
		return proof.Inclusion{}, err
	}
	path, err := tlog.ProveRecord(c.Size, index, l.nodes(ctx))
	if err != nil {
		return proof.Inclusion{}, err
	}
	return proof.Inclusion{Leaf: string(r.Leaf()), Index: index, Checkpoint: string(signed), Path: pathText(path)}, nil
}

// pathText writes the hashes of a path in base64.
func pathText(path tlog.RecordProof) []string {
	text := make([]string, len(path))
	for i, hash := range path {
		text[i] = hash.String()
	}
	return text
}
