package audit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Reply is the JSON that the receiver answers a delivery with. GitHub keeps it in its
// log of deliveries (https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries),
// and so is a witness of what the ledger took.
type Reply struct {
	ID    string `json:"id,omitempty"` // of the entry that is kept: its leaf hash
	Error string `json:"error,omitempty"`
	GUID  string `json:"guid,omitempty"`
}

var entryID = pattern.Lazy(`^[0-9a-f]{64}$`)

// EntryOf is the id of the entry that an answer names. It is empty where the answer is
// no Reply to that delivery: something on the way may have answered.
func EntryOf(answer, guid string) string {
	var r Reply
	if ledger.Decode([]byte(answer), &r) != nil || r.Error != "" || r.GUID != guid || !entryID().MatchString(r.ID) {
		return ""
	}
	return r.ID
}

// ReceiptKey names an attempt, and the answer to it.
type ReceiptKey struct{ Hook, Attempt int64 }

// Receipt is our answer to one attempt, as GitHub's log has it, held against the ledger.
type Receipt struct {
	Hook    int64 `json:"hook"`
	Attempt int64 `json:"attempt"`
	// Held says that the entry which the answer names is in the tree.
	Held bool      `json:"held,omitempty"`
	GUID string    `json:"guid,omitempty"`
	Time time.Time `json:"time,omitzero"` // of the attempt
	// ID is of the entry that the answer names; empty where it names none.
	ID string `json:"id,omitempty"`
}

// Key names the receipt.
func (r Receipt) Key() ReceiptKey { return ReceiptKey{r.Hook, r.Attempt} }

// Broken says that the entry which the answer names is not in the tree.
func (r Receipt) Broken() bool { return r.ID != "" && !r.Held }

// ErrForgotten says that GitHub shows an attempt no more.
var ErrForgotten = errors.New("GitHub lists it and does not show it")

// Acknowledged is an attempt that was answered as the receiver does when it has kept
// the delivery.
type Acknowledged struct {
	Hook Hook
	Attempt
}

// acknowledged are those of the window.
func (o Observations) acknowledged() (all []Acknowledged) {
	for _, l := range o.Listings {
		for _, a := range l.Attempts {
			if (a.StatusCode == 200 || a.StatusCode == 202) && o.Window.Contains(a.Time) {
				all = append(all, Acknowledged{l.Hook, a})
			}
		}
	}
	return all
}

// Unasked are the acknowledged attempts whose answers nobody has read in GitHub's log
// yet, the latest first.
func (o Observations) Unasked() []Acknowledged {
	all := slices.DeleteFunc(o.acknowledged(), func(a Acknowledged) bool {
		_, read := o.Held.Receipts[ReceiptKey{a.Hook.ID, a.ID}]
		return read
	})
	slices.SortFunc(all, func(a, b Acknowledged) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID)) })
	return all
}

// receipts counts the answers in GitHub's log.
func (s *Statement) receipts(o Observations) {
	for _, a := range o.acknowledged() {
		switch r, read := o.Held.Receipts[ReceiptKey{a.Hook.ID, a.ID}]; {
		case !read:
			s.Unasked++
		case r.Held:
			s.Confirmed++
		case !r.Broken():
			s.Nameless++
		}
	}
	s.Removed = o.Held.removed(o.Window)
}

// removed are the broken receipts of a window, by time.
func (h Held) removed(window Window) (all []Receipt) {
	for _, r := range h.Receipts {
		if r.Broken() && window.Contains(r.Time) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Receipt) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Hook, b.Hook), cmp.Compare(a.Attempt, b.Attempt))
	})
	return all
}

// receiptsVersion is the version of the entries of kind Observation that are written
// and read here.
const receiptsVersion = 1

// RecordReceipts is the entry that puts receipts on record. Being an entry of the tree
// that was looked at, it is gone with an older copy of that, and says nothing false.
func RecordReceipts(at time.Time, all []Receipt) (ledger.Entry, []byte, error) {
	if len(all) == 0 {
		return ledger.Entry{}, nil, errors.New("record receipts: there are none")
	}
	short := make([]Receipt, len(all))
	for i, r := range all {
		if short[i] = r; !r.Broken() {
			short[i] = Receipt{Hook: r.Hook, Attempt: r.Attempt, Held: r.Held}
		}
	}
	body, err := json.Marshal(short)
	return ledger.Entry{
		Kind: ledger.Observation, Version: receiptsVersion, Time: at.UTC().Truncate(time.Microsecond), Source: "fluxkeeper",
		ID: fmt.Sprintf("%d-%d", all[0].Attempt, all[len(all)-1].Attempt), Name: "receipts",
	}, body, err
}

// observation reads the receipts that an entry puts on record.
func (c *collector) observation(r ledger.Record) error {
	if r.Name == verification {
		return nil // which Unverified reads
	}
	var all []Receipt
	err := fmt.Errorf("%w: %d", ledger.ErrVersion, r.Version)
	if r.Version == receiptsVersion {
		var body []byte
		if body, err = c.ledger.BodyOf(c.ctx, r); err == nil {
			err = ledger.Decode(body, &all)
		}
	}
	switch {
	case err != nil && c.ctx.Err() != nil:
		return err
	case err != nil:
		c.gaps = append(c.gaps, fmt.Sprintf("entry %d, an observation: %v: verify the ledger", r.Index, err))
		return nil
	}
	for _, one := range all {
		c.held.Receipts[one.Key()] = one
	}
	return nil
}
