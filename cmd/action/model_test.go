package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cli/inputs"
	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

var allSequences = flag.Bool("all", false, "try 20,000 sequences of GitHub's events instead of 300")

// modelCheck is the name of the check in the model.
const modelCheck = "fluxkeeper"

// TestModel holds the real steps of the Action against random sequences of GitHub's
// events: whatever happens in whatever order, and while a run is under way, four
// invariants hold.
func TestModel(t *testing.T) {
	count := 300
	if *allSequences {
		count = 20_000
	}
	began := time.Now()
	faults, seen := sequences(t, 0, count, switches{})
	took := time.Since(began)
	for _, f := range faults[:min(3, len(faults))] {
		t.Errorf("%s", f)
	}
	t.Logf("%d sequences, %.0f a second; %d faults; %v", count, float64(count)/took.Seconds(), len(faults), seen)
	for _, what := range acts() {
		if seen[what.name] == 0 {
			t.Errorf("no sequence has %q", what.name)
		}
	}
	for _, what := range []string{"success", "failure", "merged", "merged by GitHub", "approved", "armed", "judged anew"} {
		if seen[what] == 0 {
			t.Errorf("in no sequence something was %s", what)
		}
	}
}

// sequences runs those of some numbers and gives their faults, and how often what was seen.
func sequences(t *testing.T, first, end int, off switches) (faults []string, seen map[string]int) {
	t.Helper()
	const seed = 12
	seen = map[string]int{}
	steps, err := newSteps()
	must(t, err)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // much garbage, little to keep
	var lock sync.Mutex
	var group sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := first + worker; i < end; i += runtime.GOMAXPROCS(0) {
				m := newModel(rand.New(rand.NewPCG(seed, uint64(i))), steps, off)
				m.play()
				lock.Lock()
				for _, f := range m.faults {
					faults = append(faults, fmt.Sprintf("%s\nseed %d, sequence %d:\n  %s", f, seed, i, strings.Join(m.trace, "\n  ")))
				}
				for what, n := range m.seen {
					seen[what] += n
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	slices.SortFunc(faults, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }) // the shortest tells most
	return faults, seen
}

// steps are what the runs of all sequences have in common.
type steps struct {
	check, merge inputs.Values
	env          func(string) (string, bool)
}

func newSteps() (steps, error) {
	of := func(pairs ...string) (inputs.Values, error) {
		return inputs.Read(inputs.Inputs(), func(name string) (string, bool) {
			i := slices.Index(pairs, name)
			if i < 0 || i%2 == 1 {
				return "", false
			}
			return pairs[i+1], true
		})
	}
	quiet := []string{"INPUT_SUMMARY", "false", "INPUT_ANNOTATIONS", "false"}
	check, err1 := of(quiet...)
	merge, err2 := of(append(quiet, "INPUT_COMMAND", "merge", "INPUT_APPROVE", "true")...)
	env := func(name string) (string, bool) {
		if name == "GITHUB_OUTPUT" {
			return os.DevNull, true
		}
		return "", false
	}
	return steps{check, merge, env}, errors.Join(err1, err2)
}

// job is a run of a workflow of ours.
type job struct {
	event runner.Event
	merge bool
}

// model is one sequence.
type model struct {
	*memHub
	*rand.Rand
	steps
	off      switches
	merging  bool  // there is a workflow that merges
	queue    []job // what was started and has not begun
	events   []job // what can be re-run
	depth    int
	quiet    bool // nothing happens but our own runs
	verdicts map[evidence]finding.Verdict
	seen     map[string]int
	trace    []string
	faults   []string
}

func newModel(r *rand.Rand, s steps, off switches) *model {
	m := &model{
		memHub: newMemHub(), Rand: r, steps: s, off: off, merging: r.IntN(2) == 0,
		verdicts: map[evidence]finding.Verdict{}, seen: map[string]int{},
	}
	m.noChecks = r.IntN(4) == 0
	m.send, m.landed = m.start, m.land
	m.Push(memDefault, m.commit(annAuthor, worldFiles(false)))
	m.Push("dev", m.commit(annAuthor, worldFiles(true), m.branches[memDefault]))
	m.Push(wildBase, m.branches["dev"])
	return m
}

func (m *model) say(format string, args ...any) {
	m.trace = append(m.trace, strings.Repeat("  ", m.depth)+fmt.Sprintf(format, args...))
}

func (m *model) fault(invariant, format string, args ...any) {
	m.faults = append(m.faults, invariant+": "+fmt.Sprintf(format, args...))
	m.say("FAULT %s", m.faults[len(m.faults)-1])
}

// start queues the runs that an event starts.
func (m *model) start(kind string, e runner.Event) {
	bases := e.Name != "push" || e.HeadRef == memDefault || e.HeadRef == "dev" // on: push: branches:
	if kind == "edited" && m.off.unedited || kind == "push" && m.off.unpushed || !bases {
		return
	}
	jobs := []job{{event: e}}
	if m.merging {
		jobs = append(jobs, job{e, true})
	}
	m.queue, m.events = append(m.queue, jobs...), append(m.events, jobs...)
}

// play makes a sequence happen, waits for all runs, and looks at what is left.
func (m *model) play() {
	all := acts()
	for range 6 + m.IntN(10) {
		one := all[m.IntN(len(all))]
		if one.do(m) {
			m.seen[one.name]++
		}
		for m.IntN(2) == 0 && len(m.queue) > 0 {
			m.next()
		}
	}
	m.quiet = true
	m.drain()
	m.settled()
	m.outside()
}

func (m *model) drain() {
	for len(m.queue) > 0 {
		m.next()
	}
}

// next runs one that waits, in no order.
func (m *model) next() {
	i := m.IntN(len(m.queue))
	one := m.queue[i]
	m.queue = slices.Delete(m.queue, i, i+1)
	m.run(one)
}

// happens lets something happen while a run is under way: an event, or another run.
func (m *model) happens() {
	if m.depth > 3 || m.IntN(5) > 0 {
		return
	}
	if len(m.queue) > 0 && m.IntN(2) == 0 {
		m.next()
	} else if all := acts(); !m.quiet {
		all[m.IntN(len(all))].do(m)
	}
}

// run is one step of the Action, as cmd/action has it.
func (m *model) run(one job) {
	m.say("run #%d %s into %q, merge %v {", one.event.Number, one.event.Name, one.event.BaseRef, one.merge)
	m.depth++
	github := &memRun{memHub: m.memHub, event: one.event, merging: one.merge, off: m.off, happens: m.happens, acted: m.acted}
	world := console.World{Context: context.Background(), Environment: m.env, Stdout: io.Discard, Stderr: io.Discard}
	s := &step{
		Console: &console.Console{World: world, Name: "fluxkeeper", Version: "model"}, inputs: m.check, runner: runner.New(m.env, io.Discard),
		event: one.event, reader: github, writer: memWriter{memRun: github},
	}
	do := s.check
	if one.merge {
		s.inputs, do = m.merge, s.merge
	}
	err := do()
	if f, ok := errors.AsType[console.Failure](err); ok && f.Status == console.StatusUsage {
		m.faults = append(m.faults, "the step is used wrongly: "+f.Error())
	}
	m.seen["run"]++
	if github.reads > 1 {
		m.seen["judged anew"]++
	}
	m.depth--
	m.say("}")
	m.AutoMerge()
}
