package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/statetest"
)

// TestStates holds the commands to the same states.
func TestStates(t *testing.T) {
	noWarning := statetest.Case{Cannot: "a policy file is right or wrong"}
	statetest.Table(t, map[string]map[statetest.State]statetest.Case{
		"check":       checkStates(),
		"token scan":  scanStates(),
		"token check": tokenStates(t),
		"policy check": {
			statetest.Clean: silently("version: 1\n", "policy", "check", "-"), statetest.Usage: silently("version: 9\n", "policy", "check", "-"),
			statetest.Warning: noWarning, statetest.Error: noWarning, statetest.Gap: noWarning, statetest.ErrorAndGap: noWarning,
			statetest.Foreign: noWarning,
		},
		"rules": {
			statetest.Clean: silently("", "rules"), statetest.Usage: silently("", "rules", "no/such"),
			statetest.Warning: {Cannot: "it judges nothing"}, statetest.Error: {Cannot: "it judges nothing"},
			statetest.Gap:         {Cannot: "it judges nothing"},
			statetest.ErrorAndGap: {Cannot: "it judges nothing"}, statetest.Foreign: {Cannot: "it judges nothing"},
		},
	})
}

// answered gives a command's exit status and what it wrote to standard output.
func answered(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	var out, trouble bytes.Buffer
	status := watched(t, console.World{
		Context: t.Context(), Environment: func(string) (string, bool) { return "", false }, Stdin: strings.NewReader(stdin), Stdout: &out,
		Stderr: &trouble,
	}, args)
	if status > 1 {
		t.Log(trouble.String())
	}
	return status, out.String()
}

// silently is a command without a report in JSON.
func silently(stdin string, args ...string) statetest.Case {
	return statetest.Case{Silent: true, Run: func(t *testing.T) (int, string) { return answered(t, stdin, args...) }}
}

const (
	marked = "image: ghcr.io/acme/app:1.4.2 # {\"$imagepolicy\": \"flux-system:app\"}\n"
	object = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: app, namespace: flux-system}\n" +
		"spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.4.x}}}\n"
)

func checkStates() map[statetest.State]statetest.Case {
	next := strings.Replace(marked, "1.4.2", "1.4.3", 1)
	base := map[string]string{"app.yaml": marked, "policy.yaml": object}
	judged := func(base, head map[string]string, args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			dir := t.TempDir()
			git := func(args ...string) {
				t.Helper()
				cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-C", dir}, args...)...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git: %v\n%s", err, out)
				}
			}
			git("init", "-q", "-b", "main")
			for i, side := range []map[string]string{base, head} {
				for name, text := range side {
					put(t, dir, name, text)
				}
				git("add", "-A")
				git("commit", "-q", "-m", []string{"base", "head"}[i])
			}
			return answered(t, "", append([]string{"check", "--repo", dir, "--base", "HEAD^", "--ignore-identity", "--format", "json"}, args...)...)
		}}
	}
	broken := map[string]string{"app.yaml": marked, ".github/fluxkeeper.yaml": "version: 1\nalow: {}\n"}
	both := judged(broken, map[string]string{"app.yaml": next + "extra: 1\n"})
	both.Undecided = true
	return map[statetest.State]statetest.Case{
		statetest.Clean: judged(base, map[string]string{"app.yaml": next}), statetest.Warning: judged(map[string]string{"app.yaml": marked},
			map[string]string{"app.yaml": next}),
		statetest.Error:       judged(base, map[string]string{"app.yaml": next + "extra: 1\n"}),
		statetest.Gap:         judged(broken, map[string]string{"app.yaml": next}),
		statetest.ErrorAndGap: both, statetest.Usage: judged(base, map[string]string{"app.yaml": next}, "--head", "nothing"),
		statetest.Foreign: judged(base, map[string]string{"README.md": "x\n"}),
	}
}

func scanStates() map[statetest.State]statetest.Case {
	scanned := func(files map[string]string, huge bool, args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			dir := t.TempDir()
			for name, text := range files {
				put(t, dir, name, text)
			}
			if huge {
				put(t, dir, "huge", "")
				if err := os.Truncate(filepath.Join(dir, "huge"), maxScanned+1); err != nil {
					t.Fatal(err)
				}
			}
			return answered(t, "", append([]string{"token", "scan", "--format", "json", dir}, args...)...)
		}}
	}
	leak := map[string]string{"notes": leaktest.Token("states") + "\n"}
	return map[statetest.State]statetest.Case{
		statetest.Clean: scanned(nil, false), statetest.Warning: scanned(map[string]string{".env": "A=b\n"}, false),
		statetest.Error:       scanned(leak, false),
		statetest.ErrorAndGap: scanned(leak, true), statetest.Gap: scanned(nil, true), statetest.Usage: scanned(nil, false, "--head", "x"),
		statetest.Foreign: {Cannot: "there is always something to look at"},
	}
}

func tokenStates(t *testing.T) map[statetest.State]statetest.Case {
	dir := t.TempDir()
	if out, err := exec.Command("git", "-c", "init.defaultBranch=main", "init", "-q", "--bare", dir).CombinedOutput(); err != nil {
		t.Fatalf("git: %v\n%s", err, out)
	}
	asked := func(days int, contents string, trouble bool, args ...string) statetest.Case {
		return statetest.Case{Run: func(t *testing.T) (int, string) {
			hub := fakehub.NewWith(t, fakehub.Options{Repos: []fakehub.Repo{{Dir: dir, Owner: "acme", Name: "fleet"}}, Probes: true})
			value := leaktest.Token("states")
			hub.AddToken(value, fakehub.Grant{
				Kind: fakehub.FineGrained, Account: "acme-flux", Expires: time.Now().AddDate(0, 0, days), Repos: []string{"acme/fleet"},
				Permissions: map[string]string{"contents": contents, "pull_requests": "write"},
			})
			if trouble {
				hub.AddFault(fakehub.Fault{On: "repos/get", Status: 502, Times: 2})
			}
			return answered(t, value, append([]string{"token", "check", "--repo", "acme/fleet", "--api-url", hub.URL, "--format", "json"},
				args...)...)
		}}
	}
	return map[statetest.State]statetest.Case{
		statetest.Clean: asked(60, "write", false), statetest.Warning: asked(20, "write", false), statetest.Error: asked(60, "read", false),
		statetest.ErrorAndGap: asked(3, "write", true), statetest.Gap: asked(60, "write", true),
		statetest.Usage:   silently("x", "token", "check", "--repo", "acme/fleet", "--max-days", "-1"),
		statetest.Foreign: {Cannot: "there is always a token to check"},
	}
}
