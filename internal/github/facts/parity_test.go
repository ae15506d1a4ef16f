package facts_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// comparable takes out what only one of the two sources can know, or shows in
// another way: accounts, the pull request, time zones, a message's last line
// feed, reasons, and the signature as GitHub spells it.
func comparable(facts change.Facts) change.Facts {
	facts.Pull, facts.Apps, facts.Repository = nil, nil, ""
	facts.Commits, facts.Past.Steps = slices.Clone(facts.Commits), slices.Clone(facts.Past.Steps)
	plain := func(c *change.Commit) {
		c.Account, c.CommitterAccount = 0, 0
		c.Author.When, c.Committer.When = c.Author.When.UTC(), c.Committer.When.UTC()
		c.Message = strings.TrimSuffix(c.Message, "\n")
		c.Verification.Reason = ""
		c.Signed = change.Signed{}
	}
	for i := range facts.Commits {
		plain(&facts.Commits[i])
	}
	for i := range facts.Past.Steps {
		plain(&facts.Past.Steps[i].Commit)
	}
	if len(facts.Files) == 0 {
		facts.Files = nil
	}
	if len(facts.Commits) == 0 {
		facts.Commits = nil
	}
	return facts
}

// sameFacts compares what the API gives with what the repository gives, for a
// pull request and for a range.
func (w *world) sameFacts(base, head string, keys ...string) {
	w.t.Helper()
	want := comparable(w.local(base, head, keys...))
	c := w.client()
	ids, err := c.Range(w.t.Context(), w.git("rev-parse", base), w.git("rev-parse", head))
	w.past(c, &ids, err)
	ids.BaseRef, ids.HeadRef = base, head
	c = w.client()
	refs, err := c.Range(w.t.Context(), "refs/heads/"+base, head)
	w.past(c, &refs, err)
	got := map[string]change.Facts{"ids": checked(ids, keys), "refs": checked(refs, keys)}
	if len(want.Commits) > 0 {
		number := w.OpenPull(fleet, fakehubPull(head, base))
		got["pull request"] = w.pullFacts(number, keys...)
	}
	for how, facts := range got {
		if diff := cmp.Diff(want, comparable(facts), cmp.Comparer(bytes.Equal)); diff != "" {
			w.t.Errorf("%s, from git to the API:\n%s", how, diff)
		}
	}
}

