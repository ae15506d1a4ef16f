package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// ErrAmbiguous says that a short name fits several entries.
var ErrAmbiguous = errors.New("several entries can be meant")

// recordColumns are what scanRecord reads.
const recordColumns = `idx, kind, version, time, source, id, name, target, signature, secret, extra, body_hash, body_size`

// into are the places for the columns of an entry.
func into(r *ledger.Record, micros *int64, hash any) []any {
	return []any{&r.Index, &r.Kind, &r.Version, micros, &r.Source, &r.ID, &r.Name, &r.Target, (*digits)(&r.Signature), &r.Secret, &r.Extra,
		hash, &r.BodySize}
}

// outOf are the columns of an entry, its leaf hash and its identity.
func outOf(index int64, e *ledger.Entry, leaf *tlog.Hash, key *identity) []any {
	return []any{index, string(e.Kind), e.Version, e.Time.UnixMicro(), e.Source, e.ID, e.Name, e.Target,
		packed(e.Signature), e.Secret, e.Extra, e.BodyHash[:], e.BodySize, leaf[:], key[:]}
}

// digits is hexadecimal text that is kept as bytes.
type digits string

// Scan implements sql.Scanner.
func (d *digits) Scan(value any) error {
	b, ok := value.([]byte)
	if !ok && value != nil { // SQLite has nil for none
		return fmt.Errorf("a column of bytes holds a %T", value)
	}
	*d = digits(hex.EncodeToString(b))
	return nil
}

// packed gives hexadecimal digits, as ledger.Entry has them, as bytes.
func packed(digits string) []byte {
	b := make([]byte, hex.DecodedLen(len(digits)))
	_, _ = hex.Decode(b, []byte(digits)) // Validate has seen them
	return b
}

func scanRecord(row interface{ Scan(...any) error }) (ledger.Record, error) {
	var (
		r      ledger.Record
		micros int64
		hash   []byte
	)
	err := row.Scan(into(&r, &micros, &hash)...)
	if errors.Is(err, sql.ErrNoRows) {
		return r, ledger.ErrNotFound
	}
	if err == nil && copy(r.BodyHash[:], hash) != sha256.Size {
		err = fmt.Errorf("entry %d has a body hash of %d bytes", r.Index, len(hash))
	}
	r.Time = time.UnixMicro(micros).UTC()
	return r, err
}

// querier is a database, or one connection to it, or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls do for every row that the query gives.
func each(ctx context.Context, q querier, do func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// records reads all that a query for recordColumns gives.
func records(ctx context.Context, q querier, query string, args ...any) ([]ledger.Record, error) {
	var all []ledger.Record
	err := each(ctx, q, func(rows *sql.Rows) error {
		r, err := scanRecord(rows)
		all = append(all, r)
		return err
	}, query, args...)
	return all, err
}

// page is how many entries are read at once, so that nobody who reads slowly
// keeps the engine from tidying up.
const page = 1000

// Records gives the entries that the query asks for, by index. It reads what is
// there when it gets to it, a page at a time.
func (l *Ledger) Records(ctx context.Context, q ledger.Query) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		if err := l.narrow(ctx, &q); err != nil {
			yield(ledger.Record{}, err)
			return
		}
		for left := q.Limit; ; {
			want := page
			if q.Limit > 0 {
				want = min(page, left)
			}
			text, args := selection(q, want)
			found, err := records(ctx, l.engine.reader(), text, args...)
			if err != nil {
				yield(ledger.Record{}, fmt.Errorf("read entries: %w", err))
				return
			}
			for _, r := range found {
				if !yield(r, nil) {
					return
				}
			}
			if left -= len(found); len(found) < want || q.Limit > 0 && left == 0 {
				return
			}
			if last := found[len(found)-1].Index; q.Newest {
				q.End = last
			} else {
				q.Start = last + 1
			}
			if q.End > 0 && q.Start >= q.End || q.Newest && q.End == 0 {
				return
			}
		}
	}
}

// narrow works out where the first entry of the time asked for is, so that the
// entries before it need not be looked at.
func (l *Ledger) narrow(ctx context.Context, q *ledger.Query) error {
	if q.From.IsZero() {
		return nil
	}
	var first sql.NullInt64
	// idx + 0, since for min(idx) both engines would walk along idx, and not by time.
	err := l.engine.reader().QueryRowContext(ctx, `SELECT min(idx + 0) FROM entry WHERE time >= $1`, q.From.UnixMicro()).Scan(&first)
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	if !first.Valid {
		first.Int64 = 1<<63 - 1
	}
	q.Start = max(q.Start, first.Int64)
	return nil
}

