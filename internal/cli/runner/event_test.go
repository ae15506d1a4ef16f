package runner_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/runner"
)

var (
	shaA  = strings.Repeat("a", 40)
	shaB  = strings.Repeat("b", 40)
	zeros = strings.Repeat("0", 40)
)

func TestEvent(t *testing.T) {
	pull := `{"action":"opened","number":9,"repository":{"id":77,"default_branch":"main"},
		"pull_request":{"number":7,"title":"::error::x","user":{"login":"mallory"},"state":"open",
		"head":{"sha":"` + shaA + `","ref":"flux-image-updates","repo":{"id":1}},"base":{"sha":"` + shaB + `","ref":"main"}}}`
	wantPull := runner.Event{RepositoryID: 77, DefaultBranch: "main", Number: 7, Head: shaA, Base: shaB, HeadRef: "flux-image-updates",
		BaseRef: "main"}
	named := func(name string) runner.Event { e := wantPull; e.Name = name; return e }
	tests := []struct {
		event, body string
		env         []string
		want        runner.Event
	}{
		{"pull_request", pull, nil, named("pull_request")},
		{"pull_request_target", pull, nil, named("pull_request_target")},
		{
			"merge_group", `{"repository":{"id":77},"merge_group":{"head_sha":"` + shaA + `","base_sha":"` + shaB +
				`","head_ref":"refs/heads/gh-readonly-queue/main/pr-7-x","base_ref":"refs/heads/main"}}`, nil,
			runner.Event{
				Name: "merge_group", RepositoryID: 77, Head: shaA, Base: shaB, Ref: "refs/heads/gh-readonly-queue/main/pr-7-x",
				HeadRef: "gh-readonly-queue/main/pr-7-x", BaseRef: "main",
			},
		},
		{
			"push", `{"ref":"refs/heads/flux-image-updates","before":"` + shaB + `","after":"` + shaA + `"}`, nil,
			runner.Event{Name: "push", Ref: "refs/heads/flux-image-updates", HeadRef: "flux-image-updates", Head: shaA, Base: shaB},
		},
		{
			"push", `{"ref":"refs/heads/x","before":"` + zeros + `","after":"` + shaA + `","created":true}`, nil,
			runner.Event{Name: "push", Ref: "refs/heads/x", HeadRef: "x", Head: shaA},
		},
		{
			"push", `{"ref":"refs/heads/x","before":"` + shaB + `","after":"` + zeros + `"}`, []string{"GITHUB_SHA", shaB},
			runner.Event{Name: "push", Ref: "refs/heads/x", HeadRef: "x", Base: shaB, Deleted: true},
		},
		{
			"create", `{"ref":"flux-image-updates","ref_type":"branch","master_branch":"main"}`,
			[]string{"GITHUB_SHA", shaA, "GITHUB_REF", "refs/heads/flux-image-updates"},
			runner.Event{Name: "create", Ref: "refs/heads/flux-image-updates", HeadRef: "flux-image-updates", Head: shaA},
		},
		{
			"create", `{"ref":"flux-image-updates","ref_type":"tag"}`, []string{"GITHUB_SHA", shaA, "GITHUB_REF", "refs/tags/flux-image-updates"},
			runner.Event{Name: "create", Ref: "refs/tags/flux-image-updates", Head: shaA},
		},
		{
			"workflow_dispatch", `{"inputs":{"number":"9"},"number":9,"ref":"refs/heads/evil"}`,
			[]string{"GITHUB_SHA", shaA, "GITHUB_REF", "refs/heads/main"},
			runner.Event{Name: "workflow_dispatch", Ref: "refs/heads/main", Head: shaA},
		},
		{
			"schedule", `{"schedule":"0 1 * * *"}`, []string{"GITHUB_SHA", shaA, "GITHUB_REF", "refs/heads/main"},
			runner.Event{Name: "schedule", Ref: "refs/heads/main", Head: shaA},
		},
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			got, err := newStep(t, tt.env...).event(t, tt.event, tt.body).runner().Event()
			must(t, err)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEventRefuses(t *testing.T) {
	pull := func(number, sha, ref string) string {
		return `{"pull_request":{"number":` + number + `,"head":{"sha":"` + sha + `","ref":"` + ref + `"},"base":{"sha":"` + shaB +
			`","ref":"main"}}}`
	}
	tests := []struct{ name, event, body, want string }{
		{"no JSON", "push", "<html>", "invalid character"},
		{"no pull request", "pull_request", "{}", "holds no pull request"},
		{"no number", "pull_request", pull("0", shaA, "x"), "holds no pull request"},
		{"a number that is none", "pull_request", pull(`"7"`, shaA, "x"), "cannot unmarshal"},
		{"a commit that is none", "pull_request", pull("7", "main", "x"), "not a commit id"},
		{"a branch that is a command", "pull_request", pull("7", shaA, `a\n::error::x`), "not a ref's name"},
		{"a branch that climbs", "pull_request", pull("7", shaA, "a/../b"), "not a ref's name"},
		{"a name that is none", "push\n::error::", "{}", "no event's name"},
		{"no merge group", "merge_group", "{}", "holds no merge group"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newStep(t).event(t, tt.event, tt.body).runner().Event()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	s := newStep(t)
	if _, err := s.runner().Event(); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Errorf("got %v", err)
	}
}
