package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
)

// completers ask a real shell what it would offer after a line; the last word
// of the line is the one being typed.
var completers = map[string]string{
	"bash": `source "$SCRIPT"
complete -p fluxkeeper >/dev/null || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_fluxkeeper
printf '%s\n' "${COMPREPLY[@]}"`,

	// zsh completes only in its line editor: what the script hands to the
	// editor's functions is printed instead.
	"zsh": `compdef() { [[ $1 == _fluxkeeper && $2 == fluxkeeper ]] || exit 1 }
compset() { cur="${cur#*=}" }
offer() { for w in "$@"; do [[ $w == "$cur"* ]] && print -r -- "$w"; done }
_describe() { offer "${(@)${(P)4}%%:*}" }
compadd() { offer "${(@P)2}" }
_files() { [[ $1 == -/ ]] && offer *(N/) || offer *(N) }
words=("$@") CURRENT=$# cur="${@[-1]}"
source "$SCRIPT"
_fluxkeeper
true`,

	"fish": `source "$SCRIPT"
complete -C (string join ' ' -- $argv) | string replace -r '\t.*' ''
true`,
}

func TestCompletion(t *testing.T) {
	tests := []struct {
		line string // words, parted by one blank
		want []string
	}{
		{"fluxkeeper ch", []string{"check"}},
		{"fluxkeeper policy ", []string{"check", "explain", "init", "schema"}},
		{"fluxkeeper policy init --fo", []string{"--force"}},
		{"fluxkeeper completion ", []string{"bash", "fish", "zsh"}},
		{"fluxkeeper rules version/maj", []string{"version/major"}},
		{"fluxkeeper check --base", []string{"--base", "--base-ref"}},
		{"fluxkeeper check --format ", []string{"json", "markdown", "sarif", "text"}},
		{"fluxkeeper check --base x --color al", []string{"always"}},
		{"fluxkeeper check --repo ", []string{"folder"}},
		{"fluxkeeper policy check some", []string{"some.yaml"}},
		{"fluxkeeper check --head flux", []string{"flux-image-updates"}},
		{"fluxkeeper policy init -", []string{"--force", "--help", "--version"}},
		{"fluxkeeper nonsense", nil},
	}
	for shell, program := range completers {
		t.Run(shell, func(t *testing.T) {
			complete := completer(t, shell, program)
			for _, tt := range tests {
				if diff := cmp.Diff(tt.want, complete(strings.Split(tt.line, " ")...)); diff != "" {
					t.Errorf("after %q (-want +got):\n%s", tt.line, diff)
				}
			}
		})
	}
}

// TestCompletionOfEquals: bash makes three words of it, the others one.
func TestCompletionOfEquals(t *testing.T) {
	lines := map[string][][]string{
		"bash": {{"fluxkeeper", "check", "--format", "=", "j"}, {"fluxkeeper", "check", "--format", "="}},
		"zsh":  {{"fluxkeeper", "check", "--format=j"}, {"fluxkeeper", "check", "--format="}},
	}
	for shell, words := range lines {
		t.Run(shell, func(t *testing.T) {
			complete := completer(t, shell, completers[shell])
			if diff := cmp.Diff([]string{"json"}, complete(words[0]...)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := complete(words[1]...); len(got) != 4 {
				t.Errorf("offers %q, want four formats", got)
			}
		})
	}
}

// TestCompletionRunsNoBranchName: anybody who can push can name a branch like
// a command, and a person only pressed a key.
func TestCompletionRunsNoBranchName(t *testing.T) {
	for shell, program := range completers {
		t.Run(shell, func(t *testing.T) {
			complete := completer(t, shell, program)
			got := complete("fluxkeeper", "check", "--base", "evil")
			if len(got) != 1 || !strings.Contains(got[0], "touch") {
				t.Errorf("offers %q, want the branch itself", got)
			}
			if shell == "bash" && got[0] == evilBranch {
				t.Errorf("bash is given %q unquoted", got[0])
			}
			if _, err := os.Stat("pwned"); err == nil {
				t.Error("the branch's name was run")
			}
		})
	}
}

const evilBranch = "evil$(touch${IFS}pwned)`touch${IFS}pwned`"

// completer writes the script and a small repository, and returns a function
// that asks the shell.
func completer(t *testing.T, shell, program string) func(words ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%s is missing: install it", shell)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	var script bytes.Buffer
	if status := watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &script, Stderr: io.Discard},
		[]string{"completion", shell}); status != 0 {
		t.Fatalf("exit status %d", status)
	}
	path := filepath.Join(t.TempDir(), "script")
	must(t, os.WriteFile(path, script.Bytes(), 0o600))
	must(t, os.Mkdir("folder", 0o700))
	must(t, os.WriteFile("some.yaml", nil, 0o600))
	git(t, "init", "-q", "-b", "main")
	git(t, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "first")
	git(t, "branch", "flux-image-updates")
	git(t, "branch", evilBranch)
	return func(words ...string) []string {
		ask := shellCommand(t.Context(), shell, program, words)
		ask.Env = append(os.Environ(), "SCRIPT="+path, "HOME="+dir)
		out, err := ask.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", shell, err, out)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		for i := range got {
			got[i] = strings.TrimSuffix(got[i], "/")
		}
		got = slices.DeleteFunc(got, func(s string) bool { return s == "" || s == ".git" })
		slices.Sort(got)
		if len(got) == 0 {
			return nil
		}
		return got
	}
}

// shellCommand runs a program in a shell without the person's own settings.
func shellCommand(ctx context.Context, shell, program string, words []string) *exec.Cmd {
	var args []string
	switch shell {
	case "bash":
		args = []string{"--norc", "--noprofile", "-c", program, "bash"}
	case "zsh":
		args = []string{"-f", "-c", program, "zsh"}
	case "fish":
		args = []string{"--no-config", "-c", program}
	}
	return exec.CommandContext(ctx, shell, append(args, words...)...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// git runs git in the current folder.
func git(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}
