package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// hostedUser and hostedGroup are those of a hosted runner. Its files are its
// own, and no other user but root may write them.
const hostedUser, hostedGroup = 1001, 127

// outcome is what a runner finds after a step.
type outcome struct {
	status       int
	log, summary string
	outputs      map[string]string
}

// mounts are where a step in a container sees the runner's folders.
var mounts = map[string]string{
	"": "/github/runner_temp", "_github_home": "/github/home", "_github_workflow": "/github/workflow",
	"_runner_file_commands": "/github/file_commands", "workspace": "/github/workspace",
}

// start starts the image with the mounts and the environment that GitHub's
// runner gives to a Docker action (ContainerActionHandler.cs), except for the
// network, which is the host's, so that a server on 127.0.0.1 is reached.
func start(t *testing.T, s *storytest.Scene, event storytest.Event, inputs map[string]string, flags ...string) outcome {
	t.Helper()
	build(t)
	dir, err := os.MkdirTemp("", "fluxkeeper-e2e")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) }) // what root wrote may stay behind
	files, err := storytest.NewFiles(dir, event)
	must(t, err)
	if os.Geteuid() == 0 {
		must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chown(path, hostedUser, hostedGroup))
		}))
	}
	must(t, os.Chmod(dir, 0o755))
	args := []string{"run", "--rm", "--workdir", "/github/workspace", "--network", "host"}
	var pairs []string
	for name, value := range s.Env(event, inputs, func(folder string) string { return mounts[folder] }) {
		pairs = append(pairs, "--env="+name+"="+value)
	}
	slices.Sort(pairs)
	args = append(args, pairs...)
	args = append(args, "--volume=/var/run/docker.sock:/var/run/docker.sock")
	for folder, at := range mounts {
		args = append(args, "--volume="+filepath.Join(dir, folder)+":"+at)
	}
	command := exec.Command("docker", append(append(args, flags...), image)...)
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	err = command.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	got := outcome{status: command.ProcessState.ExitCode(), log: log.String()}
	got.outputs, err = files.Outputs()
	must(t, err)
	got.summary, err = files.Summary()
	must(t, err)
	leaktest.Text(t, "the log", leaktest.Masks([]byte(got.log)))
	leaktest.Text(t, "the outputs and the summary", fmt.Appendln(nil, got.outputs, got.summary))
	t.Logf("exit status %d\n%s", got.status, leaktest.Redact(got.log))
	return got
}

func scene(t *testing.T) *storytest.Scene {
	t.Helper()
	return storytest.New(t, root(t), fakehub.Options{})
}

// TestRunner runs the image as GitHub's runner does: outputs, summary, check
// run and exit status arrive.
func TestRunner(t *testing.T) {
	engine(t)
	tests := []struct {
		name    string
		set     func(*storytest.Scene)
		inputs  map[string]string
		status  int
		verdict string
		check   string
	}{
		{name: "pass", verdict: "pass", check: "fluxkeeper: success: PASS"},
		{name: "fail", set: func(s *storytest.Scene) { s.Tamper() }, status: 1, verdict: "fail", check: "fluxkeeper: failure: FAIL"},
		{name: "wrong token", inputs: map[string]string{"github-token": "ghs_wrong"}, status: 3, verdict: "undecided"},
		{name: "wrong input", inputs: map[string]string{"publish": "loudly"}, status: 2},
		{name: "a file in the workspace", inputs: map[string]string{"sarif-file": "fluxkeeper.sarif"}, verdict: "pass",
			check: "fluxkeeper: success: PASS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scene(t)
			if tt.set != nil {
				tt.set(s)
			}
			got := start(t, s, s.PullEvent("pull_request_target", s.Open()), tt.inputs)
			if got.status != tt.status || got.outputs["verdict"] != tt.verdict {
				t.Errorf("exit status %d, verdict %q; want %d, %q", got.status, got.outputs["verdict"], tt.status, tt.verdict)
			}
			if (got.summary != "") != (tt.verdict != "") {
				t.Errorf("summary: %q", got.summary)
			}
			if checks := s.Checks(s.Rev(storytest.Head)); !strings.HasPrefix(checks, tt.check) || tt.check == "" && checks != "" {
				t.Errorf("check runs: %q", checks)
			}
		})
	}
}

// TestRunnerFilesAreTheRunners: no other user but root can write the runner's
// files, which is why the image names none. That is said, and it is no pass.
func TestRunnerFilesAreTheRunners(t *testing.T) {
	s := scene(t)
	got := start(t, s, s.PullEvent("pull_request_target", s.Open()), nil, "--user=65532")
	if got.status != 3 || len(got.outputs) > 0 {
		t.Errorf("exit status %d, outputs %v", got.status, got.outputs)
	}
	if !strings.Contains(got.log, "permission denied") || strings.Contains(got.log, "panic") {
		t.Error("it does not say why")
	}
}
