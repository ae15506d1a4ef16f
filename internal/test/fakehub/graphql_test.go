package fakehub_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// ask sends a query with a token and gives the answer, decoded.
func (w *world) ask(token, query string, variables map[string]any) map[string]any {
	w.t.Helper()
	data, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		w.t.Fatal(err)
	}
	request, err := http.NewRequest("POST", w.GraphQLURL, bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	if data, err = io.ReadAll(response.Body); err != nil {
		w.t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(data, &answer); err != nil {
		w.t.Fatalf("%v in %s", err, data)
	}
	return answer
}

// at walks into decoded JSON by names and indexes.
func at(value any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[s]
		case int:
			list, _ := value.([]any)
			if s >= len(list) {
				return nil
			}
			value = list[s]
		}
	}
	return value
}

func TestGraphQLPullRequest(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.AddAccount(fakehub.Account{Login: "fluxbot", ID: 77})
	w.AddAccount(fakehub.Account{Login: "somebody", ID: 88})
	head := w.git("rev-parse", "HEAD")
	w.Sign(full, head, fakehub.Signature{Reason: "valid", Signer: "somebody"})
	n := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates", Author: "fluxbot"})
	got := w.ask(fakehub.Token, `query($owner: String!, $name: String!, $n: Int!) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequest(number: $n) {
      headRefOid headRepository { databaseId } author { __typename login ... on User { databaseId } }
      commits(first: 100) { totalCount pageInfo { hasNextPage } nodes { commit { ...facts } } }
    }
  }
}
fragment facts on Commit {
  oid committedDate parents(first: 2) { nodes { oid } }
  author { name email user { databaseId } }
  signature { __typename isValid state wasSignedByGitHub signer { databaseId } }
}`, map[string]any{"owner": owner, "name": name, "n": n})
	want := map[string]any{"data": map[string]any{"repository": map[string]any{
		"databaseId": 1234.0,
		"pullRequest": map[string]any{
			"headRefOid": head, "headRepository": map[string]any{"databaseId": 1234.0},
			"author": map[string]any{"__typename": "User", "login": "fluxbot", "databaseId": 77.0},
			"commits": map[string]any{"totalCount": 1.0, "pageInfo": map[string]any{"hasNextPage": false},
				"nodes": []any{map[string]any{"commit": map[string]any{
					"oid": head, "committedDate": "2023-11-14T22:13:20Z",
					"parents": map[string]any{"nodes": []any{map[string]any{"oid": w.git("rev-parse", "main")}}},
					"author":  map[string]any{"name": "Flux", "email": "fluxbot@users.noreply.github.com", "user": map[string]any{"databaseId": 77.0}},
					"signature": map[string]any{"__typename": "GpgSignature", "isValid": true, "state": "VALID", "wasSignedByGitHub": false,
						"signer": map[string]any{"databaseId": 88.0}},
				}}}},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestGraphQLBlobs(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.write("large.yaml", strings.Repeat("é", 256_001))
	w.write("binary", "a\x00b")
	w.write("latin", "caf\xe9")
	sha := w.commit("blobs", "flux-image-updates")
	w.AddFlaw(full, fakehub.Flaw{Object: sha + ":latin", Corrupt: true})
	got := w.ask(fakehub.Token, `query($sha: String!, $id: GitObjectID!) { repository(owner: "goldfish-inc", name: "oceanid") {
  large: object(expression: $sha) { ...blob }
  binary: object(expression: "`+sha+`:binary") { ...blob }
  latin: object(expression: "`+sha+`:latin") { ...blob }
  missing: object(expression: "`+sha+`:nothing") { ...blob }
  byID: object(oid: $id) { ...blob }
  tree: object(expression: "`+sha+`:apps") { ... on Tree { entries { name mode type object { oid } } } }
} }
fragment blob on Blob { oid byteSize isBinary isTruncated text }`,
		map[string]any{"sha": sha + ":large.yaml", "id": w.git("rev-parse", "HEAD:README.md")})
	repo := at(got, "data", "repository")
	text, _ := at(repo, "large", "text").(string)
	if len(text) != 512_000 || at(repo, "large", "isTruncated") != true || at(repo, "large", "byteSize") != 512_002.0 {
		t.Errorf("large blob: %d bytes, %v, %v", len(text), at(repo, "large", "isTruncated"), at(repo, "large", "byteSize"))
	}
	for _, test := range []struct {
		got, want any
	}{
		{at(repo, "binary", "text"), nil},
		{at(repo, "binary", "isBinary"), true},
		{at(repo, "latin", "text"), "# not what the id says\ncaf\uFFFD"},
		{at(repo, "missing"), nil},
		{at(repo, "byID", "text"), "hello\n"},
		{at(repo, "tree", "entries", 0, "mode"), 33188.0},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("blobs (-want +got):\n%s", diff)
		}
	}
}

// TestGraphQLHistory: "the linear commit history starting from (and including) this commit, in
// the same order as git log" (https://docs.github.com/en/graphql/reference/objects#commit).
func TestGraphQLHistory(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.write("apps/new.yaml", "a: 1\n")
	w.commit("one", "main")
	w.write("apps/new.yaml", "a: 2\n")
	tip := w.commit("two", "main")
	var seen []any
	for after, more := any(nil), true; more; {
		got := w.ask(fakehub.Token, `query past($tip: GitObjectID!, $after: String) { repository(owner: "goldfish-inc", name: "oceanid") {
  object(oid: $tip) { ... on Commit { history(first: 2, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { oid file(path: "apps/new.yaml") { oid mode size } none: file(path: "apps/none/x.yaml") { oid } }
} } } } }`, map[string]any{"tip": tip, "after": after})
		page := at(got, "data", "repository", "object", "history")
		nodes, _ := at(page, "nodes").([]any)
		for _, n := range nodes {
			seen = append(seen, at(n, "oid"), at(n, "file", "oid"), at(n, "file", "mode"), at(n, "file", "size"), at(n, "none"))
		}
		after, more = at(page, "pageInfo", "endCursor"), at(page, "pageInfo", "hasNextPage") == true
	}
	var want []any
	for i, id := range strings.Fields(w.git("rev-list", tip)) {
		if i < 2 {
			want = append(want, id, w.git("rev-parse", id+":apps/new.yaml"), 33188.0, 5.0, nil)
		} else {
			want = append(want, id, nil, nil, nil, nil)
		}
	}
	if diff := cmp.Diff(want, seen); diff != "" || len(want) < 15 {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestGraphQLAutoMerge(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	n := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
	head := w.git("rev-parse", "HEAD")
	id, _ := at(w.ask(fakehub.Token, `{repository(owner:"goldfish-inc",name:"oceanid"){pullRequest(number:1){id}}}`, nil), "data",
		"repository", "pullRequest", "id").(string)
	enable := func(expected string) map[string]any {
		return w.ask(fakehub.Token, `mutation($input: EnablePullRequestAutoMergeInput!) {
  enablePullRequestAutoMerge(input: $input) { pullRequest { autoMergeRequest { mergeMethod enabledBy { login } } } } }`,
			map[string]any{"input": map[string]any{"pullRequestId": id, "mergeMethod": "SQUASH", "expectedHeadOid": expected}})
	}
	if got := enable(w.git("rev-parse", "main")); at(got, "errors", 0, "type") != "UNPROCESSABLE" ||
		at(got, "data", "enablePullRequestAutoMerge") != nil {
		t.Errorf("a wrong head: %v", got)
	}
	if got := enable(head); at(got, "data", "enablePullRequestAutoMerge", "pullRequest", "autoMergeRequest", "mergeMethod") != "SQUASH" {
		t.Errorf("auto-merge: %v", got)
	}
	if got, _ := w.Pull(full, n); got.AutoMerge != "SQUASH" {
		t.Errorf("pull request: %+v", got)
	}
	w.ask(fakehub.Token, `mutation($id: ID!) { disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }`,
		map[string]any{"id": id})
	if got, _ := w.Pull(full, n); got.AutoMerge != "" {
		t.Errorf("pull request: %+v", got)
	}
	if n := w.Count("graphql/enablePullRequestAutoMerge"); n != 2 {
		t.Errorf("counted %d mutations", n)
	}
}

func TestWrongQueriesFailTheTest(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{Problem: c.add})
	w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
	const start = `{repository(owner:"goldfish-inc",name:"oceanid"){`
	for query, want := range map[string]string{
		start + `nosuch}}`:                                `Cannot query field "nosuch"`,
		start + `pullRequest(number:"x"){id}}}`:           `Int cannot represent`,
		start + `pullRequest(number:1){id}`:               `Expected Name`,
		`query($n: Int!){rateLimit{cost}}`:                `"$n" is never used`,
		start + `pullRequest(number:1){reviewDecision}}}`: `PullRequest.reviewDecision is not simulated`,
	} {
		w.ask(fakehub.Token, query, nil)
		if got := c.take(); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	w.ask(fakehub.Token, `query($a: Int){rateLimit(dryRun:true){cost} repository(owner:"a",name:"b"){pullRequest(number:$a){id}}}`,
		map[string]any{"b": 1})
	if got := c.take(); got == "" {
		t.Error("an undeclared variable passed")
	}
}

func TestGraphQLRefusals(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
	w.AddToken("ghs_contents", fakehub.Grant{Kind: fakehub.ActionsToken, Permissions: map[string]string{"contents": "read"}})
	const pull = `{repository(owner:"goldfish-inc",name:"oceanid"){pullRequest(number:1){commits%{totalCount}}}}`
	asked := func(token, arguments string) any {
		got := w.ask(token, strings.Replace(pull, "%", arguments, 1), nil)
		if kind := at(got, "errors", 0, "type"); kind != nil {
			return kind
		}
		return at(got, "message")
	}
	for _, test := range []struct {
		got, want any
	}{
		{asked("ghs_contents", "(first: 1)"), "FORBIDDEN"},
		{asked(fakehub.Token, "(first: 101)"), "EXCESSIVE_PAGINATION"},
		{asked(fakehub.Token, ""), "MISSING_PAGINATION_BOUNDARIES"},
		{asked("nonsense", "(first: 1)"), "Bad credentials"},
		{at(w.ask(fakehub.Token, `{repository(owner:"a",name:"b"){id}}`, nil), "errors", 0, "type"), "NOT_FOUND"},
	} {
		if test.got != test.want {
			t.Errorf("got %v, want %v", test.got, test.want)
		}
	}
}
