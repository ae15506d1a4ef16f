//go:build linux

package crashtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

var (
	full     = flag.Bool("full", false, "run all rounds, not a few")
	rounds   = flag.Int("rounds", 0, "run so many rounds of each test")
	seed     = flag.Uint64("seed", 0, "the seed of chance; 0 takes another each time")
	receiver = flag.String("receiver", "github.com/goldfish-inc/fluxkeeper/cmd/receiver", "the program to test")
)

const hookSecret = leaktest.Secret

// chance prints the seed, so that the test can be run with it again. What the
// machine does at the same time is another matter.
func chance(t *testing.T) (uint64, *mathrand.Rand) {
	t.Helper()
	s := *seed
	if s == 0 {
		s = mathrand.Uint64()
	}
	t.Logf("seed %d (again: -run %s -seed %d)", s, t.Name(), s)
	return s, mathrand.New(mathrand.NewPCG(s, 2))
}

// howMany is the number of rounds.
func howMany(few, all int) int {
	switch {
	case *rounds > 0:
		return *rounds
	case *full:
		return all
	}
	return few
}

// program builds the receiver once.
func program(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built = sync.OnceValues(func() (string, error) { return Build(programs, *receiver, "") })

// programs is where they are built.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "crashtest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(programs)
	os.Exit(status)
}

// site is one ledger through all its receivers' lives.
type site struct {
	t       *testing.T
	program string
	address string // the ledger's
	keys    string // a folder beside the ledger, on a sound disk
	load    *Load

	mu   sync.Mutex
	seen []ledger.Checkpoint
	took []time.Duration // restarts
}

// newSite makes a place with keys, whose ledger will be at the address.
func newSite(t *testing.T, program, address string, seed uint64) *site {
	t.Helper()
	s := &site{t: t, program: program, address: address, keys: t.TempDir(), load: NewLoad(seed, hookSecret)}
	s.must(os.WriteFile(filepath.Join(s.keys, "webhook"), []byte(hookSecret+"\n"), 0o600))
	key, err := ledger.NewKey(rand.Reader, "crashtest.example")
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.keys, "signing"), []byte(key.Private().Reveal()+"\n"), 0o600))
	s.must(os.WriteFile(filepath.Join(s.keys, "public"), []byte(key.Public()), 0o600))
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) args() []string {
	return []string{
		"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--ledger", s.address,
		"--webhook-secret-file", filepath.Join(s.keys, "webhook"), "--signing-key-file", filepath.Join(s.keys, "signing"),
		"--new-ledger",
	}
}

// start starts a receiver.
func (s *site) start() *Receiver {
	s.t.Helper()
	r, err := Start(context.Background(), s.program, s.args()...)
	s.must(err)
	s.t.Cleanup(func() { s.bury(r) })
	s.took = append(s.took, r.Took)
	return r
}

// bury makes sure that a receiver is gone, and looks through what it printed.
func (s *site) bury(r *Receiver) {
	r.Kill()
	leaktest.Text(s.t, "the receiver's log", []byte(r.Log()))
}

// look takes the receiver's checkpoint, where it gives one.
func (s *site) look(r *Receiver) {
	status, signed, err := r.Get("/api/v1/checkpoint")
	if err != nil || status != 200 {
		return // it may be dead by now
	}
	public, err := os.ReadFile(filepath.Join(s.keys, "public"))
	if err != nil {
		s.t.Error(err)
		return
	}
	c, err := ledger.OpenCheckpoint(signed, string(public))
	if err != nil {
		s.t.Errorf("checkpoint %q: %v", signed, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, c)
}

// sending runs clients in the background, and somebody who looks at
// checkpoints. The function that it returns ends both and waits for them.
func (s *site) sending(r *Receiver, clients int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { s.load.Run(ctx, r.Listen, clients) })
	all.Go(func() {
		for tick := time.NewTicker(40 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				s.look(r)
			}
		}
	})
	return func() { cancel(); all.Wait() }
}

// read reads the whole ledger, and lets it verify itself.
func (s *site) read(o store.Options) (held []Held, err error) {
	ctx := context.Background()
	l, err := store.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	for record, err := range l.Records(ctx, ledger.Query{}) {
		if err != nil {
			return nil, err
		}
		body, err := l.Body(ctx, record.Index)
		if err != nil {
			return nil, err
		}
		held = append(held, Held{Key{record.Source, record.Target, record.ID, record.Name, sha256.Sum256(body)}, record.Index, record.Hash()})
	}
	public, err := os.ReadFile(filepath.Join(s.keys, "public"))
	if err != nil {
		return nil, err
	}
	v, err := l.Verify(ctx, store.VerifyOptions{Public: string(public)})
	if err == nil && !v.OK() {
		err = fmt.Errorf("the ledger finds %d faults in itself: %+v", v.Count, v.Faults)
	}
	return held, err
}

// faults are what is wrong with the ledger at an address.
func (s *site) faults(address string) []string {
	history, seen := s.load.History(), s.checkpoints()
	held, err := s.read(store.Options{Address: address, ReadOnly: true})
	if err != nil {
		return []string{err.Error()}
	}
	return Check(history, held, seen)
}

func (s *site) checkpoints() []ledger.Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// check fails the test where something is wrong with the ledger.
func (s *site) check(when, address string) {
	s.t.Helper()
	if faults := s.faults(address); len(faults) > 0 {
		s.t.Fatalf("%s: %d faults\n%s", when, len(faults), strings.Join(faults[:min(20, len(faults))], "\n"))
	}
}

// tell prints what was done.
func (s *site) tell(what string) {
	s.t.Helper()
	sent, acknowledged := s.load.Count()
	s.t.Logf("%s: %d requests, %d acknowledged, %d checkpoints seen", what, sent, acknowledged, len(s.seen))
	if acknowledged == 0 || len(s.seen) == 0 {
		s.t.Error("nothing was tested")
	}
}

// restarts prints how long receivers took to be ready. With all rounds it holds
// the median to 100 ms: a single one may meet a busy machine.
func restarts(t *testing.T, took []time.Duration) {
	t.Helper()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	median := took[len(took)/2]
	t.Logf("ready after a crash: median %v, longest %v", median.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if *full && median > 100*time.Millisecond {
		t.Errorf("the median is over 100 ms")
	}
}