// selection gives the query in words that both engines take.
func selection(q ledger.Query, limit int) (text string, args []any) {
	var b strings.Builder
	b.WriteString(`SELECT ` + recordColumns + ` FROM entry WHERE `)
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	b.WriteString("idx >= " + arg(q.Start))
	if q.End > 0 {
		b.WriteString(" AND idx < " + arg(q.End))
	}
	if q.ID != "" {
		from, to := idRange(q.ID)
		b.WriteString(" AND identity >= " + arg(from) + " AND identity < " + arg(to))
	}
	kinds := make([]string, len(q.Kinds))
	for i, kind := range q.Kinds {
		kinds[i] = string(kind)
	}
	for _, one := range [...]struct {
		column string
		values []string
	}{{"source", given(q.Source)}, {"target", given(q.Target)}, {"id", given(q.ID)}, {"kind", kinds}, {"name", q.Names}} {
		var places []string
		for _, value := range one.values {
			places = append(places, arg(value))
		}
		if places != nil {
			b.WriteString(" AND " + one.column + " IN (" + strings.Join(places, ", ") + ")")
		}
	}
	if len(kinds) > 0 && !slices.Contains(q.Kinds, ledger.Delivery) {
		b.WriteString(" AND kind <> 'delivery'") // there is an index of those
	}
	if !q.From.IsZero() {
		b.WriteString(" AND time >= " + arg(q.From.UnixMicro()))
	}
	if !q.To.IsZero() {
		b.WriteString(" AND time < " + arg(q.To.UnixMicro()))
	}
	b.WriteString(" ORDER BY idx")
	if q.Newest {
		b.WriteString(" DESC")
	}
	b.WriteString(" LIMIT " + arg(limit))
	return b.String(), args
}

// given is the value as a list, an empty one where it selects everything.
func given(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// Record gives the entry at an index, or ledger.ErrNotFound.
func (l *Ledger) Record(ctx context.Context, index int64) (ledger.Record, error) {
	r, err := scanRecord(l.engine.reader().QueryRowContext(ctx, `SELECT `+recordColumns+` FROM entry WHERE idx = $1`, index))
	if err != nil {
		return r, fmt.Errorf("read entry %d: %w", index, err)
	}
	return r, nil
}

// Body gives the body of an entry, byte for byte as it came, or ledger.ErrErased. It
// is held against the entry's hash.
func (l *Ledger) Body(ctx context.Context, index int64) ([]byte, error) {
	r, err := l.Record(ctx, index)
	if err != nil {
		return nil, err
	}
	return l.BodyOf(ctx, r)
}

// BodyOf is Body for an entry that was read, against which the body is held.
func (l *Ledger) BodyOf(ctx context.Context, r ledger.Record) ([]byte, error) {
	var (
		encoding string
		data     []byte
	)
	err := l.engine.reader().QueryRowContext(ctx, `SELECT `+storedColumns+` FROM `+storedBody+` WHERE b.idx = $1`, r.Index).
		Scan(&encoding, &data)
	if errors.Is(err, sql.ErrNoRows) {
		err = ledger.ErrErased
	}
	var body []byte
	if err == nil {
		body, err = checkedBody(r, encoding, data)
	}
	if err != nil {
		return nil, fmt.Errorf("read body %d: %w", r.Index, err)
	}
	return body, nil
}

// checkedBody unpacks a stored body and holds it against its entry.
func checkedBody(r ledger.Record, encoding string, data []byte) ([]byte, error) {
	body, err := decode(nil, encoding, data, r.BodySize)
	if err != nil {
		return nil, err
	}
	if body == nil {
		body = []byte{} // none is not the same as an empty one
	}
	return body, fits(r, body)
}

// fits says whether the body is the entry's.
func fits(r ledger.Record, body []byte) error {
	if sha256.Sum256(body) != r.BodyHash || int64(len(body)) != r.BodySize {
		return errors.New("the body is not the entry's: its SHA-256 differs")
	}
	return nil
}

// maxBody is more than any body has that was taken: 64 MiB.
const maxBody = 64 << 20

// decode gives back what encode stored, in the buffer where it is large enough.
// It allocates no more than size.
func decode(buffer []byte, encoding string, data []byte, size int64) ([]byte, error) {
	switch encoding {
	case encodingRaw:
		return data, nil
	case encodingS2:
		if n, err := s2.DecodedLen(data); err != nil || int64(n) != size || size > maxBody {
			return nil, fmt.Errorf("it does not unpack to %d bytes", size)
		}
		return s2.Decode(buffer[:cap(buffer)], data)
	}
	return nil, fmt.Errorf("unknown encoding %q", encoding)
}
