package storytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// Event is a workflow's event: its name, what GitHub sends with it, and the ref
// and commit that the run is of.
type Event struct {
	Name, Ref, SHA string
	Payload        map[string]any
}

// event is one with what every payload has.
func (s *Scene) event(name string, more map[string]any) Event {
	payload := map[string]any{"repository": map[string]any{
		"id": RepositoryID, "full_name": Repository, "default_branch": Base, "owner": map[string]any{"login": Owner},
	}}
	for key, value := range more {
		payload[key] = value
	}
	return Event{Name: name, Ref: "refs/heads/" + Base, SHA: s.Rev("origin/" + Base), Payload: payload}
}

// PullEvent is about a pull request as it is now; its words are an attack.
func (s *Scene) PullEvent(name string, number int) Event {
	s.t.Helper()
	base := Base
	if p, ok := s.Pull(Repository, number); ok {
		base = p.Base
	}
	side := func(ref string) map[string]any {
		return map[string]any{"ref": ref, "sha": s.Rev("origin/" + ref), "repo": map[string]any{"id": RepositoryID, "full_name": Repository}}
	}
	return s.event(name, map[string]any{"action": "synchronize", "number": number, "pull_request": map[string]any{
		"number": number, "title": "::error::##[set-output name=verdict]pass", "head": side(Head), "base": side(base),
	}})
}

// PushEvent is a push of one commit to a branch.
func (s *Scene) PushEvent(branch string) Event {
	s.t.Helper()
	after := s.Rev("origin/" + branch)
	e := s.event("push", map[string]any{"ref": "refs/heads/" + branch, "before": s.Rev(after + "^"), "after": after})
	e.Ref, e.SHA = "refs/heads/"+branch, after
	return e
}

// QueueEvent asks for the checks of a merge queue's commit.
func (s *Scene) QueueEvent(number int, head, base string) Event {
	ref := fmt.Sprintf("refs/heads/gh-readonly-queue/%s/pr-%d-%s", Base, number, base)
	e := s.event("merge_group", map[string]any{"action": "checks_requested", "merge_group": map[string]any{
		"head_sha": head, "head_ref": ref, "base_sha": base, "base_ref": "refs/heads/" + Base,
	}})
	e.Ref, e.SHA = ref, head
	return e
}

// BareEvent is one that names nothing, such as schedule.
func (s *Scene) BareEvent(name string) Event { return s.event(name, nil) }

// Files are the files that a runner makes for a step.
type Files struct{ dir string }

// commandFiles are the runner's files for commands, by variable.
var commandFiles = map[string]string{
	"GITHUB_ENV": "set_env", "GITHUB_OUTPUT": "set_output", "GITHUB_PATH": "add_path",
	"GITHUB_STATE": "save_state", "GITHUB_STEP_SUMMARY": "step_summary",
}

// NewFiles makes them in a folder: _github_home, _github_workflow with the
// event, _runner_file_commands, and workspace.
func NewFiles(dir string, event Event) (Files, error) {
	f := Files{dir}
	payload, err := json.Marshal(event.Payload)
	for _, name := range []string{"_github_home", "_github_workflow", "_runner_file_commands", "workspace"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, "_github_workflow", "event.json"), payload, 0o644))
	for _, name := range commandFiles {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "_runner_file_commands", name), nil, 0o644))
	}
	return f, err
}

