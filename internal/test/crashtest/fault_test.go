//go:build linux

package crashtest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/powercut"
)

// forever is how many operations fail until they are told not to.
const forever = 1 << 40

// patience is how long something may take that takes a moment.
const patience = 20 * time.Second

// await waits until something is so.
func (s *site) await(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// count says how many attempts since a time were answered so.
func (s *site) count(status int, since, until time.Duration) int {
	n := 0
	for _, a := range s.load.History() {
		if a.Status == status && a.Start >= since && a.End <= until {
			n++
		}
	}
	return n
}

// awaitNew waits until a few new deliveries were taken.
func (s *site) awaitNew(what string) {
	s.t.Helper()
	from := s.load.Clock()
	s.await(what, func() bool { return s.count(http.StatusAccepted, from, s.load.Clock()) >= 20 })
}

func ready(r *Receiver) bool {
	status, _, err := r.Get("/readyz")
	return err == nil && status == http.StatusOK
}

// suffer lets a receiver under load go through trouble and come out of it, all
// in one life. It returns how many requests were answered with 503. While the
// trouble lasts nothing new is acknowledged, unless some may fit: a full disk
// still takes a small delivery where a larger one found no room.
func (s *site) suffer(r *Receiver, begin, end func(), lasts time.Duration, someFit bool) int {
	s.t.Helper()
	start := s.load.Clock()
	stop := s.sending(r, 8)
	s.awaitNew("deliveries before the trouble")
	begin()
	s.await("not ready in trouble", func() bool { return !ready(r) })
	from := s.load.Clock()
	for s.load.Clock() < from+lasts {
		if !someFit && ready(r) {
			s.t.Error("ready in trouble")
		}
		time.Sleep(lasts / 20)
	}
	if n := s.count(http.StatusAccepted, from, s.load.Clock()); n > 0 && !someFit {
		s.t.Errorf("%d new deliveries were acknowledged in trouble", n)
	}
	end()
	ended := s.load.Clock()
	s.await("ready again", func() bool { return ready(r) })
	again := s.load.Clock()
	s.awaitNew("deliveries after the trouble")
	stop()
	s.inTime()
	refused := s.count(http.StatusServiceUnavailable, start, s.load.Clock())
	s.t.Logf("ready %v after the end of the trouble, %d requests answered with 503", (again - ended).Round(time.Millisecond), refused)
	return refused
}

// inTime wants an answer to everything, with all rounds within the ten seconds that
// GitHub waits: a busy machine can take longer.
func (s *site) inTime() {
	s.t.Helper()
	longest := time.Duration(0)
	for _, a := range s.load.History() {
		longest = max(longest, a.End-a.Start)
		if a.Status == 0 {
			s.t.Errorf("no answer to %s after %v", a.GUID, a.End-a.Start)
		}
	}
	s.t.Logf("longest wait for an answer %v", longest.Round(time.Millisecond))
	if *full && longest >= 10*time.Second {
		s.t.Error("that is too long")
	}
}

// TestBrokenDisk takes the disk away in every way, and gives it back. What is
// in the ledger afterwards is read after a power cut, so that a failed fsync
// that was taken for a success would show.
func TestBrokenDisk(t *testing.T) {
	lasts := time.Second
	if *full {
		lasts = 10 * time.Second
	}
	from, _ := chance(t)
	for name, c := range map[string]struct {
		begin, end func(*powercut.Disk)
		fails      bool // what waits for the commit is refused at once, not held
	}{
		"full":      {func(d *powercut.Disk) { d.Limit(0) }, func(d *powercut.Disk) { d.Limit(-1) }, false},
		"fsync":     {func(d *powercut.Disk) { d.FailSyncs(forever) }, func(d *powercut.Disk) { d.FailSyncs(0) }, true},
		"write":     {func(d *powercut.Disk) { d.FailWrites(forever) }, func(d *powercut.Disk) { d.FailWrites(0) }, true},
		"read-only": {func(d *powercut.Disk) { d.ReadOnly(true) }, func(d *powercut.Disk) { d.ReadOnly(false) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, program(t), "", from)
			d, unplug := s.plug(from, nil)
			r := s.start()
			refused := s.suffer(r, func() { c.begin(d) }, func() { c.end(d) }, lasts, !c.fails)
			if c.fails && refused == 0 {
				t.Error("the requests of the failed commit were not refused")
			}
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
			image := d.Cut()
			unplug()
			s.mustHold("afterwards", image)
			s.tell(name)
		})
	}
}

