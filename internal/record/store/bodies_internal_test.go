package store

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// hour is a ledger's deliveries of an hour, without the ledger.
type hour struct {
	bodies
	entries []ledger.Entry
	looked  int
}

// deliver says how the body was kept: "own", "same" or "refused".
func (h *hour) deliver(t *testing.T, body, source string, at time.Duration) string {
	t.Helper()
	it := &item{entry: ledger.Entry{Kind: ledger.Delivery, ID: fmt.Sprint(len(h.entries)), Source: source,
		BodyHash: sha256.Sum256([]byte(body)), Time: time.Unix(1e9, 0).Add(at)}}
	h.begin()
	err := h.place(it, int64(len(h.entries)), func(index int64) (holder, error) {
		e := h.entries[index]
		h.looked++
		return holder{index, e.BodyHash[:], coming{e.Time.UnixMicro(), e.Source}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.done()
	switch {
	case it.refused != nil:
		return "refused"
	case it.same != nil:
		h.entries = append(h.entries, it.entry)
		return "same"
	}
	h.entries = append(h.entries, it.entry)
	return "own"
}

// TestManyOtherBodies: whoever lets many other bodies pass in between sends no more of one
// within the hour, and who sends bodies that are all different asks nothing of the database.
func TestManyOtherBodies(t *testing.T) {
	h := &hour{bodies: bodies{limit: 10}}
	others := func(n int, at time.Duration) {
		t.Helper()
		for range n {
			if how := h.deliver(t, fmt.Sprint("other ", len(h.entries)), "1", at); how != "own" {
				t.Fatal(how)
			}
		}
	}
	for n := range often + 1 {
		if how, want := h.deliver(t, "body", "1", 0), map[bool]string{true: "own", false: "same"}[n == 0]; how != want {
			t.Errorf("time %d: %s, want %s", n, how, want)
		}
	}
	h.deliver(t, "rare", "1", 0)
	looked := h.looked
	others(maxYoung-2, time.Minute)
	if h.looked != looked || len(h.young)+len(h.old) > 2*maxYoung {
		t.Errorf("%d questions, %d bodies remembered", h.looked-looked, len(h.young)+len(h.old))
	}
	if how := h.deliver(t, "rare", "1", time.Minute); how != "same" {
		t.Errorf("after %d others: %s", maxYoung, how)
	}
	others(3*maxYoung, 2*time.Minute)
	for n := often + 1; n < 10; n++ {
		if how := h.deliver(t, "body", "1", 3*time.Minute); how != "same" {
			t.Errorf("time %d: %s", n, how)
		}
	}
	others(3*maxYoung, 4*time.Minute)
	if how := h.deliver(t, "body", "1", 5*time.Minute); how != "refused" {
		t.Errorf("the eleventh: %s", how)
	}
	if how := h.deliver(t, "body", "2", 5*time.Minute); how != "same" {
		t.Errorf("of another hook: %s", how)
	}
	if how := h.deliver(t, "body", "1", time.Hour+time.Minute); how != "same" {
		t.Errorf("an hour later: %s", how)
	}
	others(3*maxYoung, 3*time.Hour)
	if how := h.deliver(t, "body", "1", 4*time.Hour); how != "own" || len(h.young)+len(h.old) > 2*maxYoung || len(h.again) > maxYoung {
		t.Errorf("hours later: %s, %d remembered", how, len(h.young)+len(h.old))
	}
}

// TestBodyOfAFailedCommit: what was not kept does not count, and a body that only begins
// alike is another one.
func TestBodyOfAFailedCommit(t *testing.T) {
	b := &bodies{limit: 2}
	place := func(last byte, want string) {
		t.Helper()
		it := &item{entry: ledger.Entry{Kind: ledger.Delivery, ID: "1", BodyHash: [32]byte{1, 31: last}}}
		err := b.place(it, 7, func(index int64) (holder, error) {
			return holder{index: index, hash: append([]byte{1}, make([]byte, 31)...)}, nil
		})
		if got := fmt.Sprint(it.same != nil, it.refused != nil); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	for range 3 { // it fails
		b.begin()
		place(0, fmt.Sprint(len(b.young) > 0, false))
	}
	b.begin()
	place(1, "false false")
	place(0, "true false")
	place(0, "false true")
	b.done()
	b.begin()
	place(0, "false true")
	place(2, "false false")
}
