//go:build linux

package crashtest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestKill kills receivers at random moments, and now and then asks one to stop. The clients go on with the next
// one, and send again what they got no answer for.
func TestKill(t *testing.T) {
	const lives = 20 // of one ledger; to read it is work that grows
	from, random := chance(t)
	var took []time.Duration
	for all := howMany(8, 200); all > 0; all -= lives {
		s := newSite(t, program(t), filepath.Join(t.TempDir(), "ledger.db"), from)
		from++
		for life := range min(lives, all) {
			r := s.start()
			s.look(r)
			s.check(fmt.Sprintf("life %d", life), s.address)
			stop := s.sending(r, 32)
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) // the random moment
			if life%5 == 4 {                                               // a stop that is asked for keeps the promise, too
				s.must(r.Stop())
			} else {
				r.Kill()
			}
			stop()
		}
		r := s.start()
		s.check("last life", s.address)
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
		s.check("stopped", s.address)
		s.tell(fmt.Sprintf("%d kills", min(lives, all)))
		took = append(took, s.took[1:]...)
	}
	restarts(t, took)
}
