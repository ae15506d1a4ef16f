package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

func web(version string) string {
	return "image: ghcr.io/acme/web:" + version + ` # {"$imagepolicy": "flux-system:web"}` + "\n"
}

// TestPast: what the base's own line did to the changed files is read, newest first,
// and what cannot be read is said.
func TestPast(t *testing.T) {
	day := int64(24 * 60 * 60)
	others := func(w *work, n int) {
		for i := range n {
			w.commit("other", "other.yaml", fmt.Sprint(i))
		}
	}
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
		{"by a merge", func(w *work) {
			w.git("checkout", "-qb", "side")
			w.commit("beside", "other.yaml", "1")
			w.git("checkout", "-q", "main")
			w.commit("bump", "web.yaml", web("2"))
			w.git("merge", "-q", "--no-ff", "--no-commit", "side")
			w.commit("merge", "web.yaml", web("1"))
		}, "2>1 1>2", ""},
		{"long ago", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.Clock += 91 * day
			w.commit("revert", "web.yaml", web("1"))
			w.Clock += 91 * day
			w.commit("other", "other.yaml", "1")
		}, "", ""},
		{"a wrong clock", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.commit("revert", "web.yaml", web("1"))
			w.Clock -= 200 * day
			w.commit("other", "other.yaml", "1")
			w.Clock += 200 * day
			w.commit("other", "other.yaml", "2")
		}, "2>1 1>2", ""},
		{"a wrong clock of who takes it back", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.Clock -= 200 * day
			w.commit("revert", "web.yaml", web("1"))
			w.Clock += 200 * day
			w.commit("other", "other.yaml", "1")
		}, "2>1 1>2", ""},
		{"many commits to other files", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			others(w, 201)
			w.commit("revert", "web.yaml", web("1"))
		}, "2>1 1>2", ""},
		{"moved", func(w *work) {
			w.git("mv", "web.yaml", "old.yaml")
			w.commit("hide", "old.yaml", web("2"))
			w.commit("revert", "old.yaml", web("1"))
			w.git("mv", "old.yaml", "web.yaml")
			w.commit("move", "web.yaml", web("1"))
		}, "2>1 1>2", ""},
		{"moved and taken back in one", func(w *work) {
			w.commit("elsewhere", "apps/web.yaml", web("2"))
			w.git("rm", "-q", "apps/web.yaml")
			w.git("rm", "-q", "web.yaml")
			w.git("commit", "-qm", "away")
			w.commit("bring", "apps/web.yaml", web("2"))
			w.git("rm", "-q", "apps/web.yaml")
			w.commit("move", "web.yaml", web("1"))
		}, "2>1 2>-", ""},
		{"renamed and taken back in one", func(w *work) {
			w.commit("elsewhere", "site.yaml", web("2"), "more.yaml", web("2"))
			w.git("rm", "-q", "web.yaml", "site.yaml")
			w.git("commit", "-qm", "away")
			w.git("rm", "-q", "more.yaml")
			w.commit("rename", "web.yaml", web("1"))
		}, "2>1", ""},
		{"renamed, and nobody knows from what", func(w *work) {
			w.commit("elsewhere", "site.yaml", web("2"), "more.yaml", web("2"))
			w.git("rm", "-q", "web.yaml")
			w.git("commit", "-qm", "away")
			w.git("rm", "-q", "more.yaml", "site.yaml")
			w.commit("rename", "web.yaml", web("1"))
		}, "1>-", `of 2 files that went as "web.yaml" came`},
		{"away and again", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.git("rm", "-q", "web.yaml")
			w.git("commit", "-qm", "away")
			w.commit("again", "web.yaml", web("1"))
		}, "2>- 1>2", ""},
		{"not fetched", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.commit("revert", "web.yaml", web("1"))
			id := w.git("rev-parse", "HEAD~:web.yaml")
			if err := os.Remove(filepath.Join(w.Dir, ".git", "objects", id[:2], id[2:])); err != nil {
				w.T.Fatal(err)
			}
		}, "", `an earlier version of "web.yaml" could not be read`},
		{"history not fetched", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			id := w.git("rev-parse", "HEAD~")
			w.commit("revert", "web.yaml", web("1"))
			if err := os.Remove(filepath.Join(w.Dir, ".git", "objects", id[:2], id[2:])); err != nil {
				w.T.Fatal(err)
			}
		}, "2>1", "not in this repository"},
		{"shallow", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.commit("revert", "web.yaml", web("1"))
			if err := os.WriteFile(filepath.Join(w.Dir, ".git", "shallow"), []byte(w.git("rev-parse", "HEAD~")+"\n"), 0o600); err != nil {
				w.T.Fatal(err)
			}
		}, "2>1", "the clone is shallow"},
		{"shallow, and older than is looked", func(w *work) {
			w.commit("bump", "web.yaml", web("2"))
			w.Clock += 91 * day
			w.commit("other", "other.yaml", "1")
			if err := os.WriteFile(filepath.Join(w.Dir, ".git", "shallow"), []byte(w.git("rev-parse", "HEAD~")+"\n"), 0o600); err != nil {
				w.T.Fatal(err)
			}
		}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWork(t)
			w.commit("start", "web.yaml", web("1"))
			tt.build(w)
			w.git("checkout", "-qb", "flux")
			w.commit("update", "web.yaml", web("3"))
			past := w.facts("main", "flux").Past
			if got := steps(past); got != tt.want || (tt.cut == "") != (past.Cut == "") || !strings.Contains(past.Cut, tt.cut) {
				t.Errorf("steps %q, cut %q", got, past.Cut)
			}
		})
	}
}

