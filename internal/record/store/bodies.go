package store

import (
	"database/sql"
	"errors"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// bodies are the deliveries' bodies that came of late, as one process remembers them. The
// database has no index of their hashes: those come at random, and would cost a page of
// the log for each entry. It remembers at least the last 65,536 different ones, and for an
// hour those that came often. So a body that it does not know comes no more than a few
// times in so many others, and then it is kept once more.
//
// What it remembers is where to look: the database says whether the body is there. Only
// the writer uses it.
type bodies struct {
	limit   int // of equal bodies an hour and source; 0: none
	awaited awaited

	young, old map[bodyKey]int64 // the entries whose rows have them; the old ones go when there are too many young ones
	again      map[bodyKey]came  // those that came again
	batch      map[bodyKey]came  // those of the commit under way
	latest     int64             // time of the latest delivery
}

// Bounds of what is remembered.
const (
	maxYoung   = 1 << 16
	maxOften   = 1 << 12
	often      = 3 // times
	repeatSpan = int64(time.Hour / time.Microsecond)
	// repeatHooks bounds what all hooks together may repeat, as a multiple of what one
	// may: the header that names the hook is not signed either.
	repeatHooks = 10
)

// bodyKey is the first half of a body's SHA-256.
type bodyKey [16]byte

// came is how a body came again: where, and when within the hour.
type came struct {
	holder int64
	times  []coming
}

// coming is when a body came, in microseconds, and from where.
type coming struct {
	at     int64
	source string
}

// holder is an entry whose row has a body.
type holder struct {
	index int64
	hash  []byte
	coming
}

// sqlHolder looks for holders by their index.
const sqlHolder = `SELECT e.idx, e.body_hash, e.time, e.source FROM body b JOIN entry e ON e.idx = b.idx
WHERE b.same IS NULL AND e.kind = 'delivery' AND b.idx `

// scan reads a holder; where there is none, it stays empty.
func (h *holder) scan(row interface{ Scan(...any) error }) error {
	err := row.Scan(&h.index, &h.hash, &h.at, &h.source)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// begin forgets the commit before, if it failed.
func (b *bodies) begin() { clear(b.batch) }

func (b *bodies) find(key bodyKey) (came, bool) {
	for _, known := range [...]map[bodyKey]came{b.batch, b.again} {
		if c, ok := known[key]; ok {
			return c, true
		}
	}
	for _, known := range [...]map[bodyKey]int64{b.young, b.old} {
		if index, ok := known[key]; ok {
			return came{holder: index}, true
		}
	}
	return came{}, false
}

// holders are the entries that may have the items' bodies.
func (b *bodies) holders(items []*item) (indexes []int64) {
	for _, it := range items {
		if c, ok := b.find(bodyKey(it.entry.BodyHash[:])); ok {
			indexes = append(indexes, c.holder)
		}
	}
	return indexes
}

// place says how the body of a new entry is kept: as that of the entry that has it (same),
// not at all, since it came too often (refused), or else in a row of its own. Look gives a
// holder as the database has it.
func (b *bodies) place(it *item, index int64, look func(int64) (holder, error)) error {
	if it.entry.Kind != ledger.Delivery {
		return nil
	}
	key, now := bodyKey(it.entry.BodyHash[:]), coming{it.entry.Time.UnixMicro(), it.entry.Source}
	b.latest = max(b.latest, now.at)
	c, known := b.find(key)
	var first holder
	if known {
		var err error
		if first, err = look(c.holder); err != nil {
			return err
		}
	}
	if string(first.hash) != string(it.entry.BodyHash[:]) {
		b.keep(key, index)
		return nil
	}
	if c.times == nil {
		c.times = []coming{first.coming}
	}
	if b.many(c, now) && !b.awaited.has(it.entry.ID) {
		it.refused = ledger.ErrRepeated
		return nil
	}
	if b.batch == nil {
		b.batch = map[bodyKey]came{}
	}
	c.times, it.same = b.within(c.times, now), &c.holder
	b.batch[key] = c
	return nil
}

// keep remembers where a body is. It may be forgotten again, and no harm is done if the
// commit fails: the database would not confirm it.
func (b *bodies) keep(key bodyKey, index int64) {
	if b.young == nil || len(b.young) >= maxYoung || len(b.again) >= maxYoung {
		b.turn()
	}
	delete(b.again, key)
	b.young[key] = index
}

// many says that no more of a body are to be taken within the hour.
func (b *bodies) many(c came, now coming) bool {
	if b.limit == 0 {
		return false
	}
	own, all := 0, 0
	for _, before := range c.times {
		if before.at <= now.at-repeatSpan {
			continue
		}
		if all++; before.source == now.source {
			own++
		}
	}
	return own >= b.limit || all >= b.limit*repeatHooks
}

// within are those of the hour before, and now. The list before stays as it is, since a
// commit can fail.
func (b *bodies) within(times []coming, now coming) []coming {
	kept := make([]coming, 0, len(times)+1)
	for _, before := range times {
		if before.at > now.at-repeatSpan {
			kept = append(kept, before)
		}
	}
	kept = append(kept, now)
	return kept[max(0, len(kept)-max(often+1, (b.limit+1)*repeatHooks)):]
}

// done notes that the commit is durable.
func (b *bodies) done() {
	if b.again == nil {
		b.again = map[bodyKey]came{}
	}
	for key, c := range b.batch {
		b.again[key] = c
	}
	clear(b.batch)
}

// turn makes the young ones old. Of those that came again the ones stay that came often
// within the hour.
func (b *bodies) turn() {
	b.young, b.old = make(map[bodyKey]int64, len(b.young)), b.young
	stay := map[bodyKey]came{}
	for key, c := range b.again {
		if len(c.times) > often && c.times[len(c.times)-1].at > b.latest-repeatSpan && len(stay) < maxOften {
			stay[key] = c
		}
	}
	b.again = stay
}
