package gitrepo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

// TestReferences: a reference is what git takes it for, wherever it is kept.
func TestReferences(t *testing.T) {
	w := newWork(t)
	old := w.commit("old", "a", "1")
	w.git("branch", "moved")
	w.git("branch", "broken")
	w.git("branch", "empty")
	w.git("branch", "gone/below")
	w.git("branch", "folder")
	w.git("pack-refs", "--all")
	now := w.commit("new", "a", "2")
	w.git("branch", "-f", "moved", "main")
	w.git("branch", "fresh")
	place := func(name string) string { return filepath.Join(w.Dir, ".git", "refs", "heads", name) }
	for name, text := range map[string]string{"broken": "no id\n", "empty": ""} {
		if err := os.WriteFile(place(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(place("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(t.TempDir(), "tree")
	w.git("worktree", "add", "-q", "--detach", tree, old)
	at(t, tree).git("update-ref", "refs/worktree/mine", now)
	tests := []struct{ dir, expr, want string }{
		{w.Dir, "moved", now}, {w.Dir, "fresh", now}, {w.Dir, "gone/below", old}, {w.Dir, "folder", old}, {w.Dir, "HEAD", now},
		{tree, "HEAD", old}, {tree, "fresh", now}, {tree, "gone/below", old}, {tree, "refs/worktree/mine", now},
		{w.Dir, "refs/worktree/mine", ""}, {w.Dir, "gone", ""}, {w.Dir, "fresh/below", ""},
		// What was packed before is no answer.
		{w.Dir, "broken", ""}, {w.Dir, "empty", ""},
	}
	for _, tt := range tests {
		facts, err := open(t, tt.dir).Facts(t.Context(), gitrepo.Range{Base: tt.expr, Head: now})
		if (err != nil) != (tt.want == "") || facts.Base.Commit != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.expr, facts.Base.Commit, err, tt.want)
		}
		if got := at(t, tt.dir); tt.want != "" && got.git("rev-parse", tt.expr) != tt.want {
			t.Errorf("%s: git differs", tt.expr)
		}
	}
	names, err := open(t, w.Dir).Branches("")
	if got := strings.Join(names, " "); err != nil || got != "folder fresh gone/below main moved" {
		t.Errorf("branches %q, %v", got, err)
	}
}

// TestPackedReferences: a line that is none makes them all unreadable.
func TestPackedReferences(t *testing.T) {
	w := newWork(t)
	id := w.commit("one", "a", "1")
	w.git("branch", "side")
	w.git("pack-refs", "--all")
	if err := os.WriteFile(filepath.Join(w.Dir, ".git", "packed-refs"), []byte(id[:39]+" refs/heads/side\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, w.Dir).Facts(t.Context(), gitrepo.Range{Base: "side", Head: id}); err == nil {
		t.Error("a reference was found in a packed-refs that is none")
	}
}
