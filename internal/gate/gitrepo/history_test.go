package gitrepo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

func shas(facts change.Facts) []string {
	var out []string
	for _, c := range facts.Commits {
		out = append(out, c.SHA)
	}
	return out
}

func TestMergeCommitInRange(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	w.git("checkout", "-qb", "side")
	w.commit("side", "b", "1")
	w.git("checkout", "-qb", "branch", "main")
	w.commit("branch", "c", "1")
	w.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	facts := w.facts("main", "branch")
	if len(facts.Commits) != 3 || len(facts.Commits[2].Parents) != 2 || facts.Commits[2].Message != "merge\n" {
		t.Errorf("commits %s", messages(facts))
	}
	// Merging the base in is a merge commit too, and moves the merge base.
	w.git("checkout", "-q", "main")
	tip := w.commit("meanwhile", "a", "2")
	w.git("checkout", "-q", "branch")
	w.git("merge", "-q", "-m", "merge main", "main")
	facts = w.facts("main", "branch")
	if facts.MergeBase.Commit != tip || len(facts.Commits) != 4 || len(facts.Gaps) != 0 {
		t.Errorf("merge base %s, commits %s, gaps %q", facts.MergeBase.Commit, messages(facts), facts.Gaps)
	}
	if got := files(facts); got != "b: - | - | 100644 56a6051\nc: - | - | 100644 56a6051\n" {
		t.Errorf("files %s", got)
	}
}

func TestCrissCross(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	w.git("checkout", "-qb", "branch")
	one := w.commit("one", "b", "1")
	w.git("checkout", "-q", "main")
	two := w.commit("two", "c", "1")
	w.git("merge", "-q", "-m", "m1", one)
	w.git("checkout", "-q", "branch")
	w.git("merge", "-q", "-m", "m2", two)
	facts := w.facts("main", "branch")
	if !facts.Crosswise || len(facts.Gaps) != 0 {
		t.Errorf("crosswise %v, gaps %q", facts.Crosswise, facts.Gaps)
	}
}

func TestSameCommit(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	facts := w.facts("main", "HEAD")
	if len(facts.Commits)+len(facts.Files)+len(facts.Gaps) != 0 || facts.Base != facts.Head {
		t.Errorf("facts %+v", facts)
	}
	w.commit("more", "a", "2")
	if facts = w.facts("main", "HEAD^"); len(facts.Commits)+len(facts.Files) != 0 {
		t.Errorf("an ancestor of the base brings %s %s", messages(facts), files(facts))
	}
}

func TestNoCommonAncestor(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	w.git("checkout", "-q", "--orphan", "other")
	w.commit("other", "a", "2")
	_, err := w.tryFacts("main", "other")
	wantError(t, err, gitrepo.NoAncestor, `compare "other" with "main": no common ancestor`, "separate histories")
}

func TestShallow(t *testing.T) {
	w := newWork(t)
	for i := range 5 {
		w.commit("main", "a", fmt.Sprint(i))
	}
	w.git("checkout", "-qb", "branch", "main~2")
	w.commit("one", "b", "1")
	head := w.commit("two", "b", "2")
	clone := func(depth string) *work {
		dir := filepath.Join(t.TempDir(), "clone")
		w.git("clone", "-q", "--no-single-branch", "--depth", depth, "file://"+w.Dir, dir)
		return at(t, dir)
	}
	_, err := clone("1").tryFacts("origin/main", "origin/branch")
	wantError(t, err, gitrepo.Shallow, "shallow", "fetch-depth: 0")
	_, err = clone("1").tryFacts("HEAD^", "HEAD")
	wantError(t, err, gitrepo.Shallow, `resolve "HEAD^"`, "fetch-depth: 0")
	_, err = clone("2").tryFacts("origin/main", "origin/branch")
	wantError(t, err, gitrepo.Shallow, "shallow", "fetch-depth: 0")
	// Deep enough to prove the ancestor is as good as everything.
	facts := clone("3").facts("origin/main", "origin/branch")
	if got := strings.Join(shas(facts), " "); got != w.git("rev-parse", "branch^")+" "+head || facts.BaseRef != "main" {
		t.Errorf("commits %s, base %s", got, facts.BaseRef)
	}
}

