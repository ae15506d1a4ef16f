package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// told is what a step told.
type told struct {
	status  int
	log     string
	outputs map[string]string
	summary string
}

// act runs the Action for an event.
func act(t *testing.T, s *storytest.Scene, event storytest.Event, inputs map[string]string) told {
	t.Helper()
	files, err := storytest.NewFiles(t.TempDir(), event)
	must(t, err)
	env := s.Env(event, inputs, func(name string) string { return filepath.Join(files.Dir(), name) })
	given, err := leaktest.Give(files.Dir())
	must(t, err)
	var log bytes.Buffer
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	got := told{status: watched(t, console.World{Context: t.Context(), Environment: lookup, Stdout: &log, Stderr: &log}, []string{"action"})}
	got.log = log.String()
	got.outputs, err = files.Outputs()
	must(t, err)
	got.summary, err = files.Summary()
	must(t, err)
	leaktest.Files(t, files.Dir(), given)
	t.Logf("exit status %d\n%s", got.status, leaktest.Redact(got.log))
	return got
}

// expect holds what was told against a verdict and its exit status.
func (got told) expect(t *testing.T, verdict string, status int) {
	t.Helper()
	if got.status != status {
		t.Errorf("exit status %d, want %d", got.status, status)
	}
	if got.outputs["verdict"] != verdict {
		t.Errorf("verdict %q, want %q", got.outputs["verdict"], verdict)
	}
	if strings.Contains(got.log, fakehub.Token) && !strings.HasPrefix(got.log, "::add-mask::"+fakehub.Token+"\n") {
		t.Error("the runner is told too late what to mask")
	}
}

func scene(t *testing.T) *storytest.Scene {
	t.Helper()
	return storytest.New(t, "../..", fakehub.Options{})
}

func TestActionPasses(t *testing.T) {
	s := scene(t)
	got := act(t, s, s.PullEvent("pull_request_target", s.Open()), nil)
	got.expect(t, "pass", console.StatusPass)
	for name, want := range map[string]string{
		"step": "minor", "reproduction": "reproduced", "head-sha": s.Rev(storytest.Head),
	} {
		if got.outputs[name] != want {
			t.Errorf("output %s: got %q, want %q", name, got.outputs[name], want)
		}
	}
	if !strings.HasPrefix(got.outputs["updates"], `[{"file":"clusters/tethys/app.yaml"`) {
		t.Errorf("output updates: %s", got.outputs["updates"])
	}
	if !strings.Contains(got.summary, "Fluxkeeper: pass") ||
		!strings.Contains(got.summary, "For the branch `main`, require the check `fluxkeeper`.") {
		t.Errorf("summary: %s", got.summary)
	}
	if checks := s.Checks(s.Rev(storytest.Head)); !strings.HasPrefix(checks, "fluxkeeper: success: PASS") {
		t.Errorf("check runs: %q", checks)
	}
}

func TestActionFails(t *testing.T) {
	s := scene(t)
	head := s.Tamper()
	got := act(t, s, s.PullEvent("pull_request", s.Open()), nil)
	got.expect(t, "fail", console.StatusFail)
	if !strings.Contains(got.log, "::error file=clusters/tethys/cert-manager.yaml,line=") {
		t.Error("no annotation says where")
	}
	if checks := s.Checks(head); !strings.HasPrefix(checks, "fluxkeeper: failure: FAIL") {
		t.Errorf("check runs: %q", checks)
	}
}

// TestActionTwiceSaysOnce: a second run changes nothing on GitHub.
func TestActionTwiceSaysOnce(t *testing.T) {
	s := scene(t)
	event := s.PullEvent("pull_request_target", s.Open())
	inputs := map[string]string{"comment": "true", "labels": "true"}
	act(t, s, event, inputs).expect(t, "pass", console.StatusPass)
	s.ResetLog()
	act(t, s, event, inputs).expect(t, "pass", console.StatusPass)
	for _, request := range s.Requests() {
		if request.Method != "GET" && request.Operation != "graphql" {
			t.Errorf("the second run sent %s %s", request.Method, request.Path)
		}
	}
}

