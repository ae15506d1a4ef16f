package fakehub_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

const full = "goldfish-inc/oceanid"

// world is a bare repository with a bot's branch, and a hub over it.
type world struct {
	*fakehub.Hub
	t    testing.TB
	dir  string
	work string
}

func newWorld(t testing.TB, options fakehub.Options) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "oceanid.git"), work: filepath.Join(t.TempDir(), "work")}
	w.run("", "init", "-q", "--bare", "-b", "main", w.dir)
	w.run("", "clone", "-q", w.dir, w.work)
	w.write("apps/web.yaml", "image: web:1.0.0\n")
	w.write("README.md", "hello\n")
	w.commit("first", "main")
	w.git("checkout", "-q", "-b", "flux-image-updates")
	w.write("apps/web.yaml", "image: web:1.0.1\n")
	w.commit("bump", "flux-image-updates")
	options.Repos = append(options.Repos, fakehub.Repo{Dir: w.dir, Owner: "goldfish-inc", Name: "oceanid", ID: 1234, ActionsMayOpen: true})
	w.Hub = fakehub.NewWith(t, options)
	return w
}

func (w *world) run(dir string, args ...string) string { w.t.Helper(); return w.pipe(dir, "", args...) }

// pipe runs git with an input.
func (w *world) pipe(dir, input string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Flux", "GIT_AUTHOR_EMAIL=fluxbot@users.noreply.github.com", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Flux", "GIT_COMMITTER_EMAIL=fluxbot@users.noreply.github.com", "GIT_COMMITTER_DATE=1700000000 +0000")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

func (w *world) git(args ...string) string { w.t.Helper(); return w.run(w.work, args...) }

func (w *world) write(path, content string) {
	w.t.Helper()
	at := filepath.Join(w.work, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// commit commits all there is and pushes it to a branch.
func (w *world) commit(message, branch string) string {
	w.t.Helper()
	w.git("add", "-A")
	w.git("commit", "-q", "-m", message)
	w.git("push", "-q", "origin", "HEAD:refs/heads/"+branch)
	return w.git("rev-parse", "HEAD")
}

func (w *world) client(token string) *github.Client {
	w.t.Helper()
	client := github.NewClient(nil)
	if token != "" {
		client = client.WithAuthToken(token)
	}
	base, err := client.BaseURL.Parse(w.URL + "/")
	if err != nil {
		w.t.Fatal(err)
	}
	client.BaseURL = base
	return client
}

func TestPullRequestIsReadWhole(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.AddAccount(fakehub.Account{Login: "fluxbot", ID: 77})
	n := w.OpenPull(full, fakehub.Pull{Title: "Update images", Head: "flux-image-updates", Author: "fluxbot"})
	ctx, c := context.Background(), w.client(fakehub.Token)

	pull, _, err := c.PullRequests.Get(ctx, "goldfish-inc", "oceanid", n)
	if err != nil {
		t.Fatal(err)
	}
	head, base := w.git("rev-parse", "HEAD"), w.git("rev-parse", "main")
	if pull.GetHead().GetSHA() != head || pull.GetBase().GetSHA() != base || pull.GetHead().GetRepo().GetID() != 1234 ||
		pull.GetUser().GetID() != 77 || pull.GetCommits() != 1 || pull.GetChangedFiles() != 1 || !pull.GetMergeable() {
		t.Errorf("pull request: %v", pull)
	}
	tree, _, err := c.Git.GetTree(ctx, "goldfish-inc", "oceanid", head, true)
	if err != nil || tree.GetTruncated() || len(tree.Entries) != 3 {
		t.Fatalf("tree: %v, %v", tree, err)
	}
	blob, _, err := c.Git.GetBlobRaw(ctx, "goldfish-inc", "oceanid", tree.Entries[2].GetSHA())
	if err != nil || string(blob) != "image: web:1.0.1\n" {
		t.Errorf("blob: %q, %v", blob, err)
	}
	compared, _, err := c.Repositories.CompareCommits(ctx, "goldfish-inc", "oceanid", base, head, nil)
	if err != nil || compared.GetAheadBy() != 1 || compared.GetMergeBaseCommit().GetSHA() != base ||
		len(compared.Commits) != 1 || compared.Commits[0].GetSHA() != head || compared.Commits[0].GetAuthor().GetID() != 77 {
		t.Errorf("compare: %v, %v", compared, err)
	}
}
