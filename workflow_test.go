package fluxkeeper_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is the part of a workflow that the tests look at.
type workflow struct {
	On          yaml.Node
	Permissions *map[string]string
	Jobs        map[string]struct {
		Permissions *map[string]string
		Timeout     int `yaml:"timeout-minutes"`
		Steps       []struct {
			Uses yaml.Node
			Run  string
		}
	}
}

// workflows reads the project's own workflows and those that it offers.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	own, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("examples/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(own) < 3 || len(examples) < 5 {
		t.Fatalf("found %q and %q", own, examples)
	}
	all := map[string]workflow{}
	for _, path := range slices.Concat(own, examples) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(data, &w); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all[path] = w
	}
	return all
}

// TestWorkflowsAreGivenNoMore: a workflow has no rights, a job just those that
// it names, and none runs for ever.
func TestWorkflowsAreGivenNoMore(t *testing.T) {
	for path, w := range workflows(t) {
		if w.Permissions == nil || len(*w.Permissions) > 0 {
			t.Errorf("%s: the workflow itself must have permissions: {}", path)
		}
		for name, job := range w.Jobs {
			if job.Permissions == nil || job.Timeout == 0 {
				t.Errorf("%s: job %s must name its permissions and its time limit", path, name)
			}
		}
	}
}

// TestActionsArePinned: whoever can move a tag of another repository cannot
// change what runs here. The version behind it is for people and their bots.
func TestActionsArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40}$`)
	version := regexp.MustCompile(`^# v\d+\.\d+\.\d+$`)
	for path, w := range workflows(t) {
		for name, job := range w.Jobs {
			for _, step := range job.Steps {
				uses := step.Uses.Value
				if uses == "" || uses == "./" || uses == "goldfish-inc/fluxkeeper@v1" && strings.HasPrefix(path, "examples/") {
					continue
				}
				if !pinned.MatchString(uses) || !version.MatchString(step.Uses.LineComment) {
					t.Errorf("%s: job %s uses %s %s; name a full commit id, and the version behind it", path, name, uses, step.Uses.LineComment)
				}
			}
		}
	}
}

// TestWorkflowsRunNothingFromOutside: no expression is pasted into a script,
// and what runs with the base's rights checks nothing out.
func TestWorkflowsRunNothingFromOutside(t *testing.T) {
	for path, w := range workflows(t) {
		var events []string
		for _, node := range w.On.Content {
			events = append(events, node.Value)
		}
		for name, job := range w.Jobs {
			for _, step := range job.Steps {
				if strings.Contains(step.Run, "${{") {
					t.Errorf("%s: job %s has an expression in a script; hand it over in env", path, name)
				}
				if slices.Contains(events, "pull_request_target") && strings.HasPrefix(step.Uses.Value, "actions/checkout@") {
					t.Errorf("%s: job %s checks out with the base's rights", path, name)
				}
			}
		}
	}
}

// TestSecretsAreNotForEveryBranch: a secret of the repository is for any workflow that
// a writer pushes to any branch; one of an environment is for the branches that it names.
func TestSecretsAreNotForEveryBranch(t *testing.T) {
	for path := range workflows(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			uses := strings.Count(string(text), "${{ secrets.") - strings.Count(string(text), "${{ secrets.GITHUB_TOKEN")
			if uses > 0 && !strings.Contains(string(text), "\n    environment:") {
				t.Errorf("%d secrets, and no environment", uses)
			}
		})
	}
}
