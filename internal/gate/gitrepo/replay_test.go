package gitrepo_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// TestRebases has branches of which a rebase makes something else than a merge, or nobody
// knows, and such as it does not.
func TestRebases(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []string // what a.yaml is in each commit of the branch, which began at 1
		tip   string   // what it is on the base; empty where the base took nothing
		merge string   // what a merge of the base into the branch makes of it; empty where there is none
		want  string   // the paths that are stale
	}{
		{name: "one side", steps: []string{"2", "3"}},
		{name: "the base took the first step", steps: []string{"2", "2"}, tip: "2"},
		{name: "both sides", steps: []string{"2", "3"}, tip: "4", want: "a.yaml"},
		{name: "taken back", steps: []string{"2", "1"}, tip: "2", want: "a.yaml"},
		{name: "taken back, and the base did something else", steps: []string{"2", "1"}, tip: "3", want: "a.yaml"},
		{name: "at last as on the base", steps: []string{"3", "2"}, tip: "2", want: "a.yaml"},
		{name: "taken back, and made again", steps: []string{"2", "1", "2"}, tip: "2"},
		{name: "taken back, and the base left it alone", steps: []string{"2", "1"}},
		{name: "a merge", steps: []string{"2"}, merge: "2"},
		{name: "a merge that takes back", steps: []string{"2"}, merge: "1", want: "a.yaml"},
		{name: "a merge that changes", steps: []string{"2"}, merge: "3", want: "a.yaml"},
		{name: "a merge that takes the base's", steps: []string{"2"}, tip: "3", merge: "3", want: "a.yaml"},
		{name: "too many to look at", steps: slices.Repeat([]string{"2", "3"}, change.MaxPicks/2+1), want: "a.yaml b.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, in := newWork(t), strings.Builder{}
			commit := func(branch, link, a, more string) { // by one process of git for all
				fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter A <a@example.org> 1700000000 +0000\ndata 0\n%s", branch, link)
				for _, file := range []string{"a.yaml " + a, more} {
					path, data, _ := strings.Cut(file, " ")
					fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(data), data)
				}
			}
			commit("start", "", "1", "b.yaml 1")
			commit("branch", "from refs/heads/start\n", "1", "b.yaml 2")
			for _, step := range tt.steps {
				commit("branch", "", step, "b.yaml 2")
			}
			commit("base", "from refs/heads/start\n", cmp.Or(tt.tip, "1"), "c.yaml 1")
			if tt.merge != "" {
				commit("branch", "merge refs/heads/base\n", tt.merge, "c.yaml 1")
			}
			w.gitInput(in.String(), "fast-import", "--quiet")
			var stale []string
			for _, f := range w.facts("base", "branch").Files {
				if f.Stale {
					stale = append(stale, f.Path)
				}
			}
			if got := strings.Join(stale, " "); got != tt.want {
				t.Errorf("stale are %q, want %q", got, tt.want)
			}
		})
	}
}
