package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"
	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// twoBases is a scene in which main takes patches and minors, and a branch that a
// writer made takes everything. The writer's branch jump raises a major version.
func twoBases(t *testing.T) (s *storytest.Scene, sha string) {
	t.Helper()
	s = scene(t)
	s.Git("checkout", "-q", "-B", "wild", "origin/"+storytest.Base)
	s.Write(".github/fluxkeeper.yaml", "version: 1\nbranches: {head: [jump]}\nallow: [patch, major]\n"+
		"bots: [{name: ann, email: ann@example.com}]\n"+
		"rules: {policy/out-of-range: {severity: \"off\", reason: x}, version/digest-kept: {severity: \"off\", reason: x}}\n")
	s.Commit(storytest.Ann, "Allow everything")
	s.Push(storytest.Ann, "wild")
	return s, jump(s, "jump")
}

// jump pushes a branch with a major step upon main.
func jump(s *storytest.Scene, branch string) string {
	s.Git("checkout", "-q", "-B", branch, "origin/"+storytest.Base)
	s.Write("clusters/tethys/app.yaml", strings.Replace(s.Git("show", "HEAD:clusters/tethys/app.yaml")+"\n", "tag: 1.2.0", "tag: 8.0.0", 1))
	s.Commit(storytest.Ann, "Jump")
	return s.Push(storytest.Ann, branch)
}

func openTo(s *storytest.Scene, branch, base string) int {
	return s.OpenPull(storytest.Repository, fakehub.Pull{Title: "Jump", Head: branch, Base: base, Author: storytest.Ann.Name})
}

// edit changes a pull request, as a person can at any time.
func edit(t *testing.T, s *storytest.Scene, number int, change string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch,
		fmt.Sprintf("%s/repos/%s/pulls/%d", s.URL, storytest.Repository, number), strings.NewReader(change))
	must(t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + fakehub.Token}, "User-Agent": {"ann"}, "Content-Type": {"application/json"}}
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	if must(t, answer.Body.Close()); answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
}

