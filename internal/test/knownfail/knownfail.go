package knownfail

import (
	_ "embed" // the list
	"fmt"
	"strings"
	"sync"
	"testing"
)

//go:embed list.txt
var list string

// Failure is a line of the list.
type Failure struct{ Family, Test, Symptom, Reason string }

// List gives what is on the list.
func List() ([]Failure, error) {
	var all []Failure
	family := ""
	for line := range strings.Lines(list) {
		line = strings.TrimSpace(line)
		name, opens := strings.CutPrefix(line, "[")
		switch fields := strings.Split(line, " | "); {
		case line == "" || strings.HasPrefix(line, "#"):
		case opens:
			family = strings.TrimSuffix(name, "]")
		case len(fields) == 3 && family != "":
			all = append(all, Failure{family, fields[0], fields[1], fields[2]})
		default:
			return nil, fmt.Errorf("read list of known failures: %q is not [FAMILY] or TEST | SYMPTOM | REASON", line)
		}
	}
	return all, nil
}

// T takes a test's verdict. Where the test is on the list, failures are kept, and
// held against the symptom when it ends.
type T struct {
	testing.TB
	known *Failure

	mu  sync.Mutex
	got []string
}

// Of gives a test its T. A test asks once, and before anything can go wrong.
func Of(t testing.TB) *T {
	t.Helper()
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	return of(t, all)
}

func of(t testing.TB, all []Failure) *T {
	k := &T{TB: t}
	for _, f := range all {
		if f.Test == t.Name() {
			k.known = &f
			t.Cleanup(k.settle)
			break
		}
	}
	return k
}

// Known tells whether the test is on the list.
func (t *T) Known() bool { return t.known != nil }

// Failed tells whether anything failed, known or not.
func (t *T) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.got) > 0 || t.TB.Failed()
}

// Errorf says what is wrong. It fails the test unless that is known.
func (t *T) Errorf(format string, args ...any) {
	t.Helper()
	if !t.Known() {
		t.TB.Errorf(format, args...)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.got = append(t.got, fmt.Sprintf(format, args...))
}

func (t *T) settle() {
	switch got := strings.Join(t.got, "\n"); {
	case t.TB.Failed() || t.TB.Skipped():
	case got == "":
		t.TB.Errorf("this known failure passes: delete its line in internal/test/knownfail/list.txt")
	case !strings.Contains(got, t.known.Symptom):
		t.TB.Errorf("it fails, but not as known: there is no %q in\n%s", t.known.Symptom, got)
	default:
		t.Logf("known failure, %s: %s\n%s", t.known.Family, t.known.Reason, got)
	}
}
