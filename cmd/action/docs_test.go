package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

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
