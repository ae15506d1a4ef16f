package facts_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/facts"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

const (
	fleet = "acme/fleet"
	bot   = "flux-bot"
	botID = 4711
)

// world is a real repository that a test builds with git, and a hub over it.
type world struct {
	*fakehub.Hub
	t     testing.TB
	dir   string
	clock int64
}

// newRepo makes a repository with branch main and nothing in it.
func newRepo(t testing.TB) *world {
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "fleet"), clock: 1_700_000_000}
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.git("init", "-q", "-b", "main")
	return w
}

// serve puts the repository on a hub, whose accounts know the bot.
func (w *world) serve(options ...func(*fakehub.Options)) *world {
	w.t.Helper()
	o := fakehub.Options{Repos: []fakehub.Repo{{Dir: filepath.Join(w.dir, ".git"), Owner: "acme", Name: "fleet", ID: 1234}}}
	if strings.HasSuffix(w.dir, ".git") {
		o.Repos[0].Dir = w.dir
	}
	for _, f := range options {
		f(&o)
	}
	w.Hub = fakehub.NewWith(w.t, o)
	w.AddAccount(fakehub.Account{Login: bot, ID: botID, Emails: []string{"flux@example.com"}})
	return w
}

// typical is a repository with one commit on main, and one of the bot on
// branch flux that changes n files of it.
func typical(t testing.TB, n int) *world {
	w := newRepo(t)
	for i := range n {
		w.write(fmt.Sprintf("apps/app%d/deployment.yaml", i), marked("1.4.2"))
	}
	w.commit("start", policy.File, "version: 1\n", "clusters/policy.yaml", imagePolicy, "README.md", "hello\n")
	w.git("checkout", "-qb", "flux")
	for i := range n {
		w.write(fmt.Sprintf("apps/app%d/deployment.yaml", i), marked("1.4.3"))
	}
	w.commit("bump")
	w.serve()
	w.AddPush(fleet, fakehub.Push{Ref: "flux", After: w.git("rev-parse", "flux"), Actor: bot, Type: "branch_creation"})
	return w
}

func marked(tag string) string {
	return "image: ghcr.io/acme/app:" + tag + ` # {"$imagepolicy": "flux-system:app"}` + "\n"
}

const imagePolicy = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: app, namespace: flux-system}\n" +
	"spec: {imageRepositoryRef: {name: app}, policy: {semver: {range: 1.x}}}\n---\n" +
	"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: app, namespace: flux-system}\nspec: {image: " +
	"ghcr.io/acme/app}\n"

// open opens a pull request of a branch.
func (w *world) open(head string, change ...func(*fakehub.Pull)) int {
	w.t.Helper()
	p := fakehub.Pull{Title: "Update images", Body: "by Flux", Head: head, Author: bot}
	for _, f := range change {
		f(&p)
	}
	return w.OpenPull(fleet, p)
}

func (w *world) client(change ...func(*github.Options)) *facts.Reader {
	w.t.Helper()
	o := github.Options{Token: secret.New(fakehub.Token), APIURL: w.URL, Repository: fleet, Budget: 20 * time.Second}
	for _, f := range change {
		f(&o)
	}
	c, err := newReader(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) pullFacts(number int, keys ...string) change.Facts {
	w.t.Helper()
	facts, err := w.client().Pull(w.t.Context(), number)
	if err != nil {
		w.t.Fatal(err)
	}
	return checked(facts, keys)
}

// checked holds the facts against pinned keys, as the judge does.
func checked(facts change.Facts, keys []string) change.Facts {
	var gaps []string
	facts.Commits, gaps = signature.Check(facts.Commits, keys, time.Now())
	facts.Gaps = append(facts.Gaps, gaps...)
	return facts
}

// local is what the repository itself says of a range.
func (w *world) local(base, head string, keys ...string) change.Facts {
	w.t.Helper()
	r, err := gitrepo.Open(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	facts, err := r.Facts(w.t.Context(), gitrepo.Range{Base: base, Head: head})
	if err != nil {
		w.t.Fatal(err)
	}
	return checked(facts, keys)
}

// git runs git in the repository and gives its output without the last newline.
func (w *world) git(args ...string) string { w.t.Helper(); return w.gitInput("", args...) }

func (w *world) gitInput(input string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Flux", "GIT_AUTHOR_EMAIL=flux@example.com",
		"GIT_COMMITTER_NAME=Flux", "GIT_COMMITTER_EMAIL=flux@example.com",
		fmt.Sprintf("GIT_AUTHOR_DATE=%d +0130", w.clock), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0130", w.clock),
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// write writes files, given as path, content, path, content…
func (w *world) write(pairs ...string) {
	w.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(w.dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

// commit writes files and commits all there is; it gives the commit's id.
func (w *world) commit(message string, pairs ...string) string {
	w.t.Helper()
	w.write(pairs...)
	w.git("add", "-A")
	w.clock += 60
	w.git("commit", "-q", "--allow-empty", "-m", message)
	return w.git("rev-parse", "HEAD")
}

// line puts n commits with one tree on a branch, behind what is given as from, by one
// process of git instead of n. It gives the last one's id.
func (w *world) line(branch, from, tree string, n int) string {
	w.t.Helper()
	var b strings.Builder
	for i := range n {
		w.clock++
		message := fmt.Sprint("commit ", i)
		fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Flux <flux@example.com> %d +0130\ndata %d\n%s\n", branch, w.clock, len(message), message)
		if i == 0 {
			fmt.Fprintf(&b, "from %s\nM 040000 %s \"\"\n", from, tree)
		}
	}
	w.gitInput(b.String(), "fast-import", "--quiet", "--force")
	return w.git("rev-parse", branch)
}

func fakehubPull(head, base string) fakehub.Pull {
	return fakehub.Pull{Title: "Update images", Head: head, Base: base, Author: bot}
}

// newKey makes an SSH key that git can sign with.
func (w *world) newKey(path string) (public, fingerprint string) {
	w.t.Helper()
	run := func(args ...string) string {
		out, err := exec.Command("ssh-keygen", args...).Output()
		if err != nil {
			w.t.Fatalf("ssh-keygen: %v", err)
		}
		return string(out)
	}
	run("-q", "-N", "", "-t", "ed25519", "-C", "flux", "-f", path)
	data, err := os.ReadFile(path + ".pub")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data), strings.Fields(run("-lf", path))[1]
}

func fakehubPush(ref, before, after, kind string) fakehub.Push {
	return fakehub.Push{Ref: ref, Before: before, After: after, Actor: bot, Type: kind}
}

// newReader makes a reader whose first retry waits a millisecond.
func newReader(o github.Options) (*facts.Reader, error) {
	o.FirstWait = time.Millisecond
	c, err := github.New(o)
	if err != nil {
		return nil, err
	}
	return facts.New(c), nil
}
