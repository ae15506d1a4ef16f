package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

const doctorsToken = "ghp_doctors"

const settingsWorkflow = `on:
  pull_request_target:
    branches: [main]
    types: [opened, synchronize, reopened, edited]
permissions: {}
jobs:
  flux:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: read, checks: write}
    steps:
      - uses: goldfish-inc/fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d
`

// soundHub has all set as it should be; the bot's id is 4711.
func soundHub(t *testing.T) *fakehub.Hub {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, ".github", "workflows", "fluxkeeper.yml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(settingsWorkflow), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "start"}, {"branch", "flux-image-updates"}} {
		command := exec.Command("git",
			append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"}, args...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git: %v\n%s", err, out)
		}
	}
	hub := fakehub.New(t, fakehub.Repo{Dir: filepath.Join(dir, ".git"), Owner: "acme", Name: "fleet", DeleteMerged: true})
	hub.AddAccount(fakehub.Account{Login: "flux-bot", ID: 4711})
	hub.AddToken(doctorsToken, fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{
		"administration": "write", "contents": "read", "repository_hooks": "read",
	}})
	hub.AddRuleset(fakehub.Ruleset{Name: "base", On: fleet, Branches: []string{"main"}, Rules: []fakehub.Rule{
		fakehub.RequirePull(), fakehub.RequireCheck("fluxkeeper", 15368), {Type: "non_fast_forward"},
	}})
	hub.AddRuleset(fakehub.Ruleset{Name: "bot", On: fleet, Branches: []string{"flux-image-updates"}, Rules: []fakehub.Rule{{Type: "update"}},
		Bypass: []fakehub.Bypass{{Kind: "User", ID: 4711}}})
	hub.AddHook(fakehub.Hook{On: fleet, URL: "https://hooks.example.com/webhooks/github", Secret: leaktest.Secret, Events: []string{"*"}})
	hub.EmitPush(fleet, fakehub.Push{Ref: "main", Actor: "ann"}, fakehub.Fate{Swallowed: true})
	return hub
}

// TestDoctorReadsSettings joins cluster, policy and GitHub: what one says must be
// so at the other.
func TestDoctorReadsSettings(t *testing.T) {
	hub := soundHub(t)
	rules := policy.Default()
	rules.Bots = []policy.Bot{{Account: change.Account{Login: "flux-bot", ID: 4711}}}
	read := flux.Cluster{
		Repositories: []flux.GitRepository{{Namespace: "flux-system", Name: "fleet", URL: "https://github.com/acme/fleet", Branch: "main"}},
		Automations:  []flux.Automation{{Namespace: "flux-system", Name: "fleet", Source: "fleet", PushBranch: "flux-image-updates"}},
	}
	a := &console.Console{World: console.World{Context: t.Context(), Stderr: &strings.Builder{}}, Version: "0"}
	c := &doctorCmd{Repo: fleet, APIURL: hub.URL}
	rows := c.settings(a, secret.New(doctorsToken), read, &rules)
	for _, row := range rows {
		if len(row.Findings)+len(row.Gaps) > 0 || len(row.Evidence) == 0 {
			t.Errorf("%+v", row)
		}
	}
	if len(rows) != 6 { // without a merge queue
		t.Errorf("%d rows", len(rows))
	}
	read.Automations[0].PushBranch = "main-updates"
	rows = c.settings(a, secret.New(doctorsToken), read, &rules)
	if len(rows) == 0 || !strings.Contains(strings.Join(rows[0].Gaps, ""), `"main-updates"`) {
		t.Errorf("the cluster's branch is not looked at: %+v", rows)
	}
	c.APIURL = "" // of github.com, by the cluster's word, which must not be asked here
	read.Repositories[0].URL = "ssh://git@github.com/acme/fleet"
	if rows = c.settings(a, secret.New(doctorsToken), read, nil); len(rows) != 1 || len(rows[0].Gaps) != 1 {
		t.Errorf("%+v", rows)
	}
}

// TestDoctorSettings runs the whole doctor with a token for the settings.
func TestDoctorSettings(t *testing.T) {
	p := newPatient(t)
	file := filepath.Join(t.TempDir(), "settings-token")
	if err := os.WriteFile(file, []byte(doctorsToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.hub.AddToken(doctorsToken, fakehub.Grant{Kind: fakehub.Classic, Account: "ann", Scopes: []string{"repo", "admin:org_hook", "admin:org"}})
	status, out, trouble := p.ask(t, p.least, "--settings-token-file", file)
	if status != 1 || !strings.Contains(out, "github/check-missing") || !strings.Contains(out, "github/hook-missing") {
		t.Errorf("status %d: %s\n%s", status, trouble, out)
	}
	if status, _, _ = p.ask(t, p.least, "--settings-token-file", filepath.Join(t.TempDir(), "missing")); status != 2 {
		t.Errorf("status %d", status)
	}
}
