package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// verifyPage is how many entries are read at a time, without their bodies.
const verifyPage = 4096

// entryRow is an entry beside the leaf hash that was kept with it.
type entryRow struct {
	ledger.Record
	leaf   tlog.Hash // of the columns
	stored tlog.Hash
	known  bool // its identity is the one of its columns
}

// walk reads all entries and bodies in order.
func (v *verifier) walk() error {
	for {
		page, err := entryRows(v.ctx, v.tx, v.next, `idx >= $1 ORDER BY idx LIMIT $2`, v.next, verifyPage)
		if err != nil {
			return fmt.Errorf("read what follows entry %d: %w", v.next-1, err)
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

// entryRows reads entries, in order from an index on, also as no program would have
// written them.
func entryRows(ctx context.Context, q querier, next int64, where string, args ...any) (page []entryRow, err error) {
	err = each(ctx, q, func(rows *sql.Rows) error {
		var (
			r               entryRow
			micros          int64
			hash, leaf, key sql.RawBytes
		)
		err := rows.Scan(append(into(&r.Record, &micros, &hash), &leaf, &key)...)
		if err != nil {
			return err
		}
		if r.Index < next {
			return errDisorder
		}
		next = r.Index + 1
		r.Time = time.UnixMicro(micros).UTC()
		if len(hash) == sha256.Size && len(leaf) == tlog.HashSize {
			copy(r.BodyHash[:], hash)
			r.leaf, r.stored = r.Hash(), tlog.Hash(leaf)
		} else {
			r.stored = tlog.Hash{1} // of another length: no leaf can agree with it
		}
		is := identityOf(&r.Entry)
		r.known = string(is[:]) == string(key)
		page = append(page, r)
		return nil
	}, `SELECT `+recordColumns+`, leaf_hash, identity FROM entry WHERE `+where, args...)
	return page, err
}

// checkBodies reads the bodies of a page, one at a time.
func (v *verifier) checkBodies(page []entryRow) error {
	at := 0
	err := each(v.ctx, v.tx, func(rows *sql.Rows) error {
		var b bodyRow
		if err := b.scan(rows); err != nil {
			return err
		}
		for ; at < len(page) && page[at].Index < b.index; at++ {
			v.bodyGone(&page[at])
		}
		if at == len(page) || page[at].Index != b.index {
			v.fault(b.index, FaultStray, "a body without an entry")
			return nil
		}
		v.checkBody(&page[at], &b)
		at++
		return nil
	}, `SELECT `+bodyRowColumns+` FROM `+storedBody+` WHERE b.idx >= $2 AND b.idx <= $3 ORDER BY b.idx`,
		maxBody, v.next, page[len(page)-1].Index)
	if err != nil {
		return fmt.Errorf("read the body of an entry after %d: %w", v.next-1, err)
	}
	for ; at < len(page); at++ {
		v.bodyGone(&page[at])
	}
	return nil
}

// bodyGone waits for an erasure to name the entry.
func (v *verifier) bodyGone(r *entryRow) {
	if err := v.gone.settle(r.Record, nil); err != nil {
		v.fault(r.Index, FaultLost, "%v", err)
		return
	}
	v.out.Erased++
}

// checkBody holds a body against its entry.
func (v *verifier) checkBody(r *entryRow, b *bodyRow) {
	if b.length > maxBody {
		v.fault(r.Index, FaultBody, "the body has %d bytes as it is kept, more than any that was taken", b.length)
		return
	}
	body, err := decode(v.buffer, b.encoding, b.data, r.BodySize)
	if err != nil {
		v.fault(r.Index, FaultBody, "the body was altered: %v", err)
		return
	}
	if b.encoding == encodingS2 {
		v.buffer = body
	}
	if sha256.Sum256(body) != r.BodyHash {
		v.fault(r.Index, FaultBody, "the body is not the one of the entry: its SHA-256 differs")
		return
	}
	if !b.refers(r) && r.leaf == r.stored { // else the entry was altered
		v.fault(r.Index, FaultBody, "the body's row refers to another entry's as it cannot")
		return
	}
	v.out.Bodies++
	v.out.Bytes += int64(len(body))
	if body == nil {
		body = []byte{} // an empty one is not missing
	}
	v.checkSignature(r, body)
	if err := v.gone.settle(r.Record, body); errors.Is(err, ledger.ErrVersion) {
		v.later = true
		v.gap("entry %d: %v", r.Index, err)
	} else if err != nil {
		v.fault(r.Index, FaultBody, "%v", err)
	}
}

// add puts an entry into the tree.
func (v *verifier) add(r *entryRow) error {
	if r.Index > v.next {
		v.fault(v.next, FaultMissing, "%s: missing from the sequence", span(v.next, r.Index))
		v.whole = false
	}
	if !r.known && r.leaf == r.stored { // else the entry was altered
		v.fault(r.Index, FaultIndex, "the entry is looked up by an identity that is not its own")
	}
	v.next = r.Index + 1
	if r.Kind != ledger.Delivery {
		v.own++
	}
	if v.latest.Sub(r.Time) > clockSkew {
		if v.behind++; v.behind == 1 {
			v.firstBehind = r.Index
		}
	} else if r.Time.After(v.latest) {
		v.latest = r.Time
	}
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
			OR level > 8 AND leaves IS NOT NULL
			OR n < 0 OR n >= (CAST($1 AS BIGINT) >> CAST(level AS INTEGER)) ORDER BY level, n`, []any{v.next}},
	} {
		err := each(v.ctx, v.tx, func(rows *sql.Rows) error {
			var index int64
			if err := rows.Scan(&index); err != nil {
				return err
			}
			v.fault(index, FaultStray, "%s", look.message)
			return nil
		}, look.query, look.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// indexes asks SQLite whether the indexes of the entries lead to all of them:
// else a question could miss what is there. PostgreSQL has no such question for
// those who only read.
func (v *verifier) indexes() error {
	if !v.sqlite {
		return nil
	}
	messages, err := texts(v.ctx, v.tx, `PRAGMA integrity_check(entry)`)
	for _, message := range messages {
		if message != "ok" {
			v.fault(-1, FaultIndex, "the database finds in its own pages: %q", message)
		}
	}
	return err
}
