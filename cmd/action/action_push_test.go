package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// TestActionPushBudget: with more pull requests than the budget is for, the newest
// are judged, and what was green of the others is so no more.
func TestActionPushBudget(t *testing.T) {
	s := scene(t)
	s.Git("checkout", "-q", "-B", "main", "origin/"+storytest.Base)
	s.Write(".github/fluxkeeper.yaml", "version: 1\nbranches: {head: [\"flux/*\"]}\n")
	s.Commit(storytest.Ann, "Many branches")
	s.Push(storytest.Ann, storytest.Base)
	var heads []string
	for i := range 30 {
		branch := fmt.Sprintf("flux/%d", i)
		s.Git("checkout", "-q", "-B", branch, "main")
		s.Git("checkout", "-q", "origin/"+storytest.Head, "--", "clusters/tethys/app.yaml")
		s.Commit(storytest.Bot, fmt.Sprintf("chore: automated image updates, %d", i))
		heads = append(heads, s.Push(storytest.Bot, branch))
		number := s.OpenPull(storytest.Repository, fakehub.Pull{Title: "Updates", Head: branch, Base: storytest.Base, Author: storytest.Bot.Name})
		if i == 0 {
			act(t, s, s.PullEvent("pull_request_target", number), nil).expect(t, "pass", console.StatusPass)
		}
	}
	s.Git("checkout", "-q", "main")
	s.Write("README.md", "Hello.\n")
	s.Commit(storytest.Ann, "Say hello")
	s.Push(storytest.Ann, storytest.Base)
	s.Git("fetch", "-q", "origin")
	s.ResetLog()
	got := act(t, s, s.PushEvent(storytest.Base), nil)
	got.expect(t, "undecided", console.StatusUndecided)
	if n := len(s.Requests()); n > 2*maxRequests {
		t.Errorf("%d requests", n)
	}
	if !strings.Contains(got.log, "requests went to newer pull requests") {
		t.Error("it does not say what was left out")
	}
	count := map[string]int{}
	for _, sha := range heads {
		checks := s.Checks(sha)
		word, _, _ := strings.Cut(strings.TrimPrefix(checks, "fluxkeeper: "), ":")
		count[word]++
	}
	if count["success"] < 10 || count["failure"] < 3 || count["success"]+count["failure"] != len(heads) {
		t.Errorf("checks: %v", count)
	}
	if newest, oldest := s.Checks(heads[len(heads)-1]), s.Checks(heads[0]); !strings.HasPrefix(newest, "fluxkeeper: success") ||
		!strings.HasPrefix(oldest, "fluxkeeper: failure") {
		t.Errorf("the newest: %q, the oldest: %q", newest, oldest)
	}
	t.Logf("%d requests: %v", len(s.Requests()), count)
}