func TestSameFactsAsTheRepository(t *testing.T) {
	big := strings.Repeat("# a comment that goes on and on\n", 20_000) // 640,000 bytes
	stories := map[string]func(w *world){
		"simple": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"), "b.yaml", marked("1.0.0"), "policy.yaml", imagePolicy, "c.txt", "c")
			w.branch("head")
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.commit("again\n\nwith a body", "a.yaml", marked("1.0.2"))
		},
		"base moved": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"), "b.yaml", marked("1.0.0"), "x/y/z.yaml", "z: 1\n")
			w.branch("head")
			w.commit("bump", "a.yaml", marked("1.0.1"), "b.yaml", marked("1.0.1"))
			w.git("checkout", "-q", "main")
			w.commit("other", "a.yaml", marked("1.0.0")+"more: 1\n", "x/y/z.yaml", "z: 2\n", "b.yaml", marked("1.0.1"))
		},
		"taken back": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"), "b/c d:é.yaml", marked("1.0.0"))
			w.git("checkout", "-qb", "side")
			w.commit("beside", "a.yaml", marked("1.0.5"))
			w.git("checkout", "-q", "main")
			w.commit("bump", "a.yaml", marked("1.0.1"), "b/c d:é.yaml", marked("1.0.1"))
			w.git("merge", "-q", "-s", "ours", "-m", "merge", "side")
			w.commit("revert", "a.yaml", marked("1.0.0"))
			w.branch("head")
			w.commit("bump again", "a.yaml", marked("1.0.1"), "b/c d:é.yaml", marked("1.0.2"))
		},
		"resources of other names": func(w *world) {
			w.commit("start", "apps/a.yaml", marked("1.0.0"), "package.json", "{}", "apps/other.json", imagePolicy,
				"apps/kustomization.yaml",
				"resources: [a.yaml, policy.json, ../plain, ../big.json, gone.json, https://example.com/x.json, link.json]\n",
				"apps/policy.json", imagePolicy, "plain", imagePolicy, "big.json", big+imagePolicy)
			link := w.gitInput("policy.json", "hash-object", "-w", "--stdin")
			w.git("update-index", "--add", "--cacheinfo", "120000,"+link+",apps/link.json")
			w.git("commit", "-qm", "link")
			w.git("reset", "-q", "--hard")
			w.branch("head")
			w.commit("bump", "apps/a.yaml", marked("1.0.1"))
		},
		"squash merged": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"))
			w.branch("head")
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.git("checkout", "-q", "main")
			w.commit("squash", "a.yaml", marked("1.0.1"))
			w.git("checkout", "-q", "head")
			w.commit("bump again", "a.yaml", marked("1.0.2"))
		},
		"a step that the base took is taken back": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"), "b.yaml", marked("1.0.0"))
			w.branch("head")
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.commit("back", "a.yaml", marked("1.0.0"), "b.yaml", marked("1.0.1"))
			w.git("checkout", "-q", "main")
			w.commit("squash", "a.yaml", marked("1.0.1"))
		},
		"a merge of the base by hand": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"), "b.yaml", "1")
			w.branch("head")
			w.commit("bump", "a.yaml", marked("1.0.1"), "b.yaml", "2")
			w.git("checkout", "-q", "main")
			w.commit("other", "c.yaml", "1")
			w.git("checkout", "-q", "head")
			w.Clock += 60
			w.git("merge", "-q", "--no-ff", "--no-commit", "main")
			w.commit("merge", "b.yaml", "1")
		},
		"more steps upon a moved base than are looked at": func(w *world) {
			start := w.commit("start", "a.yaml", marked("1.0.0"))
			w.line("head", start, w.git("rev-parse", "main^{tree}"), change.MaxPicks)
			w.commit("other", "b.yaml", "1")
			w.git("checkout", "-q", "head")
			w.commit("bump", "a.yaml", marked("1.0.1"))
		},
		"every kind of entry": func(w *world) {
			w.commit("start", "a.yaml", "1", "gone.yaml", "2", "old-name.yaml", "3", "file", "4", "dir/x.yaml", "5", "run.yaml", "6",
				"a.b/x.yaml", "7", "a/x.yaml", "8", "Kustomization", "9", "kustomization", "10")
			w.branch("head")
			w.git("rm", "-qr", "gone.yaml", "file", "dir")
			w.git("mv", "old-name.yaml", "new-name.yaml")
			w.write("file/inside.yaml", "x", "dir", "now a file", "a/x.yaml", "changed", "a.b/x.yaml", "changed", "Kustomization", "x")
			w.git("add", "-A")
			w.git("update-index", "--chmod=+x", "run.yaml")
			w.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module.yaml")
			link := w.gitInput("a.yaml", "hash-object", "-w", "--stdin")
			w.git("update-index", "--add", "--cacheinfo", "120000,"+link+",link.yaml")
			w.git("commit", "-qm", "everything")
			w.git("reset", "-q", "--hard")
		},
		"every kind of content": func(w *world) {
			w.commit("start", "crlf.yaml", "a: 1\r\n", "bom.yaml", "\ufeffa: 1\n", "latin.yaml", "a: \xe9\n", "nul.yaml", "a: \x00\n", "empty.yaml",
				"",
				"cut.yaml", big, "esc.yaml", "a: \x1b[31m \u2028 \"\\\\\n", "code.go", "package x\n")
			w.branch("head")
			w.commit("change", "crlf.yaml", "a: 2\r\n", "bom.yaml", "\ufeffa: 2\n", "latin.yaml", "a: \xe8\n", "nul.yaml", "b: \x00\n", "empty.yaml",
				"x",
				"cut.yaml", big+"more", "esc.yaml", "a: \x1b[32m \u2028 \"\\\\\n", "code.go", "package y\n")
		},
		"nothing that Flux reads": func(w *world) {
			w.commit("start", "main.go", "1", "a.yaml", marked("1.0.0"), "policy.yaml", imagePolicy)
			w.branch("head")
			w.commit("change", "main.go", "2")
		},
		"merge of the base": func(w *world) {
			w.commit("start", "a.yaml", marked("1.0.0"))
			w.branch("head")
			w.commit("bump", "a.yaml", marked("1.0.1"))
			w.git("checkout", "-q", "main")
			w.commit("other", "b.yaml", "1")
			w.git("checkout", "-q", "head")
			w.Clock += 60
			w.git("merge", "-q", "--no-ff", "-m", "merge", "main")
			w.commit("bump", "a.yaml", marked("1.0.2"))
		},
		"merge of a branch that started earlier": func(w *world) {
			w.commit("one", "a.yaml", "1")
			w.commit("two", "a.yaml", "2")
			w.git("branch", "side", "HEAD~1")
			w.branch("head")
			w.commit("bump", "b.yaml", "1")
			w.git("checkout", "-q", "side")
			w.commit("side", "c.yaml", "1")
			w.git("checkout", "-q", "head")
			w.Clock += 60
			w.git("merge", "-q", "--no-ff", "-m", "merge", "side")
		},
		"many commits": func(w *world) {
			start := w.commit("start", "a.yaml", "0")
			w.line("head", start, w.git("rev-parse", "main^{tree}"), 320)
		},
		"nothing new": func(w *world) {
			w.commit("one", "a.yaml", "1")
			w.git("branch", "head")
			w.commit("two", "a.yaml", "2")
		},
		"the same": func(w *world) {
			w.commit("one", "a.yaml", "1")
			w.git("branch", "head")
		},
		"empty commits and trees": func(w *world) {
			w.commit("nothing at all")
			w.branch("head")
			w.commit("still nothing")
			w.commit("one file", "a.yaml", "1")
			w.git("rm", "-q", "a.yaml")
			w.commit("gone again")
		},
		"deep": func(w *world) {
			deep := strings.Repeat("d/", 40)
			w.commit("start", deep+"a.yaml", marked("1.0.0"), "z/"+deep+"b.yaml", marked("1.0.0"))
			w.branch("head")
			w.commit("bump", deep+"a.yaml", marked("1.0.1"))
		},
		"odd names": func(w *world) {
			w.commit("start", "a b/ü.yaml", "1", "$x/`y`.yaml", "1", "\"quoted\".yaml", "1", "tab\tname.yaml", "1")
			w.branch("head")
			w.commit("bump", "a b/ü.yaml", "2", "$x/`y`.yaml", "2", "\"quoted\".yaml", "2", "tab\tname.yaml", "2")
		},
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			w := newRepo(t)
			story(w)
			w.serve(func(o *fakehub.Options) {
				o.Unchecked = name == "many commits" // it would take long
			})
			w.sameFacts("main", "head")
		})
	}
}

