package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// printed runs the program with an environment, and gives its status and all that
// it printed, which must hold no secret.
func printed(t *testing.T, environment map[string]string, stdin string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	status := watched(t, console.World{
		Context: t.Context(), Environment: func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out,
	}, args)
	return status, out.String()
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTokenScan(t *testing.T) {
	one, other, leaked := t.TempDir(), t.TempDir(), leaktest.Token("scan")
	expect := func(status int, wants []string, args ...string) {
		t.Helper()
		got, out := printed(t, nil, "", append([]string{"token", "scan"}, args...)...)
		if got != status {
			t.Errorf("%v: status %d, want %d:\n%s", args, got, status, out)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", args, want, out)
			}
		}
	}
	put(t, one, "README.md", "hello\n")
	put(t, one, ".git/config", "token = "+leaked) // Git's own business, and not committed
	expect(0, []string{"no token was found"}, one)
	put(t, one, "deploy/.env", "REGION=eu\n")
	expect(0, []string{"warning[storage/env-file]", "--> deploy/.env"}, one)
	put(t, one, "clusters/secret.yaml", "data:\n  password: "+base64.StdEncoding.EncodeToString([]byte(leaked))+"\n")
	fingerprint := token.Fingerprint(secret.New(leaked))
	expect(1, []string{"error[storage/token]", "--> clusters/secret.yaml:2:13", "base64", fingerprint, "rotate start"}, one)
	put(t, other, "notes.txt", leaked+"\n")
	expect(1, []string{"storage/shared", "used in 2 places"}, one, other)
	put(t, other, "\x1b[31mred\n.txt", leaked)
	expect(1, []string{"red"}, other)
	if _, out := printed(t, nil, "", "token", "scan", other); strings.Contains(out, "\x1b") {
		t.Error("a file's name reaches the terminal as it is")
	}
	expect(2, []string{"no folder"}, filepath.Join(one, "missing"))
	expect(2, []string{"--base"}, "--head", "HEAD", one)
	_, out := printed(t, nil, "", "token", "scan", "--format", "json", one)
	var parsed struct {
		Verdict  string
		Findings []struct {
			Rule, File string
			Line       int
		}
	}
	if err := json.Unmarshal([]byte(out), &parsed); err != nil || parsed.Verdict != "fail" || len(parsed.Findings) != 2 ||
		parsed.Findings[0].Line != 2 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTokenScanOfAChange looks at what the change brings, not at what was there.
func TestTokenScanOfAChange(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		command := exec.Command("git",
			append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"}, args...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	put(t, dir, "old.txt", leaktest.Token("old")+"\n")
	git("add", "-A")
	git("commit", "-q", "-m", "start")
	git("checkout", "-q", "-b", "change")
	put(t, dir, "good.txt", "nothing\n")
	git("add", "-A")
	git("commit", "-q", "-m", "good")
	if status, out := printed(t, nil, "", "token", "scan", "--base", "main", "--head", "change", dir); status != 0 {
		t.Errorf("status %d:\n%s", status, out)
	}
	put(t, dir, "new.txt", "a\n"+leaktest.Token("new")+"\n")
	git("add", "-A")
	git("commit", "-q", "-m", "bad")
	status, out := printed(t, nil, "", "token", "scan", "--base", "main", dir)
	if status != 1 || !strings.Contains(out, "--> new.txt:2:1") || strings.Contains(out, "old.txt") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if status, out := printed(t, nil, "", "token", "scan", "--base", "nothing", dir); status != 2 {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// TestNoTokenIsPrinted gives tokens to the program in every way that it takes
// them, to servers that quote them, hang up and answer nonsense; printed looks at all
// that comes out.
func TestNoTokenIsPrinted(t *testing.T) {
	given := leaktest.Token("can")
	file := filepath.Join(t.TempDir(), "token")
	put(t, filepath.Dir(file), "token", given+"\n")
	servers := quoting(t)
	ran := 0
	var all sync.WaitGroup // together: most wait a second before they try again
	for name, address := range servers {
		for _, format := range []string{"text", "json", "markdown"} {
			args := []string{"token", "check", "--repo", "acme/fleet", "--api-url", address, "--format", format}
			for way, one := range map[string]struct {
				environment map[string]string
				stdin       string
				more        []string
			}{
				"standard input": {stdin: given + "\n"},
				"file":           {more: []string{"--token-file", file}},
				"environment":    {environment: map[string]string{"FLUXKEEPER_TOKEN": given}},
				"workflow":       {environment: map[string]string{"GITHUB_TOKEN": given}},
			} {
				if way != "standard input" && (name != "quotes in headers" || format != "json") {
					continue
				}
				all.Go(func() {
					status, out := printed(t, one.environment, one.stdin, slices.Concat(args, one.more)...)
					if status == 0 || out == "" {
						t.Errorf("%s, %s, from %s: status %d", name, format, way, status)
					}
				})
				ran++
			}
		}
	}
	all.Wait()
	// A token where something else belongs.
	for _, args := range [][]string{{"token", "check", "--repo", "acme/fleet", "--token-file", given}, {"token", "check"}, {"token", given},
		{"token", "scan", given}} {
		if status, out := printed(t, map[string]string{"FLUXKEEPER_TOKEN": given, "GITHUB_TOKEN": given}, given, args...); status == 0 ||
			out == "" {
			t.Errorf("%d arguments: status %d", len(args), status)
		}
	}
	if ran < 12 {
		t.Errorf("ran %d times", ran)
	}
}
