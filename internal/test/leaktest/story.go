package leaktest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"
)

// Stories is testscript.Run, which moreover fails a story where what its commands
// printed, or a file that they left, holds a secret. A story's own lines, its
// variables, and the files that it begins with may hold some.
func Stories(t *testing.T, p testscript.Params, excuses ...Excuse) {
	t.Helper()
	lines, err := ownLines(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	setup := p.Setup
	p.Setup = func(env *testscript.Env) error {
		s, ok := env.T().(story)
		if !ok {
			return fmt.Errorf("set up: %T is no story", env.T())
		}
		var given Given
		// Deferred first, it is done last: when every process has ended.
		env.Defer(func() { Files(s, env.WorkDir, given) })
		if setup != nil {
			if err := setup(env); err != nil {
				return err
			}
		}
		for _, variable := range env.Vars {
			s.own[variable] = true
		}
		var err error
		given, err = Give(env.WorkDir)
		return err
	}
	testscript.RunT(story{t, nil, lines, excuses}, p)
}

// ownLines are the lines of the stories in a folder, as testscript repeats them.
func ownLines(dir string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt*"))
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			own["> "+strings.TrimSuffix(line, "\n")] = true
		}
	}
	return own, nil
}

// story is testscript's view of a test.
type story struct {
	*testing.T
	known   *knownfail.T
	own     map[string]bool // lines of the log that no command printed
	excuses []Excuse
}

// Run runs one story.
func (s story) Run(name string, do func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) {
		own := map[string]bool{}
		for line := range s.own {
			own[line] = true
		}
		defer func() {
			if r := recover(); r != nil && r != errStopped {
				panic(r)
			}
		}()
		do(story{t, knownfail.Of(t), own, s.excuses})
	})
}

// errStopped ends a story at the step whose failure is known.
var errStopped = errors.New("the story stops here")

// FailNow ends a story at a step that went wrong.
func (s story) FailNow() {
	if !s.known.Known() {
		s.T.FailNow()
	}
	panic(errStopped)
}

// Failed tells whether a step went wrong, known or not.
func (s story) Failed() bool { return s.known.Failed() }

// Verbose has testscript keep all of the log, also of what went well.
func (story) Verbose() bool { return true }

// Log gets a story's log, with all that its commands printed.
func (s story) Log(args ...any) {
	s.Helper()
	log := fmt.Sprint(args...)
	var printed strings.Builder
	for line := range strings.Lines(log) {
		if !s.own[strings.TrimSuffix(line, "\n")] {
			printed.WriteString(line)
		} else {
			printed.WriteString("\n") // so that lines are counted right
		}
	}
	Text(s, "the story's log", excused([]byte(printed.String()), s.excuses))
	s.T.Log(Redact(log))
	if at := strings.LastIndex(log, "\nFAIL: "); at >= 0 && s.known.Known() {
		s.known.Errorf("%s", Redact(strings.TrimSpace(log[at:])))
	}
}