// TestActionBaseMoves: a check on a commit says that main may have it. It is not
// to be had by way of another base that a pull request pointed at for a while.
func TestActionBaseMoves(t *testing.T) {
	refused := func(k *knownfail.T, s *storytest.Scene, sha string) {
		if checks := s.Checks(sha); strings.HasPrefix(checks, "fluxkeeper: success") {
			k.Errorf("main's check is green: %q", checks)
		}
	}
	t.Run("before-the-run", func(t *testing.T) {
		k := knownfail.Of(t)
		s, sha := twoBases(t)
		number := openTo(s, "jump", storytest.Base)
		event := s.PullEvent("pull_request_target", number)
		edit(t, s, number, `{"base":"wild"}`)
		act(t, s, event, nil)
		edit(t, s, number, `{"base":"main"}`)
		refused(k, s, sha)
	})
	t.Run("to-a-branch-that-has-it", func(t *testing.T) {
		k := knownfail.Of(t)
		s := scene(t)
		s.Git("checkout", "-q", "-B", storytest.Base, "origin/"+storytest.Base)
		s.Write(".github/fluxkeeper.yaml", "version: 1\npeople: refuse\n")
		s.Commit(storytest.Ann, "Let Flux alone move what it sets")
		s.Push(storytest.Ann, storytest.Base)
		jump(s, "has-it")
		s.Commit(storytest.Ann, "Something else")
		s.Push(storytest.Ann, "has-it")
		sha := jump(s, "jump")
		number := openTo(s, "jump", storytest.Base)
		event := s.PullEvent("pull_request_target", number)
		act(t, s, event, nil).expect(t, "fail", 1)
		edit(t, s, number, `{"base":"has-it"}`)
		act(t, s, event, nil)
		edit(t, s, number, `{"base":"main"}`)
		refused(k, s, sha)
	})
	t.Run("of-another-pull-request", func(t *testing.T) {
		k := knownfail.Of(t)
		s, sha := twoBases(t)
		act(t, s, s.PullEvent("pull_request_target", openTo(s, "jump", "wild")), nil).expect(t, "undecided", 3)
		openTo(s, "jump", storytest.Base)
		refused(k, s, sha)
	})
	t.Run("of-an-old-default-branch", func(t *testing.T) {
		k := knownfail.Of(t)
		s, sha := twoBases(t)
		number := openTo(s, "jump", "wild")
		event := s.PullEvent("pull_request_target", number)
		event.Payload["repository"].(map[string]any)["default_branch"] = "wild" // as it was when the run was started first
		act(t, s, event, nil).expect(t, "undecided", 3)
		edit(t, s, number, `{"base":"main"}`)
		refused(k, s, sha)
	})
	t.Run("merged-for-an-old-default-branch", func(t *testing.T) {
		s, _ := twoBases(t)
		s.AddToken("ghs_app", fakehub.Grant{Kind: fakehub.AppToken, Account: "keeper[bot]", Permissions: map[string]string{
			"contents": "write", "pull_requests": "write",
		}})
		number := openTo(s, "jump", "wild")
		event := s.PullEvent("pull_request_target", number)
		event.Payload["repository"].(map[string]any)["default_branch"] = "wild"
		act(t, s, event, doing("merge", "merge-when", "now", "approve", "true", "github-token", "ghs_app")).expect(t, "", 3)
		for _, r := range s.Requests() {
			if r.Writes() {
				t.Errorf("%s, for a branch that nobody guards any more", r.Operation)
			}
		}
	})
	t.Run("before-the-merge", func(t *testing.T) {
		k := knownfail.Of(t)
		s, _ := twoBases(t)
		s.AddToken("ghs_app", fakehub.Grant{Kind: fakehub.AppToken, Account: "keeper[bot]", Permissions: map[string]string{
			"contents": "write", "pull_requests": "write", "checks": "write",
		}})
		number := openTo(s, "jump", storytest.Base)
		event := s.PullEvent("pull_request_target", number)
		edit(t, s, number, `{"base":"wild"}`)
		hub, err := url.Parse(s.URL)
		must(t, err)
		on := httputil.NewSingleHostReverseProxy(hub)
		var once sync.Once
		between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/reviews") || strings.HasSuffix(r.URL.Path, "/merge") { // it has judged
				once.Do(func() { edit(t, s, number, `{"base":"main"}`) })
			}
			on.ServeHTTP(w, r)
		}))
		defer between.Close()
		s.URL = between.URL
		act(t, s, event, doing("merge", "merge-when", "now", "approve", "true", "github-token", "ghs_app"))
		if p, _ := s.Pull(storytest.Repository, number); p.Merged && p.Base == storytest.Base {
			k.Errorf("what was judged against another branch is merged into main")
		}
	})
}

// TestActionManyComments: whoever may comment cannot keep a verdict from being
// published, nor an approval from being taken back.
func TestActionManyComments(t *testing.T) {
	for name, inputs := range map[string]map[string]string{
		"check": {"comment": "true", "github-token": "ghs_app"},
		"merge": doing("merge", "merge-when", "auto", "approve", "true", "github-token", "ghs_app"),
	} {
		t.Run(name, func(t *testing.T) {
			s, k := scene(t), knownfail.Of(t)
			s.AddToken("ghs_app", fakehub.Grant{Kind: fakehub.AppToken, Account: "keeper[bot]", Permissions: map[string]string{
				"contents": "write", "pull_requests": "write", "checks": "write",
			}})
			number := s.Open()
			act(t, s, s.PullEvent("pull_request_target", number), inputs).expect(t, "pass", 0)
			for i := range 1001 {
				s.AddComment(storytest.Repository, number, "stranger", fmt.Sprint("Hello for the ", i, "th time."))
			}
			sha := s.Tamper()
			act(t, s, s.PullEvent("pull_request_target", number), inputs)
			p, _ := s.Pull(storytest.Repository, number)
			if name == "merge" && p.AutoMerge != "" {
				k.Errorf("auto-merge is still armed")
			}
			if checks := s.Checks(sha); name == "check" && !strings.HasPrefix(checks, "fluxkeeper: failure") {
				k.Errorf("the verdict is not published: %q", checks)
			}
		})
	}
}
