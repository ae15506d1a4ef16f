package store

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// verifyPage is how many entries are read at a time, without their bodies.
const verifyPage = 4096

// maxBody is more than any body has that was taken: 64 MiB.
const maxBody = 64 << 20

// entryRow is an entry beside the leaf hash that was kept with it.
type entryRow struct {
	ledger.Record
	leaf   tlog.Hash // of the columns
	stored tlog.Hash
}

// walk reads all entries and bodies in order.
func (v *verifier) walk() error {
	for {
		page, err := v.readPage()
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		if err := v.checkBodies(page); err != nil {
			return err
		}
		if err := v.nodes.fill(v, page[0].Index>>ledger.Stride, page[len(page)-1].Index>>ledger.Stride); err != nil {
			return err
		}
		for i := range page {
			if err := v.add(&page[i]); err != nil {
				return err
			}
		}
		if v.options.Progress != nil {
			total := v.next
			if v.head != nil {
				total = max(total, v.head.size)
			}
			v.options.Progress(v.next, total)
		}
	}
}

// readPage reads the entries that follow.
func (v *verifier) readPage() ([]entryRow, error) {
	rows, err := v.tx.QueryContext(v.ctx, `SELECT idx, kind, time, source, id, name, target, body_hash, body_size, leaf_hash
		FROM entry WHERE idx >= $1 ORDER BY idx LIMIT $2`, v.next, verifyPage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []entryRow
	for next := v.next; rows.Next(); {
		var (
			r          entryRow
			micros     int64
			hash, leaf sql.RawBytes
		)
		err := rows.Scan(&r.Index, &r.Kind, &micros, &r.Source, &r.ID, &r.Name, &r.Target, &hash, &r.BodySize, &leaf)
		if err != nil {
			return nil, fmt.Errorf("read what follows entry %d: %w", v.next-1, err)
		}
		if r.Index < next {
			return nil, errDisorder
		}
		next = r.Index + 1
		r.Time = time.UnixMicro(micros).UTC()
		whole := copy(r.BodyHash[:], hash) == len(hash) && len(hash) == sha256.Size
		r.leaf = r.Hash()
		if whole = whole && copy(r.stored[:], leaf) == len(leaf) && len(leaf) == tlog.HashSize; !whole {
			// A hash of another length is none: no leaf can agree with it.
			r.leaf, r.stored = tlog.Hash{}, tlog.Hash{1}
		}
		page = append(page, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what follows entry %d: %w", v.next-1, err)
	}
	return page, nil
}

// checkBodies reads the bodies of a page, one at a time.
func (v *verifier) checkBodies(page []entryRow) error {
	rows, err := v.tx.QueryContext(v.ctx, `SELECT idx, encoding, length(data), CASE WHEN length(data) <= $1 THEN data END
		FROM body WHERE idx >= $2 AND idx <= $3 ORDER BY idx`, maxBody, v.next, page[len(page)-1].Index)
	if err != nil {
		return err
	}
	defer rows.Close()
	at := 0
	for rows.Next() {
		var (
			index, length int64
			encoding      string
			data          sql.RawBytes
		)
		if err := rows.Scan(&index, &encoding, &length, &data); err != nil {
			return fmt.Errorf("read the body of an entry after %d: %w", v.next-1, err)
		}
		for ; at < len(page) && page[at].Index < index; at++ {
			v.bodyGone(&page[at])
		}
		if at == len(page) || page[at].Index != index {
			v.fault(index, FaultStray, "a body without an entry")
			continue
		}
		v.checkBody(&page[at], encoding, length, data)
		at++
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the body of an entry after %d: %w", v.next-1, err)
	}
	for ; at < len(page); at++ {
		v.bodyGone(&page[at])
	}
	return nil
}

// bodyGone waits for an erasure to name the entry.
func (v *verifier) bodyGone(r *entryRow) {
	if r.Kind == ledger.Erasure {
		v.fault(r.Index, FaultLost, "the body of an erasure is gone; those are never erased")
		return
	}
	v.out.Erased++
	v.gone.add(r.Index)
}

// checkBody holds a body against its entry.
func (v *verifier) checkBody(r *entryRow, encoding string, length int64, data []byte) {
	if length > maxBody {
		v.fault(r.Index, FaultBody, "the body has %d bytes as it is kept, more than any that was taken", length)
		return
	}
	body, err := v.unpack(encoding, data, r.BodySize)
	if err != nil {
		v.fault(r.Index, FaultBody, "the body was altered: %v", err)
		return
	}
	if sha256.Sum256(body) != r.BodyHash {
		v.fault(r.Index, FaultBody, "the body is not the one of the entry: its SHA-256 is another")
		return
	}
	v.out.Bodies++
	v.out.Bytes += int64(len(body))
	if r.Kind != ledger.Erasure {
		return
	}
	erased, err := ledger.ParseErased(body)
	if err != nil {
		v.fault(r.Index, FaultBody, "the erasure cannot be read: %v", err)
		return
	}
	for _, e := range erased.Entries {
		if e.Index < r.Index {
			v.gone.remove(e.Index)
		} else {
			v.fault(r.Index, FaultBody, "the erasure names entry %d, which comes after it", e.Index)
		}
	}
}

// unpack is decode with a buffer that is used again.
func (v *verifier) unpack(encoding string, data []byte, size int64) ([]byte, error) {
	if encoding != encodingS2 {
		return decode(encoding, data, size)
	}
	if n, err := s2.DecodedLen(data); err != nil || int64(n) != size || size > maxBody {
		return nil, fmt.Errorf("it does not unpack to %d bytes", size)
	}
	body, err := s2.Decode(v.buffer[:cap(v.buffer)], data)
	if err == nil {
		v.buffer = body[:0]
	}
	return body, err
}

// add puts an entry into the tree.
func (v *verifier) add(r *entryRow) error {
	if r.Index > v.next {
		v.fault(v.next, FaultMissing, "%s: missing from the sequence", span(v.next, r.Index))
		v.whole = false
	}
	v.next = r.Index + 1
	if v.whole {
		v.tree.Append(r.leaf)
		v.passMarks()
	}
	return v.push(0, twin{n: r.Index, computed: &r.leaf, stored: &r.stored})
}

// strays looks for rows where none should be.
func (v *verifier) strays() error {
	for _, look := range []struct {
		message, query string
		args           []any
	}{
		{"an entry before the first", `SELECT idx FROM entry WHERE idx < 0 ORDER BY idx`, nil},
		{"a body without an entry", `SELECT idx FROM body WHERE idx < 0 OR idx >= $1 ORDER BY idx`, []any{v.next}},
		{"a hash over entries that there are not", `SELECT CASE WHEN level >= 0 AND level <= 56
			THEN n << CAST(level AS INTEGER) ELSE n END FROM node WHERE level < 8 OR level > 56 OR level % 8 <> 0
			OR n < 0 OR n >= (CAST($1 AS BIGINT) >> CAST(level AS INTEGER)) ORDER BY level, n`, []any{v.next}},
	} {
		if err := v.strayRows(look.message, look.query, look.args); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) strayRows(message, query string, args []any) error {
	rows, err := v.tx.QueryContext(v.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var index int64
		if err := rows.Scan(&index); err != nil {
			return err
		}
		v.fault(index, FaultStray, "%s", message)
	}
	return rows.Err()
}

// indexes asks SQLite whether the indexes of the entries lead to all of them:
// else a question could miss what is there. PostgreSQL has no such question for
// those who only read.
func (v *verifier) indexes() error {
	if !v.sqlite {
		return nil
	}
	rows, err := v.tx.QueryContext(v.ctx, `PRAGMA integrity_check(entry)`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var message string
		if err := rows.Scan(&message); err != nil {
			return err
		}
		if message != "ok" {
			v.fault(-1, FaultIndex, "the database finds in its own pages: %q", message)
		}
	}
	return rows.Err()
}
