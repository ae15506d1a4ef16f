//go:build linux

package crashtest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// pair is two receivers of one ledger under load.
type pair struct {
	*site
	of   [2]*Receiver
	ends []func()
}

func startPair(s *site) *pair {
	s.t.Helper()
	p := &pair{site: s, of: [2]*Receiver{s.start(), s.start()}}
	for _, r := range p.of {
		p.ends = append(p.ends, s.sending(r, 8))
	}
	s.awaitNew("deliveries at first")
	return p
}

// stop ends the load and the receivers, and holds the ledger to the model.
func (p *pair) stop(when string) {
	p.t.Helper()
	for _, end := range p.ends {
		end()
	}
	for _, r := range p.of {
		if err := r.Stop(); err != nil {
			p.t.Error(err)
		}
	}
	p.check(when, p.address)
	p.tell(when)
}

// awaitRefusal waits until neither receiver takes anything, and sees that it stays so.
func (p *pair) awaitRefusal(what string) {
	p.t.Helper()
	p.await(what, func() bool { return !ready(p.of[0]) && !ready(p.of[1]) })
	from := p.load.Clock()
	p.await("answers of 503", func() bool { return p.count(http.StatusServiceUnavailable, from, p.load.Clock()) >= 4 })
	if n := p.count(http.StatusAccepted, from, p.load.Clock()); n > 0 {
		p.t.Errorf("%s: %d deliveries were acknowledged", what, n)
	}
}

func moment(random *rand.Rand) { time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond) }

// TestPromotion kills a server under its receivers and promotes the standby that its
// commits waited for: everything that was acknowledged is there.
func TestPromotion(t *testing.T) {
	from, random := chance(t)
	for n := range howMany(1, 10) {
		primary := postgrestest.Start(t)
		primary.Create(t, "ledger")
		standby := primary.Standby(t)
		p := startPair(newSite(t, program(t), postgrestest.EitherDSN("ledger", primary, standby), from+uint64(n)))
		moment(random)
		primary.Stop(t, postgrestest.Kill)
		standby.Promote(t)
		p.awaitNew("deliveries after the promotion")
		p.stop(fmt.Sprintf("promotion %d", n))
	}
}

// TestPromotionWithoutTheLast promotes a standby that lacks what was acknowledged
// last: no receiver writes another history over that, and when the server comes back
// that has it, they go on by themselves.
func TestPromotionWithoutTheLast(t *testing.T) {
	from, random := chance(t)
	for n := range howMany(1, 10) {
		primary := postgrestest.Start(t)
		primary.Create(t, "ledger")
		standby := primary.Standby(t)
		p := startPair(newSite(t, program(t), postgrestest.EitherDSN("ledger", primary, standby), from+uint64(n)))
		moment(random)
		primary.Asynchronous(t)
		standby.Stop(t, postgrestest.Fast)
		p.awaitNew("deliveries that the standby lacks")
		primary.Stop(t, postgrestest.Kill)
		standby.Resume(t)
		standby.Promote(t)
		p.awaitRefusal("the standby is refused")
		standby.Stop(t, postgrestest.Fast)
		primary.Resume(t)
		p.awaitNew("deliveries after the newer one is back")
		p.stop(fmt.Sprintf("promotion %d", n))
	}
}

// TestRewriteUnderReceivers: somebody with the database takes the last entries out
// under two receivers. Neither signs that or adds to it, and with the rows put back
// both go on.
func TestRewriteUnderReceivers(t *testing.T) {
	from, random := chance(t)
	server := postgrestest.Shared(t)
	for n := range howMany(1, 10) {
		name := fmt.Sprintf("rewritten%d", n)
		p := startPair(newSite(t, program(t), server.Create(t, name), from+uint64(n)))
		server.Exec(t, name, `CREATE TABLE old_head AS SELECT * FROM head`)
		p.awaitNew("deliveries that will be taken out")
		moment(random)
		server.Exec(t, name, `DO $$ DECLARE kept bigint; BEGIN
			LOCK TABLE head IN ACCESS EXCLUSIVE MODE;
			SELECT size INTO kept FROM old_head;
			CREATE TABLE gone_entry AS SELECT * FROM entry WHERE idx >= kept;
			CREATE TABLE gone_body AS SELECT * FROM body WHERE idx >= kept;
			CREATE TABLE new_head AS SELECT * FROM head;
			DELETE FROM entry WHERE idx >= kept; DELETE FROM body WHERE idx >= kept; DELETE FROM head;
			INSERT INTO head SELECT * FROM old_head;
			END $$`)
		p.awaitRefusal("the rewritten ledger is refused")
		server.Exec(t, name, `DO $$ BEGIN
			LOCK TABLE head IN ACCESS EXCLUSIVE MODE;
			DELETE FROM entry WHERE idx >= (SELECT size FROM old_head);
			INSERT INTO entry SELECT * FROM gone_entry; INSERT INTO body SELECT * FROM gone_body;
			DELETE FROM head; INSERT INTO head SELECT * FROM new_head;
			END $$`)
		p.awaitNew("deliveries after the rows are back")
		p.stop(fmt.Sprintf("rewrite %d", n))
	}
}

// TestPooler kills the pooler between two receivers and their server, or restarts the
// server behind it.
func TestPooler(t *testing.T) {
	from, random := chance(t)
	server := postgrestest.Start(t)
	pooler := server.Pool(t, "session")
	for n := range howMany(1, 10) {
		name := fmt.Sprintf("pooled%d", n)
		server.Create(t, name)
		p := startPair(newSite(t, program(t), pooler.DSN(name), from+uint64(n)))
		for range 3 {
			moment(random)
			pooler.Kill(t)
			moment(random)
			pooler.Start(t)
			p.awaitNew("deliveries after the pooler is back")
		}
		moment(random)
		p.restart(server, postgrestest.Immediate)
		p.stop(fmt.Sprintf("pooled %d", n))
	}
}