// TestActionSeesTheHeadMove: a push between judgement and publication leaves
// nothing on either commit.
func TestActionSeesTheHeadMove(t *testing.T) {
	s := scene(t)
	number := s.Open()
	event := s.PullEvent("pull_request_target", number)
	judged := s.Rev(storytest.Head)
	s.Commit(storytest.Ann, "Something else")
	other := s.Rev("HEAD")
	s.Git("push", "-q", "origin", "HEAD:refs/heads/elsewhere")
	s.AddFault(fakehub.Fault{On: "checks/list-for-ref", Move: &fakehub.Move{
		Repo: storytest.Repository, Ref: "refs/heads/" + storytest.Head, To: other,
	}})
	got := act(t, s, event, nil)
	got.expect(t, "undecided", console.StatusUndecided)
	if checks := s.Checks(judged) + s.Checks(other); checks != "" {
		t.Errorf("check runs: %q", checks)
	}
}

// TestActionOtherPullRequest: what is not Flux's is a success, so that the check
// can be required for every pull request.
func TestActionOtherPullRequest(t *testing.T) {
	s := scene(t)
	s.Git("checkout", "-q", "-B", "docs", "origin/"+storytest.Base)
	s.Write("README.md", "Hello.\n")
	s.Commit(storytest.Ann, "Say hello")
	sha := s.Push(storytest.Ann, "docs")
	number := s.OpenPull(storytest.Repository, fakehub.Pull{Title: "Say hello", Head: "docs", Author: storytest.Ann.Name})
	event := s.PullEvent("pull_request_target", number)
	got := act(t, s, event, nil)
	got.expect(t, "not-applicable", console.StatusPass)
	if checks := s.Checks(sha); !strings.HasPrefix(checks, "fluxkeeper: success: NOT APPLICABLE") {
		t.Errorf("check runs: %q", checks)
	}
}

// TestActionUnreadablePolicy: nobody who opened the pull request can mend it.
func TestActionUnreadablePolicy(t *testing.T) {
	s := scene(t)
	s.Git("checkout", "-q", storytest.Base)
	s.Write(".github/fluxkeeper.yaml", "version: 1\nversions: {allow: [major]}\nbranchs: {}\n")
	s.Commit(storytest.Ann, "Allow everything")
	s.Push(storytest.Ann, storytest.Base)
	s.Git("checkout", "-q", storytest.Head)
	got := act(t, s, s.PullEvent("pull_request_target", s.Open()), nil)
	got.expect(t, "undecided", console.StatusUndecided)
	for _, key := range []string{`"versions"`, `"branchs"`} {
		if !strings.Contains(got.log, key) || !strings.Contains(got.summary, key) {
			t.Errorf("log or summary do not say that %s is no key: %s", key, got.summary)
		}
	}
	if checks := s.Checks(s.Rev(storytest.Head)); !strings.HasPrefix(checks, "fluxkeeper: failure: UNDECIDED") {
		t.Errorf("check runs: %q", checks)
	}
}

// TestActionMissingPolicy: a policy that was named and is not there is not the
// default one.
func TestActionMissingPolicy(t *testing.T) {
	s := scene(t)
	got := act(t, s, s.PullEvent("pull_request_target", s.Open()), map[string]string{"policy": "ops/fluxkeeper.yaml"})
	got.expect(t, "undecided", console.StatusUndecided)
}

// TestActionReadOnlyToken: it says what it could not publish, and decides.
func TestActionReadOnlyToken(t *testing.T) {
	s := scene(t)
	s.AddToken("ghs_readonly", fakehub.Grant{Kind: fakehub.ActionsToken, Permissions: map[string]string{
		"contents": "read", "pull_requests": "read",
	}})
	got := act(t, s, s.PullEvent("pull_request", s.Open()), map[string]string{"github-token": "ghs_readonly"})
	got.expect(t, "pass", console.StatusPass)
	if !strings.Contains(got.log, "note: could not write") {
		t.Error("it does not say that it could not publish")
	}
}

func TestActionWrongToken(t *testing.T) {
	s := scene(t)
	got := act(t, s, s.PullEvent("pull_request", s.Open()), map[string]string{"github-token": "ghs_wrong"})
	got.expect(t, "undecided", console.StatusUndecided)
}

