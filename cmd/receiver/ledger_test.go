package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// TestMistypedLedger: a ledger that is named wrongly is wrong usage, and nothing is
// made, whatever the command.
func TestMistypedLedger(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	rules := filepath.Join(t.TempDir(), "policy.yaml")
	for name, text := range map[string]string{token: "ghp_x", rules: "version: 1\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	more := map[string][]string{
		"report": {"--policy", rules}, "reconcile": {"--repo", "acme/fleet"}, "rotate start": {"--repo", "acme/fleet", "--token-file", token},
		"prove": {"1"}, "show": {"1"}, "backup": {"copy.db"}, "erase": {"--older-than", "7d", "--yes"},
	}
	parser, err := kong.New(&grammar{}, kong.Vars{"version": "", "ledger": defaultLedger, "policyFile": policy.File},
		kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	asked := 0
	for _, command := range parser.Model.Leaves(true) {
		name := command.Path()
		if makes := name == "serve" || name == "import"; makes ||
			!slices.ContainsFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == "ledger" }) {
			continue
		}
		asked++
		args := append(append(strings.Fields(name), more[name]...), "--ledger", "typo.db")
		if status, out := told(t, args...); status != console.StatusUsage {
			t.Errorf("%v: status %d\n%s", args, status, out)
		}
		if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
			t.Fatalf("%v: made are %v, %v", args, left, err)
		}
	}
	if asked < 12 {
		t.Errorf("%d commands have a ledger", asked)
	}
}
