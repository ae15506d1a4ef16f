package settings_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	reader "github.com/goldfish-inc/fluxkeeper/internal/github/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

const (
	fleet    = hubtest.Fleet
	head     = "flux-image-updates"
	receiver = "https://hooks.example.com/webhooks/github"
	// actionsApp is the number of GitHub Actions among the apps.
	actionsApp = 15368
)

const checkWorkflow = `name: fluxkeeper
on:
  pull_request_target:
    branches: [main]
    types: [opened, synchronize, reopened, edited]
permissions: {}
jobs:
  flux:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: read, checks: write}
    steps:
      - uses: goldfish-inc/fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d # v1.2.3
`

const proposeWorkflow = `on:
  push:
    branches: [flux-image-updates]
jobs:
  propose:
    runs-on: ubuntu-latest
    permissions: {contents: read, pull-requests: write}
    steps:
      - uses: goldfish-inc/fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d
        with: {command: propose}
`

const tokenWorkflow = `on:
  schedule: [{cron: "23 6 * * *"}]
jobs:
  token:
    runs-on: ubuntu-latest
    environment: flux-token
    permissions: {issues: write}
    steps:
      - uses: goldfish-inc/fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d
        with: {command: token, token: "${{ secrets.FLUX_TOKEN }}"}
`

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// setting is a repository on a hub, on which all is set as it should be.
type setting struct {
	options  fakehub.Options
	rulesets []fakehub.Ruleset
	protect  map[string]fakehub.Protection
	actions  map[string]fakehub.ActionsSettings
	hooks    []fakehub.Hook
	// environments are the repository's; secrets are names of those that every workflow can read, by whose they are.
	environments []fakehub.Environment
	secrets      map[string]string
	fate         fakehub.Fate
	grant        fakehub.Grant
	faults       []fakehub.Fault
	intent       settings.Intent
	files        map[string]string
	headless     bool
}

// settingCase changes it, and says what is to be found and what is not to be told.
type settingCase struct {
	name   string
	change func(*setting)
	want   []string // rules, each with words of its message
	gaps   []string // the checks that could not be told, each with words
}

func goodSetting() *setting {
	return &setting{
		options: fakehub.Options{
			Now:   func() time.Time { return noon },
			Repos: []fakehub.Repo{{Owner: "acme", Name: "fleet", DeleteMerged: true}},
		},
		rulesets: []fakehub.Ruleset{
			{ID: 7, Name: "base", On: fleet, Branches: []string{"~DEFAULT_BRANCH"}, Rules: []fakehub.Rule{
				fakehub.RequirePull(), fakehub.RequireCheck("fluxkeeper", actionsApp), {Type: "non_fast_forward"}, {Type: "deletion"},
			}, Bypass: []fakehub.Bypass{{Kind: "RepositoryRole", ID: 5}}},
			{ID: 8, Name: "bot", On: fleet, Branches: []string{head}, Rules: []fakehub.Rule{{Type: "update"}},
				Bypass: []fakehub.Bypass{{Kind: "User", ID: hubtest.BotID}}},
		},
		protect: map[string]fakehub.Protection{}, actions: map[string]fakehub.ActionsSettings{},
		hooks: []fakehub.Hook{{ID: 12, On: fleet, URL: receiver, Secret: leaktest.Secret, Events: []string{"*"}}},
		fate:  fakehub.Fate{Swallowed: true},
		grant: fakehub.Grant{Kind: fakehub.Classic, Account: "ann", Role: "admin", Scopes: []string{"repo", "admin:org", "admin:org_hook"}},
		intent: settings.Intent{Bot: settings.Account{Login: hubtest.Bot, ID: hubtest.BotID},
			Uses: []string{"push", "create", "pull_request", "issue_comment.created"}},
		files: map[string]string{"fluxkeeper.yml": checkWorkflow},
	}
}