// Replace refs and grafts show git another history than the objects tell. A
// gate that believed them could be shown a harmless commit in place of the real one.
func TestReplaceAndGrafts(t *testing.T) {
	w := newWork(t)
	start := w.commit("start", "a", "1")
	w.git("checkout", "-qb", "branch")
	evil := w.commit("evil", "a", "evil")
	w.git("checkout", "-qb", "harmless", "main")
	harmless := w.commit("harmless", "a", "2")
	w.git("replace", evil, harmless)
	w.git("replace", w.git("--no-replace-objects", "rev-parse", evil+":a"), w.git("rev-parse", harmless+":a"))
	if got := w.git("show", "branch:a"); got != "2" {
		t.Fatalf("git shows %q, so that the test proves nothing", got)
	}
	facts := w.facts("main", "branch")
	if messages(facts) != "evil" || files(facts) != "a: 100644 56a6051 | 100644 56a6051 | 100644 e3d35f1\n" {
		t.Errorf("commits %s, files %s", messages(facts), files(facts))
	}
	info := filepath.Join(w.Dir, ".git", "info", "grafts")
	if err := os.WriteFile(info, []byte(evil+"\n"+start+" "+harmless+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if facts := w.facts("main", "branch"); messages(facts) != "evil" || facts.MergeBase.Commit != start {
		t.Errorf("commits %s, merge base %s", messages(facts), facts.MergeBase.Commit)
	}
}

// Random histories with clocks gone wrong: the merge bases and the range are
// those of a plain search through all ancestors.
func TestRandomHistories(t *testing.T) {
	const commits = 40
	extra := 0 // ranges with a commit that the base has as well
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWork(t)
		w.git("commit", "-q", "--allow-empty", "-m", "start")
		tree := w.git("rev-parse", "HEAD^{tree}")
		ids := []string{w.git("rev-parse", "HEAD")}
		above := []map[int]bool{{0: true}} // of each commit: itself and its ancestors
		for i := 1; i < commits; i++ {
			ancestors := map[int]bool{i: true}
			args := []string{"commit-tree", tree, "-m", fmt.Sprint(i)}
			for p := range 1 + random.IntN(2) {
				parent := max(0, i-1-random.IntN(5)-p)
				if ancestors[parent] && p > 0 {
					continue
				}
				args = append(args, "-p", ids[parent])
				for a := range above[parent] {
					ancestors[a] = true
				}
			}
			w.Clock = 1_700_000_000 + random.Int64N(1000)
			ids, above = append(ids, w.git(args...)), append(above, ancestors)
		}
		r := open(t, w.Dir)
		for range 60 {
			base, head := random.IntN(commits), random.IntN(commits)
			facts, err := r.Facts(t.Context(), gitrepo.Range{Base: ids[base], Head: ids[head]})
			if err != nil {
				t.Fatal(err)
			}
			var best, only []string
			for a := range commits {
				switch {
				case above[head][a] && !above[base][a]:
					only = append(only, ids[a])
				case above[head][a]:
					below := false
					for b := range commits {
						below = below || b != a && above[head][b] && above[base][b] && above[b][a]
					}
					if !below {
						best = append(best, ids[a])
					}
				}
			}
			if !slices.Contains(best, facts.MergeBase.Commit) {
				t.Errorf("seed %d: merge base %s, want one of %s", seed, facts.MergeBase.Commit, best)
			}
			if len(best) > 1 && !facts.Crosswise {
				t.Errorf("seed %d: %d merge bases, and the facts do not say so", seed, len(best))
			}
			got := shas(facts)
			for i, c := range facts.Commits {
				for _, p := range c.Parents {
					if at := slices.Index(got, p); at > i {
						t.Errorf("seed %d: commit %s comes before its parent", seed, c.SHA)
					}
				}
			}
			slices.Sort(got)
			slices.Sort(only)
			for _, id := range only {
				if !slices.Contains(got, id) {
					t.Errorf("seed %d: commit %s of the range is missing", seed, id)
				}
			}
			if len(got) > len(only) {
				extra++
			}
		}
	}
	if extra > 3 {
		t.Errorf("%d of 360 ranges are too large", extra)
	}
}
