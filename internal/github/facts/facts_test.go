package facts_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// TestRequests counts what a pull request costs, with the policy file, and how
// many requests have to wait for one another.
func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		files, most int
		baseMoved   bool
	}{{1, 8, false}, {5, 8, false}, {5, 10, true}, {100, 12, false}, {100, 12, true}} {
		t.Run(fmt.Sprintf("%d files, base moved %t", tt.files, tt.baseMoved), func(t *testing.T) {
			w := typical(t, tt.files)
			if tt.baseMoved {
				w.git("checkout", "-q", "main")
				w.commit("other", "README.md", "changed\n")
			}
			w.SetLatency(100 * time.Millisecond) // well above what a busy machine adds
			number := w.open("flux")
			w.ResetLog()
			c := w.client()
			facts, err := c.Pull(t.Context(), number)
			if err != nil {
				t.Fatal(err)
			}
			data, ok, err := c.BaseFile(t.Context(), facts.Base, policy.File)
			if err != nil || !ok || string(data) != "version: 1\n" {
				t.Errorf("policy file %q, %t, %v", data, ok, err)
			}
			if len(facts.Gaps) > 0 || len(facts.Files) != tt.files || len(facts.Unsearched) != 0 || len(facts.Sources) != 1 {
				t.Errorf("facts %+v", facts)
			}
			w.past(c, &facts, nil)
			longest := 4
			if tt.baseMoved {
				longest = 5 // the merge base's tree is known after the comparison alone
			}
			if n, depth := w.Count(), w.Depth(); n > tt.most || depth > longest {
				t.Errorf("%d requests, %d after one another:\n%s", n, depth, w.Log())
			}
		})
	}
}

func TestPull(t *testing.T) {
	w := typical(t, 1)
	w.AddAccount(fakehub.Account{Login: "opener", ID: 99})
	facts := w.pullFacts(w.open("flux", func(p *fakehub.Pull) { p.Author = "opener" }))
	want := &change.Pull{
		Number: 1, Title: "Update images", Body: "by Flux", Opener: change.Account{Login: "opener", ID: 99},
		HeadRepoID: 1234, BaseRepoID: 1234, Pusher: change.Account{Login: bot, ID: botID},
	}
	if diff := cmp.Diff(want, facts.Pull); diff != "" {
		t.Error(diff)
	}
	if facts.BaseRef != "main" || facts.HeadRef != "flux" || facts.Head.Commit != w.git("rev-parse", "flux") || len(facts.Gaps) > 0 {
		t.Errorf("facts %+v", facts)
	}
	if c := facts.Commits[0]; c.Account != botID || c.CommitterAccount != botID {
		t.Errorf("accounts %d, %d", c.Account, c.CommitterAccount)
	}
}

// What GitHub says of the pull request's base is as old as its last update.
func TestBaseIsTheBranchNow(t *testing.T) {
	w := typical(t, 1)
	old := w.git("rev-parse", "main")
	w.git("checkout", "-q", "main")
	now := w.commit("other", "README.md", "changed\n")
	facts := w.pullFacts(w.open("flux", func(p *fakehub.Pull) { p.BaseSHA = old }))
	if facts.Base.Commit != now || facts.MergeBase.Commit != old || len(facts.Gaps) > 0 {
		t.Errorf("base %s, merge base %s, gaps %q", facts.Base.Commit, facts.MergeBase.Commit, facts.Gaps)
	}
}

func TestUnknownAccounts(t *testing.T) {
	w := newRepo(t)
	w.commit("start", "a.yaml", "1")
	w.branch("flux")
	w.git("-c", "user.name=x", "commit", "-q", "--allow-empty", "--author", "Nobody <nobody@example.org>", "-m", "unknown")
	w.serve()
	facts := w.pullFacts(w.open("flux"))
	if c := facts.Commits[0]; c.Account != 0 || c.CommitterAccount != botID || len(facts.Gaps) > 0 {
		t.Errorf("accounts %d, %d, gaps %q", c.Account, c.CommitterAccount, facts.Gaps)
	}
}

