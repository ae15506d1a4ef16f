package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/kubetest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// patient is a cluster and a GitHub for the doctor.
type patient struct {
	server *kubetest.Server
	hub    *fakehub.Hub
	least  string // kubeconfig of the service account that doctor is meant to have
	token  string
}

// newPatient has all well: what package cluster takes for healthy, at the
// present time, with a token that the fake GitHub knows and that changes
// nothing there.
func newPatient(t *testing.T) patient {
	t.Helper()
	p := patient{server: kubetest.Start(t), token: "github_pat_" + strings.Repeat("A1", 11) + "_" + strings.Repeat("b", 59)}
	dir := t.TempDir()
	command := exec.Command("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "init", "-q", dir)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git: %v\n%s", err, out)
	}
	command = exec.Command("git", "-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m",
		"start")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git: %v\n%s", err, out)
	}
	p.hub = fakehub.NewWith(t, fakehub.Options{Repos: []fakehub.Repo{{Dir: filepath.Join(dir, ".git"), Owner: "acme", Name: "fleet"}},
		ProbesOnly: true})
	p.hub.AddToken(p.token, fakehub.Grant{
		Kind: fakehub.FineGrained, Account: "acme-flux", Expires: time.Now().AddDate(0, 0, 60), Repos: []string{fleet},
		Permissions: map[string]string{"contents": "write", "pull_requests": "write"},
	})
	p.server.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system}\n")
	p.server.InstallFlux(t)
	p.server.Apply(t, p.file(t, "..", "..", "examples", "kubernetes", "doctor.yaml"))
	p.server.Apply(t, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: nobody, namespace: flux-system}\n")
	p.least = p.server.As(t, "flux-system", "fluxkeeper-doctor")
	for _, name := range []string{"image-automation-controller", "image-reflector-controller", "source-controller"} {
		p.server.SetLog(t, "flux-system", name, "")
	}
	p.server.Apply(t, p.file(t, "..", "..", "internal", "cluster", "testdata", "healthy.yaml"))
	return p
}

// file reads a manifest, moves its hour (20 to 21 h of the recording) to the
// present, and puts the token in.
func (p patient) file(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return p.present(string(text))
}

func (p patient) present(text string) string {
	text = strings.ReplaceAll(text, "ghp_e1", p.token)
	return regexp.MustCompile(`2026-11-22T[0-9:.]+Z`).ReplaceAllStringFunc(text, func(stamp string) string {
		when, err := time.Parse(time.RFC3339, stamp)
		if err != nil {
			return stamp
		}
		return time.Now().Add(when.Sub(time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC))).UTC().Format(time.RFC3339)
	})
}

// ask runs doctor.
func (p patient) ask(t *testing.T, kubeconfig string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, trouble bytes.Buffer
	status = watched(t, console.World{Context: t.Context(), Environment: os.LookupEnv, Stdout: &out, Stderr: &trouble},
		append([]string{"doctor", "--repo", fleet, "--kubeconfig", kubeconfig, "--api-url", p.hub.URL}, args...))
	return status, out.String(), trouble.String()
}

