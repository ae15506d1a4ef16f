package facts_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// update merges main into flux, as GitHub's button does, and gives the merge; then
// edit may amend it.
func (w *world) update(edit func()) string {
	w.t.Helper()
	w.git("checkout", "-q", "flux")
	w.git("merge", "-q", "--no-ff", "-m", "Merge branch main into flux", "main")
	if edit != nil {
		edit()
		w.git("add", "-A")
		w.git("commit", "-q", "--amend", "--no-edit")
	}
	return w.git("rev-parse", "HEAD")
}

func (w *world) onMain(pairs ...string) {
	w.t.Helper()
	w.git("checkout", "-q", "main")
	w.commit("meanwhile", pairs...)
}

// A merge of the base is mechanical where it adds nothing, and both sources say so
// of the same ones.
func TestMechanicalMerges(t *testing.T) {
	apart := strings.Repeat("# line\n", 20)
	for _, tt := range []struct {
		name  string
		build func(w *world)
		want  string // of the commits, oldest first: m where it is
	}{
		{"base moved elsewhere", func(w *world) { w.onMain("b.yaml", "2", "new/c.yaml", "3"); w.update(nil) }, "-m"},
		{"twice, and a commit between", func(w *world) {
			w.onMain("b.yaml", "2")
			w.update(nil)
			w.commit("bump again", "a.yaml", marked("1.0.2"))
			w.onMain("b.yaml", "3")
			w.update(nil)
		}, "-m-m"},
		{"something added", func(w *world) { w.onMain("b.yaml", "2"); w.update(func() { w.write("evil.yaml", "1") }) }, "--"},
		{"another version", func(w *world) { w.onMain("b.yaml", "2"); w.update(func() { w.write("a.yaml", marked("1.0.9")) }) }, "--"},
		{"the base's change is dropped", func(w *world) { w.onMain("b.yaml", "2"); w.update(func() { w.write("b.yaml", "1") }) }, "--"},
		{"a file removed", func(w *world) { w.onMain("b.yaml", "2"); w.update(func() { w.git("rm", "-q", "b.yaml") }) }, "--"},
		{"a mode changed", func(w *world) {
			w.onMain("b.yaml", "2")
			w.git("config", "core.fileMode", "false")
			w.update(func() { w.git("update-index", "--chmod=+x", "a.yaml") })
		}, "--"},
		{"both changed one file, which git merges", func(w *world) {
			w.onMain("a.yaml", marked("1.0.0")+apart+"b: 2\n")
			w.git("checkout", "-q", "flux")
			w.update(nil)
		}, "--"},
		{"another branch", func(w *world) {
			w.git("checkout", "-qb", "side", "main")
			w.commit("side", "c.yaml", "1")
			w.git("checkout", "-q", "flux")
			w.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
		}, "---"},
		{"after one that is not", func(w *world) {
			w.onMain("b.yaml", "2")
			w.update(func() { w.write("evil.yaml", "1") })
			w.onMain("b.yaml", "3")
			w.update(nil)
		}, "--?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newRepo(t)
			w.commit("start", "a.yaml", marked("1.0.0")+apart+"b: 1\n", "b.yaml", "1")
			w.branch("flux")
			w.commit("bump", "a.yaml", marked("1.0.1")+apart+"b: 1\n")
			tt.build(w)
			w.serve()
			local, api := w.local("main", "flux"), w.pullFacts(w.open("flux"))
			for source, facts := range map[string]change.Facts{"git": local, "the API": api} {
				got := ""
				for _, c := range facts.Commits {
					got += map[bool]string{true: "m", false: "-"}[c.Mechanical]
				}
				if len(got) != len(tt.want) || got != tt.want && !strings.Contains(tt.want, "?") {
					t.Errorf("%s: got %s, want %s", source, got, tt.want)
				}
			}
		})
	}
}

// Who pushed no more than a mechanical merge has no part in the change.
func TestPusherOfAMerge(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*world)
		kind string
		want []int64
	}{
		{"mechanical", nil, "", []int64{botID}},
		{"with more", func(w *world) { w.write("evil.yaml", "1") }, "", []int64{12, botID}},
		{"forced", nil, "force_push", []int64{12}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := typical(t, 1)
			w.AddAccount(fakehub.Account{Login: "ann", ID: 12})
			one := w.git("rev-parse", "flux")
			w.onMain("README.md", "more")
			edit := func() { tt.edit(w) }
			if tt.edit == nil {
				edit = nil
			}
			w.AddPush(fleet, fakehub.Push{Ref: "flux", Before: one, After: w.update(edit), Actor: "ann", Type: tt.kind})
			w.pushers(t, tt.want)
		})
	}
}

// Merges that are too many are not looked into.
func TestManyMerges(t *testing.T) {
	w := typical(t, 1)
	for i := range 12 {
		w.onMain("README.md", fmt.Sprint(i))
		w.update(nil)
	}
	found := 0
	for _, c := range w.pullFacts(w.open("flux")).Commits {
		if c.Mechanical {
			found++
		}
	}
	if found != 10 {
		t.Errorf("%d merges are mechanical", found)
	}
}