func TestForks(t *testing.T) {
	w := typical(t, 1)
	fork := newRepo(t)
	fork.git("fetch", "-q", w.Dir, "flux:flux")
	fork.git("checkout", "-q", "flux")
	fork.commit("more", "evil.yaml", "1")
	if err := w.AddRepo(fakehub.Repo{Dir: fork.Dir + "/.git", Owner: "stranger", Name: "fleet", ID: 666, ForkOf: fleet}); err != nil {
		t.Fatal(err)
	}
	number := w.open("flux", func(p *fakehub.Pull) { p.HeadRepo = "stranger/fleet" })
	facts := w.pullFacts(number)
	if p := facts.Pull; p.HeadRepoID != 666 || p.BaseRepoID != 1234 || p.Pusher.ID != 0 || len(facts.Gaps) > 0 || len(facts.Commits) != 2 {
		t.Errorf("pull %+v, gaps %q", p, facts.Gaps)
	}
	if n := w.Count("repos/list-activities"); n != 0 {
		t.Errorf("asked %d times who pushed to a fork's branch here", n)
	}
	gone := w.open("flux", func(p *fakehub.Pull) { p.HeadGone, p.HeadSHA = true, w.git("rev-parse", "flux") })
	if facts := w.pullFacts(gone); facts.Pull.HeadRepoID != 0 || len(facts.Gaps) > 0 {
		t.Errorf("pull %+v, gaps %q", facts.Pull, facts.Gaps)
	}
}

func TestPusher(t *testing.T) {
	type push = fakehub.Push
	const other, otherID = "somebody", 99
	for _, tt := range []struct {
		name   string
		pushes func(start, one, two string) []push
		want   []int64 // of the head, and below it
	}{
		{"at once", func(_, _, two string) []push { return []push{{After: two, Actor: bot, Type: "branch_creation"}} }, []int64{botID}},
		{"one after the other", func(start, one, two string) []push {
			return []push{{Before: start, After: one, Actor: bot}, {Before: one, After: two, Actor: bot}}
		}, []int64{botID}},
		{"on top of somebody's", func(start, one, two string) []push {
			return []push{{Before: start, After: one, Actor: other}, {Before: one, After: two, Actor: bot}}
		}, []int64{botID, otherID}},
		{"by somebody", func(start, one, two string) []push {
			return []push{{Before: start, After: one, Actor: bot}, {Before: one, After: two, Actor: other}}
		}, []int64{otherID, botID}},
		{"forced back by somebody", func(_, one, two string) []push {
			return []push{{After: two, Actor: bot, Type: "branch_creation"}, {Before: two, After: one, Actor: other},
				{Before: one, After: two, Actor: other, Type: "force_push"}}
		}, []int64{otherID}},
		{"forced over somebody's", func(_, one, two string) []push {
			return []push{{After: one, Actor: other, Type: "branch_creation"}, {Before: one, After: two, Actor: bot, Type: "force_push"}}
		}, []int64{botID}},
		{"the first is forgotten", func(_, one, two string) []push { return []push{{Before: one, After: two, Actor: bot}} }, []int64{botID, 0}},
		{"of a gone account", func(_, _, two string) []push { return []push{{After: two, Type: "branch_creation"}} }, []int64{0}},
		{"of another branch", func(_, _, two string) []push { return []push{{Ref: "flux2", After: two, Actor: bot}} }, []int64{0}},
		{"of something else since", func(_, one, two string) []push {
			return []push{{After: two, Actor: bot}, {Before: two, After: one, Actor: bot, Type: "force_push"}}
		}, []int64{0}},
		{"none", func(_, _, _ string) []push { return nil }, []int64{0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newRepo(t)
			start := w.commit("start", "a.yaml", "1")
			w.branch("flux")
			one := w.commit("one", "a.yaml", "2")
			two := w.commit("two", "a.yaml", "3")
			w.serve()
			w.AddAccount(fakehub.Account{Login: other, ID: otherID})
			for _, p := range tt.pushes(start, one, two) {
				if p.Ref == "" {
					p.Ref = "flux"
				}
				w.AddPush(fleet, p)
			}
			w.pushers(t, tt.want)
		})
	}
}

// A token that may not read the activity proves less; it is no gap.
func TestActivityIsForbidden(t *testing.T) {
	w := typical(t, 1)
	number := w.open("flux")
	w.AddFault(fakehub.Fault{On: "repos/list-activities", Status: 403, Message: "Resource not accessible by integration"})
	if facts := w.pullFacts(number); facts.Pull.Pusher.ID != 0 || len(facts.Gaps) > 0 {
		t.Errorf("pusher %+v, gaps %q", facts.Pull.Pusher, facts.Gaps)
	}
	w.AddFault(fakehub.Fault{On: "repos/list-activities", Status: 502, Times: 7})
	if facts := w.pullFacts(number); facts.Pull.Pusher.ID != 0 || len(facts.Gaps) != 1 || !strings.Contains(facts.Gaps[0], "activity") {
		t.Errorf("pusher %+v, gaps %q", facts.Pull.Pusher, facts.Gaps)
	}
}

