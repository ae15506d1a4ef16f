package fakehub_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// visit is one request of the tour.
type visit struct{ method, path, body string }

// tour asks each operation of a hub once, in an order that works.
func tour(sha, blob string) []visit {
	const r = "/repos/goldfish-inc/oceanid"
	return []visit{
		{"GET", "/meta", ""}, {"GET", "/rate_limit", ""}, {"GET", "/user", ""},
		{"GET", r, ""}, {"GET", r + "/activity", ""}, {"GET", r + "/branches/main", ""},
		{"GET", r + "/commits", ""},
		{"GET", r + "/compare/main...flux-image-updates", ""}, {"GET", r + "/git/blobs/" + blob, ""}, {"GET", r + "/git/commits/" + sha, ""},
		{"GET", r + "/git/ref/heads/main", ""}, {"GET", r + "/git/matching-refs/heads/ma", ""}, {"GET", r + "/git/trees/main?recursive=1", ""},
		{"POST", r + "/pulls", `{"title":"x","head":"flux-image-updates","base":"main"}`},
		{"GET", r + "/pulls", ""}, {"GET", r + "/pulls/1", ""}, {"PATCH", r + "/pulls/1", `{"title":"y"}`},
		{"GET", r + "/commits/" + sha + "/pulls", ""},
		{"POST", r + "/pulls/1/reviews", `{"event":"REQUEST_CHANGES","body":"no"}`},
		{"PUT", r + "/pulls/1/reviews/REVIEW/dismissals", `{"message":"m"}`},
		{"POST", r + "/issues/1/comments", `{"body":"b"}`}, {"GET", r + "/issues/comments/COMMENT", ""},
		{"PATCH", r + "/issues/comments/COMMENT", `{"body":"c"}`}, {"DELETE", r + "/issues/comments/COMMENT", ""},
		{"POST", r + "/issues/1/labels", `{"labels":["l"]}`}, {"GET", r + "/issues/1/labels", ""},
		{"PUT", r + "/issues/1/labels", `{"labels":["l"]}`},
		{"DELETE", r + "/issues/1/labels/l", ""},
		{"POST", r + "/check-runs", `{"name":"c","head_sha":"` + sha +
			`","output":{"title":"t","summary":"s","annotations":[{"path":"a","start_line":1,"end_line":1,"annotation_level":"notice",` +
			`"message":"m"}]}}`},
		{"GET", r + "/check-runs/CHECK", ""}, {"PATCH", r + "/check-runs/CHECK", `{"conclusion":"success"}`},
		{"GET", r + "/check-runs/CHECK/annotations", ""},
		{"GET", r + "/commits/" + sha + "/check-runs", ""},
		{"POST", r + "/statuses/" + sha, `{"state":"success"}`}, {"GET", r + "/commits/" + sha + "/statuses", ""},
		{"GET", r + "/hooks", ""}, {"GET", r + "/hooks/HOOK/deliveries", ""},
		{"GET", r + "/hooks/HOOK/deliveries/DELIVERY", ""}, {"POST", r + "/hooks/HOOK/deliveries/DELIVERY/attempts", ""},
		{"GET", "/orgs/goldfish-inc/hooks", ""}, {"GET", "/orgs/goldfish-inc/hooks/HOOK/deliveries", ""},
		{"GET", "/orgs/goldfish-inc/hooks/HOOK/deliveries/DELIVERY", ""}, {"POST", "/orgs/goldfish-inc/hooks/HOOK/deliveries/DELIVERY/attempts",
			""},
		{"GET", "/user/repos", ""}, {"GET", "/installation/repositories", ""}, {"GET", "/orgs/goldfish-inc/members/fluxbot", ""},
		{"GET", r + "/actions/artifacts", ""}, {"GET", r + "/actions/secrets", ""}, {"GET", r + "/actions/permissions", ""},
		{"GET", r + "/actions/permissions/workflow", ""}, {"GET", "/orgs/goldfish-inc/actions/permissions/workflow", ""},
		{"GET", r + "/environments/flux-token", ""}, {"GET", r + "/environments/flux-token/deployment-branch-policies", ""},
		{"GET", r + "/actions/organization-secrets", ""},
		{"GET", r + "/rules/branches/main", ""}, {"GET", r + "/rulesets/42", ""}, {"GET", r + "/branches/main/protection", ""},
		{"POST", r + "/issues", `{"title":"t","body":"b"}`}, {"GET", r + "/issues", ""}, {"GET", r + "/issues/2", ""},
		{"PATCH", r + "/issues/2", `{"state":"closed"}`},
		{"POST", "/credentials/revoke", `{"credentials":["made-up"]}`},
		{"GET", "/app", ""}, {"GET", "/app/hook/config", ""}, {"GET", "/app/hook/deliveries", ""},
		{"GET", "/app/hook/deliveries/DELIVERY", ""}, {"POST", "/app/hook/deliveries/DELIVERY/attempts", ""},
		{"PUT", r + "/pulls/1/merge", `{"merge_method":"merge"}`},
	}
}

