package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/console"
	"github.com/goldfish-inc/fluxkeeper/internal/esctest"
	"github.com/goldfish-inc/fluxkeeper/internal/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// canary is a fine-grained token that nobody made; it is put together when the
// tests run, so that no file of the repository holds it.
func canary(seed string) string {
	text := strings.Repeat(seed+"aZ3kQ9xW7", 12)
	return "github" + "_pat_" + text[:22] + "_" + text[22:22+59]
}

// leak is the form in which a text holds a token; empty where it holds none.
func leak(text, token string) string {
	for name, form := range map[string]string{
		"itself": token, "its end": token[len(token)-24:], "base64": base64.StdEncoding.EncodeToString([]byte(token))[:60],
		"hex": hex.EncodeToString([]byte(token)), "escaped for URLs": url.QueryEscape(token), "quoted": strings.Trim(fmt.Sprintf("%q", token), `"`),
	} {
		if strings.Contains(text, form) {
			return name
		}
	}
	return ""
}

// drillScene is a repository on the fake GitHub, an environment, and a ledger.
type drillScene struct {
	hub        *fakehub.Hub
	esc        *esctest.Backend
	dir        string
	old, fresh string
	pulumi     string
	printed    bytes.Buffer // of every command
}

func newDrillScene(t *testing.T) *drillScene {
	t.Helper()
	s := &drillScene{dir: t.TempDir(), old: canary("old1"), fresh: canary("new2"), pulumi: "pul-" + strings.Repeat("0123456789", 4)}
	repo := t.TempDir()
	for _, args := range [][]string{{"-c", "init.defaultBranch=main", "init", "-q", repo}, {"-C", repo, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "start"}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git: %v\n%s", err, out)
		}
	}
	s.hub = fakehub.NewWith(t, fakehub.Options{Repos: []fakehub.Repo{{Dir: filepath.Join(repo, ".git"), Owner: "acme", Name: "fleet"}}, Probes: true})
	for _, text := range []string{s.old, s.fresh} {
		s.hub.AddToken(text, goodDrillGrant())
	}
	s.esc = esctest.Serve(t, s.pulumi, "values:\n  github:\n    token: "+s.old+"\n")
	return s
}

// goodDrillGrant is a token as it should be.
func goodDrillGrant() fakehub.Grant {
	return fakehub.Grant{
		Kind: fakehub.FineGrained, Account: "acme-flux", Expires: time.Now().AddDate(0, 0, 80), Repos: []string{fleet},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	}
}

// do runs a command of the drill, and gives its status and what it printed.
func (s *drillScene) do(t *testing.T, stdin string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	environment := map[string]string{"PULUMI_ACCESS_TOKEN": s.pulumi, "PULUMI_BACKEND_URL": s.esc.URL, "USER": "ada"}
	all := append([]string{"rotate"}, args...)
	all = append(all, "--ledger", filepath.Join(s.dir, "ledger.db"), "--api-url", s.hub.URL)
	status := run(console.World{
		Context: t.Context(), Environment: func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out,
	}, all)
	s.printed.Write(out.Bytes())
	return status, out.String()
}

func (s *drillScene) expect(t *testing.T, status int, wants []string, stdin string, args ...string) {
	t.Helper()
	got, out := s.do(t, stdin, args...)
	if got != status {
		t.Errorf("%s: status %d, want %d:\n%s", strings.Join(args, " "), got, status, out)
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("%s: no %q in\n%s", strings.Join(args, " "), want, out)
		}
	}
}

