package main

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gittest"
)

var (
	realRepos = flag.String("real", "", "repositories, separated by commas, of which TestReal makes a table")
	realMost  = flag.Int("real-most", 120, "the most commits of Flux to judge in each, evenly spread over its history")
)

// TestReal prints how the gate judges Flux's commits of real repositories, by the
// default policy and with `versioning: policy`, and each refusal by commit and rule:
//
//	go test ./cmd/action -run TestReal -v -timeout 60m -real DIR,DIR
func TestReal(t *testing.T) {
	if *realRepos == "" {
		t.Skip("-real DIR,DIR names clones of repositories that Flux writes to")
	}
	for dir := range strings.SplitSeq(*realRepos, ",") {
		commits := fluxCommits(t, dir)
		tables := map[string]*realTable{"version: 1\n": {}, "version: 1\nversioning: policy\n": {}}
		for _, commit := range commits {
			facts, options := realFacts(t, dir, commit)
			for text, table := range tables {
				rules, err := policy.Parse("policy", []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				table.add(commit, gate.Judge(rules, facts, options))
			}
		}
		for text, table := range tables {
			t.Logf("%s, %q: %d commits, %d reproduced, verdicts %v, refused by %v%s", dir, text, len(commits), table.reproduced,
				table.verdicts, table.rules, table.lines.String())
		}
	}
}

// realTable is what became of a repository's commits.
type realTable struct {
	reproduced      int
	verdicts, rules map[string]int
	lines           strings.Builder // each refusal
}

func (r *realTable) add(commit string, result gate.Result) {
	if r.verdicts == nil {
		r.verdicts, r.rules = map[string]int{}, map[string]int{}
	}
	r.verdicts[string(result.Verdict())]++
	if result.Reproduction == manifest.Reproduced {
		r.reproduced++
	}
	why := map[string]string{} // by rule, what was said first
	for _, f := range result.Findings {
		if f.Severity == finding.Error {
			why[f.Rule] = cmp.Or(why[f.Rule], fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Message))
		}
	}
	for _, gap := range result.Gaps {
		why["gap"] = cmp.Or(why["gap"], gap)
	}
	for _, rule := range slices.Sorted(maps.Keys(why)) {
		r.rules[rule]++
		fmt.Fprintf(&r.lines, "\n  %s %s: %s", commit[:9], rule, why[rule])
	}
}

// fluxCommits gives the commits of Flux on the checked out branch that change a marked line.
func fluxCommits(t *testing.T, dir string) (some []string) {
	all := strings.Fields(gittest.At(t, dir).Git("log", "--no-merges", "--author=^flux.*<.", "--regexp-ignore-case", `-G"\$imagepolicy"`,
		"--format=%H"))
	most := min(*realMost, len(all))
	for i := range most {
		some = append(some, all[i*len(all)/most])
	}
	return some
}

// realFacts are those of a commit, to be judged on its day.
func realFacts(t *testing.T, dir, commit string) (change.Facts, gate.Options) {
	c := checkCmd{Repo: dir, Base: commit + "^", Head: commit, IgnoreIdentity: true,
		Today: gittest.At(t, dir).Git("log", "-1", "--format=%cs", commit)}
	options, err := c.options()
	if err != nil {
		t.Fatal(err)
	}
	facts, _, err := c.gather(&console.Console{World: console.World{Context: t.Context()}})
	if err != nil {
		t.Fatalf("%s: %v", commit, err)
	}
	return facts, options
}