// Each flaw makes a gap or an error that names it, or is recovered.
func TestFlaws(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(w *world, p *fakehub.Pull)
		gap    string // none where it is recovered
		kind   github.Kind
	}{
		{"head's tree is cut", func(w *world, _ *fakehub.Pull) { w.AddFlaw(fleet, fakehub.Flaw{Object: "flux", Truncated: true}) }, "",
			github.Inconsistent},
		{"changed file is corrupt", func(w *world, _ *fakehub.Pull) {
			w.AddFlaw(fleet, fakehub.Flaw{Object: "flux:apps/app0/deployment.yaml", Corrupt: true})
		}, "does not fit that id", ""},
		{"changed file is missing", func(w *world, _ *fakehub.Pull) {
			w.AddFlaw(fleet, fakehub.Flaw{Object: "flux:apps/app0/deployment.yaml", Missing: true})
		}, "404", ""},
		{"more commits are counted", func(_ *world, p *fakehub.Pull) { p.Commits = 2 }, "counts 2 commits", ""},
		{"head's tree is missing", func(w *world, _ *fakehub.Pull) {
			w.AddFlaw(fleet, fakehub.Flaw{Object: "flux^{tree}", Missing: true})
		}, "", github.NotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := typical(t, 1)
			p := fakehubPull("flux", "main")
			tt.damage(w, &p)
			facts, err := w.client().Pull(t.Context(), w.OpenPull(fleet, p))
			if e, ok := errors.AsType[*github.Error](err); ok {
				if e.Kind != tt.kind {
					t.Errorf("error %s %v", e.Kind, e)
				}
				return
			}
			if tt.kind != "" || !slices.ContainsFunc(facts.Gaps, func(g string) bool { return strings.Contains(g, tt.gap) }) {
				t.Errorf("gaps %q, want %q or an error of kind %q", facts.Gaps, tt.gap, tt.kind)
			}
		})
	}
}

// A file of the base that can be had in no way is not searched, and named.
func TestUnsearched(t *testing.T) {
	w := typical(t, 1)
	w.AddFlaw(fleet, fakehub.Flaw{Object: "main:clusters/policy.yaml", Corrupt: true})
	w.AddFault(fakehub.Fault{On: fakehub.ArchiveOperation, Status: 404})
	facts := w.pullFacts(w.open("flux"))
	if len(facts.Unsearched) != 1 || facts.Unsearched[0] != "clusters/policy.yaml" || len(facts.Sources) != 0 || len(facts.Gaps) != 1 {
		t.Errorf("%q unsearched, sources %v, gaps %q", facts.Unsearched, facts.Sources, facts.Gaps)
	}
}

// What was not listed at once is read folder by folder, where it differs or can hold what counts.
func TestTruncatedTree(t *testing.T) {
	w := newRepo(t)
	w.commit("start", "a/b/c.yaml", marked("1.0.0"), "m/n.yaml", "1", "z/y/x.yaml", marked("1.0.0"), "z/same/x.yaml", imagePolicy)
	w.branch("flux")
	w.commit("bump", "a/b/c.yaml", marked("1.0.1"), "z/y/x.yaml", marked("1.0.1"))
	w.serve()
	c := w.client(func(o *github.Options) { o.Transport = cutting{} })
	facts, err := c.Pull(t.Context(), w.open("flux"))
	if err != nil || len(facts.Gaps) > 0 {
		t.Fatalf("%v, gaps %q", err, facts.Gaps)
	}
	if diff := cmp.Diff(comparable(w.local("main", "flux")).Files, comparable(facts).Files, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Error(diff)
	}
	if len(facts.Unsearched) > 0 || len(facts.Sources) != 1 { // also of the folder that no side changed
		t.Errorf("%q unsearched, sources %v", facts.Unsearched, facts.Sources)
	}
	if data, ok, err := c.BaseFile(t.Context(), change.Revision{Commit: w.git("rev-parse", "main")}, "z/same/x.yaml"); err != nil || !ok ||
		string(data) != imagePolicy {
		t.Errorf("file %q, %t, %v", data, ok, err)
	}
}

// cutting leaves all but the first entry out of recursive trees.
type cutting struct{}