// TestRotation is the whole drill with Pulumi ESC and without a cluster; after it,
// no token is in anything that was printed or kept.
func TestRotation(t *testing.T) {
	s := newDrillScene(t)
	weak := canary("weak")
	s.hub.AddToken(weak, fakehub.Grant{
		Kind: fakehub.FineGrained, Account: "acme-flux", Expires: time.Now().AddDate(0, 0, 80), Repos: []string{fleet},
		Permissions: map[string]string{"contents": "read", "pull_requests": "write"},
	})
	esc := []string{"--esc", "acme/flux/prod"}
	start := append([]string{"start", "--repo", fleet}, esc...)
	hash := func(text string) string { return token.Fingerprint(secret.New(text)) }

	s.expect(t, 0, []string{"/settings/personal-access-tokens/new?", "target_name=acme", "Contents: Read and write", "flux-fleet-automation"}, "", start...)
	s.expect(t, 2, []string{"ledger"}, "", "status")
	s.expect(t, 1, []string{"token/missing", "nothing was stored"}, weak, start...)
	s.expect(t, 1, []string{"token/rejected", "nothing was stored"}, canary("none"), start...)
	if s.esc.Revision != 7 {
		t.Fatal("a token that is not as it should be was stored")
	}
	s.expect(t, 0, []string{"stored: esc acme/flux/prod github.token, revision 8", "in plain text", hash(s.fresh), hash(s.old)}, s.fresh+"\n", start...)
	s.expect(t, 0, []string{"overlap", "24.0 hours left", "has the new token", "it still answers", "in use    not looked at", "by ada", "reminders"}, "", append([]string{"status"}, esc...)...)
	s.expect(t, 0, []string{`"stage": "overlap"`, `"old_answer": "ok"`}, "", append([]string{"status", "--format", "json"}, esc...)...)
	s.expect(t, 2, []string{"not the token that was replaced"}, weak, "finish")
	s.expect(t, 2, []string{"the old token is needed"}, "", "finish")
	s.expect(t, 1, []string{"still answers"}, s.old, "finish")
	s.expect(t, 2, []string{"nobody saw Flux work"}, "", append([]string{"finish", "--revoke"}, esc...)...)
	s.expect(t, 0, []string{"finished", "revoked"}, "", append([]string{"finish", "--revoke", "--unseen", "--by", "bob"}, esc...)...)
	s.expect(t, 0, []string{"done", "by bob", "revoked through GitHub's API"}, "", "status")
	s.expect(t, 2, []string{"no rotation is under way"}, s.old, "finish")
	s.expect(t, 2, []string{"not new"}, s.fresh, start...)
	s.noLeak(t, weak)
}

// TestRotationFinds401: a token that a person deleted needs no revocation.
func TestRotationFinds401(t *testing.T) {
	s := newDrillScene(t)
	s.expect(t, 0, []string{"stored"}, s.fresh, "start", "--repo", fleet, "--esc", "acme/flux/prod")
	s.hub.AddToken(s.old, fakehub.Grant{Kind: fakehub.FineGrained, Account: "acme-flux", Revoked: true})
	s.expect(t, 0, []string{"next: run `rotate finish`"}, "", "status", "--esc", "acme/flux/prod")
	s.expect(t, 0, []string{"GitHub does not take the old token"}, s.old, "finish")
	s.noLeak(t)
}

// TestRotationGoesOn: where the backend fails in the middle, the ledger knows of
// the new token, and giving it again ends well.
func TestRotationGoesOn(t *testing.T) {
	s := newDrillScene(t)
	start := []string{"start", "--repo", fleet, "--esc", "acme/flux/prod"}
	s.esc.Before = func() { s.esc.Text += "# somebody is at it\n" }
	s.expect(t, 3, []string{"not stored: esc acme/flux/prod", "changed at the same time"}, s.fresh, start...)
	s.expect(t, 0, []string{"unstored"}, "", "status")
	s.expect(t, 2, []string{"not stored yet"}, s.old, "finish")
	s.esc.Before = nil
	s.expect(t, 0, []string{"stored: esc"}, s.fresh, start...)
	s.expect(t, 0, []string{"overlap", "it still answers"}, "", "status", "--esc", "acme/flux/prod")
	s.noLeak(t)
}

// noLeak looks for every token in what was printed, in the ledger's files, and in
// its export, where bodies are not compressed.
func (s *drillScene) noLeak(t *testing.T, more ...string) {
	t.Helper()
	var export bytes.Buffer
	status := run(console.World{Context: t.Context(), Environment: func(string) (string, bool) { return "", false }, Stdout: &export, Stderr: &export},
		[]string{"export", "--ledger", filepath.Join(s.dir, "ledger.db")})
	if status != 0 || !strings.Contains(export.String(), "rotation") {
		t.Errorf("export: status %d:\n%s", status, export.String())
	}
	texts := map[string]string{"printed": s.printed.String(), "export": export.String()}
	files, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(name)] = string(data)
	}
	for where, text := range texts {
		for _, one := range append([]string{s.old, s.fresh, s.pulumi}, more...) {
			if form := leak(text, one); form != "" {
				t.Errorf("%s holds a token: %s", where, form)
			}
		}
	}
	if leak("x"+base64.StdEncoding.EncodeToString([]byte(s.old)), s.old) == "" {
		t.Error("the search finds nothing at all")
	}
}
