package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// workflow is what a user writes. act takes the work tree for the checkout.
const workflow = `name: e2e
on: pull_request_target
permissions: {}
jobs:
  flux:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - id: gate
        uses: ./
        with:
          github-token: ${{ secrets.GITHUB_TOKEN }}
      - shell: sh
        env:
          VERDICT: ${{ steps.gate.outputs.verdict }}
          STEP: ${{ steps.gate.outputs.step }}
        run: echo "told $VERDICT $STEP"
`

// TestAct runs a workflow with "uses: ./" by act, another implementation of the
// runner: it builds the image from action.yml and Dockerfile itself.
func TestAct(t *testing.T) {
	build(t) // leaves the layers for act's own build
	act := actProgram(t)
	t.Run("pass", func(t *testing.T) {
		s := scene(t)
		got := runAct(t, act, checkout(t), s, s.PullEvent("pull_request_target", s.Open()))
		if got.err != nil || !strings.Contains(got.log, "told pass minor") {
			t.Errorf("%v\n%s", got.err, got.log)
		}
		if !slices.Contains(got.commands, "summary") || !slices.Contains(got.commands, "add-mask") {
			t.Errorf("commands: %q", got.commands)
		}
		if checks := s.Checks(s.Rev(storytest.Head)); !strings.HasPrefix(checks, "fluxkeeper: success: PASS") {
			t.Errorf("check runs: %q", checks)
		}
	})
	t.Run("fail", func(t *testing.T) {
		s := scene(t)
		s.Tamper()
		got := runAct(t, act, checkout(t), s, s.PullEvent("pull_request_target", s.Open()))
		if got.err == nil || strings.Contains(got.log, "told") {
			t.Errorf("the job went on after a failure\n%s", got.log)
		}
		if !slices.Contains(got.commands, "error") {
			t.Errorf("commands: %q", got.commands)
		}
	})
}

// actProgram gives the path of act, which is built where it is missing.
func actProgram(t *testing.T) string {
	t.Helper()
	command := exec.Command("bash", ".ci/act")
	command.Dir = root(t)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		missing(t, "act cannot be built: .ci/act must reach the Go module proxy: %v\n%s", err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// acted is what act tells of a workflow.
type acted struct {
	err      error
	log      string
	commands []string // workflow commands that reached the runner
}

// runAct runs the workflow of a repository for an event.
func runAct(t *testing.T, act, dir string, s *storytest.Scene, event storytest.Event, flags ...string) acted {
	t.Helper()
	payload, err := json.Marshal(event.Payload)
	must(t, err)
	file := filepath.Join(t.TempDir(), "event.json")
	must(t, os.WriteFile(file, payload, 0o600))
	config := t.TempDir() // otherwise the first run asks for the size of its image
	must(t, os.Mkdir(filepath.Join(config, "act"), 0o755))
	must(t, os.WriteFile(filepath.Join(config, "act", "actrc"), nil, 0o600))
	// Without a cache server act listens nowhere.
	command := exec.Command(act, append(flags, event.Name, "--eventpath", file, "--json", "--rm", "--pull=false", "--no-cache-server",
		"--platform", "ubuntu-latest="+goImage, "--network", "host", "--secret", "GITHUB_TOKEN="+fakehub.Token,
		"--env", "GITHUB_API_URL="+s.URL, "--env", "GITHUB_GRAPHQL_URL="+s.GraphQLURL)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+config, "XDG_CACHE_HOME="+t.TempDir(), "ACT_DISABLE_VERSION_CHECK=1",
		"DOCKER_BUILDKIT=0")
	out, err := command.CombinedOutput()
	got := acted{err: err}
	var log strings.Builder
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var line struct{ Msg, Command string }
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			line.Msg = lines.Text()
		}
		log.WriteString(strings.TrimRight(line.Msg, "\n") + "\n")
		if line.Command != "" {
			got.commands = append(got.commands, line.Command)
		}
	}
	got.log = log.String()
	return got
}

// checkout makes a repository of what the Action is built from, with the workflow.
func checkout(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), storytest.Name)
	must(t, os.Mkdir(dir, 0o755))
	for _, name := range []string{"cmd", "internal"} {
		must(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root(t), name))))
	}
	for _, name := range []string{"go.mod", "go.sum", "LICENSE", "README.md", "Dockerfile", ".dockerignore", "action.yml"} {
		data, err := os.ReadFile(filepath.Join(root(t), name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	// The runner hands no argument to the build.
	file := filepath.Join(dir, "Dockerfile")
	data, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, regexp.MustCompile(`(?m)^ARG GO_IMAGE=.*`).ReplaceAll(data, []byte("ARG GO_IMAGE="+goImage)), 0o644))
	repository(t, dir, workflow)
	return dir
}

// repository makes a repository of a folder, with a workflow, under the name of the one that the event is about.
func repository(t *testing.T, dir, workflow string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, ".github", "workflows"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, ".github", "workflows", "e2e.yml"), []byte(workflow), 0o644))
	in(t, dir, "init", "-q", "-b", "main")
	in(t, dir, "remote", "add", "origin", "https://github.com/"+storytest.Repository+".git")
	in(t, dir, "add", "-A")
	in(t, dir, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "All")
}