// gathered puts the setting on a hub and reads it.
func (s *setting) gathered(t *testing.T) (settings.Settings, *fakehub.Hub) {
	t.Helper()
	w := hubtest.NewRepo(t)
	for name, text := range s.files {
		w.Write(".github/workflows/"+name, text)
	}
	w.Commit("start", "README.md", "hello\n")
	if !s.headless {
		w.Git("branch", head)
	}
	for i := range s.options.Repos {
		s.options.Repos[i].Dir = w.GitDir()
	}
	hub := fakehub.NewWith(t, s.options)
	hub.AddAccount(fakehub.Account{Login: hubtest.Bot, ID: hubtest.BotID})
	hub.AddToken("ghp_doctor", s.grant)
	for _, r := range s.rulesets {
		hub.AddRuleset(r)
	}
	for branch, p := range s.protect {
		hub.Protect(fleet, branch, p)
	}
	for on, a := range s.actions {
		hub.SetActions(on, a)
	}
	for _, e := range s.environments {
		hub.AddEnvironment(fleet, e)
	}
	for on, name := range s.secrets {
		hub.AddSecret(on, name)
	}
	for _, k := range s.hooks {
		hub.AddHook(k)
	}
	hub.EmitPush(fleet, fakehub.Push{Ref: "main", Actor: "ann"}, s.fate)
	for _, f := range s.faults {
		hub.AddFault(f)
	}
	c, err := github.New(github.Options{FirstWait: time.Millisecond, Token: secret.New("ghp_doctor"), APIURL: hub.URL, Repository: fleet,
		Budget: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	got, err := reader.Read(t.Context(), c, s.intent)
	if err != nil {
		t.Fatal(err)
	}
	return got, hub
}

// TestSettings is the table: each situation has exactly the findings and the
// gaps that it should, and nothing is sent that would change anything.
func TestSettings(t *testing.T) {
	all := settingCases()
	if len(all) < 25 {
		t.Errorf("only %d situations", len(all))
	}
	most := 0
	for _, one := range all {
		t.Run(one.name, func(t *testing.T) {
			s := goodSetting()
			if one.change != nil {
				one.change(s)
			}
			got, hub := s.gathered(t)
			checks := settings.Examine(got, s.intent)
			var findings []finding.Finding
			var gaps []string
			for _, c := range checks {
				findings = append(findings, c.Findings...)
				for _, u := range c.Gaps {
					gaps = append(gaps, c.Name+": "+u)
				}
				if (c.State() == finding.OK) != (len(c.Gaps) == 0 &&
					!slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.Severity != finding.Note })) {
					t.Errorf("%s is %s: %+v", c.Name, c.State(), c)
				}
			}
			exactly(t, "finding", one.want, messages(findings))
			exactly(t, "gap", one.gaps, gaps)
			if len(s.faults) == 0 { // each of which is met with further tries
				most = max(most, hub.Count())
			}
			for _, r := range hub.Requests() {
				if r.Writes() && r.Operation != "graphql" {
					t.Errorf("%s writes", r.Path)
				}
			}
			var again settings.Settings
			data, err := json.Marshal(got)
			if err != nil || json.Unmarshal(data, &again) != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("settings do not come back from JSON:\n%s", diff)
			}
			if shown := fmt.Sprintf("%+v %+v", got, checks); strings.Contains(shown, "ghp_doctor") {
				t.Error("the token is in what was seen")
			}
		})
	}
	if most > reader.MaxRequests {
		t.Errorf("%d requests", most)
	}
	t.Logf("%d situations, %d requests at most", len(all), most)
}

func messages(findings []finding.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, strings.TrimPrefix(f.Rule, "github/")+" "+string(f.Severity)+" "+f.Message)
	}
	return all
}

// exactly holds texts against "name words", in any order.
func exactly(t *testing.T, kind string, want, got []string) {
	t.Helper()
	left := slices.Clone(got)
	for _, w := range want {
		name, words, _ := strings.Cut(w, "; ")
		i := slices.IndexFunc(left, func(s string) bool { return strings.HasPrefix(s, name) && strings.Contains(s, words) })
		if i < 0 {
			t.Errorf("no %s %s", kind, w)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, one := range left {
		t.Errorf("a %s too many: %s", kind, one)
	}
}

// TestSettingsRequests: few requests are sent, and after a refusal of the token
// itself none.
func TestSettingsRequests(t *testing.T) {
	s := goodSetting()
	if _, hub := s.gathered(t); hub.Count() != 12 {
		t.Errorf("%d requests:\n%s", hub.Count(), hub.Log())
	}
	s = goodSetting()
	s.faults = []fakehub.Fault{{On: "repos/get-branch-rules", Status: 401, Message: "Bad credentials"}}
	got, hub := s.gathered(t)
	if hub.Count() != 2 {
		t.Errorf("%d requests after a refusal:\n%s", hub.Count(), hub.Log())
	}
	for _, c := range settings.Examine(got, s.intent) {
		if c.State() == finding.OK && c.Name != settings.CheckMerging {
			t.Errorf("%s is ok, though nothing was read of it: %+v", c.Name, c)
		}
		if len(c.Findings) > 0 {
			t.Errorf("findings of what was not read: %+v", c.Findings)
		}
	}
}

// TestSettingsWithoutRepository: nothing is told of what cannot be seen.
func TestSettingsWithoutRepository(t *testing.T) {
	w := hubtest.NewRepo(t)
	w.Commit("start", "README.md", "hello\n")
	w.Serve()
	w.AddToken("github_pat_other", fakehub.Grant{Kind: fakehub.FineGrained, Account: "ann", Repos: []string{"acme/none"}})
	c, err := github.New(github.Options{Token: secret.New("github_pat_other"), APIURL: w.URL, Repository: fleet})
	if err != nil {
		t.Fatal(err)
	}
	_, err = reader.Read(t.Context(), c, settings.Intent{})
	if err == nil || !strings.Contains(err.Error(), "read the settings of acme/fleet: GitHub answered 404") {
		t.Errorf("%v", err)
	}
}
