package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/console"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// canary is a token that nobody made. It is put together when the tests run, so
// that no file of the repository holds it.
func canary(seed string) string {
	text := strings.Repeat(seed+"aZ3kQ9xW7", 12)
	return "github" + "_pat_" + text[:22] + "_" + text[22:22+59]
}

// leaks are the forms in which a text holds a token.
func leaks(text, token string) []string {
	var all []string
	for name, form := range map[string]string{
		"itself": token, "its end": token[len(token)-24:], "base64": base64.StdEncoding.EncodeToString([]byte(token))[:60], "hex": hex.EncodeToString([]byte(token)),
	} {
		if strings.Contains(text, form) {
			all = append(all, name)
		}
	}
	return all
}

// printed runs the program with an environment, and gives its status and all that it printed.
func printed(t *testing.T, environment map[string]string, stdin string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	status := run(console.World{
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
	one, other, leaked := t.TempDir(), t.TempDir(), canary("scan")
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
		if l := leaks(out, leaked); l != nil {
			t.Errorf("%v: the token is printed: %v", args, l)
		}
	}
	put(t, one, "README.md", "hello\n")
	put(t, one, ".git/config", "token = "+leaked) // Git's own business, and not committed
	expect(0, []string{"no token was found"}, one)
	put(t, one, "deploy/.env", "REGION=eu\n")
	expect(0, []string{"deploy/.env: warning storage/env-file"}, one)
	put(t, one, "clusters/secret.yaml", "data:\n  password: "+base64.StdEncoding.EncodeToString([]byte(leaked))+"\n")
	fingerprint := token.Fingerprint(secret.New(leaked))
	expect(1, []string{"clusters/secret.yaml:2:13: error storage/token", "base64", fingerprint, "rotate start"}, one)
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
	if err := json.Unmarshal([]byte(out), &parsed); err != nil || parsed.Verdict != "fail" || len(parsed.Findings) != 2 || parsed.Findings[0].Line != 2 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestTokenScanOfAChange looks at what the change brings, not at what was there.
func TestTokenScanOfAChange(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"}, args...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	put(t, dir, "old.txt", canary("old")+"\n")
	git("add", "-A")
	git("commit", "-q", "-m", "start")
	git("checkout", "-q", "-b", "change")
	put(t, dir, "good.txt", "nothing\n")
	git("add", "-A")
	git("commit", "-q", "-m", "good")
	if status, out := printed(t, nil, "", "token", "scan", "--base", "main", "--head", "change", dir); status != 0 {
		t.Errorf("status %d:\n%s", status, out)
	}
	put(t, dir, "new.txt", "a\n"+canary("new")+"\n")
	git("add", "-A")
	git("commit", "-q", "-m", "bad")
	status, out := printed(t, nil, "", "token", "scan", "--base", "main", dir)
	if status != 1 || !strings.Contains(out, "new.txt:2:1: error") || strings.Contains(out, "old.txt") || leaks(out, canary("new")) != nil {
		t.Errorf("status %d:\n%s", status, out)
	}
	if status, out := printed(t, nil, "", "token", "scan", "--base", "nothing", dir); status != 2 {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// TestNoTokenIsPrinted gives tokens to the program in every way that it takes
// them, to servers that quote them, hang up and answer nonsense, and looks for them
// in all that is printed.
func TestNoTokenIsPrinted(t *testing.T) {
	given := canary("can")
	file := filepath.Join(t.TempDir(), "token")
	put(t, filepath.Dir(file), "token", given+"\n")
	servers := quoting(t)
	ran := 0
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
				status, out := printed(t, one.environment, one.stdin, append(args, one.more...)...)
				if l := leaks(out, given); l != nil {
					t.Errorf("%s, %s, from %s: the token is printed: %v", name, format, way, l)
				}
				if status == 0 || out == "" {
					t.Errorf("%s, %s, from %s: status %d", name, format, way, status)
				}
				ran++
			}
		}
	}
	// A token where something else belongs.
	for _, args := range [][]string{{"token", "check", "--repo", "acme/fleet", "--token-file", "/nonexistent"}, {"token", "check"}} {
		_, out := printed(t, map[string]string{"FLUXKEEPER_TOKEN": given, "GITHUB_TOKEN": given}, given, args...)
		if l := leaks(out, given); l != nil {
			t.Errorf("%v: %v", args, l)
		}
	}
	if ran < 12 || leaks(fmt.Sprintf("x%sy", given), given) == nil {
		t.Error("the search finds nothing at all")
	}
	// What panics prints a value; a secret is none.
	func() {
		defer func() {
			if l := leaks(fmt.Sprintf("%v %+v %#v", recover(), secret.New(given), struct{ S secret.Secret }{secret.New(given)}), given); l != nil {
				t.Errorf("a panic holds the token: %v", l)
			}
		}()
		panic(secret.New(given))
	}()
}
