package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// sqlByID finds entries by their sender's id, through the identities that begin with it.
const sqlByID = `SELECT ` + recordColumns + ` FROM entry WHERE identity >= $1 AND identity < $2 AND id = $3 ORDER BY idx`

// shortestID is how much of a leaf hash Find wants to see.
const shortestID = 8

// Find gives the entry that is meant by its index, by the sender's id of it, or
// by its own id, the leaf hash in hexadecimal, which may be shortened to 8
// digits. The last is looked for in the whole ledger. Of several entries with
// one sender's id it gives the first. A whole leaf hash means its entry and no
// other; beyond that senders choose their ids, and what means two is ErrAmbiguous.
func (l *Ledger) Find(ctx context.Context, id string) (ledger.Record, error) {
	r, err := l.find(ctx, id)
	if err != nil {
		return r, fmt.Errorf("find entry %q: %w", id, err)
	}
	return r, nil
}

func (l *Ledger) find(ctx context.Context, id string) (ledger.Record, error) {
	index, notNumber := strconv.ParseInt(id, 10, 64)
	if notNumber == nil && len(id) < shortestID {
		return l.Record(ctx, index)
	}
	from, to := idRange(id)
	found, err := scanRecord(l.engine.reader().QueryRowContext(ctx, sqlByID+` LIMIT 1`, from, to, id))
	other := func(r ledger.Record, next error) {
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			found, err = r, next
		case err == nil && next == nil && r.Index != found.Index:
			err = ErrAmbiguous
		case err == nil && !errors.Is(next, ledger.ErrNotFound):
			err = next
		}
	}
	if shortestID <= len(id) && len(id) <= 2*tlog.HashSize {
		r, next := l.findLeaf(ctx, id)
		if next == nil && len(id) == 2*tlog.HashSize {
			return r, nil
		}
		other(r, next)
	}
	if notNumber == nil && id[0] != '0' {
		other(l.Record(ctx, index))
	}
	return found, err
}

// findLeaf looks through how the leaf hashes begin, which lies beside each hash over 256 of
// them, and through the entries under no such hash yet.
func (l *Ledger) findLeaf(ctx context.Context, prefix string) (ledger.Record, error) {
	prefix = strings.ToLower(prefix)
	low, err1 := hex.DecodeString(prefix + strings.Repeat("0", 2*tlog.HashSize-len(prefix)))
	high, err2 := hex.DecodeString(prefix + strings.Repeat("f", 2*tlog.HashSize-len(prefix)))
	if err1 != nil || err2 != nil {
		return ledger.Record{}, ledger.ErrNotFound
	}
	candidates, tail, err := l.beginAs(ctx, []byte(prefix[:shortestID]))
	if err != nil {
		return ledger.Record{}, err
	}
	where := "idx >= " + strconv.FormatInt(tail, 10)
	if len(candidates) > 0 { // numbers need no quoting
		where = "(" + where + " OR idx IN (" + strings.Join(candidates, ",") + "))"
	}
	found, err := records(ctx, l.engine.reader(),
		`SELECT `+recordColumns+` FROM entry WHERE `+where+` AND leaf_hash >= $1 AND leaf_hash <= $2 LIMIT 2`, low, high)
	switch {
	case err != nil:
		return ledger.Record{}, err
	case len(found) == 0:
		return ledger.Record{}, ledger.ErrNotFound
	case len(found) > 1:
		return ledger.Record{}, ErrAmbiguous
	}
	return found[0], nil
}

// beginAs gives the indexes of entries whose leaf hashes begin with these digits, and the
// first index that it knows nothing of.
func (l *Ledger) beginAs(ctx context.Context, digits []byte) (candidates []string, tail int64, err error) {
	err = each(ctx, l.engine.reader(), func(rows *sql.Rows) error {
		var (
			n      int64
			leaves sql.RawBytes
		)
		if err := rows.Scan(&n, &leaves); err != nil {
			return err
		}
		tail = max(tail, (n+1)*groupSize)
		for i := 0; i+len(digits) <= len(leaves) && len(candidates) < maxCandidates; i += len(digits) {
			if bytes.Equal(leaves[i:i+len(digits)], digits) {
				candidates = append(candidates, strconv.FormatInt(n*groupSize+int64(i/len(digits)), 10))
			}
		}
		return nil
	}, `SELECT n, leaves FROM node WHERE level = $1 ORDER BY n`, ledger.Stride)
	return candidates, tail, err
}

// maxCandidates bounds how many leaf hashes with the same beginning are looked at: of a
// thousand million two have the same by chance, and nobody makes many.
const maxCandidates = 100