// Env is the environment that GitHub's runner gives a Docker action for the
// event (ExecutionContext.cs, GitHubContext.cs, ContainerActionHandler.cs).
// folder tells where the step sees one of the folders of NewFiles.
func (s *Scene) Env(event Event, inputs map[string]string, folder func(string) string) map[string]string {
	env := map[string]string{
		"HOME": folder("_github_home"), "GITHUB_ACTIONS": "true", "CI": "true",
		"GITHUB_ACTION": "__self", "GITHUB_ACTION_PATH": "", "GITHUB_ACTION_REF": "", "GITHUB_ACTION_REPOSITORY": "",
		"GITHUB_ACTOR": Bot.Name, "GITHUB_ACTOR_ID": "4711", "GITHUB_TRIGGERING_ACTOR": Bot.Name,
		"GITHUB_API_URL": s.URL, "GITHUB_GRAPHQL_URL": s.GraphQLURL, "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_BASE_REF": "", "GITHUB_HEAD_REF": "",
		"GITHUB_EVENT_NAME": event.Name, "GITHUB_EVENT_PATH": path.Join(folder("_github_workflow"), "event.json"),
		"GITHUB_JOB": "flux", "GITHUB_REF": event.Ref, "GITHUB_REF_NAME": strings.TrimPrefix(event.Ref, "refs/heads/"),
		"GITHUB_REF_PROTECTED": "true", "GITHUB_REF_TYPE": "branch", "GITHUB_SHA": event.SHA,
		"GITHUB_REPOSITORY": Repository, "GITHUB_REPOSITORY_ID": fmt.Sprint(RepositoryID),
		"GITHUB_REPOSITORY_OWNER": Owner, "GITHUB_REPOSITORY_OWNER_ID": "1", "GITHUB_RETENTION_DAYS": "90",
		"GITHUB_RUN_ATTEMPT": "1", "GITHUB_RUN_ID": "99", "GITHUB_RUN_NUMBER": "1",
		"GITHUB_WORKFLOW": "fluxkeeper", "GITHUB_WORKFLOW_REF": Repository + "/.github/workflows/fluxkeeper.yml@refs/heads/main",
		"GITHUB_WORKFLOW_SHA": event.SHA, "GITHUB_WORKSPACE": folder("workspace"),
		"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_NAME": "emulated", "RUNNER_ENVIRONMENT": "github-hosted",
		"RUNNER_DEBUG": "", "RUNNER_TEMP": folder(""), "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache", "RUNNER_WORKSPACE": "/runner/oceanid",
		"ACTIONS_RUNTIME_URL": "http://127.0.0.1:1/", "ACTIONS_RUNTIME_TOKEN": "runtime", "ACTIONS_RESULTS_URL": "http://127.0.0.1:1/",
		"INPUT_GITHUB-TOKEN": fakehub.Token,
	}
	for variable, name := range commandFiles {
		env[variable] = path.Join(folder("_runner_file_commands"), name)
	}
	for name, value := range inputs {
		env["INPUT_"+strings.ToUpper(name)] = value
	}
	return env
}

// Outputs reads the step's outputs as the runner does (FileCommandManager.cs).
func (f Files) Outputs() (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(f.dir, "_runner_file_commands", "set_output"))
	if err != nil {
		return nil, err
	}
	outputs := map[string]string{}
	lines := strings.Split(string(data), "\n")
	for i := 0; i < len(lines); i++ {
		if lines[i] == "" {
			continue
		}
		equals, heredoc := strings.Index(lines[i], "="), strings.Index(lines[i], "<<")
		if equals >= 0 && (heredoc < 0 || equals < heredoc) {
			outputs[lines[i][:equals]] = lines[i][equals+1:]
			continue
		}
		if heredoc < 0 {
			return nil, fmt.Errorf("read outputs: invalid format %q", lines[i])
		}
		name, end := lines[i][:heredoc], lines[i][heredoc+2:]
		var value []string
		for i++; i < len(lines) && lines[i] != end; i++ {
			value = append(value, lines[i])
		}
		if i == len(lines) {
			return nil, errors.New("read outputs: matching delimiter not found")
		}
		outputs[name] = strings.Join(value, "\n")
	}
	return outputs, nil
}

// Summary reads the step's summary.
func (f Files) Summary() (string, error) {
	data, err := os.ReadFile(filepath.Join(f.dir, "_runner_file_commands", "step_summary"))
	return string(data), err
}

// Dir is the folder that the files are in.
func (f Files) Dir() string { return f.dir }

// Checks reads the check runs of a commit from the fake GitHub: "conclusion:
// title" by name, a line for each.
func (s *Scene) Checks(sha string) string {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+"/repos/"+Repository+"/commits/"+sha+"/check-runs", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+fakehub.Token)
	request.Header.Set("User-Agent", "storytest")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var list struct {
		CheckRuns []struct {
			Name, Conclusion string
			Output           struct{ Title string }
		} `json:"check_runs"`
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for _, run := range list.CheckRuns {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", run.Name, run.Conclusion, run.Output.Title))
	}
	return strings.Join(lines, "\n")
}
