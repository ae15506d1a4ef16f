package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// watched opens a ledger that gives up soon.
func watched(t *testing.T, e *evidence, seen []byte) (*store.Ledger, error) {
	t.Helper()
	l, err := store.Open(t.Context(), store.Options{Address: e.address, Key: e.key, Hold: time.Second, Seen: seen})
	if err == nil {
		t.Cleanup(func() { _ = l.Close() })
	}
	return l, err
}

// forgeries are what somebody can do who writes to the database and lacks the
// key: each leaves a ledger of which every hash fits every other.
var forgeries = map[string]func(*testing.T, *evidence){
	"rewritten": func(t *testing.T, e *evidence) {
		rewrite(t, e, 3, func(n *ledger.Entry) { n.Name = "ping" })
		rebuild(t, e)
	},
	"cut and grown again": func(t *testing.T, e *evidence) {
		rewrite(t, e, 298, func(n *ledger.Entry) { n.Name = "ping" })
		remove(t, e, 299, 300)
		rebuild(t, e)
	},
	"emptied": func(t *testing.T, e *evidence) {
		remove(t, e, 0, 300)
		rebuild(t, e)
	},
	"appended to": func(t *testing.T, e *evidence) {
		insert(t, e, 300)
		rebuild(t, e)
	},
	"appended to, with a checkpoint of a stranger": func(t *testing.T, e *evidence) {
		insert(t, e, 300)
		rebuild(t, e)
		forged, err := stranger(t).Sign(ledger.Checkpoint{Size: 301})
		if err != nil {
			t.Fatal(err)
		}
		e.exec(t, `UPDATE head SET checkpoint = $1`, forged)
	},
}

// TestNothingForgedIsSigned: the key's signature says that the tree grew out of
// all trees that it signed before. Without that, a receiver would sign whatever
// it finds, and Verify pass on it.
func TestNothingForgedIsSigned(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		for name, forge := range forgeries {
			t.Run(name+" while it is open", func(t *testing.T) {
				e := s.evidence(t, 300)
				l, err := watched(t, e, nil)
				if err != nil {
					t.Fatal(err)
				}
				grow(t, l, 300, 301)
				e.exec(t, `DELETE FROM body WHERE idx = 300`)
				e.exec(t, `DELETE FROM entry WHERE idx = 300`)
				forge(t, e)
				if signed, err := l.Checkpoint(t.Context()); err == nil {
					t.Errorf("it signed %q", signed)
				}
				if _, err := l.Append(t.Context(), numbered(4711), payload(4711)); !errors.Is(err, ledger.ErrUnavailable) {
					t.Errorf("append: %v", err)
				}
				if err := l.Ready(t.Context()); err == nil {
					t.Error("it is ready")
				}
				if v := e.verify(t, store.VerifyOptions{Public: e.key.Public()}); v.OK() {
					t.Error("verify passes")
				}
			})
			t.Run(name+" while it is closed", func(t *testing.T) {
				e := s.evidence(t, 300)
				forge(t, e)
				if _, err := watched(t, e, nil); !errors.Is(err, store.ErrRewritten) {
					t.Errorf("open: %v", err)
				}
			})
		}
		t.Run("cut off while it is closed", func(t *testing.T) {
			e := s.evidence(t, 300)
			e.exec(t, `DELETE FROM body WHERE idx = 299`)
			e.exec(t, `DELETE FROM entry WHERE idx = 299`)
			if _, err := watched(t, e, nil); !errors.Is(err, store.ErrRewritten) {
				t.Errorf("open: %v", err)
			}
		})
		t.Run("put back before it is opened", func(t *testing.T) {
			e := s.evidence(t, 300)
			old := e.save(t)
			l, err := watched(t, e, nil)
			if err != nil {
				t.Fatal(err)
			}
			grow(t, l, 300, 310)
			seen, err := l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if l, err = watched(t, e, seen); err != nil {
				t.Fatalf("as it was: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			e.restore(t, old)
			if _, err := watched(t, e, seen); !errors.Is(err, store.ErrRewritten) {
				t.Errorf("open: %v", err)
			}
		})
	})
}

