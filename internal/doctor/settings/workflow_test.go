package settings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// TestWorkflowForms: the forms that GitHub takes for events, filters and
// permissions, each told by what is found of a workflow that has it.
func TestWorkflowForms(t *testing.T) {
	form := func(on, permissions string) string {
		return fmt.Sprintf("on: %s\n%sjobs:\n  flux:\n    steps:\n      - uses: "+
			"Goldfish-Inc/Fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d\n", on, permissions)
	}
	const enough = "permissions: {contents: read, pull-requests: read, checks: write}\n"
	for _, one := range []struct{ name, text, token, want string }{
		{"an event", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", enough), "read", ""},
		{"a list", form("{push: , pull_request_target: {types: [opened, synchronize, reopened, edited]}}", enough), "read", ""},
		{"a mapping", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", enough), "read", ""},
		{"one branch", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches: main}}", enough), "read", ""},
		{"a pattern", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches: ['m*']}}", enough), "read", ""},
		{"a pattern for deeper names", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches: ['**']}}", enough),
			"read", ""},
		{"taken back", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches: ['*', '!main']}}", enough), "read",
			"workflow-trigger"},
		{"taken back and given", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches: ['!main', '*']}}",
			enough), "read", ""},
		{"ignored", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches-ignore: [main]}}", enough), "read",
			"workflow-trigger"},
		{"another ignored", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], branches-ignore: [dev]}}", enough),
			"read", ""},
		{"paths ignored", form("{pull_request_target: {types: [opened, synchronize, reopened, edited], paths-ignore: [docs/**]}}", enough),
			"read", "workflow-trigger"},
		{"a push alone", form("push", enough), "read", "workflow-trigger"},
		{"a schedule beside", form("{schedule: [{cron: '0 0 * * *'}], pull_request_target: {types: [opened, synchronize, reopened, edited]}}",
			enough), "read", ""},
		{"everything", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", "permissions: write-all\n"), "read", ""},
		{"reading only", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", "permissions: read-all\n"), "read",
			"workflow-permission"},
		{"nothing", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", "permissions: {}\n"), "read",
			"workflow-permission"},
		{"not said, default write", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", ""), "write",
			"default-token"},
		{"not said, default read", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", ""), "read",
			"workflow-permission"},
		{"not said, default unknown", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}", ""), "", ""},
		{"a status instead", form("{pull_request_target: {types: [opened, synchronize, reopened, edited]}}",
			"permissions: {contents: read, pull-requests: read, statuses: write}\n"), "read", ""},
	} {
		t.Run(one.name, func(t *testing.T) {
			var s settings.Settings
			var i settings.Intent
			overlay(t, &s, soundSettings, nil)
			overlay(t, &i, soundIntent, nil)
			s.Actions.Token = one.token
			s.Workflows = []settings.Workflow{workflow(t, ".github/workflows/a.yml", one.text)}
			var got []string
			for _, f := range finding.Together(settings.Examine(s, i)).Findings {
				got = append(got, strings.TrimPrefix(f.Rule, "github/"))
			}
			if strings.Join(got, " ") != one.want {
				t.Errorf("%q, want %q", got, one.want)
			}
		})
	}
	for _, text := range []string{"on: [\n", "on: {pull_request: {branches: {a: b}}}\n", "jobs: 7\n", "a: &a [*a]\non: *a\n",
		"permissions: [x]\njobs: {a: {}}\n"} {
		if w, err := settings.ParseWorkflow("x.yml", []byte(text)); err == nil {
			t.Errorf("%q is taken: %+v", text, w)
		}
	}
}

// FuzzWorkflow: whatever is in a repository, it is read or refused.
func FuzzWorkflow(f *testing.F) {
	f.Add([]byte(soundWorkflow))
	f.Add([]byte("on: &a {push: }\njobs: {x: {uses: a/b@c, permissions: *a}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := settings.ParseWorkflow(".github/workflows/a.yml", text)
		if err == nil {
			settings.Examine(settings.Settings{DefaultBranch: "main", Base: settings.Branch{Name: "main"}, Workflows: []settings.Workflow{w}},
				settings.Intent{})
		}
	})
}

// TestIntent: Flux says which branches it uses, and else the policy.
func TestIntent(t *testing.T) {
	rules := policy.Default()
	rules.Base, rules.Bots = []string{"main"}, []policy.Bot{{}, {Account: change.Account{Login: "flux-bot", ID: 4711}}}
	i := settings.NewIntent(&rules, doctor.Branches{Head: "updates", Base: "prod", Signs: true})
	if i.Base != "prod" || i.Head != "updates" || !i.Signs || i.Bot.ID != 4711 || len(i.Uses) == 0 {
		t.Errorf("%+v", i)
	}
	if i = settings.NewIntent(&rules, doctor.Branches{}); i.Base != "main" || i.HeadBranch() != "flux-image-updates" || i.Signs {
		t.Errorf("%+v", i)
	}
	rules.Head = []string{"flux-*"}
	if i = settings.NewIntent(&rules, doctor.Branches{}); i.Head != "" || i.HeadBranch() != "flux-image-updates" {
		t.Errorf("%+v", i)
	}
}
