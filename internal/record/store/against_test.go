package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestAgainstAnOlderCheckpoint: what one who holds the key, or put the whole
// file back, can hide from the ledger alone.
func TestAgainstAnOlderCheckpoint(t *testing.T) {
	scenes(t, testAgainst)
}

func testAgainst(t *testing.T, s *scene) {
	for name, c := range map[string]struct {
		tamper  func(*testing.T, *evidence)
		alone   string
		against string
	}{
		"grown honestly": {func(t *testing.T, e *evidence) {
			l := e.open(t)
			grow(t, l, 600, 700)
		}, "[]", "[]"},
		"rewritten by one with the key": {func(t *testing.T, e *evidence) {
			rewrite(t, e, 100, func(n *ledger.Entry) { n.Name = "ping" })
			rebuild(t, e)
			sign(t, e)
		}, "[]", "[checkpoint -1]"},
		"cut by one with the key": {func(t *testing.T, e *evidence) {
			remove(t, e, 590, 600)
			rebuild(t, e)
			sign(t, e)
		}, "[]", "[cut 590]"},
		"cut and grown again by one with the key": {func(t *testing.T, e *evidence) {
			remove(t, e, 590, 600)
			rebuild(t, e)
			sign(t, e)
			l := e.open(t)
			grow(t, l, 1000, 1020)
		}, "[]", "[checkpoint -1]"},
		"put back to an older copy": {func(t *testing.T, e *evidence) {
			e.restore(t, e.scene.made[500].state)
		}, "[]", "[cut 500]"},
		"made anew with the same key": {func(t *testing.T, e *evidence) {
			remove(t, e, 0, 600)
			rebuild(t, e)
			sign(t, e)
		}, "[]", "[cut 0]"},
		"altered openly": {func(t *testing.T, e *evidence) {
			e.exec(t, `UPDATE entry SET name = 'ping' WHERE idx = 100`)
		}, "[checkpoint -1 leaf 100]", "[checkpoint -1 leaf 100]"},
	} {
		t.Run(name, func(t *testing.T) {
			e := s.evidence(t, 500)
			l := e.open(t)
			grow(t, l, 500, 600)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			kept := sign(t, e)
			c.tamper(t, e)
			alone := e.verify(t, store.VerifyOptions{Public: e.key.Public()})
			against := e.verify(t, store.VerifyOptions{Public: e.key.Public(), Against: kept})
			if got := fmt.Sprint(found(alone)); got != c.alone {
				t.Errorf("alone %s, want %s\n%s", got, c.alone, messages(alone))
			}
			if got := fmt.Sprint(found(against)); got != c.against {
				t.Errorf("against %s, want %s\n%s", got, c.against, messages(against))
			}
		})
	}
}

// TestEveryOlderCheckpoint holds each size of a growing ledger against it later.
func TestEveryOlderCheckpoint(t *testing.T) {
	e := newEvidence(t, 0)
	l := e.open(t)
	var kept [][]byte
	for n := int64(0); n <= 300; n++ {
		signed, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, signed)
		grow(t, l, n, n+1)
	}
	for n, signed := range kept {
		v, err := l.Verify(t.Context(), store.VerifyOptions{Public: e.key.Public(), Against: signed})
		if err != nil || !v.OK() {
			t.Fatalf("against %d entries: %v\n%s", n, err, messages(v))
		}
	}
}

func TestTheKeyThatVerifies(t *testing.T) {
	e, other := newEvidence(t, 10), stranger(t)
	kept := sign(t, e)
	forged, err := other.Sign(ledger.Checkpoint{Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    store.VerifyOptions
		want string
	}{
		{"the ledger's own", store.VerifyOptions{Against: kept}, "[]"},
		{"a stranger's checkpoint", store.VerifyOptions{Public: e.key.Public(), Against: forged}, "[checkpoint -1]"},
		{"a stranger's key", store.VerifyOptions{Public: other.Public(), Against: kept}, "[checkpoint -1 key -1]"},
		{"an empty checkpoint", store.VerifyOptions{Against: []byte{}}, "[checkpoint -1]"},
	} {
		v := e.verify(t, c.o)
		if got := fmt.Sprint(found(v)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if trusted := strings.Contains(fmt.Sprint(v.Notes), "was trusted"); trusted != (c.o.Public == "") {
			t.Errorf("%s: notes %q", c.name, v.Notes)
		}
	}
	// One who replaces the key replaces the checkpoint too, and is clean alone.
	e.exec(t, `UPDATE head SET public_key = $1`, other.Public())
	e.key = other
	sign(t, e)
	if v := e.verify(t, store.VerifyOptions{}); !v.OK() {
		t.Error(messages(v))
	}
	if got := fmt.Sprint(found(e.verify(t, store.VerifyOptions{Against: kept}))); got != "[checkpoint -1]" {
		t.Error(got)
	}
	if _, err := e.open(t).Verify(t.Context(), store.VerifyOptions{Public: "no key"}); err == nil {
		t.Error("a key that is none was taken")
	}
}

// TestVerifyWhileTheLedgerGrows: it sees the ledger as it was when it began.
func TestVerifyWhileTheLedgerGrows(t *testing.T) {
	e := newEvidence(t, 5000)
	l := e.open(t)
	grown := int64(5000)
	for range 5 {
		at := grown
		v, err := l.Verify(t.Context(), store.VerifyOptions{Progress: func(int64, int64) {
			grow(t, l, grown, grown+50)
			grown += 50
		}})
		if err != nil || !v.OK() || v.Size != at || grown == at {
			t.Fatalf("began at %d, now %d: %v, %d\n%s", at, grown, err, v.Size, messages(v))
		}
	}
}