func steps(past change.Past) string {
	var all []string
	for _, s := range past.Steps {
		all = append(all, tag(s.Before)+">"+tag(s.After))
	}
	return strings.Join(all, " ")
}

func tag(data []byte) string {
	if data == nil {
		return "-"
	}
	return strings.TrimPrefix(string(data), "image: ghcr.io/acme/web:")[:1]
}

// TestPastWithin: the policy says how far, and it is told how far that was.
func TestPastWithin(t *testing.T) {
	w := newWork(t)
	start := w.Clock
	for _, version := range []string{"1", "2", "3", "4"} {
		w.commit(version, "web.yaml", web(version))
		w.Clock += 24 * 60 * 60
	}
	w.git("checkout", "-qb", "flux")
	w.commit("update", "web.yaml", web("5"))
	for _, tt := range []struct {
		within change.Within
		want   string
		cut    string
		since  int64 // days after the start
	}{
		{change.Within{}, "", "", 0},
		{change.Within{Days: 2, Commits: 200}, "3>4 2>3", "", 2},
		{change.Within{Days: 90, Commits: 2}, "3>4 2>3", `no more than 2 commits are looked at that changed "web.yaml"`, 1},
		{change.Within{Days: 90, Commits: 3}, "3>4 2>3 1>2", "", 1},
	} {
		r := open(t, w.Dir)
		facts, err := r.Facts(t.Context(), gitrepo.Range{Base: "main", Head: "flux"})
		if err == nil {
			err = r.Past(t.Context(), &facts, tt.within)
		}
		past := facts.Past
		days := (past.Since.Unix() - start) / (24 * 60 * 60)
		if got := steps(past); err != nil || got != tt.want || past.Cut != tt.cut || past.Commits > 0 && days != tt.since {
			t.Errorf("%+v: steps %q, cut %q, since day %d, error %v", tt.within, got, past.Cut, days, err)
		}
	}
}

// TestPastOfATipFromTheFuture: a wrong clock at the base's tip does not make all below it too old.
func TestPastOfATipFromTheFuture(t *testing.T) {
	w := newWork(t)
	w.commit("start", "web.yaml", web("1"))
	w.commit("bump", "web.yaml", web("2"))
	w.commit("revert", "web.yaml", web("1"))
	for i := range 4 {
		w.commit("other", "other.yaml", fmt.Sprint(i))
	}
	now := time.Unix(w.Clock, 0)
	w.Clock += 400 * 24 * 60 * 60
	w.commit("from the future", "other.yaml", "x")
	w.git("checkout", "-qb", "flux")
	w.commit("update", "web.yaml", web("3"))
	for _, one := range []struct {
		within change.Within
		want   string
	}{{change.Within{Days: 90, Commits: 200}, ""}, {change.Within{Days: 90, Commits: 200, Now: now}, "2>1 1>2"}} {
		r := open(t, w.Dir)
		facts, err := r.Facts(t.Context(), gitrepo.Range{Base: "main", Head: "flux"})
		if err == nil {
			err = r.Past(t.Context(), &facts, one.within)
		}
		if got := steps(facts.Past); err != nil || got != one.want {
			t.Errorf("%+v: steps %q, error %v", one.within, got, err)
		}
	}
}

// TestPastOfManyFiles: the earlier versions of all files are bounded.
func TestPastOfManyFiles(t *testing.T) {
	var facts change.Facts
	blob := change.Blob{Mode: change.Regular, Data: []byte(web("1"))}
	var changed []change.Sides
	for i := range 900 {
		path := fmt.Sprintf("%d.yaml", i)
		facts.Files = append(facts.Files, change.File{Path: path, Before: blob, After: blob})
		changed = append(changed, change.Sides{Path: path, Old: change.Entry{Mode: change.Regular, ID: "1"},
			New: change.Entry{Mode: change.Regular, ID: "2"}})
	}
	now := time.Now()
	trail := facts.Follow(change.Within{Days: 90, Commits: 200})
	commits := 0
	for ; trail.Goes(now); commits++ {
		trail.Take("", now, changed)
	}
	if commits != 3 || !strings.Contains(trail.Past.Cut, "no more than 2000 earlier versions") {
		t.Errorf("%d commits, cut %q", commits, trail.Past.Cut)
	}
}
