package runner_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
)

// command is a workflow command as actions/runner understands one
// (ActionCommand.cs): "::name key=value::data" at the start of a line, the
// older "##[name key=value;]data" anywhere in it.
type command struct {
	name, data string
	properties map[string]string
}

func commands(log string) []command {
	var all []command
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if c, ok := modern(line); ok {
			all = append(all, c)
		} else if c, ok := legacy(line); ok {
			all = append(all, c)
		}
	}
	return all
}

func modern(line string) (command, bool) {
	line = strings.TrimLeftFunc(line, unicode.IsSpace)
	rest, ok := strings.CutPrefix(line, "::")
	if !ok {
		return command{}, false
	}
	head, data, ok := strings.Cut(rest, "::")
	if !ok {
		return command{}, false
	}
	name, properties, _ := strings.Cut(head, " ")
	c := command{name: name, data: decode(data), properties: map[string]string{}}
	for pair := range strings.SplitSeq(properties, ",") {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
			c.properties[key] = decode(strings.NewReplacer("%3A", ":", "%2C", ",").Replace(value))
		}
	}
	return c, true
}

func legacy(line string) (command, bool) {
	_, rest, ok := strings.Cut(line, "##[")
	if !ok {
		return command{}, false
	}
	head, data, ok := strings.Cut(rest, "]")
	name, _, _ := strings.Cut(head, " ")
	return command{name: name, data: data}, ok
}

func decode(s string) string {
	return strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(s)
}

// outputs reads an output file as actions/runner does (FileCommandManager.cs).
func outputs(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseOutputs(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func parseOutputs(text string) (map[string]string, error) {
	got := map[string]string{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" {
			continue
		}
		equals, heredoc := strings.Index(lines[i], "="), strings.Index(lines[i], "<<")
		if equals >= 0 && (heredoc < 0 || equals < heredoc) {
			got[lines[i][:equals]] = lines[i][equals+1:]
			continue
		}
		if heredoc < 0 {
			return nil, fmt.Errorf("invalid format %q", lines[i])
		}
		name, end := lines[i][:heredoc], lines[i][heredoc+2:]
		var value []string
		for i++; ; i++ {
			if i == len(lines) {
				return nil, errors.New("matching delimiter not found")
			}
			if lines[i] == end {
				break
			}
			value = append(value, lines[i])
		}
		got[name] = strings.Join(value, "\n")
	}
	return got, nil
}

// step is the environment that a runner gives a step, with its files.
type step struct {
	env     map[string]string
	output  string
	summary string
	log     strings.Builder
}

func newStep(t *testing.T, pairs ...string) *step {
	t.Helper()
	dir := t.TempDir()
	s := &step{
		env: map[string]string{}, output: filepath.Join(dir, "set_output"), summary: filepath.Join(dir, "step_summary"),
	}
	for _, path := range []string{s.output, s.summary} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.env["GITHUB_OUTPUT"], s.env["GITHUB_STEP_SUMMARY"] = s.output, s.summary
	for i := 0; i < len(pairs); i += 2 {
		s.env[pairs[i]] = pairs[i+1]
	}
	return s
}

// event puts an event into the step's environment.
func (s *step) event(t *testing.T, name, body string) *step {
	t.Helper()
	path := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env["GITHUB_EVENT_NAME"], s.env["GITHUB_EVENT_PATH"] = name, path
	return s
}

func (s *step) runner() *runner.Runner {
	env := func(name string) (string, bool) { value, ok := s.env[name]; return value, ok }
	return runner.New(env, &s.log)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
