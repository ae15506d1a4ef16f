//go:build linux

package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/powercut"
)

// plug mounts a disk and makes it the place of the site's ledger. The function
// that it returns takes the disk away; the receiver must be gone by then.
func (s *site) plug(seed uint64, image powercut.Image) (d *powercut.Disk, unplug func()) {
	s.t.Helper()
	dir := s.t.TempDir()
	d, err := powercut.Mount(dir, seed, image)
	if errors.Is(err, powercut.ErrMissing) {
		powercut.Missing(s.t, err)
	}
	s.must(err)
	s.address = filepath.Join(dir, "ledger.db")
	mounted := true
	unplug = func() {
		if mounted {
			mounted = false
			s.must(d.Unmount())
		}
	}
	s.t.Cleanup(unplug)
	return d, unplug
}

// onDisk says what is wrong with the ledger of an image: a copy of it is opened
// as the next receiver would open it.
func (s *site) onDisk(image powercut.Image) []string {
	s.t.Helper()
	dir := s.t.TempDir()
	for name, data := range image {
		s.must(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	private, err := os.ReadFile(filepath.Join(s.keys, "signing"))
	s.must(err)
	key, err := ledger.ParseKey(secret.New(string(private)))
	s.must(err)
	history, seen := s.load.History(), s.checkpoints()
	held, err := s.read(store.Options{Address: filepath.Join(dir, "ledger.db"), Key: key})
	s.must(os.RemoveAll(dir))
	if err != nil {
		return []string{err.Error()}
	}
	return Check(history, held, seen)
}

// mustHold fails the test where something is wrong with an image's ledger.
func (s *site) mustHold(when string, image powercut.Image) {
	s.t.Helper()
	if faults := s.onDisk(image); len(faults) > 0 {
		s.keep(image)
		s.t.Fatalf("%s: %d faults\n%s", when, len(faults), strings.Join(faults[:min(20, len(faults))], "\n"))
	}
}

// keep leaves what a failure was found in: with go test -artifacts it stays.
func (s *site) keep(image powercut.Image) {
	s.t.Helper()
	dir := s.t.ArtifactDir()
	for name, data := range image {
		s.must(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	var history strings.Builder
	for _, a := range s.load.History() {
		fmt.Fprintf(&history, "%v %v %d source %s guid %s body %x id %s\n", a.Start, a.End, a.Status, a.Source, a.GUID, a.Body, a.ID)
	}
	s.must(os.WriteFile(filepath.Join(dir, "history"), []byte(history.String()), 0o600))
}

// cut runs a receiver under load and cuts its power after a while. What was
// acknowledged before the cut was on its way before it, and counts.
func (s *site) cut(seed uint64, image powercut.Image, after time.Duration) powercut.Image {
	s.t.Helper()
	d, unplug := s.plug(seed, image)
	r := s.start()
	s.look(r)
	stop := s.sending(r, 8)
	time.Sleep(after) // the random moment
	image = d.Cut()
	r.Kill()
	stop()
	unplug()
	return image
}

// TestPowerCut cuts the power at random moments, again and again on the same
// ledger, also while the receiver starts.
func TestPowerCut(t *testing.T) {
	const cuts = 10 // of one ledger
	from, random := chance(t)
	for all := howMany(4, 30); all > 0; all -= cuts {
		s := newSite(t, program(t), "", from)
		image := powercut.Image{}
		for n := range min(cuts, all) {
			from++
			if n%3 == 0 {
				image = s.cutWhileStarting(from, image, time.Duration(random.IntN(40_000))*time.Microsecond)
				s.mustHold(fmt.Sprintf("cut %d, while starting", n), image)
			}
			image = s.cut(from, image, time.Duration(50+random.IntN(600))*time.Millisecond)
			s.mustHold(fmt.Sprintf("cut %d", n), image)
		}
		s.tell(fmt.Sprintf("%d power cuts", min(cuts, all)))
	}
}

// cutWhileStarting cuts the power before the receiver may be ready.
func (s *site) cutWhileStarting(seed uint64, image powercut.Image, after time.Duration) powercut.Image {
	s.t.Helper()
	d, unplug := s.plug(seed, image)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dead := time.AfterFunc(after, func() { d.Cut(); cancel() })
	r, err := Start(ctx, s.program, s.args()...)
	if dead.Stop(); err == nil {
		s.bury(r)
	}
	image = d.Cut() // once dead, nothing changes
	unplug()
	return image
}

// TestPowerCutAtFirst cuts the power while a ledger is made for the first time.
func TestPowerCutAtFirst(t *testing.T) {
	from, random := chance(t)
	for n := range howMany(6, 60) {
		s := newSite(t, program(t), "", from+uint64(n))
		image := s.cutWhileStarting(from+uint64(n), nil, time.Duration(random.IntN(60_000))*time.Microsecond)
		s.mustHold(fmt.Sprintf("cut %d", n), image)
	}
}

// TestPowerCutFindsLazyReceivers is why TestPowerCut can be trusted: the same
// receiver with less syncing loses what it acknowledged, and that is seen.
func TestPowerCutFindsLazyReceivers(t *testing.T) {
	from, random := chance(t)
	for _, c := range []struct{ level, number string }{{"normal", "1"}, {"off", "0"}} {
		t.Run(c.level, func(t *testing.T) {
			if c.level == "off" && !*full {
				t.Skip("it builds another receiver: make crash runs it, by -full")
			}
			lazy, err := Build(programs, *receiver, overlay(t,
				"synchronous(full)", "synchronous("+c.level+")", `{"synchronous", "2",`, `{"synchronous", "`+c.number+`",`))
			if err != nil {
				t.Fatal(err)
			}
			lost, acknowledged := 0, 0
			n := howMany(2, 10)
			for range n {
				from++
				s := newSite(t, lazy, "", from)
				image := s.cut(from, nil, time.Duration(300+random.IntN(400))*time.Millisecond)
				for _, fault := range s.onDisk(image) {
					if strings.HasSuffix(fault, "is lost") {
						lost++
					} else if !strings.Contains(fault, "checkpoint") {
						t.Log(fault)
					}
				}
				_, taken := s.load.Count()
				acknowledged += taken
			}
			t.Logf("synchronous=%s: %d of %d acknowledged deliveries lost in %d power cuts", c.level, lost, acknowledged, n)
			if lost == 0 {
				t.Error("nothing was lost, so that the test cannot tell")
			}
		})
	}
}