func (cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !r.URL.Query().Has("recursive") {
		return resp, err
	}
	defer resp.Body.Close()
	var tree struct {
		SHA       string           `json:"sha"`
		Tree      []map[string]any `json:"tree"`
		Truncated bool             `json:"truncated"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&tree); err != nil {
		return nil, err
	}
	tree.Tree, tree.Truncated = tree.Tree[:1], true
	data, err := json.Marshal(tree)
	resp.Body = io.NopCloser(bytes.NewReader(data))
	resp.ContentLength = int64(len(data))
	return resp, err
}

func TestTransientSignature(t *testing.T) {
	w := typical(t, 1)
	head := w.git("rev-parse", "flux")
	w.Sign(fleet, head, fakehub.Signature{Reason: "gpgverify_unavailable"})
	facts := w.pullFacts(w.open("flux"))
	if len(facts.Gaps) != 1 || !strings.Contains(facts.Gaps[0], "gpgverify_unavailable") || w.Count("git/get-commit") != 2 {
		t.Errorf("gaps %q after %d more requests", facts.Gaps, w.Count("git/get-commit"))
	}
}

func TestMoved(t *testing.T) {
	w := typical(t, 1)
	number := w.open("flux")
	next := w.commit("next", "apps/app0/deployment.yaml", marked("1.4.4"))
	w.git("update-ref", "refs/heads/flux", "flux~1")
	w.AddFault(fakehub.Fault{On: "repos/compare-commits-with-basehead", Move: &fakehub.Move{Repo: fleet, Ref: "refs/heads/flux", To: next}})
	c := w.client()
	facts, err := c.Pull(t.Context(), number)
	if err != nil || facts.Head.Commit == next {
		t.Fatalf("head %s, %v", facts.Head.Commit, err)
	}
	if now, err := c.Ends(t.Context(), number); err != nil || now.Head != next {
		t.Errorf("head now %s, %v, want %s", now.Head, err, next)
	}
}

func TestLimits(t *testing.T) {
	w := typical(t, 1)
	number := w.open("flux")
	for _, on := range []string{"pulls/get", "graphql", "git/get-tree", "repos/compare-commits-with-basehead"} {
		w.AddFault(fakehub.Fault{On: on, Status: 429, Header: map[string]string{"retry-after": "0"}, Times: 2})
		w.AddFault(fakehub.Fault{On: on, Status: 503, Times: 2})
	}
	if facts := w.pullFacts(number); len(facts.Gaps) > 0 {
		t.Errorf("gaps %q", facts.Gaps)
	}
	w.AddFault(fakehub.PrimaryLimit("git/get-tree", 429, time.Now().Add(time.Hour)))
	_, err := w.client().Pull(t.Context(), number)
	if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.PrimaryLimit {
		t.Errorf("got %v", err)
	}
}

func TestRange(t *testing.T) {
	w := typical(t, 1)
	for name, tt := range map[string]struct {
		base, head string
		kind       github.Kind
	}{
		"no such branch": {"main", "nothing", github.NotFound},
		"no such ref":    {"refs/tags/v1", "flux", github.NotFound},
		"not a name":     {"main", "a..b", github.Misuse},
		"empty":          {"", "flux", github.Misuse},
		"no such commit": {"main", strings.Repeat("1", 40), github.NotFound},
	} {
		_, err := w.client().Range(t.Context(), tt.base, tt.head)
		if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != tt.kind {
			t.Errorf("%s: got %v", name, err)
		}
	}
	facts, err := w.client().Range(t.Context(), "main", "refs/heads/flux")
	if err != nil || facts.BaseRef != "main" || facts.HeadRef != "flux" || facts.Pull != nil || len(facts.Gaps) > 0 {
		t.Errorf("facts %+v, %v", facts, err)
	}
}

func TestBaseFile(t *testing.T) {
	w := typical(t, 1)
	w.git("checkout", "-q", "main")
	link := w.gitInput("README.md", "hash-object", "-w", "--stdin")
	w.git("update-index", "--add", "--cacheinfo", "120000,"+link+",link.yaml")
	w.git("commit", "-qm", "link")
	main := change.Revision{Commit: w.git("rev-parse", "main")}
	c := w.client()
	if data, ok, err := c.BaseFile(t.Context(), main, policy.File); err != nil || !ok || string(data) != "version: 1\n" {
		t.Errorf("policy %q, %t, %v", data, ok, err)
	}
	for _, path := range []string{"nothing.yaml", "README.md/below", ".github/nothing"} {
		if _, ok, err := c.BaseFile(t.Context(), main, path); ok || err != nil {
			t.Errorf("%s: %t, %v", path, ok, err)
		}
	}
	for _, path := range []string{"link.yaml", ".github"} {
		if _, ok, err := c.BaseFile(t.Context(), main, path); ok || err == nil {
			t.Errorf("%s: %t, %v", path, ok, err)
		}
	}
	if _, _, err := c.BaseFile(t.Context(), change.Revision{Commit: "main"}, "README.md"); err == nil {
		t.Error("a branch was taken for a commit")
	}
}

func TestEnterpriseServer(t *testing.T) {
	w := newRepo(t)
	w.commit("start", "a.yaml", marked("1.0.0"))
	w.branch("flux")
	w.commit("bump", "a.yaml", marked("1.0.1"))
	w.serve(func(o *fakehub.Options) { o.Enterprise = true })
	if facts := w.pullFacts(w.open("flux")); len(facts.Gaps) > 0 || len(facts.Files) != 1 {
		t.Errorf("facts %+v", facts)
	}
}
