package facts_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
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
	"github.com/goldfish-inc/fluxkeeper/internal/test/gittest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/hubtest"
)

const (
	fleet = hubtest.Fleet
	bot   = hubtest.Bot
	botID = hubtest.BotID
)

// world is a real repository that a test builds with git, and a hub over it.
type world struct {
	*hubtest.World
	t testing.TB
}

func newRepo(t testing.TB) *world { return in(t, gittest.New(t)) }

// in is the world of a repository.
func in(t testing.TB, r *gittest.Repo) *world { return &world{&hubtest.World{Repo: r}, t} }

func (w *world) serve(options ...func(*fakehub.Options)) *world { w.Serve(options...); return w }

func (w *world) git(args ...string) string { w.t.Helper(); return w.Git(args...) }

func (w *world) gitInput(input string, args ...string) string {
	w.t.Helper()
	return w.GitInput(input, args...)
}

func (w *world) write(pairs ...string) { w.t.Helper(); w.Write(pairs...) }

func (w *world) commit(message string, pairs ...string) string {
	w.t.Helper()
	return w.Commit(message, pairs...)
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

// pushers demands that these, by id, and nobody else pushed what is proposed from flux.
func (w *world) pushers(t *testing.T, want []int64) {
	t.Helper()
	facts := w.pullFacts(w.open("flux"))
	got := []int64{facts.Pull.Pusher.ID}
	for _, a := range facts.Pull.AlsoPushed {
		got = append(got, a.ID)
	}
	if !slices.Equal(got, want) || len(facts.Gaps) > 0 {
		t.Errorf("pushers %v, want %v, gaps %q", got, want, facts.Gaps)
	}
}

func (w *world) pullFacts(number int, keys ...string) change.Facts {
	w.t.Helper()
	c := w.client()
	facts, err := c.Pull(w.t.Context(), number)
	w.past(c, &facts, err)
	return checked(facts, keys)
}

// past reads the past of what was read without an error.
func (w *world) past(from interface {
	Past(context.Context, *change.Facts, change.Within) error
}, facts *change.Facts, err error) {
	w.t.Helper()
	if err == nil {
		err = from.Past(w.t.Context(), facts, policy.Default().Lookback(time.Time{}))
	}
	if err != nil {
		w.t.Fatal(err)
	}
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
	r, err := gitrepo.Open(w.Dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	facts, err := r.Facts(w.t.Context(), gitrepo.Range{Base: base, Head: head})
	w.past(r, &facts, err)
	return checked(facts, keys)
}

// line puts n commits with one tree on a branch, behind what is given as from, by one
// process of git instead of n. It gives the last one's id.
func (w *world) line(branch, from, tree string, n int) string {
	w.t.Helper()
	var b strings.Builder
	for i := range n {
		w.Clock++
		message := fmt.Sprint("commit ", i)
		fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Flux <flux@example.com> %d +0130\ndata %d\n%s\n", branch, w.Clock, len(message), message)
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
