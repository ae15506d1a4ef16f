package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// step is one step of a workflow, as a runner starts it.
type step struct {
	event   string
	payload any
	inputs  map[string]string
	// env is added to what every step has, or changes it.
	env map[string]string
}

// outcome is what a runner finds after it.
type outcome struct {
	status       int
	log, summary string
	outputs      map[string]string
}

// hosted are the user and group as which a hosted runner works. Its files are
// its own, and no other user but root may write them.
const hostedUser, hostedGroup = 1001, 127

// run starts the image with the mounts and the environment that GitHub's runner
// gives to a Docker action (ContainerActionHandler.cs), except for the network,
// which is the host's, so that a server on 127.0.0.1 is reached.
func (s step) run(t *testing.T) outcome {
	t.Helper()
	temp, workspace := t.TempDir(), t.TempDir()
	payload, err := json.Marshal(s.payload)
	must(t, err)
	for _, name := range []string{"_github_home", "_github_workflow", "_runner_file_commands"} {
		must(t, os.Mkdir(filepath.Join(temp, name), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(temp, "_github_workflow", "event.json"), payload, 0o644))
	commands := filepath.Join(temp, "_runner_file_commands")
	for _, name := range []string{"add_path", "set_env", "set_output", "save_state", "step_summary"} {
		must(t, os.WriteFile(filepath.Join(commands, name), nil, 0o644))
	}
	if os.Geteuid() == 0 {
		for _, dir := range []string{temp, workspace} {
			must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
				return errors.Join(err, os.Chown(path, hostedUser, hostedGroup))
			}))
		}
	}
	args := []string{"run", "--rm", "--workdir", "/github/workspace", "--network", "host"}
	for _, pair := range s.environment(workspace) {
		args = append(args, "--env", pair)
	}
	for _, mount := range [][2]string{
		{"/var/run/docker.sock", "/var/run/docker.sock"}, {temp, "/github/runner_temp"},
		{filepath.Join(temp, "_github_home"), "/github/home"}, {filepath.Join(temp, "_github_workflow"), "/github/workflow"},
		{commands, "/github/file_commands"}, {workspace, "/github/workspace"},
	} {
		args = append(args, "--volume", mount[0]+":"+mount[1])
	}
	command := exec.Command("docker", append(args, image)...)
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	err = command.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	got := outcome{status: command.ProcessState.ExitCode(), log: log.String(), outputs: map[string]string{}}
	summary, err := os.ReadFile(filepath.Join(commands, "step_summary"))
	must(t, err)
	got.summary = string(summary)
	got.readOutputs(t, filepath.Join(commands, "set_output"))
	return got
}

// environment is what a step of a pull request's workflow has.
func (s step) environment(workspace string) []string {
	env := map[string]string{
		"HOME": "/github/home", "GITHUB_ACTIONS": "true", "CI": "true",
		"GITHUB_ACTION": "__self", "GITHUB_ACTION_PATH": "", "GITHUB_ACTION_REF": "", "GITHUB_ACTION_REPOSITORY": "",
		"GITHUB_ACTOR": "flux-bot", "GITHUB_ACTOR_ID": "7", "GITHUB_TRIGGERING_ACTOR": "flux-bot",
		"GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "flux-image-updates",
		"GITHUB_EVENT_NAME": s.event, "GITHUB_EVENT_PATH": "/github/workflow/event.json",
		"GITHUB_ENV": "/github/file_commands/set_env", "GITHUB_OUTPUT": "/github/file_commands/set_output",
		"GITHUB_PATH": "/github/file_commands/add_path", "GITHUB_STATE": "/github/file_commands/save_state",
		"GITHUB_STEP_SUMMARY": "/github/file_commands/step_summary",
		"GITHUB_JOB":          "flux", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_PROTECTED": "true", "GITHUB_REF_TYPE": "branch",
		"GITHUB_REPOSITORY": repository, "GITHUB_REPOSITORY_ID": fmt.Sprint(repositoryID), "GITHUB_REPOSITORY_OWNER": "goldfish-inc", "GITHUB_REPOSITORY_OWNER_ID": "1",
		"GITHUB_RETENTION_DAYS": "90", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_RUN_ID": "1", "GITHUB_RUN_NUMBER": "1",
		"GITHUB_SERVER_URL": "https://github.com", "GITHUB_SHA": strings.Repeat("1", 40),
		"GITHUB_WORKFLOW": "fluxkeeper", "GITHUB_WORKFLOW_REF": repository + "/.github/workflows/fluxkeeper.yml@refs/heads/main",
		"GITHUB_WORKFLOW_SHA": strings.Repeat("1", 40), "GITHUB_WORKSPACE": "/github/workspace",
		"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_NAME": "emulated", "RUNNER_ENVIRONMENT": "github-hosted", "RUNNER_DEBUG": "",
		"RUNNER_TEMP": "/github/runner_temp", "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache", "RUNNER_WORKSPACE": workspace,
		"ACTIONS_RUNTIME_URL": "http://127.0.0.1:1/", "ACTIONS_RUNTIME_TOKEN": "runtime-token", "ACTIONS_RESULTS_URL": "http://127.0.0.1:1/",
	}
	for name, value := range s.inputs {
		env["INPUT_"+strings.ToUpper(name)] = value
	}
	for name, value := range s.env {
		env[name] = value
	}
	var pairs []string
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return pairs
}

// readOutputs reads the file of outputs as the runner does.
func (o *outcome) readOutputs(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	lines := strings.Split(string(data), "\n")
	for i := 0; i < len(lines); i++ {
		name, end, heredoc := strings.Cut(lines[i], "<<")
		if !heredoc {
			if name, value, ok := strings.Cut(lines[i], "="); ok {
				o.outputs[name] = value
			}
			continue
		}
		var value []string
		for i++; i < len(lines) && lines[i] != end; i++ {
			value = append(value, lines[i])
		}
		o.outputs[name] = strings.Join(value, "\n")
	}
}
