package token_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

func TestObserved(t *testing.T) {
	type levels = map[string]token.Level
	asked := token.Need{
		Permissions: levels{token.Metadata: token.Read, token.Contents: token.Write, token.PullRequests: token.Write},
		Optional:    levels{token.Statuses: token.Write, token.Workflows: token.Write},
	}
	for name, test := range map[string]struct {
		uses              []token.Used
		required, allowed levels
	}{
		"nothing was done": {
			nil,
			levels{token.Metadata: token.Read, token.Contents: token.Write},
			levels{token.PullRequests: token.Write, token.Statuses: token.Write, token.Workflows: token.Write},
		},
		"it only pushes": {
			[]token.Used{{Event: "push"}, {Event: "create"}},
			levels{token.Metadata: token.Read, token.Contents: token.Write},
			levels{token.PullRequests: token.Write, token.Statuses: token.Write, token.Workflows: token.Write},
		},
		"it opens pull requests and sets statuses": {
			[]token.Used{{Event: "push"}, {Event: "pull_request", Action: "opened"}, {Event: "status"}},
			levels{token.Metadata: token.Read, token.Contents: token.Write, token.PullRequests: token.Write, token.Statuses: token.Write},
			levels{token.Workflows: token.Write},
		},
		"it changes workflows": {
			[]token.Used{{Event: "push", Workflow: true}, {Event: "pull_request"}},
			levels{token.Metadata: token.Read, token.Contents: token.Write, token.PullRequests: token.Write, token.Workflows: token.Write},
			levels{token.Statuses: token.Write},
		},
		"what it should not do needs no right": {
			[]token.Used{{Event: "pull_request"}, {Event: "repository_ruleset"}, {Event: "workflow_dispatch"}, {Event: "star"}},
			levels{token.Metadata: token.Read, token.Contents: token.Write, token.PullRequests: token.Write},
			levels{token.Statuses: token.Write, token.Workflows: token.Write},
		},
	} {
		got := asked.Observed(test.uses)
		if diff := cmp.Diff(test.required, got.Permissions) + cmp.Diff(test.allowed, got.Optional); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if len(asked.Permissions) != 3 || len(asked.Optional) != 2 {
		t.Error("the need itself was changed")
	}
}
