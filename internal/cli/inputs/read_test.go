package inputs_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/inputs"
)

// lookup answers like an environment.
func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestDefaults(t *testing.T) {
	v, err := inputs.Read(inputs.Inputs(), lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Text("command"); got != inputs.Check {
		t.Errorf("command: got %q", got)
	}
	if !v.Flag("summary") || v.Flag("comment") {
		t.Error("summary must be on and comment off")
	}
	if got := v.Count("stale-after-days"); got <= 0 {
		t.Errorf("stale-after-days: got %d", got)
	}
	if !v.Secret("github-token").Empty() {
		t.Error("an expression that only the runner knows was taken for a token")
	}
}

// TestNamesAsTheRunnerWritesThem: capitals, and the dashes stay.
func TestNamesAsTheRunnerWritesThem(t *testing.T) {
	v, err := inputs.Read(inputs.Inputs(), lookup(map[string]string{
		"INPUT_GITHUB-TOKEN": "t0ken\n", "INPUT_CHECK-NAME": " gate ", "INPUT_CHECK_NAME": "wrong", "INPUT_DRY-RUN": "true", "INPUT_POLICY": "  ",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.Secret("github-token").Reveal(); got != "t0ken" {
		t.Errorf("github-token: got %q", got)
	}
	if got := v.Text("check-name"); got != "gate" {
		t.Errorf("check-name: got %q", got)
	}
	if !v.Flag("dry-run") {
		t.Error("dry-run: got false")
	}
	if got := v.Text("policy"); got != ".github/fluxkeeper.yaml" {
		t.Errorf("policy: a blank gave %q", got)
	}
}

func TestEveryWrongValueIsNamed(t *testing.T) {
	_, err := inputs.Read(inputs.Inputs(), lookup(map[string]string{
		"INPUT_COMMAND": "chek", "INPUT_SUMMARY": "yes", "INPUT_STALE-AFTER-DAYS": "-1", "INPUT_MERGE-METHOD": "x\n::warning::y",
	}))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 {
		t.Errorf("%d lines, want one for each wrong value:\n%v", len(lines), err)
	}
	for i, want := range []string{`command: "chek"`, `summary: "yes"`, `merge-method: "x\n::warning::y"`, `stale-after-days: "-1"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %s is not in\n%v", i, want, err)
		}
	}
}

// TestTableIsLegal: what action.yml and the runner can carry.
func TestTableIsLegal(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, i := range inputs.Inputs() {
		if !name.MatchString(i.Name) || seen[i.Name] || i.Doc == "" {
			t.Errorf("%q: a name is kebab case, documented, and there once", i.Name)
		}
		seen[i.Name] = true
		if (i.Kind == inputs.Choice) != (len(i.Values) > 0) {
			t.Errorf("%s: a choice, and nothing else, has values", i.Name)
		}
		if i.Kind == inputs.Hidden && i.Default != "" && !strings.HasPrefix(i.Default, "${{") {
			t.Errorf("%s: a secret has a default", i.Name)
		}
	}
	clear(seen)
	for _, o := range inputs.Outputs() {
		if !name.MatchString(o.Name) || seen[o.Name] || o.Doc == "" {
			t.Errorf("output %q: a name is kebab case, documented, and there once", o.Name)
		}
		seen[o.Name] = true
	}
}
