package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// A delivery's body is kept once. Who sends it again under another name gets an entry
// whose row says which entry's row has the body, and that for so many times an hour
// only: the header that names a delivery is not signed, so that one captured body
// would fill the disk.
const encodingSame = "same"

// sqlKeepBody keeps a body in a row of its own.
const sqlKeepBody = `INSERT INTO body (idx, encoding, data) VALUES ($1, $2, $3)`

// sqlKeepSame keeps a body as that of another entry.
const sqlKeepSame = `INSERT INTO body (idx, same, encoding, data) VALUES ($1, $2, '` + encodingSame + `', $3)`

// stored are the columns of a body's row or, where that refers to another, of that one.
const (
	storedColumns = `coalesce(h.encoding, b.encoding), coalesce(h.data, b.data)`
	storedBody    = `body b LEFT JOIN body h ON h.idx = b.same`
)

// awaited are the deliveries that GitHub was asked to send again.
type awaited struct {
	mu  sync.Mutex
	ids map[string]bool
}

// maxAwaited bounds them: a round of reconciling asks for fewer.
const maxAwaited = 10_000

// Await has a delivery taken when it comes next, however often its body has come.
func (l *Ledger) Await(id string) {
	l.bodies.awaited.mu.Lock()
	defer l.bodies.awaited.mu.Unlock()
	if l.bodies.awaited.ids == nil || len(l.bodies.awaited.ids) >= maxAwaited {
		l.bodies.awaited.ids = map[string]bool{}
	}
	l.bodies.awaited.ids[id] = true
}

// has says whether a delivery is awaited.
func (a *awaited) has(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ids[id]
}

// taken forgets those that are awaited no more.
func (a *awaited) taken(batch []*item) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ids) == 0 {
		return
	}
	for _, it := range batch {
		if it.refused == nil {
			delete(a.ids, it.entry.ID)
		}
	}
}

// deleteBodies deletes the bodies of entries. What another entry has, too, stays as
// that one's.
func deleteBodies(ctx context.Context, c changer, indexes []int64) error {
	list := make([]string, len(indexes)) // written out: engines bound their arguments, and numbers need no quoting
	for i, index := range indexes {
		list[i] = strconv.FormatInt(index, 10)
	}
	these := "(" + strings.Join(list, ",") + ")"
	if _, err := c.ExecContext(ctx, `DELETE FROM body WHERE same IS NOT NULL AND idx IN `+these); err != nil {
		return err
	}
	for {
		var from, to int64
		err := c.QueryRowContext(ctx, `SELECT same, min(idx) FROM body WHERE same IN `+these+` GROUP BY same LIMIT 1`).Scan(&from, &to)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return err
		}
		for _, step := range []struct {
			text string
			args []any
		}{
			{`DELETE FROM body WHERE idx = $1`, []any{to}},
			{`UPDATE body SET idx = $1 WHERE idx = $2`, []any{to, from}},
			{`UPDATE body SET same = $1 WHERE same = $2`, []any{to, from}},
		} {
			if _, err := c.ExecContext(ctx, step.text, step.args...); err != nil {
				return err
			}
		}
	}
	_, err := c.ExecContext(ctx, `DELETE FROM body WHERE idx IN `+these)
	return err
}

// Keepers are the first entries that came in at a time or later and have a body that came
// before, too, so that it is still there when Erase is done.
func (l *Ledger) Keepers(ctx context.Context, before time.Time) (keepers []int64, err error) {
	err = each(ctx, l.engine.reader(), func(rows *sql.Rows) error {
		var index int64
		err := rows.Scan(&index)
		keepers = append(keepers, index)
		return err
	}, `SELECT min(e.idx) FROM entry e JOIN body b ON b.idx = e.idx WHERE e.time >= $1 AND e.kind = $2 AND e.body_hash IN
		(SELECT body_hash FROM entry JOIN body ON body.idx = entry.idx WHERE time < $1 AND kind = $2)
		GROUP BY e.body_hash ORDER BY 1`, before.UnixMicro(), string(ledger.Delivery))
	return keepers, err
}

// bodyRow is a body's row beside the one that it refers to.
type bodyRow struct {
	index    int64
	same     sql.NullInt64
	own      string // encoding of the row itself
	rest     int64  // length of the data that a row has which refers to another
	encoding string
	length   int64
	data     sql.RawBytes
}

// bodyRowColumns are what scan reads; $1 bounds the length of what is read.
const bodyRowColumns = `b.idx, b.same, b.encoding, CASE WHEN b.same IS NULL THEN 0 ELSE length(b.data) END,
	coalesce(h.encoding, b.encoding), length(coalesce(h.data, b.data)),
	CASE WHEN length(coalesce(h.data, b.data)) <= $1 THEN coalesce(h.data, b.data) END`

func (b *bodyRow) scan(rows *sql.Rows) error {
	return rows.Scan(&b.index, &b.same, &b.own, &b.rest, &b.encoding, &b.length, &b.data)
}

// refers says that a row refers to another as this program writes it, or to none.
func (b *bodyRow) refers(r *entryRow) bool {
	return !b.same.Valid || b.same.Int64 < b.index && b.own == encodingSame && b.rest == 0 && r.Kind == ledger.Delivery
}
