package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

// maxStart is how often a package of ours may allocate before main begins.
const maxStart = 60

// TestStart: nothing is made ready that most runs do not need, such as the regular
// expressions of another command. Allocations are counted by the Go runtime.
func TestStart(t *testing.T) {
	program := exec.Command(os.Args[0], "-test.run=^$")
	program.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := program.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		_, traced, _ := strings.Cut(line, "init github.com/goldfish-inc/fluxkeeper/")
		name, counts, _ := strings.Cut(traced, " @")
		if name == "" || strings.HasPrefix(name, "internal/test/") || strings.HasPrefix(name, "cmd/") {
			continue // with what the tests bring along
		}
		var at, clock float64
		var heap, allocs int
		if _, err := fmt.Sscanf(counts, "%f ms, %f ms clock, %d bytes, %d allocs", &at, &clock, &heap, &allocs); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if seen++; allocs > maxStart {
			t.Errorf("%s allocates %d times before main begins, more than %d", name, allocs, maxStart)
		}
	}
	if seen < 5 {
		t.Errorf("the runtime told of %d packages:\n%s", seen, out)
	}
}

// TestOnly: what is left out of the grammar changes nothing that the command says.
func TestOnly(t *testing.T) {
	for _, args := range []string{"check --help", "check --hea", "check more", "policy --help", "token check --help", "rules version/majo",
		"action --help", "completion bash", "check", "rules", "token", "polic", "--help"} {
		said := func(begin func(console.World) int) string {
			var stdout, stderr bytes.Buffer
			none := func(string) (string, bool) { return "", false }
			status := begin(console.World{Context: t.Context(), Environment: none, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr})
			return fmt.Sprint(status, "\n", &stdout, &stderr)
		}
		t.Chdir(t.TempDir())
		short := said(func(w console.World) int { return watched(t, w, strings.Fields(args)) })
		whole := said(func(w console.World) int { return console.Run(w, program(nil), strings.Fields(args)) })
		if short != whole {
			t.Errorf("%q: %s\nwith the whole grammar: %s", args, short, whole)
		}
	}
}
