package store_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// keepNumber keeps what a body says of its number.
func keepNumber(_ ledger.Record, body []byte) json.RawMessage {
	var b struct{ N json.Number }
	if err := json.Unmarshal(body, &b); err != nil || b.N == "" {
		return nil
	}
	return json.RawMessage(`{"n":` + b.N.String() + `}`)
}

// at is when the delivery with this number came in.
func at(n int64) time.Time { return numbered(n).Time }

func TestErase(t *testing.T) { scenes(t, testErase) }

func testErase(t *testing.T, s *scene) {
	e := s.evidence(t, 1500)
	old := sign(t, e)
	l := e.open(t)
	for run, want := range []int64{1300, 0} {
		n, err := l.Erase(t.Context(), at(1300), keepNumber)
		if err != nil || n != want {
			t.Fatalf("run %d erased %d: %v, want %d", run, n, err, want)
		}
	}
	v, err := l.Verify(t.Context(), store.VerifyOptions{Public: e.key.Public(), Against: old})
	if err != nil || !v.OK() || v.Erased != 1300 || v.Size != 1502 || v.Bodies != 202 {
		t.Fatalf("%v, %+v", err, v)
	}
	next := int64(0)
	for r, err := range l.Records(t.Context(), ledger.Query{Kinds: []ledger.Kind{ledger.Erasure}}) {
		if err != nil {
			t.Fatal(err)
		}
		body, err := l.Body(t.Context(), r.Index)
		if err != nil {
			t.Fatal(err)
		}
		erased, err := ledger.ParseErased(r, body)
		if err != nil || !erased.Before.Equal(at(1300)) {
			t.Fatalf("%+v, %v", erased, err)
		}
		for _, one := range erased.Entries {
			if one.Index != next || string(one.Kept) != fmt.Sprintf(`{"n":%d}`, next) {
				t.Fatalf("%d: kept %s, want %d", one.Index, one.Kept, next)
			}
			next++
		}
	}
	if next != 1300 {
		t.Errorf("the erasures name %d bodies", next)
	}
	if _, err := l.Body(t.Context(), 1299); !errors.Is(err, ledger.ErrErased) {
		t.Errorf("an erased body: %v", err)
	}
	p, err := l.Prove(t.Context(), 7)
	if err == nil {
		err = errors.Join(p.Verify(e.key.Public()), p.VerifyBody(payload(7)))
	}
	if err != nil {
		t.Errorf("the proof of an erased body: %v", err)
	}
}

// TestErasedBodiesAreGone looks for them in the files themselves.
func TestErasedBodiesAreGone(t *testing.T) {
	l, o := newLedger(t)
	secret := []byte("kilimandscharo-4711")
	for n := range int64(3) {
		body := append(payload(n), secret...)
		if n == 1 {
			body = append(body, bytes.Repeat([]byte("x"), 100_000)...) // over several pages
		}
		if _, err := l.Append(t.Context(), numbered(n), body); err != nil {
			t.Fatal(err)
		}
	}
	holds := func() bool {
		found := false
		for _, name := range []string{o.Address, o.Address + "-wal"} {
			data, err := os.ReadFile(name)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			found = found || bytes.Contains(data, secret)
		}
		return found
	}
	if !holds() {
		t.Fatal("the test looks for something that is not there before either")
	}
	if n, err := l.Erase(t.Context(), at(3), nil); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	if holds() {
		t.Error("an erased body is still in the file")
	}
}

