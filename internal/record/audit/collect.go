package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// margin widens what Collect reads of pushes: a delivery may come in long after GitHub sent it
// first.
const margin = 24 * time.Hour

// Collect reads what a ledger has of a window, and somewhat more of what is held. It
// reads once, and gives each reading of the window to tell where that is not nil;
// else it reads no bodies but those of pushes. Deliveries of some days before are told
// without their bodies, so that these are known again; what was erased is told last. Gaps are
// what is not as it was written, and bodies that are gone and of which nothing was kept.
func Collect(ctx context.Context, l ledger.Reader, window Window, tell func(Reading)) (held Held, gaps []string, err error) {
	held.Deliveries, held.Said, held.Receipts = map[DeliveryKey]time.Time{}, map[DeliveryKey][]Said{}, map[ReceiptKey]Receipt{}
	c := collector{ctx: ctx, ledger: l, window: window, held: &held, tell: tell}
	gaps, err = l.Since(ctx, window.From.Add(-max(margin, maxBehind)), c.see)
	if err == nil {
		err = c.decide()
	}
	if err == nil {
		err = c.restore()
	}
	return held, append(gaps, c.gaps...), err
}

// collector is one run of Collect.
type collector struct {
	ctx    context.Context
	ledger ledger.Reader
	window Window
	held   *Held
	tell   func(Reading)
	gaps   []string
	ahead  bool // a clock that was ahead was told of
	within bool // from the first one of the window on, whatever the clock said later

	// Before the window, what came in behind the latest entry with an earlier time can
	// belong to either side.
	latest time.Time
	behind []ledger.Record

	// What is erased is read when all is seen: an erasure comes after what it erased.
	erased []erased
}

// erased is a delivery whose body is gone.
type erased struct {
	ledger.Record
	within bool
}

// see takes one entry.
func (c *collector) see(r ledger.Record) error {
	if r.Index == 0 {
		c.held.Began = r.Time
	}
	switch {
	case r.Kind == ledger.Observation:
		return c.observation(r)
	case r.Kind == ledger.Refusal:
		return c.refusal(r)
	case r.Kind != ledger.Delivery:
		return nil
	case c.within:
		return c.read(r)
	case r.Time.Before(c.window.From) && r.Time.Before(c.latest):
		c.behind = append(c.behind, r)
		return nil
	case r.Time.Before(c.window.From):
		c.latest = r.Time
	default:
		c.within = true
		c.edge()
	}
	return errors.Join(c.decide(), c.read(r))
}

// edge tells of a clock that was wrong where the window begins.
func (c *collector) edge() {
	for _, r := range c.behind {
		if c.latest.Sub(r.Time) > clockSkew {
			c.gaps = append(c.gaps, fmt.Sprintf("when entry %d came in is not known, and whether it is of the window: the clock said %s, and %s "+
				"before",
				r.Index, clock(r.Time), clock(c.latest)))
			return
		}
	}
}

// decide reads what could belong to either side.
func (c *collector) decide() error {
	for _, r := range c.behind {
		if err := c.read(r); err != nil {
			return err
		}
	}
	c.behind = nil
	return nil
}

// deliveryVersion is the version of the entries of kind Delivery that Read knows.
const deliveryVersion = 1

// read takes one delivery.
func (c *collector) read(r ledger.Record) error {
	c.held.add(r)
	if !c.ahead && r.Time.After(c.window.To.Add(clockSkew)) {
		c.ahead = true
		c.gaps = append(c.gaps, fmt.Sprintf("entry %d came in at %s by the clock then, which is after the window: the clock is or was wrong",
			r.Index, clock(r.Time)))
	}
	if r.Version != deliveryVersion {
		c.gaps = append(c.gaps, fmt.Sprintf("entry %d is of %v: %d", r.Index, ledger.ErrVersion, r.Version))
		return nil
	}
	if !c.within && c.tell != nil {
		c.tell(Reading{Record: r, Before: true})
	}
	if late := !r.Time.Before(c.window.From.Add(-margin)); !c.within && !late || r.Name != "push" && (c.tell == nil || !c.within) {
		return nil
	}
	body, err := c.ledger.BodyOf(c.ctx, r)
	switch {
	case errors.Is(err, ledger.ErrErased):
		c.erased = append(c.erased, erased{r, c.within})
	case c.ctx.Err() != nil:
		return err
	case err != nil:
		c.gaps = append(c.gaps, fmt.Sprintf("entry %d: %v: verify the ledger", r.Index, err))
	default:
		c.take(Read(r, body), c.within)
	}
	return nil
}

// take hands a reading on.
func (c *collector) take(r Reading, within bool) {
	if r.Record.Name == "push" {
		c.held.Pushes = append(c.held.Pushes, r.push())
	}
	if c.tell != nil && within {
		if key := keyOf(r.Record); r.Body.Malformed == "" {
			c.held.Said[key] = append(c.held.Said[key], Said{r.Record.Index, r.Body.Event, r.Body.Action, r.Body.Repository.ID})
		}
		c.tell(r)
	}
}

