package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// doing is the input of that name, with others.
func doing(name string, more ...string) map[string]string {
	inputs := map[string]string{"command": name}
	for i := 0; i < len(more); i += 2 {
		inputs[more[i]] = more[i+1]
	}
	return inputs
}

// wrote lists the requests that changed something.
func wrote(s *storytest.Scene) string {
	var all []string
	for _, r := range s.Requests() {
		if r.Method != "GET" && r.Operation != "graphql" {
			all = append(all, r.Operation)
		}
	}
	return strings.Join(all, " ")
}

// TestActionFromPushToMerge: Flux pushes, the pull request is opened, refreshed
// by the next push, judged, approved and merged.
func TestActionFromPushToMerge(t *testing.T) {
	s := scene(t)
	s.AddToken("ghs_app", fakehub.Grant{Kind: fakehub.AppToken, Account: "keeper[bot]", Permissions: map[string]string{
		"contents": "write", "pull_requests": "write", "checks": "write",
	}})
	app := []string{"github-token", "ghs_app"}
	push := s.PushEvent(storytest.Head)
	got := act(t, s, push, doing("propose", app...))
	got.expect(t, "pass", console.StatusPass)
	if open := s.OpenPulls(storytest.Repository); len(open) != 1 {
		t.Fatalf("open pull requests: %v", open)
	}
	s.ResetLog()
	act(t, s, push, doing("propose", app...)).expect(t, "pass", console.StatusPass)
	if w := wrote(s); w != "" {
		t.Errorf("a second run wrote: %s", w)
	}
	// What propose writes is what check finds in the body.
	event := s.PullEvent("pull_request_target", 1)
	act(t, s, event, nil).expect(t, "pass", console.StatusPass)
	got = act(t, s, event, doing("merge", "merge-when", "now", "approve", "true", "delete-branch", "true"))
	got.expect(t, "pass", console.StatusPass)
	if open := s.OpenPulls(storytest.Repository); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
	s.Git("fetch", "-q", "--prune", "origin")
	if s.Git("branch", "-r", "--list", "origin/"+storytest.Head) != "" {
		t.Error("the branch is still there")
	}
	if s.Git("show", "origin/main:clusters/tethys/app.yaml") != s.Git("show", storytest.Head+":clusters/tethys/app.yaml") {
		t.Error("the update is not on main")
	}
}

// TestActionProposeLists: the body lists the net change against the base, and is
// refreshed by the next push.
func TestActionProposeLists(t *testing.T) {
	s := scene(t)
	act(t, s, s.PushEvent(storytest.Head), doing("propose", "title", "Updates: {{len .Updates}}")).expect(t, "pass", console.StatusPass)
	s.Tamper()
	got := act(t, s, s.PushEvent(storytest.Head), doing("propose", "title", "Again: {{len .Updates}}"))
	got.expect(t, "fail", console.StatusPass)
	if !strings.Contains(got.log, "refresh") && !strings.Contains(got.log, "title Again: 2") {
		t.Errorf("the title was not refreshed")
	}
}

// TestActionProposeForbidden: what the repository's settings refuse has its own
// clear words.
func TestActionProposeForbidden(t *testing.T) {
	s := storytest.New(t, "../..", fakehub.Options{}, storytest.ActionsMayNotOpen)
	got := act(t, s, s.PushEvent(storytest.Head), doing("propose"))
	if got.status != console.StatusUndecided || !strings.Contains(got.log, "Allow GitHub Actions to create and approve pull requests") {
		t.Errorf("exit status %d", got.status)
	}
}

// TestActionProposeNothing: an event that leaves nothing to propose is no fault.
func TestActionProposeNothing(t *testing.T) {
	s := scene(t)
	gone := s.PushEvent(storytest.Head)
	gone.Payload["after"], gone.Payload["deleted"] = strings.Repeat("0", 40), true
	for name, event := range map[string]storytest.Event{"deleted": gone, "another branch": s.PushEvent(storytest.Base)} {
		if got := act(t, s, event, doing("propose")); got.status != console.StatusPass {
			t.Errorf("%s: exit status %d", name, got.status)
		}
	}
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
}

// TestActionMergeRefuses: nothing but a pass is merged.
func TestActionMergeRefuses(t *testing.T) {
	s := scene(t)
	s.Tamper()
	number := s.Open()
	got := act(t, s, s.PullEvent("pull_request_target", number), doing("merge", "merge-when", "now", "approve", "true"))
	got.expect(t, "fail", console.StatusPass)
	if w := wrote(s); w != "" {
		t.Errorf("wrote: %s", w)
	}
}

// TestActionMergeTakesBack: auto-merge stays armed across pushes, so it is
// disarmed, and the approval dismissed, when the new head does not pass.
func TestActionMergeTakesBack(t *testing.T) {
	s := scene(t)
	number := s.Open()
	inputs := doing("merge", "merge-when", "auto", "approve", "true")
	act(t, s, s.PullEvent("pull_request_target", number), inputs).expect(t, "pass", console.StatusPass)
	s.Tamper()
	got := act(t, s, s.PullEvent("pull_request_target", number), inputs)
	got.expect(t, "fail", console.StatusPass)
	for _, want := range []string{fmt.Sprintf("take back our approval of #%d", number), fmt.Sprintf("disarm auto-merge of #%d", number)} {
		if !strings.Contains(got.log, want) {
			t.Errorf("it does not %s", want)
		}
	}
}

// TestActionSweep: what is on the base already is closed, and its branch deleted
// at the judged commit only.
func TestActionSweep(t *testing.T) {
	s := scene(t)
	number := s.OpenPull(storytest.Repository, fakehub.Pull{Title: "Updates", Head: storytest.Head, Author: "flux[bot]", Created: time.Now()})
	got := act(t, s, s.BareEvent("schedule"), doing("sweep", "stale-after-days", "0"))
	if got.status != console.StatusPass || !strings.Contains(got.log, "of 1 pull requests, none is stale") {
		t.Errorf("exit status %d", got.status)
	}
	s.Git("checkout", "-q", "-B", "merged", "origin/"+storytest.Base)
	s.Git("-c", "user.name=ann", "-c", "user.email=ann@example.com", "merge", "-q", "--squash", storytest.Head)
	s.Commit(storytest.Ann, "Image updates")
	s.Push(storytest.Ann, storytest.Base)
	got = act(t, s, s.BareEvent("schedule"), doing("sweep", "stale-after-days", "0", "delete-branch", "true", "dry-run", "true"))
	if got.status != console.StatusPass || !strings.Contains(got.log, fmt.Sprintf("dry run, would: close #%d", number)) || wrote(s) != "" {
		t.Errorf("dry run: exit status %d, wrote %s", got.status, wrote(s))
	}
	got = act(t, s, s.BareEvent("schedule"), doing("sweep", "stale-after-days", "0", "delete-branch", "true"))
	if open := s.OpenPulls(storytest.Repository); got.status != console.StatusPass || len(open) > 0 {
		t.Errorf("exit status %d, still open %v", got.status, open)
	}
	s.Git("fetch", "-q", "--prune", "origin")
	if s.Git("branch", "-r", "--list", "origin/"+storytest.Head) != "" {
		t.Error("the branch is still there")
	}
}
