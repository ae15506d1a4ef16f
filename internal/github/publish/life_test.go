package publish

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	lifeRepo   = "goldfish-inc/oceanid"
	fluxBranch = "flux-image-updates"
)

// life is a repository with a branch that Flux pushed to, and a hub over it.
type life struct {
	*fakehub.Hub
	t      *testing.T
	dir    string
	hookMu sync.Mutex          // guards hook
	hook   func(*http.Request) // before each request
}

func newLife(t *testing.T, repo fakehub.Repo) *life {
	t.Helper()
	l := &life{t: t, dir: filepath.Join(t.TempDir(), "oceanid.git")}
	l.git("", "init", "-q", "--bare", "-b", "main", l.dir)
	first := l.commit("main", "", "1.0.0")
	l.commit(fluxBranch, first, "1.0.1")
	repo.Dir, repo.Owner, repo.Name, repo.ID = l.dir, "goldfish-inc", "oceanid", 1234
	l.Hub = fakehub.NewWith(t, fakehub.Options{
		Repos: []fakehub.Repo{repo}, Now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) },
	})
	return l
}

func (l *life) git(stdin string, args ...string) string {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), "git", args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_DIR="+l.dir,
		"GIT_AUTHOR_NAME=Flux", "GIT_AUTHOR_EMAIL=flux@example.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Flux", "GIT_COMMITTER_EMAIL=flux@example.com", "GIT_COMMITTER_DATE=1700000000 +0000")
	if args[0] == "init" {
		cmd.Env = append(cmd.Env, "GIT_DIR=")
		cmd.Env = slices.DeleteFunc(cmd.Env, func(e string) bool { return strings.HasPrefix(e, "GIT_DIR=") })
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		l.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit with one file, on a parent, and points a branch at it.
func (l *life) commit(branch, parent, version string) string {
	l.t.Helper()
	blob := l.git("image: ghcr.io/acme/app:"+version+"\n", "hash-object", "-w", "--stdin")
	tree := l.git(fmt.Sprintf("100644 blob %s\tapp.yaml\n", blob), "mktree")
	args := []string{"commit-tree", tree, "-m", "update to " + version}
	if parent != "" {
		args = append(args, "-p", parent)
	}
	sha := l.git("", args...)
	l.git("", "update-ref", "refs/heads/"+branch, sha)
	return sha
}

func (l *life) head(branch string) string {
	l.t.Helper()
	return l.git("", "rev-parse", "refs/heads/"+branch)
}

// push is what Flux does while we are busy.
func (l *life) push() string { return l.commit(fluxBranch, l.head(fluxBranch), "6.6.6") }

// open opens Flux's pull request as somebody.
func (l *life) open(p fakehub.Pull) int {
	if p.Head == "" {
		p.Head = fluxBranch
	}
	if p.Title == "" {
		p.Title = "Update images"
	}
	if p.Author == "" {
		p.Author = "fluxbot"
	}
	return l.OpenPull(lifeRepo, p)
}

// client talks to the hub with a token; every request passes the hook first.
func (l *life) client(token string) *Writer {
	l.t.Helper()
	c, err := github.New(github.Options{
		Token: secret.New(token), APIURL: l.URL, GraphQLURL: l.GraphQLURL, Repository: lifeRepo, Transport: l, FirstWait: time.Millisecond,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return &Writer{c}
}

// RoundTrip is the transport of every client.
func (l *life) RoundTrip(r *http.Request) (*http.Response, error) {
	l.hookMu.Lock()
	hook := l.hook
	l.hookMu.Unlock()
	if hook != nil {
		hook(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// before runs f once, before the first request of that method whose path ends so.
func (l *life) before(method, path string, f func()) {
	l.once(func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, path) }, f)
}

// on is before, for whatever has the words in its path.
func (l *life) on(method, words string, f func()) {
	l.once(func(r *http.Request) bool { return r.Method == method && strings.Contains(r.URL.Path, words) }, f)
}

func (l *life) once(pass func(*http.Request) bool, f func()) {
	var once sync.Once
	l.hookMu.Lock()
	defer l.hookMu.Unlock()
	l.hook = func(r *http.Request) {
		if pass(r) {
			once.Do(f)
		}
	}
}

// writes are the operations that changed something, or tried to.
func (l *life) writes() []string {
	var all []string
	for _, r := range l.Requests() {
		if r.Writes() {
			all = append(all, r.Operation)
		}
	}
	return all
}

func (l *life) wantWrites(want ...string) {
	l.t.Helper()
	if diff := cmp.Diff(want, l.writes()); diff != "" {
		l.t.Errorf("writes, -want +got:\n%s", diff)
	}
}

// golden compares all requests with a golden file.
func (l *life) golden(name string) {
	l.t.Helper()
	path := filepath.Join("testdata", "life", name+".txt")
	got := []byte(l.Log())
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			l.t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		l.t.Errorf("requests, -want +got:\n%s", diff)
	}
}

// wantNote looks for a note with the words.
func wantNote(t *testing.T, out Outcome, words string) {
	t.Helper()
	if !slices.ContainsFunc(out.Notes, func(n string) bool { return strings.Contains(n, words) }) {
		t.Errorf("no note says %q: %q", words, out.Notes)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func editBody(body string) *gh.PullRequest { return &gh.PullRequest{Body: &body} }