// TestEraseStopped: the erasure is there, the bodies are too.
func TestEraseStopped(t *testing.T) {
	e := newEvidence(t, 20)
	l := e.open(t)
	three, four := leafOf(t, l, 3), leafOf(t, l, 4)
	body, err := json.Marshal(ledger.Erased{Before: at(10), Entries: []ledger.ErasedEntry{{Index: 3, Leaf: three}, {Index: 4, Leaf: four}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), ledger.Entry{Kind: ledger.Erasure, Time: at(30), ID: "3-4"}, body); err != nil {
		t.Fatal(err)
	}
	for _, erased := range []int64{0, 10} {
		v, err := l.Verify(t.Context(), store.VerifyOptions{})
		if err != nil || !v.OK() || v.Erased != erased {
			t.Fatalf("%v, %+v", err, v)
		}
		if erased == 0 {
			if n, err := l.Erase(t.Context(), at(10), keepNumber); err != nil || n != 10 {
				t.Fatal(n, err)
			}
		}
	}
	called, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := l.Erase(called, at(20), nil); err == nil || n != 0 {
		t.Errorf("called off, and %d erased", n)
	}
}

// TestEraseLeavesEvidence: a body that was altered is not erased.
func TestEraseLeavesEvidence(t *testing.T) {
	e := newEvidence(t, 20)
	exchange(t, e, "body", 3, 4)
	l := e.open(t)
	if n, err := l.Erase(t.Context(), at(10), nil); err == nil || n != 0 {
		t.Errorf("%d erased, %v", n, err)
	}
	if got := found(e.verify(t, store.VerifyOptions{})); fmt.Sprint(got) != "[body 3 body 4]" {
		t.Error(got)
	}
}

// TestTamperingWithErasures: an erasure covers only what it names itself.
func TestTamperingWithErasures(t *testing.T) {
	scenes(t, testTamperingWithErasures)
}

func testTamperingWithErasures(t *testing.T, s *scene) {
	for name, c := range map[string]struct {
		tamper func(*evidence)
		want   string
	}{
		"nothing":            {func(e *evidence) {}, "[]"},
		"delete one more":    {func(e *evidence) { e.exec(t, `DELETE FROM body WHERE idx = 10`) }, "[lost 10]"},
		"delete the erasure": {func(e *evidence) { remove(t, e, 20, 21) }, "[cut 20 lost 0 missing 20]"},
		"delete its body":    {func(e *evidence) { e.exec(t, `DELETE FROM body WHERE idx = 20`) }, "[lost 0 lost 20]"},
		"alter its body": {func(e *evidence) {
			e.exec(t, `UPDATE body SET encoding = 'raw', data = $1 WHERE idx = 20`,
				[]byte(`{"before":"2026-11-01T00:00:00Z","entries":[{"index":0}]}`))
		}, "[body 20 lost 0]"},
		"make it a delivery": {func(e *evidence) { e.exec(t, `UPDATE entry SET kind = 'delivery' WHERE idx = 20`) },
			"[checkpoint -1 leaf 20 lost 0]"},
	} {
		e := s.evidence(t, 20)
		l := e.open(t)
		if _, err := l.Erase(t.Context(), at(10), keepNumber); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		sign(t, e)
		c.tamper(e)
		v := e.verify(t, store.VerifyOptions{Public: e.key.Public()})
		if got := fmt.Sprint(found(v)); got != c.want {
			t.Errorf("%s: %s, want %s\n%s", name, got, c.want, messages(v))
		}
	}
}

// leafOf is the leaf hash of an entry, as an erasure names it.
func leafOf(t testing.TB, l *store.Ledger, index int64) string {
	t.Helper()
	r, err := l.Record(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	leaf := r.Hash()
	return hex.EncodeToString(leaf[:])
}

// TestErasureOfAnotherVersion: what a later program erased is a gap, and no fault; what
// names another entry is one.
func TestErasureOfAnotherVersion(t *testing.T) {
	for name, c := range map[string]struct {
		version int64
		leaf    func(*testing.T, *store.Ledger) string
		want    []string
		gaps    int
	}{
		"of a later version": {2, func(*testing.T, *store.Ledger) string { return "" }, []string{}, 2},
		"of another entry":   {1, func(t *testing.T, l *store.Ledger) string { return leafOf(t, l, 4) }, []string{"lost 0"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvidence(t, 20)
			l := e.open(t)
			body, err := json.Marshal(ledger.Erased{Before: at(10), Entries: []ledger.ErasedEntry{{Index: 3, Leaf: c.leaf(t, l)}}})
			if err != nil {
				t.Fatal(err)
			}
			entry := ledger.Entry{Kind: ledger.Erasure, Version: c.version, Time: at(30), ID: "3-3"}
			if _, err := l.Append(t.Context(), entry, body); err != nil {
				t.Fatal(err)
			}
			e.exec(t, `DELETE FROM body WHERE idx = 3`)
			v := e.verify(t, store.VerifyOptions{})
			if got := found(v); !slices.Equal(got, c.want) || len(v.Gaps) != c.gaps {
				t.Errorf("%q, gaps %q", got, v.Gaps)
			}
		})
	}
}