// TestForkOfTheSameKey: an older state that was put back, and that another replica has
// gone on with, is signed by the right key, and is not what the first one knows.
func TestForkOfTheSameKey(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		for name, more := range map[string]int64{"by little": 20, "by much": 5000} {
			t.Run(name, func(t *testing.T) {
				e := s.evidence(t, 300)
				old := e.save(t)
				first, err := watched(t, e, nil)
				if err != nil {
					t.Fatal(err)
				}
				grow(t, first, 300, 310)
				if s.server == nil {
					e.turn(t, old)
				} else {
					e.restore(t, old)
				}
				second := e.open(t)
				var all sync.WaitGroup
				for from := range int64(16) {
					all.Go(func() {
						for n := 1000 + from; n < 1000+more; n += 16 {
							_, _ = second.Append(context.WithoutCancel(t.Context()), numbered(n), payload(n))
						}
					})
				}
				all.Wait()
				if _, err := first.Append(t.Context(), numbered(310), payload(310)); !errors.Is(err, ledger.ErrUnavailable) {
					t.Errorf("append: %v", err)
				}
				if signed, err := first.Checkpoint(t.Context()); !errors.Is(err, store.ErrRewritten) {
					t.Errorf("it gives out %q, %v", signed, err)
				}
				if _, err := second.Append(t.Context(), numbered(9999), payload(9999)); err != nil {
					t.Errorf("the one that knows no better: %v", err)
				}
			})
		}
	})
}

// turn puts the rows of an older copy into a SQLite ledger that stays open.
func (e *evidence) turn(t testing.TB, state string) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "old.db")
	if err := os.WriteFile(copied, []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
	e.statement(t, fmt.Sprintf("ATTACH '%s' AS old", copied))
	for _, table := range tables {
		e.statement(t, "DELETE FROM main."+table)
		e.statement(t, fmt.Sprintf("INSERT INTO main.%s SELECT * FROM old.%s", table, table))
	}
	e.statement(t, `DETACH old`)
}

// TestLostFile: nothing is acknowledged that went into a file which has no name
// any more, or into its log.
func TestLostFile(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"deleted": func(t *testing.T, path string) {
			for _, end := range []string{"", "-wal", "-shm"} {
				if err := os.Remove(path + end); err != nil {
					t.Fatal(err)
				}
			}
		},
		"its log deleted": func(t *testing.T, path string) {
			if err := os.Remove(path + "-wal"); err != nil {
				t.Fatal(err)
			}
		},
		"replaced by a copy": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path+".new", data, 0o600)
			}
			if err == nil {
				err = os.Rename(path+".new", path)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvidence(t, 10)
			e.disconnect(t)
			l, err := watched(t, e, nil)
			if err != nil {
				t.Fatal(err)
			}
			grow(t, l, 10, 11)
			damage(t, e.address)
			kept := map[int64]bool{}
			for n := int64(20); n < 25; n++ {
				if _, err := l.Append(t.Context(), numbered(n), payload(n)); err == nil {
					kept[n] = true
				} else if !errors.Is(err, ledger.ErrUnavailable) {
					t.Error(err)
				}
			}
			_ = l.Close()
			if len(kept) == 0 {
				return // so it is if there is no file
			}
			again, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true})
			if err != nil {
				t.Fatalf("%d were acknowledged, and: %v", len(kept), err)
			}
			defer again.Close()
			for n := range kept {
				r, err := again.Find(t.Context(), numbered(n).ID)
				if err != nil {
					t.Errorf("acknowledged: %v", err)
					continue
				}
				if body, err := again.Body(t.Context(), r.Index); err != nil || !bytes.Equal(body, payload(n)) {
					t.Errorf("acknowledged body: %v", err)
				}
			}
		})
	}
}