// TestAnswersLookLikeGitHubs asks every operation, and looks for each member
// of GitHub's own example answers in ours.
func TestAnswersLookLikeGitHubs(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	sha := w.git("rev-parse", "HEAD")
	w.AddPush(full, fakehub.Push{Ref: "flux-image-updates", After: sha, Actor: "fluxbot"})
	w.AddToken("ghp_bot", fakehub.Grant{Kind: fakehub.Classic, Account: "fluxbot", Scopes: []string{"repo", "admin:org_hook", "admin:org"}})
	w.AddRuleset(fakehub.Ruleset{ID: 42, Name: "base", On: full,
		Rules:  []fakehub.Rule{fakehub.RequirePull(), fakehub.RequireCheck("fluxkeeper", 15368)},
		Bypass: []fakehub.Bypass{{Kind: "Team", ID: 234}}})
	w.Protect(full, "main", fakehub.Protection{
		Checks: map[string]int64{"fluxkeeper": 15368}, PullRequest: true, Bypassers: []string{"ann"}, Restricted: true,
		Pushers: []string{"fluxbot"}, Teams: []string{"justice-league"},
	})
	w.AddEnvironment(full, fakehub.Environment{Name: "flux-token", Branches: []string{"main"}, Tags: []string{"v*"}})
	w.AddSecret(full, "FLUX_TOKEN")
	app := w.newApp()
	for _, on := range []string{full, "goldfish-inc", ""} {
		w.AddHook(fakehub.Hook{On: on, Secret: leaktest.Secret, Events: []string{"push"}})
	}
	w.EmitPush(full, fakehub.Push{Ref: "main", After: sha, Actor: "fluxbot"}, fakehub.Fate{})
	ids := map[string]string{}
	for _, v := range tour(sha, w.git("rev-parse", "HEAD:README.md")) {
		path := v.path
		for name, id := range ids {
			path = strings.ReplaceAll(path, name, id)
		}
		var headers []string
		if strings.HasPrefix(path, "/user") || strings.Contains(path, "/hooks") || strings.Contains(path, "/actions/") ||
			strings.Contains(path, "/environments/") ||
			strings.Contains(path, "/members/") || strings.Contains(path, "/rule") || strings.HasSuffix(path, "/protection") {
			headers = []string{"Authorization", "token ghp_bot"}
		}
		if strings.HasPrefix(path, "/credentials") {
			headers = []string{"Authorization", ""}
		}
		if strings.HasPrefix(path, "/app") {
			headers = []string{"Authorization", "Bearer " + app.jwt(nil)}
		}
		code, body := w.send(v.method, path, v.body, headers...)
		asked := w.Requests()
		operation := asked[len(asked)-1].Operation
		if code >= 400 {
			t.Errorf("%s %s: %d %s", v.method, path, code, body)
			continue
		}
		var got any
		if body != "" {
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
		}
		for what, suffix := range map[string]string{"HOOK": "/hooks", "DELIVERY": "/deliveries"} {
			if list, ok := got.([]any); ok && strings.HasSuffix(path, suffix) {
				ids[what] = fmt.Sprintf("%.0f", at(list[0], "id"))
			}
		}
		for what, suffix := range map[string]string{"COMMENT": "/comments", "REVIEW": "/reviews", "CHECK": "/check-runs"} {
			if v.method == "POST" && strings.HasSuffix(path, suffix) {
				ids[what] = fmt.Sprintf("%.0f", at(got, "id"))
			}
		}
		examples, err := fakehub.Samples(operation, fmt.Sprint(code))
		if err != nil {
			t.Fatal(err)
		}
		for _, example := range examples {
			alike(t, operation, "", example, got)
		}
	}
	for _, name := range fakehub.OperationNames() {
		// One is only ever refused, and the other answers with an address alone.
		untold := []string{"repos/create-or-update-file-contents", "repos/download-tarball-archive"}
		if w.Count(name) == 0 && !slices.Contains(untold, name) {
			t.Errorf("the tour left %s out", name)
		}
	}
}

// alike fails where an answer lacks a member of an example, or has one of
// another kind.
func alike(t *testing.T, operation, at string, want, got any) {
	t.Helper()
	if slices.Contains(notShown(), operation+at) {
		return
	}
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok && got != nil {
			t.Errorf("%s%s is %T, not an object", operation, at, got)
		}
		if !ok {
			return
		}
		for name, below := range w {
			member, ok := g[name]
			if !ok && !slices.Contains(notShown(), operation+at+"/"+name) && !slices.Contains(notShown(), name) {
				t.Errorf("%s%s lacks %s", operation, at, name)
				continue
			}
			alike(t, operation, at+"/"+name, below, member)
		}
	case []any:
		g, ok := got.([]any)
		if !ok {
			t.Errorf("%s%s is %T, not a list", operation, at, got)
			return
		}
		if len(w) > 0 && len(g) > 0 {
			alike(t, operation, at+"/0", w[0], g[0])
		}
	default:
		if want != nil && got != nil && fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			t.Errorf("%s%s is %T in the example, and %T here", operation, at, want, got)
		}
	}
}

// notShown lists what the hub leaves out: by name alone where it is left out
// everywhere.
func notShown() []string {
	return []string{
		"issue", "repos/get-webhook-delivery/request/payload", "orgs/get-webhook-delivery/request/payload",
		"apps/get-webhook-delivery/request/payload", // of another event
		"patch",                                                                       // GitHub leaves it out of large answers too
		"temp_clone_token", "template_repository", "organization", "source", "parent", // of some repositories alone
		"network_count", "subscribers_count", // of a repository's own page
		"repos/list-activities/0/pusher", "repos/list-activities/0/pushed_at", "repos/list-activities/0/push_type", // against its own schema
		"pin", "minimized", // of comments that are
		"repos/get-branch-rules/0/parameters", "repos/get-repo-ruleset/rules/0/parameters", "dismissal_restrictions", // of other rules
		"meta/get", "rate-limit/get/resources", // lists of what has nothing to do with us
		"single_file", "metadata", "issues", "contents", // permissions of the app
		"custom_properties", "selected_actions_url", "pinned_comment", "pull_request", // where there are some
		// a slip of the description
		"$ref",
		// for the owner's eyes
		"plan", "two_factor_authentication", "total_private_repos", "private_gists", "owned_private_repos", "disk_usage", "collaborators",
	}
}
