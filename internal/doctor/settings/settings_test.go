package settings_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// soundSettings is a repository where all is set as it should be; examples say
// in what they differ from it.
const soundSettings = `{
	"Repository": "acme/fleet", "Private": true, "DefaultBranch": "main",
	"Base": {"Name": "main", "Rules": [
		{"Type": "pull_request", "Ruleset": 7}, {"Type": "non_fast_forward", "Ruleset": 7},
		{"Type": "required_status_checks", "Ruleset": 7, "Strict": true, "Checks": [{"Name": "fluxkeeper", "Source": 15368}]}]},
	"Head": {"Name": "flux-image-updates", "Rules": [{"Type": "update", "Ruleset": 8}]},
	"Rulesets": [{"ID": 7, "Name": "base"}, {"ID": 8, "Name": "bot", "Bypass": [{"Kind": "User", "ID": 4711, "Mode": "always"}]}],
	"Merging": {"AutoMerge": true, "DeleteBranch": true},
	"Actions": {"Enabled": true, "Allowed": "all", "Token": "read", "MayOpen": false},
	"Hooks": [{"Scope": "repository", "Owner": "acme/fleet", "ID": 12, "URL": "https://hooks.example.com/webhooks/github",
		"ContentType": "json", "Secret": true, "Active": true, "Events": ["*"], "Last": {"Status": "OK", "Code": 202}}]
}`

const soundIntent = `{"Base": "main", "Bot": {"Login": "flux-bot", "ID": 4711}, "Uses": ["push", "create", "pull_request", ` +
	`"issue_comment.created"]}`

const soundWorkflow = `
on:
  pull_request_target:
    branches: [main]
    types: [opened, synchronize, reopened, edited]
permissions: {}
jobs:
  flux:
    permissions: {contents: read, pull-requests: read, checks: write}
    steps:
      - uses: goldfish-inc/fluxkeeper@27c240778a1e3a5c0a3f6f1d9b1c3a9d5f3b2c1d
`

// overlay reads what is sound with some of its fields replaced whole.
func overlay(t *testing.T, into any, sound string, change []byte) {
	t.Helper()
	fields, changed := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(sound), &fields); err != nil {
		t.Fatal(err)
	}
	if len(change) > 0 {
		if err := json.Unmarshal(change, &changed); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(fields, changed)
	data, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// settingsOf reads an example.
func settingsOf(t *testing.T, archive *txtar.Archive) (settings.Settings, settings.Intent) {
	t.Helper()
	var s settings.Settings
	var i settings.Intent
	var changed, intent []byte
	workflows := false
	for _, f := range archive.Files {
		switch {
		case f.Name == "settings.json":
			changed = f.Data
		case f.Name == "intent.json":
			intent = f.Data
		case !strings.HasPrefix(f.Name, "workflows/"):
			t.Fatalf("%s is no part of an example", f.Name)
		}
	}
	overlay(t, &s, soundSettings, changed)
	overlay(t, &i, soundIntent, intent)
	for _, f := range archive.Files {
		if strings.HasPrefix(f.Name, "workflows/") {
			workflows = true
			s.Workflows = append(s.Workflows, workflow(t, path.Join(".github", f.Name), string(f.Data)))
		}
	}
	if !workflows {
		s.Workflows = []settings.Workflow{workflow(t, ".github/workflows/fluxkeeper.yml", soundWorkflow)}
	}
	return s, i
}

func workflow(t *testing.T, path, text string) settings.Workflow {
	t.Helper()
	w, err := settings.ParseWorkflow(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestSettingsExamples runs what docs/rules.md shows of the family github: each
// rule's refused example must have that one finding, and its allowed example
// none, and nothing that could not be told.
func TestSettingsExamples(t *testing.T) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if rule.Family() != "github" {
			continue
		}
		ran++
		t.Run(rule.Name, func(t *testing.T) {
			s, i := settingsOf(t, rule.Refused)
			refused := finding.Together(settings.Examine(s, i)).Findings
			if !slices.ContainsFunc(refused, func(f finding.Finding) bool {
				return f.Rule == rule.Name && f.Severity == rule.Severity && f.Message != "" && f.Hint != ""
			}) || slices.ContainsFunc(refused, func(f finding.Finding) bool { return f.Rule != rule.Name }) {
				t.Errorf("the refused example has other findings: %+v", refused)
			}
			s, i = settingsOf(t, rule.Allowed)
			for _, c := range settings.Examine(s, i) {
				if c.State() != finding.OK || len(c.Findings) > 0 || len(c.Evidence) == 0 && c.Name != settings.CheckQueue {
					t.Errorf("the allowed example: %s %s: %+v", c.Name, c.State(), c)
				}
			}
		})
	}
	if ran < 25 {
		t.Errorf("only %d rules", ran)
	}
}
