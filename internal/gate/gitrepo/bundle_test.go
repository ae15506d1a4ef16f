package gitrepo_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// The repository that a real Flux wrote to (made from our own manifests).
func TestRealFlux(t *testing.T) {
	bundle := sharedtest.Path(t, "flux-e2e", "flux-e2e.bundle")
	dir := filepath.Join(t.TempDir(), "flux.git")
	newWork(t).git("clone", "-q", "--bare", bundle, dir)
	w := at(t, dir)
	const start, squash = "cb084e6ed535e1eddc79e2200a859500071a144b", "22235ac293daad586c5573cb010e9bf70959c9ec"
	branches := map[string]struct {
		mergeBase string
		commits   int
		again     bool // what the base has already, step by step: a merge changes nothing, and a rebase nobody knows what
	}{
		"flux-image-updates": {start, 6, false}, "flux-image-updates-x": {start, 5, false}, "keep-round1": {start, 1, false},
		"keep-round2": {start, 3, true}, "scenario-major": {squash, 2, false}, "scenario-downgrade": {squash, 2, false},
		"scenario-prerelease": {squash, 1, false},
	}
	for branch, want := range branches {
		t.Run(branch, func(t *testing.T) {
			facts := w.facts("main", branch)
			if facts.MergeBase.Commit != want.mergeBase || len(facts.Commits) != want.commits || len(facts.Gaps) > 0 {
				t.Errorf("merge base %s, %d commits, gaps %q", facts.MergeBase.Commit, len(facts.Commits), facts.Gaps)
			}
			if got := strings.Join(shas(facts), "\n"); got != w.git("rev-list", "--reverse", "--topo-order", "main.."+branch) {
				t.Errorf("commits %s", got)
			}
			list := func(from string) []string {
				return strings.Fields(w.git("diff", "--name-only", "--no-renames", from, branch))
			}
			changed := list(want.mergeBase)
			if !want.again {
				changed = slices.DeleteFunc(changed, func(p string) bool { return !slices.Contains(list("main"), p) })
			}
			var got []string
			for _, f := range facts.Files {
				if want.again && !f.Stale {
					t.Errorf("%s is not stale", f.Path)
				}
				got = append(got, f.Path)
			}
			if !slices.Equal(got, changed) {
				t.Errorf("files %q, want %q", got, changed)
			}
		})
	}
}
