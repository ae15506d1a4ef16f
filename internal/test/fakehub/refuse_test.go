package fakehub_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// complaints takes what a hub would fail its test with.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, what)
}

func (c *complaints) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.Join(c.all, "\n")
	c.all = nil
	return text
}

// send makes one request with the default token, and gives status and body.
func (w *world) send(method, path, body string, headers ...string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequest(method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+fakehub.Token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestWrongRequestsFailTheTest(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{Problem: c.add})
	sha := w.git("rev-parse", "HEAD")
	const repo = "/repos/goldfish-inc/oceanid"
	for what, test := range map[string]struct{ method, path, body, want string }{
		"a wrong enum":      {"POST", repo + "/statuses/" + sha, `{"state":"great"}`, "value is not one of the allowed values"},
		"a missing member":  {"POST", repo + "/pulls", `{"title":"x","head":"flux-image-updates"}`, `property "base" is missing`},
		"a wrong type":      {"POST", repo + "/issues/1/comments", `{"body":7}`, "value must be a string"},
		"an unknown member": {"POST", repo + "/statuses/" + sha, `{"state":"success","contxt":"x"}`, "member /contxt is not described"},
		"an unknown member below": {"POST", repo + "/check-runs", `{"name":"x","head_sha":"` + sha +
			`","output":{"title":"t","summary":"s","body":"b"}}`, "member /output/body is not described"},
		"an unknown parameter":     {"GET", repo + "/pulls?stat=open", "", `query parameter "stat" is not described`},
		"a wrong parameter":        {"GET", repo + "/pulls?state=opened", "", `parameter "state"`},
		"a number that is none":    {"GET", repo + "/pulls/seven", "", `parameter "pull_number"`},
		"an unknown route":         {"GET", repo + "/pulls/1/nothing", "", "unknown route"},
		"an unknown method":        {"DELETE", repo + "/pulls/1", "", "unknown route"},
		"a body where none is due": {"GET", repo, `{"a":1}`, "a body is not described"},
		"no JSON":                  {"POST", repo + "/statuses/" + sha, `{"state"`, "read JSON"},
		"too many annotations": {"POST", repo + "/check-runs", `{"name":"x","head_sha":"` + sha +
			`","output":{"title":"t","summary":"s","annotations":[` +
			strings.Repeat(`{"path":"a","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"},`, 50) +
			`{"path":"a","start_line":1,"end_line":1,"annotation_level":"failure","message":"m"}]}}`, "maximum number of items is 50"},
	} {
		if code, _ := w.send(test.method, test.path, test.body); code < 400 {
			t.Errorf("%s: got %d", what, code)
		}
		if got := c.take(); !strings.Contains(got, test.want) || !strings.Contains(got, test.method+" "+strings.SplitN(test.path, "?", 2)[0]) {
			t.Errorf("%s: got %q, want %q and the place", what, got, test.want)
		}
	}
	w.send("GET", repo, "", "X-GitHub-Api-Version", "2020-01-01")
	if got := c.take(); !strings.Contains(got, "2020-01-01") {
		t.Errorf("unknown API version: %q", got)
	}
	w.send("GET", repo, "", "User-Agent", "")
	if got := c.take(); !strings.Contains(got, "no User-Agent") {
		t.Errorf("no user agent: %q", got)
	}
}

func TestCompletedCheckNeedsConclusion(t *testing.T) {
	w := newWorld(t, fakehub.Options{Problem: func(string) {}})
	code, body := w.send("POST", "/repos/goldfish-inc/oceanid/check-runs", `{"name":"x","head_sha":"`+w.git("rev-parse", "HEAD")+
		`","status":"completed"}`)
	if code != 422 {
		t.Errorf("got %d %s", code, body)
	}
}

func TestUnusedKnobsFailTheTest(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{Problem: c.add})
	w.AddFault(fakehub.Fault{On: "pulls/get", Status: 500})
	w.AddFault(fakehub.Fault{On: "meta/get", Status: 500, Times: 2})
	w.AddFault(fakehub.Fault{On: "no/such", Status: 500})
	w.AddFlaw(full, fakehub.Flaw{Object: "main:README.md", Corrupt: true})
	w.AddToken("ghp_unused", fakehub.Grant{Kind: fakehub.Classic})
	w.send("GET", "/meta", "")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := c.take()
	for _, want := range []string{`fault on "pulls/get" hit 0 of 1`, `fault on "meta/get" hit 1 of 2`, `no operation "no/such"`,
		"nobody asked for main:README.md", "1 tokens"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if strings.Contains(got, "ghp_unused") {
		t.Errorf("a token is told: %q", got)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx, sha := context.Background(), w.git("rev-parse", "HEAD")
	read := map[string]string{"contents": "read", "pull_requests": "read"}
	for secret, g := range map[string]fakehub.Grant{
		"ghs_read-only": {Kind: fakehub.ActionsToken, Permissions: read},
		"github_pat_pat": {Kind: fakehub.FineGrained, Account: "fluxbot",
			Permissions: map[string]string{"contents": "write", "checks": "write", "statuses": "write"}},
		"ghp_classic":          {Kind: fakehub.Classic, Account: "fluxbot", Scopes: []string{"repo", "workflow"}},
		"ghp_weak":             {Kind: fakehub.Classic, Account: "fluxbot", Scopes: []string{"gist"}},
		"github_pat_old":       {Kind: fakehub.FineGrained, Account: "fluxbot", Permissions: read, Expires: time.Unix(1_600_000_000, 0)},
		"github_pat_elsewhere": {Kind: fakehub.FineGrained, Account: "fluxbot", Permissions: read, Repos: []string{"goldfish-inc/other"}},
	} {
		w.AddToken(secret, g)
	}
	check := func(c *github.Client) (*github.Response, error) {
		_, r, err := c.Checks.CreateCheckRun(ctx, owner, name, github.CreateCheckRunOptions{Name: "x", HeadSHA: sha})
		return r, err
	}
	get := func(c *github.Client) (*github.Response, error) {
		_, r, err := c.Git.GetCommit(ctx, owner, name, sha)
		return r, err
	}
	for what, test := range map[string]struct {
		token string
		do    func(*github.Client) (*github.Response, error)
		code  int
		text  string
	}{
		"GITHUB_TOKEN writes checks":       {fakehub.Token, check, 201, ""},
		"a read-only token reads":          {"ghs_read-only", get, 200, ""},
		"a read-only token does not write": {"ghs_read-only", check, 403, "Resource not accessible by integration"},
		"no PAT writes checks":             {"github_pat_pat", check, 403, "Resource not accessible by personal access token"},
		"nor does a classic one":           {"ghp_classic", check, 403, "You must authenticate via a GitHub App."},
		"a classic PAT reads":              {"ghp_classic", get, 200, ""},
		"without scope it sees nothing":    {"ghp_weak", get, 404, "Not Found"},
		"an expired token":                 {"github_pat_old", get, 401, "Bad credentials"},
		"a wrong token":                    {"ghs_nonsense", get, 401, "Bad credentials"},
		"a token for another repository":   {"github_pat_elsewhere", get, 404, "Not Found"},
		"no token":                         {"", get, 404, "Not Found"},
	} {
		r, err := test.do(w.client(test.token))
		if status(r) != test.code || test.text != "" && (err == nil || !strings.Contains(err.Error(), test.text)) {
			t.Errorf("%s: got %d, %v", what, status(r), err)
		}
		switch {
		case test.code == 401:
		case test.token == "ghp_classic" && r.Header.Get("X-OAuth-Scopes") != "repo, workflow",
			test.token == "ghs_read-only" && r.Header.Get("X-Accepted-GitHub-Permissions") == "":
			t.Errorf("%s: headers %v", what, r.Header)
		}
	}
}

func TestFaults(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx, c := context.Background(), w.client(fakehub.Token)
	get := func() (*github.Response, error) { _, r, err := c.Meta.Get(ctx); return r, err }

	w.AddFault(fakehub.Fault{On: "meta/get", Skip: 1, Times: 2, Status: 502})
	for i, want := range []int{200, 502, 502, 200} {
		if r, _ := get(); status(r) != want {
			t.Errorf("request %d: got %d, want %d", i, status(r), want)
		}
	}
	w.AddFault(fakehub.PrimaryLimit("", 403, time.Now().Add(time.Second)))
	var primary *github.RateLimitError
	if _, err := get(); !errors.As(err, &primary) {
		t.Errorf("primary limit: %v", err)
	}
	c = w.client(fakehub.Token) // go-github remembers limits
	w.AddFault(fakehub.SecondaryLimit("meta/get", 429, 3*time.Second))
	if r, err := get(); status(r) != 429 || r.Header.Get("Retry-After") != "3" {
		t.Errorf("secondary limit: %v, %v", r, err)
	}
	w.AddFault(fakehub.Fault{On: "meta/get", Reset: true})
	if r, err := get(); err == nil || status(r) != 0 {
		t.Errorf("reset: %v, %v", r, err)
	}
	w.AddFault(fakehub.Fault{On: "meta/get", Cut: true})
	if _, err := get(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}
	w.AddFault(fakehub.Fault{On: "meta/get", Hang: true})
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.Meta.Get(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
	w.AddFault(fakehub.Fault{On: "meta/get", Delay: time.Hour})
	short, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, _, err := c.Meta.Get(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an hour's delay: %v", err)
	}
	w.AddFault(fakehub.Fault{On: "meta/get", Delay: time.Millisecond})
	if _, err := get(); err != nil {
		t.Errorf("a moment's delay: %v", err)
	}
}

func TestHeadMovesAfterARequest(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	n := w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
	first, second := w.git("rev-parse", "HEAD"), w.git("commit-tree", "-p", "HEAD", "-m", "later", "HEAD^{tree}")
	w.git("push", "-q", "origin", second+":refs/heads/later")
	w.AddFault(fakehub.Fault{On: "pulls/get", Skip: 1, Move: &fakehub.Move{Repo: full, Ref: "refs/heads/flux-image-updates", To: "later"}})
	for i, want := range []string{first, first, second} {
		pull, _, err := w.client(fakehub.Token).PullRequests.Get(context.Background(), owner, name, n)
		if err != nil || pull.GetHead().GetSHA() != want {
			t.Errorf("request %d: %s, %v, want %s", i, pull.GetHead().GetSHA(), err, want)
		}
	}
}

func TestFlaws(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	ctx, c := context.Background(), w.client(fakehub.Token)
	w.AddFlaw(full, fakehub.Flaw{Object: "main:README.md", Corrupt: true})
	w.AddFlaw(full, fakehub.Flaw{Object: "main:apps/web.yaml", Missing: true})
	w.AddFlaw(full, fakehub.Flaw{Object: "main", Truncated: true})
	tree, _, err := c.Git.GetTree(ctx, owner, name, "main", true)
	if err != nil || !tree.GetTruncated() {
		t.Errorf("tree: %v, %v", tree, err)
	}
	if data, _, err := c.Git.GetBlobRaw(ctx, owner, name, w.git("rev-parse", "main:README.md")); err != nil || string(data) == "hello\n" {
		t.Errorf("corrupt blob: %q, %v", data, err)
	}
	_, r, err := c.Git.GetBlobRaw(ctx, owner, name, w.git("rev-parse", "main:apps/web.yaml"))
	says(t, r, err, 404, "")
}

func TestEnterpriseAddresses(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{Enterprise: true, Problem: c.add})
	if _, r, err := w.client(fakehub.Token).Repositories.ListCommits(context.Background(), owner, name,
		&github.CommitsListOptions{SHA: "flux-image-updates", ListOptions: github.ListOptions{PerPage: 1}}); err != nil || r.NextPage != 2 ||
		!strings.Contains(r.Header.Get("Link"), "/api/v3/repos/") {
		t.Errorf("commits: %v, %v", r, err)
	}
	if got := w.Requests()[0].Path; got != "/repos/goldfish-inc/oceanid/commits" {
		t.Errorf("recorded as %s", got)
	}
	w.URL = strings.TrimSuffix(w.URL, "/api/v3")
	if code, _ := w.send("GET", "/meta", ""); code != 404 || !strings.Contains(c.take(), "unknown route") {
		t.Errorf("a path outside of /api/v3: %d", code)
	}
}

func TestNothingSecretIsRecorded(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.send("GET", "/meta", "")
	if log := w.Log(); strings.Contains(log, fakehub.Token) || !strings.Contains(log, "GET /meta → 200") {
		t.Errorf("log: %s", log)
	}
}

// TestProbesOnly: a hub that lets nothing change complains of what GitHub would
// have obeyed, and of nothing else.
func TestProbesOnly(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{ProbesOnly: true, Problem: c.add})
	for _, tt := range []struct {
		path, body string
		code       int
		obeyed     bool
	}{
		{"/pulls", `{}`, 422, false},
		{"/pulls", `{"title":"x","head":"flux-image-updates","base":"main"}`, 422, true},
		{"/statuses/" + strings.Repeat("0", 40), `{}`, 422, false},
		{"/issues", `{"title":"t"}`, 422, true},
	} {
		code, _ := w.send("POST", "/repos/"+full+tt.path, tt.body)
		if got := c.take(); code != tt.code || (got != "") != tt.obeyed {
			t.Errorf("%s %s: %d, %q", tt.path, tt.body, code, got)
		}
	}
}