func TestDoctor(t *testing.T) {
	p := newPatient(t)
	t.Run("all is well", func(t *testing.T) { p.well(t) })
	t.Run("nothing may be read", func(t *testing.T) {
		status, out, _ := p.ask(t, p.server.As(t, "flux-system", "nobody"))
		if status != 3 || !strings.Contains(out, "no right to read it") {
			t.Errorf("status %d:\n%s", status, out)
		}
	})
	t.Run("no cluster", func(t *testing.T) {
		if status, _, trouble := p.ask(t, filepath.Join(t.TempDir(), "missing")); status != 2 || !strings.Contains(trouble, "hint: ") {
			t.Errorf("status %d: %s", status, trouble)
		}
		gone := filepath.Join(t.TempDir(), "kubeconfig")
		text := regexp.MustCompile(`https://127\.0\.0\.1:\d+`).ReplaceAllString(p.file(t, p.least), "https://127.0.0.1:1")
		if err := os.WriteFile(gone, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, _, trouble := p.ask(t, gone); status != 3 || !strings.Contains(trouble, "connection refused") {
			t.Errorf("status %d: %s", status, trouble)
		}
	})
	t.Run("another token", func(t *testing.T) {
		other := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(other, []byte(leaktest.Token("other")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		status, out, _ := p.ask(t, p.least, "--token-file", other)
		if status != 1 || !strings.Contains(out, "cluster/token-differs") || !strings.Contains(out, "token/rejected") {
			t.Errorf("status %d:\n%s", status, out)
		}
	})
	t.Run("on record", func(t *testing.T) { p.onRecord(t) })
	t.Run("nothing was pushed", func(t *testing.T) { p.idle(t) })
	t.Run("the push is refused", func(t *testing.T) { p.refused(t) })
}

func (p patient) well(t *testing.T) {
	policy := filepath.Join(t.TempDir(), "fluxkeeper.yaml")
	if err := os.WriteFile(policy, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, trouble := p.ask(t, p.least, "--policy", policy)
	if status != 0 || !strings.HasPrefix(out, "PASS") || strings.Count(out, "  ok  ") != 10 {
		t.Errorf("status %d: %s\n%s", status, trouble, out)
	}
	status, out, _ = p.ask(t, p.least, "--format", "json")
	if err := storytest.Holds("../../docs/checkup.schema.json", out); status != 0 || err != nil {
		t.Errorf("status %d, %v:\n%s", status, err, out)
	}
	if status, _, trouble = p.ask(t, p.least, "--repo", "fleet"); status != 2 {
		t.Errorf("status %d: %s", status, trouble)
	}
}

// idle has the last push before the window: without GitHub's word, that proves
// nothing.
func (p patient) idle(t *testing.T) {
	if status, out, _ := p.ask(t, p.least, "--since", "10m", "--offline"); status != 3 ||
		!strings.Contains(out, "does not prove that the token works") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if status, out, _ := p.ask(t, p.least, "--since", "10m"); status != 0 ||
		!strings.Contains(out, "but GitHub says that the token may push") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// refused has the controller log a push that a protected branch declined.
func (p patient) refused(t *testing.T) {
	const cause = "failed to update source: failed to push to remote: command error on refs/heads/main: protected branch hook declined"
	line := func(message, err string) string {
		return fmt.Sprintf(`{"level":"error","ts":"2026-11-22T20:50:00Z","msg":%q,"controllerKind":"ImageUpdateAutomation",`+
			`"namespace":"flux-system","name":"fleet","reconcileID":"1","error":%q}`+"\n", message, err)
	}
	p.server.SetLog(t, "flux-system", "image-automation-controller",
		p.present(line(cause, "GitOperationFailed")+line("Reconciler error", cause)))
	p.page(t)
	status, out, _ := p.ask(t, p.least, "--format", "markdown")
	if status != 1 || !strings.Contains(out, "Cannot push to branch") || !strings.Contains(out, "once, last at") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// page holds the output in docs/doctor.md against the program's, whatever the
// time.
func (p patient) page(t *testing.T) {
	t.Helper()
	status, out, _ := p.ask(t, p.least)
	if status != 1 {
		t.Errorf("status %d:\n%s", status, out)
	}
	name := filepath.Join("..", "..", "docs", "doctor.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const fence = "```"
	before, rest, _ := strings.Cut(string(text), fence+"text\n")
	shown, after, ok := strings.Cut(rest, fence)
	stamps := regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	switch {
	case !ok:
		t.Fatal("the page shows no output")
	case stamps.ReplaceAllString(shown, "") == stamps.ReplaceAllString(out, ""):
	case *update:
		if err := os.WriteFile(name, []byte(before+fence+"text\n"+out+fence+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/doctor.md shows\n%s\nand the program prints\n%s", shown, out)
	}
}
