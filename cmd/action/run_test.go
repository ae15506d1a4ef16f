package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// TestInterrupt: whoever stops a check has no verdict.
func TestInterrupt(t *testing.T) {
	t.Chdir(t.TempDir())
	git(t, "init", "-q", "-b", "main")
	git(t, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "first")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	status := watched(t, console.World{Context: ctx, Environment: os.LookupEnv, Stdout: &stdout, Stderr: &stderr}, []string{"check"})
	if status != console.StatusUndecided || stdout.Len() > 0 {
		t.Errorf("exit status %d, want %d; stdout %q", status, console.StatusUndecided, &stdout)
	}
	if !strings.HasPrefix(stderr.String(), "fluxkeeper: error: ") {
		t.Errorf("stderr %q", &stderr)
	}
}

// TestStatusOfVerdicts: no verdict but two is green, not even one that nobody knows.
func TestStatusOfVerdicts(t *testing.T) {
	for verdict, want := range map[finding.Verdict]int{
		finding.Pass:          console.StatusPass,
		finding.NotApplicable: console.StatusPass,
		finding.Fail:          console.StatusFail,
		finding.Undecided:     console.StatusUndecided,
		"":                    console.StatusUndecided,
		"passed":              console.StatusUndecided,
	} {
		a := &console.Console{World: console.World{Stderr: &bytes.Buffer{}}}
		if got := a.End(console.Conclude(verdict)); got != want {
			t.Errorf("%q: exit status %d, want %d", verdict, got, want)
		}
	}
}

// TestBrokenOutput: a report that could not be written is no pass.
func TestBrokenOutput(t *testing.T) {
	for _, args := range [][]string{
		{"rules"}, {"rules", "version/major"}, {"rules", "--format", "json"}, {"rules", "--format", "markdown"},
		{"policy", "schema"}, {"policy", "explain"}, {"policy", "check", "-"}, {"completion", "bash"},
	} {
		var stderr bytes.Buffer
		status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdin: strings.NewReader("version: 1\n"),
			Stdout: brokenPipe{}, Stderr: &stderr}, args)
		if status != console.StatusUndecided {
			t.Errorf("%q: exit status %d, want %d", args, status, console.StatusUndecided)
		}
		if !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: stderr %q", args, &stderr)
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("write stdout: no space left") }
