package gitrepo_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

const marked = "image: app:1.0 # {\"$imagepolicy\": \"flux-system:app\"}\n"

// update makes a repository with one honest update on a branch.
func update(t testing.TB) *work {
	w := newWork(t)
	w.commit("start", "app.yaml", marked, "other.yaml", marked, "README.md", marked,
		"policy.yaml", "kind: ImagePolicy\n", "repo.yml", "kind: ImageRepository\n", "sub/Kustomization", "x: ImagePolicy\n",
		"plain.yaml", "a: b\n")
	w.git("checkout", "-qb", "flux-image-updates")
	w.commit("update", "app.yaml", strings.ReplaceAll(marked, "1.0", "1.1"))
	return w
}

func TestFacts(t *testing.T) {
	w := update(t)
	facts := w.facts("main", "flux-image-updates")
	ids := func(rev string) change.Revision {
		return change.Revision{Commit: w.git("rev-parse", rev), Tree: w.git("rev-parse", rev+"^{tree}")}
	}
	blob := func(rev, path string) change.Blob {
		return change.Blob{
			Mode: change.Regular, ID: w.git("rev-parse", rev+":"+path), Data: []byte(w.git("show", rev+":"+path) + "\n"),
		}
	}
	if len(facts.Commits) != 1 {
		t.Fatalf("%d commits, want 1", len(facts.Commits))
	}
	when := facts.Commits[0].Author.When
	if got := when.Format("2006-01-02T15:04:05Z07:00"); got != "2023-11-14T23:45:20+01:30" {
		t.Errorf("author's time is %s", got)
	}
	flux := change.Signature{Name: "Flux", Email: "flux@example.com", When: when}
	want := change.Facts{
		BaseRef: "main", HeadRef: "flux-image-updates",
		Base: ids("main"), MergeBase: ids("main"), Head: ids("flux-image-updates"),
		Commits: []change.Commit{{
			SHA: ids("HEAD").Commit, Parents: []string{ids("main").Commit},
			Author: flux, Committer: flux, Message: "update\n",
		}},
		Files: []change.File{{
			Path: "app.yaml", Before: blob("main", "app.yaml"), After: blob("HEAD", "app.yaml"),
		}},
		Sources: []change.Content{
			{Path: "policy.yaml", Data: []byte("kind: ImagePolicy\n")},
			{Path: "repo.yml", Data: []byte("kind: ImageRepository\n")},
			{Path: "sub/Kustomization", Data: []byte("x: ImagePolicy\n")},
		},
		Bystanders: []change.Content{{Path: "other.yaml", Data: []byte(marked)}},
		Past:       change.Past{Since: when.Add(-time.Minute).UTC()}, // the start itself
	}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Error(diff)
	}
}

