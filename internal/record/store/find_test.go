package store_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
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

// TestFindByEveryLeafHash: by a part of each, also of those under no hash over them yet,
// in a ledger and its copy.
func TestFindByEveryLeafHash(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, size600)
		l := e.open(t)
		var export bytes.Buffer
		copied := (&evidence{scene: s, address: s.place(t), key: e.key}).open(t)
		if err := errors.Join(l.Export(t.Context(), &export), store.Import(t.Context(), &export, copied)); err != nil {
			t.Fatal(err)
		}
		for r, err := range l.Records(t.Context(), ledger.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			leaf := r.Hash()
			id := fmt.Sprintf("%X", leaf[:6+r.Index%3])
			for _, of := range []*store.Ledger{l, copied} {
				if found, err := of.Find(t.Context(), id); err != nil || found.Index != r.Index {
					t.Errorf("%s: entry %d, %v, want %d", id, found.Index, err, r.Index)
				}
			}
		}
		if v, err := copied.Verify(t.Context(), store.VerifyOptions{}); err != nil || !v.OK() {
			t.Errorf("%v\n%s", err, messages(v))
		}
	})
}

// TestFindWhatTwoWrite: an entry is found whichever process wrote it, and its neighbours.
func TestFindWhatTwoWrite(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, 100)
		both := [2]*store.Ledger{e.open(t), e.open(t)}
		var last [32]byte
		for n := range int64(200) {
			r, err := both[n%2].Append(t.Context(), numbered(1000+n), payload(1000+n))
			if err != nil {
				t.Fatal(err)
			}
			if last = r.Hash(); n%50 != 0 {
				continue
			}
			if found, err := both[0].Find(t.Context(), fmt.Sprintf("%x", last[:8])); err != nil || found.Index != r.Index {
				t.Errorf("entry %d, %v, want %d", found.Index, err, r.Index)
			}
		}
		v, err := both[0].Verify(t.Context(), store.VerifyOptions{})
		if err != nil || !v.OK() {
			t.Errorf("%v\n%s", err, messages(v))
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