// restore reads what was kept of the bodies that are gone.
func (c *collector) restore() error {
	if len(c.erased) == 0 {
		return nil
	}
	kept, err := c.kept()
	if err != nil {
		return err
	}
	for _, e := range c.erased {
		is, ok := kept[e.Index]
		if !ok || !is.Erases(e.Hash()) {
			c.gaps = append(c.gaps, fmt.Sprintf("the body of entry %d is gone, and no erasure says so: verify the ledger", e.Index))
			continue
		}
		reading, err := Restore(e.Record, is.Kept)
		if err != nil {
			c.gaps = append(c.gaps, err.Error())
			continue
		}
		c.take(reading, e.within)
	}
	return nil
}

// refusal reads what was not taken.
func (c *collector) refusal(r ledger.Record) error {
	body, err := c.ledger.BodyOf(c.ctx, r)
	if err != nil && c.ctx.Err() != nil {
		return err
	}
	var refused ledger.Refused
	if err == nil {
		refused, err = ledger.ParseRefused(r, body)
	}
	if err != nil {
		c.gaps = append(c.gaps, fmt.Sprintf("entry %d: %v: verify the ledger", r.Index, err))
		return nil
	}
	c.held.Refused = append(c.held.Refused, refused)
	return nil
}

// refused says what was not taken within each hook's window, and not later either.
func (h Held) refused(window func(hook int64) Window) (gaps []string) {
	for _, r := range h.Refused {
		for _, of := range r.Hooks {
			hook, _ := strconv.ParseInt(of.Hook, 10, 64) // 0: not known
			if w := window(hook); !r.From.Before(w.To) || r.To.Before(w.From) {
				continue
			}
			left := of.Count
			for _, guid := range of.GUIDs {
				// What had that GUID before was something else, or this would have been its duplicate.
				if at, taken := h.Deliveries[DeliveryKey{hook, guid}]; taken && !at.Before(r.From) {
					left--
				}
			}
			if left > 0 {
				gaps = append(gaps, fmt.Sprintf("from %s to %s %d deliveries of hook %s were not taken, since their bodies came too often",
					clock(r.From), clock(r.To), left, cmp.Or(of.Hook, "(unknown)")))
			}
		}
	}
	return gaps
}

// add notes when a delivery came in first.
func (h Held) add(r ledger.Record) {
	key := keyOf(r)
	if _, ok := h.Deliveries[key]; !ok {
		h.Deliveries[key] = r.Time
	}
}

func keyOf(r ledger.Record) DeliveryKey {
	hook, _ := strconv.ParseInt(r.Source, 10, 64) // 0: not known
	return DeliveryKey{Hook: hook, GUID: r.ID}
}

// push is what a push tells of its ref.
func (r Reading) push() Push {
	return Push{Repository: r.Body.Repository.ID, Ref: r.Body.Ref, Before: r.Body.Before, After: r.Body.After, GUID: r.Record.ID}
}

// kept is what was kept of the bodies that are gone, by index. The erasures are read
// anew, since bodies can be erased while the entries are read.
func (c *collector) kept() (map[int64]ledger.ErasedEntry, error) {
	erasures, gaps, err := c.ledger.Own(c.ctx, ledger.Erasure)
	if err != nil {
		return nil, err
	}
	c.gaps = append(c.gaps, gaps...)
	kept, gone := map[int64]ledger.ErasedEntry{}, make([]int64, len(c.erased))
	for i, e := range c.erased {
		gone[i] = e.Index
	}
	slices.Sort(gone)
	for _, r := range erasures {
		if r.Index < gone[0] || !names(r, gone) { // it is of others
			continue
		}
		body, err := c.ledger.BodyOf(c.ctx, r)
		if err != nil && c.ctx.Err() != nil {
			return nil, err
		}
		var erased ledger.Erased
		if err == nil {
			erased, err = ledger.ParseErased(r, body)
		}
		if err != nil {
			c.gaps = append(c.gaps, fmt.Sprintf("entry %d: %v: verify the ledger", r.Index, err))
			continue
		}
		for _, entry := range erased.Entries {
			_, ok := kept[entry.Index] // nobody tells otherwise of what is gone already
			if _, asked := slices.BinarySearch(gone, entry.Index); asked && !ok {
				kept[entry.Index] = entry
			}
		}
	}
	return kept, nil
}

// names says whether an erasure can be of entries, which are sorted: its id says from
// which entry to which it goes. One of another version may say so otherwise.
func names(r ledger.Record, entries []int64) bool {
	var first, last int64
	if n, _ := fmt.Sscanf(r.ID, "%d-%d", &first, &last); n != 2 || r.Version != ledger.ErasedVersion {
		return true
	}
	at, _ := slices.BinarySearch(entries, first)
	return at < len(entries) && entries[at] <= last
}
