package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// The most that one erasure names, and how long its body gets at the most,
// give or take what is kept of one entry.
const (
	maxErased      = 1000
	maxErasureSize = 1 << 20
)

// sqlErasable is where a body can be erased, from an index on, before a time.
const sqlErasable = ` FROM entry
	WHERE idx >= $1 AND time < $2 AND kind = $3 AND EXISTS (SELECT 1 FROM body WHERE body.idx = entry.idx)`

// Erasable says how many bodies Erase would give up.
func (l *Ledger) Erasable(ctx context.Context, before time.Time) (bodies int64, err error) {
	err = l.engine.reader().QueryRowContext(ctx, `SELECT count(*)`+sqlErasable, 0, before.UnixMicro(), string(ledger.Delivery)).Scan(&bodies)
	return bodies, err
}

// Erase gives up the bodies of the deliveries that came in before a time, and
// says how many. What keep reads out of each is kept in an entry of kind
// ledger.Erasure, whose body is a ledger.Erased; keep may be nil, and gives nil
// where nothing is to be kept.
//
// That entry is durable before a body goes, so that whatever stops Erase leaves
// a ledger that verifies, and the next run finishes. A body that is not its
// entry's is evidence: Erase stops there and leaves it. Entries, leaf hashes and
// proofs stay, and so does a body that an entry has which is not erased (see
// Keepers). SQLite overwrites what was erased and uses the space for what
// comes next; the file gets no smaller, but a Backup is.
func (l *Ledger) Erase(ctx context.Context, before time.Time, keep func(ledger.Record, []byte) json.RawMessage) (int64, error) {
	if l.o.ReadOnly {
		return 0, fmt.Errorf("erase bodies: %w", ErrReadOnly)
	}
	var erased, start int64
	for {
		entries, err := l.erasable(ctx, before, start, keep)
		if err == nil && len(entries) > 0 {
			err = l.eraseSome(ctx, ledger.Erased{Before: before.UTC(), Entries: entries})
		}
		if err != nil {
			return erased, fmt.Errorf("erase bodies: %w", err)
		}
		if len(entries) == 0 {
			break
		}
		erased += int64(len(entries))
		start = entries[len(entries)-1].Index + 1
	}
	if e, ok := l.engine.(*sqliteEngine); ok && erased > 0 {
		return erased, e.forget(ctx)
	}
	return erased, nil
}

// erasable reads out the next bodies to be erased.
func (l *Ledger) erasable(
	ctx context.Context, before time.Time, start int64, keep func(ledger.Record, []byte) json.RawMessage,
) ([]ledger.ErasedEntry, error) {
	var (
		entries []ledger.ErasedEntry
		size    int
	)
	held, err := records(ctx, l.engine.reader(), `SELECT `+recordColumns+sqlErasable+` ORDER BY idx LIMIT $4`,
		start, before.UnixMicro(), string(ledger.Delivery), maxErased)
	if err != nil {
		return nil, err
	}
	for _, r := range held {
		body, err := l.BodyOf(ctx, r)
		if errors.Is(err, ledger.ErrErased) { // by another process, just now
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%w; it is left as it is, verify the ledger", err)
		}
		leaf := r.Hash()
		one := ledger.ErasedEntry{Index: r.Index, Leaf: hex.EncodeToString(leaf[:])}
		if keep != nil {
			one.Kept = keep(r, body)
		}
		entries = append(entries, one)
		if size += len(one.Kept); size > maxErasureSize {
			break
		}
	}
	return entries, nil
}

// eraseSome appends the erasure, and then deletes the bodies that it names.
func (l *Ledger) eraseSome(ctx context.Context, e ledger.Erased) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write down what is kept: %w", err)
	}
	first, last := e.Entries[0].Index, e.Entries[len(e.Entries)-1].Index
	_, err = l.Append(ctx, ledger.Entry{
		Kind: ledger.Erasure, Version: ledger.ErasedVersion, Time: l.o.Now().UTC().Truncate(time.Microsecond),
		ID: fmt.Sprintf("%d-%d", first, last), Name: "bodies",
	}, body)
	if err != nil {
		return err
	}
	indexes := make([]int64, len(e.Entries))
	for i, one := range e.Entries {
		indexes[i] = one.Index
	}
	return l.engine.change(ctx, func(c changer) error { return deleteBodies(ctx, c, indexes) })
}

// forget moves the whole log into the database, where it still holds what was
// erased. Who reads meanwhile can prevent that; the next Erase tries again.
func (e *sqliteEngine) forget(ctx context.Context) error {
	e.movers.Lock()
	defer e.movers.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mover == nil {
		return nil
	}
	if err := e.mustMove(ctx, "TRUNCATE"); err != nil {
		return fmt.Errorf("the bodies are erased, but the log still holds them: %w", err)
	}
	return nil
}
