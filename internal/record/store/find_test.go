package store_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestFindIsNotLedAstray: whoever has the webhook's secret chooses GUIDs, and so
// could give an entry the name that another one has by its hash.
func TestFindIsNotLedAstray(t *testing.T) {
	e := newEvidence(t, 10)
	l := e.open(t)
	r, err := l.Record(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	hash := r.Hash()
	whole := hex.EncodeToString(hash[:])
	for _, guid := range []string{whole, whole[:12]} {
		decoy := numbered(20)
		decoy.ID = guid
		if _, err := l.Append(t.Context(), decoy, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := l.Find(t.Context(), whole); err != nil || found.Index != 3 {
		t.Errorf("by the whole hash: %d, %v", found.Index, err)
	}
	if found, err := l.Find(t.Context(), whole[:12]); !errors.Is(err, store.ErrAmbiguous) {
		t.Errorf("by a part of it: %d, %v", found.Index, err)
	}
	if found, err := l.Find(t.Context(), numbered(5).ID); err != nil || found.Index != 5 {
		t.Errorf("by its GUID: %d, %v", found.Index, err)
	}
}

// TestFindAmongIdsThatBeginAlike: by the whole id, however short it is.
func TestFindAmongIdsThatBeginAlike(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, 0)
		l := e.open(t)
		ids := []string{"a", "a ", "a~~~~~~~", "a~~~~~~~~", "~~~~~~~~", "~~~~~~~~~", "72d3162e", "72d3162e-cc78", "72d3162e-cc79", "72d3162d"}
		for _, id := range ids {
			n := numbered(0)
			n.ID = id
			if _, err := l.Append(t.Context(), n, payload(1)); err != nil {
				t.Fatal(err)
			}
		}
		for index, id := range ids {
			if r, err := l.Find(t.Context(), id); err != nil || r.Index != int64(index) {
				t.Errorf("%q: entry %d, %v", id, r.Index, err)
			}
			for r, err := range l.Records(t.Context(), ledger.Query{ID: id}) {
				if err != nil || r.Index != int64(index) {
					t.Errorf("%q: entry %d, %v", id, r.Index, err)
				}
			}
		}
		for _, id := range []string{"b", "72d3162", "a~~~~~~", "72d3162e-cc7"} {
			if r, err := l.Find(t.Context(), id); !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("%q: entry %d, %v", id, r.Index, err)
			}
		}
	})
}

// TestFindLargeIndex: an index is one however many digits it has.
func TestFindLargeIndex(t *testing.T) {
	e := newEvidence(t, 10)
	e.exec(t, `UPDATE entry SET idx = 123456789 WHERE idx = 9`)
	l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if r, err := l.Find(t.Context(), "123456789"); err != nil || r.Index != 123456789 {
		t.Errorf("%d, %v", r.Index, err)
	}
	if _, err := l.Find(t.Context(), "123456780"); !errors.Is(err, ledger.ErrNotFound) {
		t.Error(err)
	}
}

// TestReplayFillsNoDisk: who has one signed body, and sends it under ever new GUIDs,
// cannot fill the disk with it.
func TestReplayFillsNoDisk(t *testing.T) {
	const size, times = 200_000, 20
	e := newEvidence(t, 0)
	l, body := e.open(t), make([]byte, size)
	if _, err := rand.Read(body); err != nil {
		t.Fatal(err)
	}
	for n := range int64(times) {
		if _, err := l.Append(t.Context(), numbered(n), body); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(e.address)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > times/2*size {
		t.Errorf("one body of %d bytes, sent %d times, takes %d", size, times, info.Size())
	}
}
