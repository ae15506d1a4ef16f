package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

// TestPolicyPageIsRight checks every example of docs/policy.md.
func TestPolicyPageIsRight(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy.md")
	must(t, err)
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(examples) < 5 {
		t.Fatalf("found %d examples", len(examples))
	}
	for _, example := range examples {
		var stderr strings.Builder
		status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdin: bytes.NewReader(example[1]),
			Stdout: io.Discard, Stderr: &stderr}, []string{"policy", "check", "-"})
		if status != console.StatusPass {
			t.Errorf("exit status %d for\n%s%s", status, example[1], stderr.String())
		}
	}
}

// TestHelpIsOfCommands: a text of help.txt that belongs to no command is never shown.
func TestHelpIsOfCommands(t *testing.T) {
	for _, file := range txtar.Parse(help).Files {
		var stdout strings.Builder
		watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &stdout, Stderr: io.Discard},
			append(strings.Fields(file.Name), "--help"))
		if first, _, _ := strings.Cut(strings.TrimSpace(string(file.Data)), "\n"); !strings.Contains(stdout.String(), first[:40]) {
			t.Errorf("nobody sees the text of %q", file.Name)
		}
	}
}

// TestPagesNameRealCommands tries every command that a page shows in a block of
// its own: its flags and words must be known.
func TestPagesNameRealCommands(t *testing.T) {
	line := regexp.MustCompile("(?m)^    (?:\\$ )?(?:bin/)?fluxkeeper ([^\n#<>|…]*)")
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/policy.md", "docs/design.md", "docs/token.md"} {
		page, err := os.ReadFile("../../" + name)
		must(t, err)
		for _, m := range line.FindAllSubmatch(page, -1) {
			var stderr strings.Builder
			args := append(strings.Fields(string(m[1])), "--help")
			if status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: io.Discard, Stderr: &stderr},
				args); status != console.StatusPass {
				t.Errorf("%s shows fluxkeeper %s: %s", name, m[1], stderr.String())
			}
		}
	}
}