func (w *world) branch(name string) { w.t.Helper(); w.git("checkout", "-qb", name) }

func TestSameSignaturesAsTheRepository(t *testing.T) {
	w := newRepo(t)
	key := filepath.Join(t.TempDir(), "key")
	public, fingerprint := w.newKey(key)
	w.commit("start", "a.yaml", "1")
	w.branch("head")
	for i, message := range []string{"signed", "signed\n\nwith a body", "signed, with spaces at the end  "} {
		w.write("a.yaml", fmt.Sprint(i+2))
		w.git("-c", "gpg.format=ssh", "-c", "user.signingKey="+key, "commit", "-qaS", "-m", message)
	}
	w.serve()
	w.sameFacts("main", "head", public)
	for _, c := range w.pullFacts(1, public).Commits {
		if c.Verification != (change.Verification{Kind: "ssh", Verified: true, Key: fingerprint}) {
			t.Errorf("verification %+v", c.Verification)
		}
	}
	w.sameFacts("main", "head")
}

// The repository that a real Flux wrote to (made from our own manifests).
func TestSameFactsOfRealFlux(t *testing.T) {
	bundle := sharedtest.Path(t, "flux-e2e", "flux-e2e.bundle")
	dir := filepath.Join(t.TempDir(), "flux.git")
	w := newRepo(t)
	w.git("clone", "-q", "--bare", bundle, dir)
	w.Dir = dir
	w.serve()
	for _, head := range []string{"flux-image-updates", "flux-image-updates-x", "keep-round1", "keep-round2", "scenario-major",
		"scenario-downgrade", "scenario-prerelease"} {
		t.Run(head, func(t *testing.T) {
			at := *w
			at.t = t
			at.sameFacts("main", head)
		})
	}
}

// Both tell of histories that were merged crosswise.
func TestCrosswiseMerges(t *testing.T) {
	w := newRepo(t)
	w.commit("start", "a.yaml", "1")
	w.branch("head")
	w.commit("ours", "b.yaml", "1")
	w.git("checkout", "-q", "main")
	w.commit("theirs", "c.yaml", "1")
	ours, theirs := w.git("rev-parse", "head"), w.git("rev-parse", "main")
	w.Clock += 60
	w.git("merge", "-q", "--no-ff", "-m", "merge", ours)
	w.git("checkout", "-q", "head")
	w.git("merge", "-q", "--no-ff", "-m", "merge", theirs)
	w.commit("bump", "a.yaml", "2")
	w.serve()
	for how, facts := range map[string]change.Facts{"git": w.local("main", "head"), "API": w.pullFacts(w.open("head"))} {
		if !facts.Crosswise || len(facts.Gaps) != 0 {
			t.Errorf("%s: crosswise %v, gaps %q", how, facts.Crosswise, facts.Gaps)
		}
	}
	files, err := w.client().ChangedFiles(t.Context(), w.git("rev-parse", "main"), w.git("rev-parse", "head"))
	if err != nil || len(files.Gaps) != 1 || !strings.Contains(files.Gaps[0], "best common ancestors") {
		t.Errorf("files: %v, gaps %q", err, files.Gaps)
	}
}
