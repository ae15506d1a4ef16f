package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// event NAME [BRANCH] [INPUT=VALUE...]: what the runner gives a step for this
// event from now on: variables, files and inputs. A push is to BRANCH, which create
// made; a merge queue's commit is that of BRANCH; a pull request's is $PULL.
func eventCmd(ts *testscript.TestScript, s *story, args []string) {
	plain, inputs := words(args)
	if len(plain) == 0 || len(plain) > 2 {
		ts.Fatalf("usage: event NAME [BRANCH] [INPUT=VALUE...]")
	}
	s.parity()
	s.pull, s.queued, s.branch = 0, plain[0] == "merge_group", storytest.Head
	branch := append(plain, storytest.Head)[1]
	s.Git("fetch", "-q", "--prune", "origin")
	var event storytest.Event
	switch name := plain[0]; name {
	case "pull_request", "pull_request_target":
		s.pull = number(ts, ts.Getenv("PULL"))
		event = s.PullEvent(name, s.pull)
	case "push":
		event = s.PushEvent(branch)
		if branch != storytest.Base {
			s.branch = branch
		}
	case "create":
		event = s.PushEvent(branch)
		event.Name, event.Payload["ref"], event.Payload["ref_type"] = name, branch, "branch"
	case "merge_group":
		s.pull = number(ts, ts.Getenv("PULL"))
		event = s.QueueEvent(s.pull, s.Rev("origin/"+branch), s.Rev("origin/"+storytest.Base))
	default:
		event = s.BareEvent(name)
	}
	s.steps++
	dir := filepath.Join(s.dir, fmt.Sprintf("step%d", s.steps))
	ts.Check(os.Mkdir(dir, 0o755))
	var err error
	s.files, err = storytest.NewFiles(dir, event)
	ts.Check(err)
	for _, name := range s.inputs {
		ts.Setenv(name, "") // an input that is not given has its default
	}
	s.inputs = nil
	env := s.Env(event, inputs, func(name string) string { return filepath.Join(s.files.Dir(), name) })
	for name, value := range env {
		ts.Setenv(name, value)
		if strings.HasPrefix(name, "INPUT_") {
			s.inputs = append(s.inputs, name)
		}
	}
}

// output NAME VALUE: the last step set this output.
func outputCmd(ts *testscript.TestScript, s *story, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: output NAME VALUE")
	}
	outputs, err := s.files.Outputs()
	ts.Check(err)
	if got := outputs[args[0]]; got != args[1] {
		ts.Fatalf("output %s is %q", args[0], got)
	}
}

// state: what is on GitHub, in the file state.
func stateCmd(ts *testscript.TestScript, s *story, args []string) {
	if len(args) > 0 {
		ts.Fatalf("usage: state")
	}
	ts.Check(os.WriteFile(filepath.Join(s.dir, "state"), []byte(s.State(storytest.Repository)), 0o600))
}

// requests NAME: those so far are the ones in the golden file of that name.
// requests only OPERATION...: those so far that write are exactly these.
// requests most N: there are at most so many, and no golden file.
// Each begins to count anew, except only.
func requestsCmd(ts *testscript.TestScript, s *story, args []string) {
	switch {
	case len(args) > 0 && args[0] == "only":
		var writes []string
		for _, r := range s.Requests() {
			if r.Writes() {
				writes = append(writes, r.Operation)
			}
		}
		if !slices.Equal(writes, args[1:]) {
			ts.Fatalf("these requests write: %s", strings.Join(writes, " "))
		}
		return
	case len(args) == 2 && args[0] == "most":
		most, err := strconv.Atoi(args[1])
		ts.Check(err)
		if n := s.Count(); n == 0 || n > most {
			ts.Fatalf("%d requests", n)
		}
	case len(args) == 1:
		s.Golden(s.TB, args[0], console.Version(release), "{version}")
	default:
		ts.Fatalf("usage: requests NAME | only OPERATION... | most N")
	}
	s.ResetLog()
}

// TestActionStoriesRequests: every golden file belongs to a story.
func TestActionStoriesRequests(t *testing.T) {
	stories, err := filepath.Glob("testdata/action/*.txtar")
	must(t, err)
	var text strings.Builder
	for _, name := range stories {
		data, err := os.ReadFile(name)
		must(t, err)
		text.Write(data)
	}
	files, err := filepath.Glob("testdata/requests/*.golden")
	must(t, err)
	if len(files) == 0 {
		t.Error("there are no golden files")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".golden")
		if strings.Count(text.String(), "\nrequests "+name+"\n") != 1 {
			t.Errorf("%s belongs to no story, or to more than one", file)
		}
	}
}
