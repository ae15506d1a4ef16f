package store_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestKept: an entry is there if it is the delivery's and the key signed it, at its
// place, and not because a row of the database says so.
func TestKept(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		e := s.evidence(t, 540)
		older := e.save(t)
		var head struct {
			size                 int64
			frontier, checkpoint []byte
		}
		if err := e.db.QueryRow(`SELECT size, frontier, checkpoint FROM head`).Scan(&head.size, &head.frontier, &head.checkpoint); err != nil {
			t.Fatal(err)
		}
		l := e.open(t)
		grow(t, l, 540, 600)
		r, err := l.Record(t.Context(), 550)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		leaf := r.Hash()
		id := hex.EncodeToString(leaf[:])
		honest := e.save(t)
		kept := func(guid, id string) (bool, error) {
			l, err := store.Open(t.Context(), store.Options{Address: e.address, ReadOnly: true, Public: e.key.Public()})
			if err != nil {
				return false, err
			}
			defer l.Close()
			return l.Kept(t.Context(), guid, id)
		}
		for name, test := range map[string]struct {
			alter    func(*testing.T)
			guid, id string
			want     bool
			fails    string
		}{
			"as it was":               {nil, r.ID, id, true, ""},
			"of another delivery":     {nil, numbered(5).ID, id, false, ""},
			"of nobody":               {nil, r.ID, strings.Repeat("0", 64), false, ""},
			"removed":                 {func(t *testing.T) { remove(t, e, 550, 551) }, r.ID, id, false, ""},
			"another removed near it": {func(t *testing.T) { remove(t, e, 551, 552) }, r.ID, id, false, "prove entry"},
			"replaced": {func(t *testing.T) {
				rewrite(t, e, 550, func(n *ledger.Entry) { n.Time = n.Time.Add(time.Second) })
			}, r.ID, id, false, ""},
			"at another place": {func(t *testing.T) { remove(t, e, 560, 561); e.exec(t, `UPDATE entry SET idx = 560 WHERE idx = 550`) },
				r.ID, id, false, "prove entry"},
			"an older copy": {func(t *testing.T) { e.restore(t, older) }, r.ID, id, false, ""},
			"an older head": {func(t *testing.T) {
				e.exec(t, `UPDATE head SET size = $1, frontier = $2, checkpoint = $3`, head.size, head.frontier, head.checkpoint)
			}, r.ID, id, false, ""},
			"no head": {func(t *testing.T) { e.exec(t, `DELETE FROM head`) }, r.ID, id, false, "head"},
		} {
			t.Run(name, func(t *testing.T) {
				e.restore(t, honest)
				if test.alter != nil {
					test.alter(t)
				}
				is, err := kept(test.guid, test.id)
				if is != test.want || (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
					t.Errorf("%t, %v", is, err)
				}
			})
		}
	})
}