// The same facts come out of every shape a repository can have on disk.
func TestFactsShapes(t *testing.T) {
	w := update(t)
	want := w.facts("main", "flux-image-updates")
	clone := func(args ...string) string {
		dir := filepath.Join(t.TempDir(), "clone")
		w.git(append(append([]string{"clone", "-q"}, args...), w.Dir, dir)...)
		return dir
	}
	for name, dir := range map[string]func() string{
		"subdirectory": func() string { return filepath.Join(w.Dir, "sub") },
		".git folder":  func() string { return filepath.Join(w.Dir, ".git") },
		"bare":         func() string { return clone("--bare") },
		"in bare":      func() string { return filepath.Join(clone("--bare"), "refs", "heads") },
		"alternates":   func() string { return clone("--bare", "--shared") },
		"linked work tree": func() string {
			dir := filepath.Join(t.TempDir(), "linked")
			w.git("worktree", "add", "-q", "--detach", dir)
			return dir
		},
		"separate git dir": func() string {
			dir := clone("--separate-git-dir", filepath.Join(t.TempDir(), "elsewhere"))
			at(t, dir).git("branch", "-q", "main", "origin/main")
			return dir
		},
		"packed": func() string {
			dir := clone("--bare")
			at(t, dir).git("gc", "-q")
			return dir
		},
		"relative alternates of alternates": func() string {
			first := clone("--bare", "--shared")
			second := clone("--bare")
			objects := filepath.Join(second, "objects")
			own, err := filepath.Glob(filepath.Join(objects, "??*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range own {
				if err := os.RemoveAll(d); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(filepath.Join(objects, "info"), 0o755); err != nil {
				t.Fatal(err)
			}
			relative, err := filepath.Rel(objects, filepath.Join(first, "objects"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(objects, "info", "alternates"), []byte("# comment\n"+relative+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			return second
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gather(open(t, dir()), "main", "flux-image-updates")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	tests := []struct {
		name   string
		change func(w *work)
		want   string
	}{
		{"added", func(w *work) { w.write("new/b", "1", "new/a", "") },
			"new/a: - | - | 100644 e69de29\nnew/b: - | - | 100644 56a6051\n"},
		{"deleted", func(w *work) { w.git("rm", "-qr", "dir") },
			"dir/x: 100644 c1b0730 | 100644 c1b0730 | -\ndir/y: 100644 e25f181 | 100644 e25f181 | -\n"},
		{"renamed", func(w *work) { w.git("mv", "a.yaml", "z.yaml") },
			"a.yaml: 100644 \"a\" | 100644 \"a\" | -\nz.yaml: - | - | 100644 \"a\"\n"},
		{"mode", func(w *work) { w.git("update-index", "--chmod=+x", "a.yaml") },
			"a.yaml: 100644 \"a\" | 100644 \"a\" | 100755 \"a\"\n"},
		{"symlink", func(w *work) {
			w.git("rm", "-q", "a.yaml")
			if err := os.Symlink("dir/x", filepath.Join(w.Dir, "a.yaml")); err != nil {
				w.t.Fatal(err)
			}
		}, "a.yaml: 100644 \"a\" | 100644 \"a\" | 120000 271ab7e\n"},
		{"submodule", func(w *work) {
			w.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",mod")
		}, "mod: - | - | 160000\n"},
		{"folder to file", func(w *work) { w.git("rm", "-qr", "dir"); w.write("dir", "f") },
			"dir: - | - | 100644 4d1ae35\ndir/x: 100644 c1b0730 | 100644 c1b0730 | -\ndir/y: 100644 e25f181 | 100644 e25f181 | -\n"},
		{"file to folder", func(w *work) { w.git("rm", "-q", "a.yaml"); w.write("a.yaml/b", "f") },
			"a.yaml: 100644 \"a\" | 100644 \"a\" | -\na.yaml/b: - | - | 100644 4d1ae35\n"},
		{"odd names", func(w *work) { w.write("\x1b[31m\xff\n.yaml", "1", "dir.x", "2") },
			"\x1b[31m\xff\n.yaml: - | - | 100644 \"1\"\ndir.x: - | - | 100644 d8263ee\n"},
		{"nothing", func(*work) {}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWork(t)
			w.commit("start", "a.yaml", "a", "dir/x", "x", "dir/y", "y")
			w.git("checkout", "-qb", "branch")
			tt.change(w)
			if tt.name != "submodule" && tt.name != "mode" {
				w.git("add", "-A")
			}
			w.git("commit", "-q", "--allow-empty", "-m", "change")
			if diff := cmp.Diff(tt.want, files(w.facts("main", "branch"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A tree can hold names that no git command writes. They are reported as they
// are; a tree that can be read two ways is refused.
func TestOddTrees(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a.yaml", "a")
	blob := w.git("rev-parse", "main:a.yaml")
	raw := func(entries ...string) string { // mode, name, mode, name…
		var data []byte
		for i := 0; i < len(entries); i += 2 {
			data = append(data, entries[i]+" "+entries[i+1]+"\x00"...)
			data = append(data, hexBytes(t, blob)...)
		}
		tree := w.gitInput(string(data), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
		return w.git("commit-tree", "-p", "main", "-m", "odd", tree)
	}
	facts := w.facts("main", raw("100644", "..", "100644", ".git", "100644", "a.yaml"))
	if got := files(facts); got != "..: - | - | 100644 2e65efe\n.git: - | - | 100644 2e65efe\n" {
		t.Errorf("files: %s", got)
	}
	if got := files(w.facts("main", raw("100664", "a.yaml"))); got != "" {
		t.Errorf("mode 100664, which git reads as 100644, is a change: %s", got)
	}
	for name, head := range map[string]string{
		"twice":        raw("100644", "a.yaml", "100644", "a.yaml"),
		"out of order": raw("100644", "b", "100644", "a.yaml"),
		"and folder":   raw("100644", "a", "100644", "a.b", "40000", "a"),
		"no name":      raw("100644", ""),
		"slash":        raw("100644", "a/b"),
		"mode":         raw("120777", "a"),
		"letters":      raw("1006x4", "a"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.tryFacts("main", head)
			wantError(t, err, gitrepo.Corrupt, "tree", "git fsck")
		})
	}
}

// What a merge would change counts, wherever the base went in the meantime.
func TestMovedBase(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a.yaml", "1", "b.yaml", "1", "c.yaml", marked)
	w.git("checkout", "-qb", "branch")
	w.commit("first", "a.yaml", "2")
	w.commit("second", "b.yaml", "2")
	w.git("checkout", "-q", "main")
	w.commit("meanwhile", "a.yaml", "3", "c.yaml", marked+"x: 1\n")
	facts := w.facts("main", "branch")
	want := "a.yaml: 100644 \"1\" | 100644 \"3\" | 100644 \"2\"\nb.yaml: 100644 \"1\" | 100644 \"1\" | 100644 \"2\"\n"
	if diff := cmp.Diff(want, files(facts)); diff != "" {
		t.Error(diff)
	}
	if got := messages(facts); got != "first,second" {
		t.Errorf("commits %s, want the branch's, oldest first", got)
	}
	if facts.MergeBase.Commit != w.git("merge-base", "main", "branch") || facts.MergeBase == facts.Base {
		t.Errorf("merge base %v of base %v", facts.MergeBase, facts.Base)
	}
	if len(facts.Bystanders) != 1 || string(facts.Bystanders[0].Data) != marked+"x: 1\n" {
		t.Errorf("bystanders %q, want the file as a merge leaves it", facts.Bystanders)
	}

	// The base took the branch by a squash merge, and the branch went on.
	w.git("checkout", "-q", "-B", "squashed", facts.MergeBase.Commit)
	w.git("merge", "-q", "--squash", "branch")
	w.commit("squash")
	w.git("checkout", "-q", "branch")
	w.commit("third", "b.yaml", "3")
	facts = w.facts("squashed", "branch")
	if diff := cmp.Diff("b.yaml: 100644 \"1\" | 100644 \"2\" | 100644 \"3\"\n", files(facts)); diff != "" {
		t.Error(diff)
	}
	if got := messages(facts); got != "first,second,third" {
		t.Errorf("commits %s", got)
	}
}

func TestBaseFile(t *testing.T) {
	w := newWork(t)
	w.commit("start", ".github/fluxkeeper.yaml", "base")
	w.git("checkout", "-qb", "branch")
	w.commit("change", ".github/fluxkeeper.yaml", "head")
	r := open(t, w.Dir)
	rng := gitrepo.Range{Base: "main", Head: "branch"}
	data, ok, err := r.BaseFile(t.Context(), rng, policy.File)
	if string(data) != "base" || !ok || err != nil {
		t.Errorf("got %q, %v, %v", data, ok, err)
	}
	for _, path := range []string{"nothing", ".github/nothing", ".github/fluxkeeper.yaml/x"} {
		if data, ok, err := r.BaseFile(t.Context(), rng, path); data != nil || ok || err != nil {
			t.Errorf("%s: got %q, %v, %v", path, data, ok, err)
		}
	}
	_, _, err = r.BaseFile(t.Context(), rng, ".github")
	wantError(t, err, gitrepo.Unsupported, `".github"`, "regular file")
	_, _, err = r.BaseFile(t.Context(), gitrepo.Range{Base: "nowhere"}, ".github")
	wantError(t, err, gitrepo.NoRevision, `"nowhere"`, "branch")
}

func TestCancelled(t *testing.T) {
	w := update(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := open(t, w.Dir).Facts(ctx, gitrepo.Range{Base: "main", Head: "HEAD"}); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}