// TestFullDisk is the same on a file system of the kernel's own.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		powercut.Missing(t, fmt.Errorf("mount tmpfs: %w: run it as root on Linux", err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	from, _ := chance(t)
	ballast := filepath.Join(dir, "ballast")
	s := newSite(t, program(t), filepath.Join(dir, "ledger.db"), from)
	r := s.start()
	s.suffer(r, func() {
		file, err := os.Create(ballast)
		s.must(err)
		size, err := io.Copy(file, io.LimitReader(zeros{}, 1<<30))
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("filled %d bytes: %v", size, err)
		}
		s.must(file.Close())
	}, func() { s.must(os.Remove(ballast)) }, time.Second, true)
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	s.check("afterwards", s.address)
	s.tell("full")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// failedSync fails one fsync under load and cuts the power soon afterwards.
func (s *site) failedSync(seed uint64, after time.Duration) []string {
	d, unplug := s.plug(seed, nil)
	r := s.start()
	stop := s.sending(r, 8)
	s.awaitNew("deliveries before the failure")
	d.FailSyncs(1)
	time.Sleep(after) // the random moment
	image := d.Cut()
	r.Kill()
	stop()
	unplug()
	return s.onDisk(image)
}

// TestFailedSync: the kernel marks what it could not write as clean, so that
// only the first fsync tells. Nothing of it may be acknowledged, neither by
// that commit nor by a later one.
func TestFailedSync(t *testing.T) {
	from, random := chance(t)
	for n := range howMany(4, 40) {
		s := newSite(t, program(t), "", from)
		from++
		if faults := s.failedSync(from, time.Duration(random.IntN(200))*time.Millisecond); len(faults) > 0 {
			t.Fatalf("failure %d: %d faults\n%s", n, len(faults), strings.Join(faults[:min(20, len(faults))], "\n"))
		}
	}
}

// TestFailedSyncFindsReceiversThatGoOn: one that takes an error for a success
// is found out.
func TestFailedSyncFindsReceiversThatGoOn(t *testing.T) {
	if !*full {
		t.Skip("it builds another receiver: make crash runs it, by -full")
	}
	from, random := chance(t)
	const commit = "err := l.engine.commit(ctx, batch)\n"
	path, err := Build(programs, *receiver, overlay(t, commit, commit+"\t\tl.o.Observe.CommitFailed()\n\t\terr = nil\n"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for range howMany(3, 10) {
		from++
		found += len(newSite(t, path, "", from).failedSync(from, time.Duration(random.IntN(100))*time.Millisecond))
	}
	if t.Logf("%d faults", found); found == 0 {
		t.Error("nothing was lost, so that the test cannot tell")
	}
}

// writtenFirst says whether the disk began and ended an fsync between a request
// and its answer.
func (s *site) writtenFirst(a Attempt, syncs []powercut.Sync) bool {
	start, end := s.load.start.Add(a.Start), s.load.start.Add(a.End)
	return slices.ContainsFunc(syncs, func(y powercut.Sync) bool { return y.Begin.After(start) && y.End.Before(end) })
}

// TestSlowDisk: no answer comes before the disk has written, and each comes
// before GitHub stops waiting.
func TestSlowDisk(t *testing.T) {
	from, _ := chance(t)
	delays := map[time.Duration]time.Duration{50 * time.Millisecond: time.Second, 500 * time.Millisecond: 2 * time.Second}
	if *full {
		delays = map[time.Duration]time.Duration{50 * time.Millisecond: 20 * time.Second, 500 * time.Millisecond: 20 * time.Second,
			5 * time.Second: 30 * time.Second}
	}
	for delay, lasts := range delays {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, program(t), "", from)
			d, unplug := s.plug(from, nil)
			r := s.start()
			stop := s.sending(r, 8)
			s.awaitNew("deliveries before")
			d.Slow(delay)
			slow := s.load.Clock()
			time.Sleep(lasts)
			stop()
			until := s.load.Clock()
			d.Slow(0)
			syncs := d.Syncs()
			for _, a := range s.load.History() {
				if a.Status == http.StatusAccepted && !s.writtenFirst(a, syncs) {
					t.Errorf("%s was acknowledged between %v and %v, and nothing was written then", a.GUID, a.Start, a.End)
				}
			}
			s.inTime()
			t.Logf("%d new, %d answered with 503", s.count(http.StatusAccepted, slow, until), s.count(http.StatusServiceUnavailable, slow, until))
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
			image := d.Cut()
			unplug()
			s.mustHold("afterwards", image)
			s.tell("slow")
		})
	}
}
