package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

func web(version string) string {
	return "image: ghcr.io/acme/web:" + version + ` # {"$imagepolicy": "flux-system:web"}` + "\n"
}

// TestPast: what the base's own line did to the changed files is read, newest first,
// and what cannot be read is said.
func TestPast(t *testing.T) {
	day := int64(24 * 60 * 60)
	for _, tt := range []struct {
		name  string
		build func(w *work)
		want  string // versions before and after each step
		cut   string
	}{
		{"taken back", func(w *work) { w.commit("bump", "web.yaml", web("2")); w.commit("revert", "web.yaml", web("1")) }, "2>1 1>2", ""},
		{"other files", func(w *work) { w.commit("other", "other.yaml", web("2")) }, "", ""},
		{"beside the line", func(w *work) {
			w.git("checkout", "-qb", "side")
			w.commit("bump", "web.yaml", web("2"))
			w.commit("revert", "web.yaml", web("1"))
			w.git("checkout", "-q", "main")
			w.commit("other", "other.yaml", "1")
			w.git("merge", "-q", "--no-ff", "-m", "merge", "side")
		}, "", ""},
		{"long ago", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.Clock += 91 * day
			w.commit("revert", "web.yaml", web("1"))
			w.Clock += 91 * day
			w.commit("other", "other.yaml", "1")
		}, "", ""},
		{"many commits", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			for i := range 201 {
				w.commit("other", "other.yaml", fmt.Sprint(i))
			}
			w.commit("revert", "web.yaml", web("1"))
		}, "2>1", "no more than 200 commits"},
		{"not fetched", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.commit("revert", "web.yaml", web("1"))
			id := w.git("rev-parse", "HEAD~:web.yaml")
			if err := os.Remove(filepath.Join(w.Dir, ".git", "objects", id[:2], id[2:])); err != nil {
				w.T.Fatal(err)
			}
		}, "", "not in this repository"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWork(t)
			w.commit("start", "web.yaml", web("1"))
			tt.build(w)
			w.git("checkout", "-qb", "flux")
			w.commit("update", "web.yaml", web("3"))
			got, past := []string{}, w.facts("main", "flux").Past
			for _, s := range past.Steps {
				got = append(got, tag(s.Before)+">"+tag(s.After))
			}
			if strings.Join(got, " ") != tt.want || (tt.cut == "") != (past.Cut == "") || !strings.Contains(past.Cut, tt.cut) {
				t.Errorf("steps %q, cut %q", got, past.Cut)
			}
		})
	}
}

func tag(data []byte) string {
	text := strings.TrimPrefix(string(data), "image: ghcr.io/acme/web:")
	return text[:1]
}

// TestPastOfManyFiles: the more files, the fewer commits.
func TestPastOfManyFiles(t *testing.T) {
	var facts change.Facts
	blob := change.Blob{Mode: change.Regular, Data: []byte(web("1"))}
	for i := range 3000 {
		facts.Files = append(facts.Files, change.File{Path: fmt.Sprintf("%d.yaml", i), Before: blob, After: blob})
		if paths, commits := facts.Looked(); len(paths) != i+1 || len(paths)*commits > 2000 {
			t.Fatalf("%d files at %d commits", len(paths), commits)
		}
	}
}
