package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// TestRefusedIsLetGoOf: what was refused while a database takes nothing is held no longer,
// although the outage lasts: not by who writes, who may have sent it already, and not in
// the queue while he tries to recover.
func TestRefusedIsLetGoOf(t *testing.T) {
	const each, rounds, at = 1 << 20, 8, 8
	for name, c := range map[string]struct{ table, state string }{
		"each commit fails":          {"entry", "53100"}, // a full disk passes, and the same is tried again
		"what recovers it does, too": {"head", "P0001"},
	} {
		t.Run(name, func(t *testing.T) {
			server := postgrestest.Shared(t)
			o := databases(server)(t)
			o.Hold = 300 * time.Millisecond
			l := open(t, o)
			add(t, l, "before")
			conn := connect(t, o.Address)
			exec := func(text string) {
				t.Helper()
				if _, err := conn.Exec(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			exec(fmt.Sprintf(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '%s'; END $$`, c.state))
			exec(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON ` + c.table + ` EXECUTE FUNCTION fail()`)
			before := live()
			for round := range rounds {
				refused := make(chan error)
				for n := range at {
					random := make([]byte, each)
					_, _ = rand.Read(random)
					go func() {
						_, err := l.Append(t.Context(), entry(fmt.Sprint("refused-", round, "-", n)), random)
						refused <- err
					}()
				}
				for range at {
					if err := <-refused; !errors.Is(err, ledger.ErrUnavailable) {
						t.Fatal(err)
					}
				}
			}
			var s store.Stats
			until(t, "the queue is empty", func() bool { s = l.Stats(); return s.Queued == 0 && s.QueuedBytes == 0 })
			if s.Broken == nil {
				t.Error("the outage is over")
			}
			// One batch may still be under way to the server.
			if held := live() - before; held > (at+2)*each {
				t.Errorf("%d MiB are held of %d that were refused", held>>20, rounds*at*each>>20)
			}
			exec(`DROP TRIGGER fail ON ` + c.table)
			until(t, "the ledger takes entries", func() bool { return l.Ready(t.Context()) == nil })
			add(t, l, "after")
			checkTree(t, l, o)
		})
	}
}

// live is how many bytes of memory are in use.
func live() int64 {
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	return int64(now.HeapAlloc)
}
