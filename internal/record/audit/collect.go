package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// margin widens what Collect reads: a delivery may come in long after GitHub sent it
// first.
const margin = 24 * time.Hour

// Collect reads what a ledger has of a window, and somewhat more of what is held. It
// reads once, and gives each reading of the window to tell where that is not nil;
// else it reads no bodies but those of pushes. Gaps are bodies that are gone, and of
// which nothing was kept.
func Collect(ctx context.Context, l ledger.Reader, window Window, tell func(Reading)) (held Held, gaps []string, err error) {
	held.Deliveries = map[DeliveryKey]time.Time{}
	kept, err := keptBodies(ctx, l)
	if err != nil {
		return held, nil, err
	}
	query, err := since(ctx, l, window.From.Add(-margin))
	if err != nil {
		return held, nil, err
	}
	within := false // from the first one of the window on, whatever the clock said later
	for record, err := range l.Records(ctx, query) {
		if err != nil {
			return held, nil, err
		}
		held.add(record)
		within = within || !record.Time.Before(window.From)
		if record.Name != "push" && (tell == nil || !within) {
			continue
		}
		reading, err := readDelivery(ctx, l, record, kept)
		if errors.Is(err, ledger.ErrErased) {
			gaps = append(gaps, fmt.Sprintf("the body of entry %d is gone, and no erasure says so: verify the ledger", record.Index))
			continue
		}
		if err != nil {
			return held, nil, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		if record.Name == "push" {
			held.Pushes = append(held.Pushes, reading.push())
		}
		if tell != nil && within {
			tell(reading)
		}
	}
	return held, gaps, nil
}

// add notes when a delivery came in first.
func (h Held) add(r ledger.Record) {
	hook, _ := strconv.ParseInt(r.Source, 10, 64) // 0: not known
	key := DeliveryKey{Hook: hook, GUID: r.ID}
	if _, ok := h.Deliveries[key]; !ok {
		h.Deliveries[key] = r.Time
	}
}

// push is what a push tells of its ref.
func (r Reading) push() Push {
	return Push{Repository: r.Body.Repository.ID, Ref: r.Body.Ref, Before: r.Body.Before, After: r.Body.After, GUID: r.Record.ID}
}

// since asks for all deliveries from the first one on that came in at a time or
// later. What follows it belongs to it whatever its own time says: the clock may have
// been wrong.
func since(ctx context.Context, l ledger.Reader, from time.Time) (ledger.Query, error) {
	query := ledger.Query{Kinds: []ledger.Kind{ledger.Delivery}, Start: math.MaxInt64}
	for first, err := range l.Records(ctx, ledger.Query{Kinds: query.Kinds, From: from, Limit: 1}) {
		if err != nil {
			return query, err
		}
		query.Start = first.Index
	}
	return query, nil
}

// readDelivery reads a body, and what was kept of it only where it is gone.
func readDelivery(ctx context.Context, l ledger.Reader, r ledger.Record, kept map[int64]json.RawMessage) (Reading, error) {
	body, err := l.Body(ctx, r.Index)
	if is, ok := kept[r.Index]; ok && errors.Is(err, ledger.ErrErased) {
		return Restore(r, is)
	}
	if err != nil {
		return Reading{}, err
	}
	return Read(r, body), nil
}

// keptBodies are what was kept of the bodies that are gone, by index.
func keptBodies(ctx context.Context, l ledger.Reader) (map[int64]json.RawMessage, error) {
	kept := map[int64]json.RawMessage{}
	for record, err := range l.Records(ctx, ledger.Query{Kinds: []ledger.Kind{ledger.Erasure}}) {
		if err != nil {
			return nil, err
		}
		body, err := l.Body(ctx, record.Index)
		if err != nil {
			return nil, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		erased, err := ledger.ParseErased(body)
		if err != nil {
			return nil, fmt.Errorf("read entry %d: %w", record.Index, err)
		}
		for _, entry := range erased.Entries {
			kept[entry.Index] = entry.Kept
		}
	}
	return kept, nil
}