// TestActionMergeQueue: GitHub's own commit in the queue is judged by what it
// holds, and by the pull request that it was made for.
func TestActionMergeQueue(t *testing.T) {
	s := scene(t)
	number := s.Open()
	base := s.Rev("origin/" + storytest.Base)
	s.Git("checkout", "-q", "-B", "queue", "origin/"+storytest.Base)
	s.Git("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com", "merge", "-q", "--no-ff", "-m", "Merge", storytest.Head)
	good := s.Push(storytest.Person{Name: "web-flow"}, "gh-readonly-queue/good")
	act(t, s, s.QueueEvent(number, good, base), nil).expect(t, "pass", console.StatusPass)
	if checks := s.Checks(good); !strings.HasPrefix(checks, "fluxkeeper: success: PASS") {
		t.Errorf("check runs: %q", checks)
	}
	s.Write("clusters/tethys/evil.yaml", "kind: ClusterRoleBinding\n")
	s.Commit(storytest.Bot, "Merge")
	bad := s.Push(storytest.Person{Name: "web-flow"}, "gh-readonly-queue/bad")
	act(t, s, s.QueueEvent(number, bad, base), nil).expect(t, "fail", console.StatusFail)
	if checks := s.Checks(bad); !strings.HasPrefix(checks, "fluxkeeper: failure: FAIL") {
		t.Errorf("check runs: %q", checks)
	}
}

// TestActionWithoutPullRequest: events that name none are about the one from
// Flux's branch; a branch alone is judged, and nothing is published.
func TestActionWithoutPullRequest(t *testing.T) {
	s := scene(t)
	head := s.Rev(storytest.Head)
	act(t, s, s.BareEvent("schedule"), nil).expect(t, "not-applicable", console.StatusPass)
	act(t, s, s.PushEvent(storytest.Head), nil).expect(t, "pass", console.StatusPass)
	if checks := s.Checks(head); checks != "" {
		t.Errorf("check runs without a pull request: %q", checks)
	}
	s.Open()
	for _, event := range []storytest.Event{s.BareEvent("schedule"), s.BareEvent("workflow_dispatch"), s.PushEvent(storytest.Base),
		s.PushEvent(storytest.Head)} {
		got := act(t, s, event, nil)
		got.expect(t, "pass", console.StatusPass)
		if got.outputs["head-sha"] != head {
			t.Errorf("%s: head-sha %q", event.Name, got.outputs["head-sha"])
		}
	}
	if checks := s.Checks(head); !strings.HasPrefix(checks, "fluxkeeper: success: PASS") || strings.Contains(checks, "\n") {
		t.Errorf("check runs: %q", checks)
	}
}

// TestActionRefuses: what is wrong with the workflow is said, and nothing is
// looked at.
func TestActionRefuses(t *testing.T) {
	s := scene(t)
	event := s.PullEvent("pull_request", 1)
	for name, tt := range map[string]struct {
		event  storytest.Event
		inputs map[string]string
		want   string
	}{
		"command": {event, map[string]string{"command": "marge"}, `command: "marge" is not one of: check, propose, sweep, merge`},
		"token":   {event, map[string]string{"github-token": ""}, "github-token: empty"},
		"event":   {s.BareEvent("issue_comment"), nil, `"issue_comment" is not an event`},
		"merge":   {s.QueueEvent(1, event.SHA, event.SHA), map[string]string{"command": "merge"}, "merge has nothing to do on merge_group"},
		"propose": {event, map[string]string{"command": "propose"}, "propose has nothing to do on pull_request"},
	} {
		t.Run(name, func(t *testing.T) {
			got := act(t, s, tt.event, tt.inputs)
			if got.status != console.StatusUsage || !strings.Contains(got.log, tt.want) {
				t.Errorf("exit status %d, want %d and %q", got.status, console.StatusUsage, tt.want)
			}
		})
	}
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestActionKeepsSARIFInside: the file is written into the workspace, and never
// outside of it.
func TestActionKeepsSARIFInside(t *testing.T) {
	s := scene(t)
	event := s.PullEvent("pull_request_target", s.Open())
	act(t, s, event, map[string]string{"sarif-file": "out.sarif"}).expect(t, "pass", console.StatusPass)
	act(t, s, event, map[string]string{"sarif-file": "../out.sarif"}).expect(t, "pass", console.StatusUndecided)
}

// TestOutputsTooLong: what does not fit into the outputs is left out with a
// note; that is no doubt about the verdict.
func TestOutputsTooLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	env := func(name string) (string, bool) { return file, name == "GITHUB_OUTPUT" }
	s := &step{Console: &console.Console{World: console.World{Environment: env, Stdout: &stdout}}, runner: runner.New(env, &stdout)}
	r := report.Change{Result: gate.Result{Answer: finding.Answered(nil), Updates: make([]gate.Update, 5000)}}
	if err := s.outputs(r.Result, r.Report()); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), "verdict<<") || strings.Contains(string(data), "report<<") {
		t.Errorf("%v: %d bytes", err, len(data))
	}
	if !strings.Contains(stdout.String(), "note: set output report: ") {
		t.Errorf("stdout %q", stdout.String())
	}
}
