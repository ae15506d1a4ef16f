//go:build linux

package crashtest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// TestKillPostgres runs two receivers on one database, and each time kills one
// of them, or both, or restarts or kills the database under them.
func TestKillPostgres(t *testing.T) {
	const lives = 25 // of one ledger
	from, random := chance(t)
	server := postgrestest.Start(t)
	var took []time.Duration
	for all := howMany(4, 50); all > 0; all -= lives {
		s := newSite(t, program(t), server.Create(t, fmt.Sprintf("ledger%d", all)), from)
		from++
		pair := [2]*Receiver{s.start(), s.start()}
		for n := range min(lives, all) {
			stops := [2]func(){s.sending(pair[0], 8), s.sending(pair[1], 8)}
			time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond) // the random moment
			what := (n + int(from%5)) % 5
			switch what {
			case 0, 1:
				pair[what].Kill()
				s.awaitNew("deliveries to the other receiver")
			case 2:
				pair[0].Kill()
				pair[1].Kill()
			default:
				s.restart(server, []postgrestest.Mode{postgrestest.Fast, postgrestest.Immediate, postgrestest.Kill}[random.IntN(3)])
			}
			stops[0]()
			stops[1]()
			for i, r := range pair {
				if what == i || what == 2 {
					pair[i] = s.start()
					took = append(took, pair[i].Took)
				}
				s.look(r)
			}
			s.check(fmt.Sprintf("round %d", n), s.address)
		}
		for _, r := range pair {
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
		}
		s.check("stopped", s.address)
		s.tell(fmt.Sprintf("%d rounds", min(lives, all)))
	}
	restarts(t, took)
}

// restart restarts the database under load. Deliveries are held meanwhile, and
// taken as soon as it is back.
func (s *site) restart(server *postgrestest.Server, mode postgrestest.Mode) {
	s.t.Helper()
	from := s.load.Clock()
	server.Restart(s.t, mode)
	down := s.load.Clock() - from
	s.awaitNew("deliveries after the restart")
	if n := s.count(http.StatusServiceUnavailable, 0, s.load.Clock()); down < 6*time.Second && n > 0 {
		s.t.Errorf("the database was gone for %v, and %d requests were answered with 503", down, n)
	}
}
