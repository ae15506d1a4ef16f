package main

import (
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// TestScanOfNothing: a push that takes a branch away leaves nothing to look at, and
// a merge group is a change.
func TestScanOfNothing(t *testing.T) {
	s := scene(t)
	gone := s.PushEvent(storytest.Head)
	gone.Payload["deleted"], gone.Payload["after"] = true, strings.Repeat("0", 40)
	inputs := map[string]string{"command": "scan"}
	act(t, s, gone, inputs).expect(t, "not-applicable", console.StatusPass)
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d requests", n)
	}
	head := s.Rev(storytest.Head)
	act(t, s, s.QueueEvent(s.Open(), head, s.Rev("origin/"+storytest.Base)), inputs).expect(t, "pass", console.StatusPass)
	if checks := s.Checks(head); checks != "fluxkeeper/scan: success: PASS: no token was found" {
		t.Errorf("check runs: %q", checks)
	}
}
