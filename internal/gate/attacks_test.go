package gate_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gatetest"
	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"
)

// wanted is what a case's comment expects of its verdict.
type wanted struct {
	verdict finding.Verdict
	rules   []string // at least these are reported
	outcome manifest.Outcome
	says    []string // texts that findings say
	silent  []string // texts that no finding says
}

// TestAttacks judges everything that somebody could try. None may pass.
func TestAttacks(t *testing.T) {
	cases := loadCases(t, "attacks")
	if len(cases) < 150 {
		t.Errorf("there are only %d cases", len(cases))
	}
	stopped := 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.want.verdict == finding.Pass || c.want.verdict == finding.NotApplicable {
				t.Errorf("an attack may not be wanted to be %s", c.want.verdict)
			}
			if c.run(t).Verdict() != finding.Pass {
				stopped++
			}
		})
	}
	t.Logf("attacks: %d of %d stopped by fluxkeeper", stopped, len(cases))
	for _, naive := range naiveGates {
		admitted := 0
		for _, c := range cases {
			if _, facts, _, err := gatetest.Load(c.archive); err == nil && naive.admit(facts) {
				admitted++
			}
		}
		t.Logf("attacks: %d of %d stopped by %s", len(cases)-admitted, len(cases), naive.name)
	}
}

// TestHonest judges what Flux and people do every day. None may fail.
func TestHonest(t *testing.T) {
	cases := loadCases(t, "honest")
	passed := 0
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.want.verdict != finding.Pass && c.want.verdict != finding.NotApplicable {
				t.Errorf("an honest change may not be wanted to be %s", c.want.verdict)
			}
			if c.run(t).Verdict() == c.want.verdict {
				passed++
			}
		})
	}
	t.Logf("honest: %d of %d let through", passed, len(cases))
}

// testCase is one archive of testdata.
type testCase struct {
	name    string
	archive *txtar.Archive
	want    wanted
}

// run judges a case, holds the result against what it wants, and checks what
// must be so for every case.
func (c testCase) run(t *testing.T) gate.Result {
	t.Helper()
	result, k := judge(t, c.archive), knownfail.Of(t)
	if result.Verdict() != c.want.verdict {
		k.Errorf("verdict %s, want %s", result.Verdict(), c.want.verdict)
	}
	for _, rule := range c.want.rules {
		if !has(result, rule, "") {
			k.Errorf("%s is not reported", rule)
		}
	}
	if c.want.outcome != "" && result.Reproduction != c.want.outcome {
		k.Errorf("outcome %s, want %s", result.Reproduction, c.want.outcome)
	}
	said := ""
	for _, f := range result.Findings {
		said += fmt.Sprintf("%s: %s; %s\n", f.Rule, f.Message, f.Hint)
	}
	for _, text := range c.want.says {
		if !strings.Contains(said, text) {
			k.Errorf("no finding says %q", text)
		}
	}
	for _, text := range c.want.silent {
		if strings.Contains(said, text) {
			k.Errorf("a finding says %q", text)
		}
	}
	for _, f := range result.Findings {
		if _, ok := finding.Lookup(f.Rule); !ok {
			t.Errorf("finding of a rule %q that the catalogue does not have", f.Rule)
		}
	}
	if k.Failed() {
		k.Errorf("%s\n%s", c.archive.Comment, describe(result))
	}
	return result
}

func loadCases(t *testing.T, directory string) []testCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", directory, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", directory, err)
	}
	var cases []testCase
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := testCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: archive}
		if c.want, err = wants(string(archive.Comment)); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases = append(cases, c)
	}
	return cases
}

// wants reads the lines "want: VERDICT RULE…", "outcome: OUTCOME", "says: TEXT" and
// "silent: TEXT".
func wants(comment string) (wanted, error) {
	var w wanted
	prose := 0
	for line := range strings.Lines(comment) {
		key, rest, _ := strings.Cut(line, ":")
		words := strings.Fields(rest)
		switch {
		case key == "want" && len(words) > 0:
			w.verdict, w.rules = finding.Verdict(words[0]), words[1:]
		case key == "outcome" && len(words) == 1:
			w.outcome = manifest.Outcome(words[0])
		case key == "says":
			w.says = append(w.says, strings.TrimSpace(rest))
		case key == "silent":
			w.silent = append(w.silent, strings.TrimSpace(rest))
		default:
			prose += len(strings.TrimSpace(line))
		}
	}
	verdicts := []finding.Verdict{finding.Pass, finding.Fail, finding.NotApplicable, finding.Undecided}
	if !slices.Contains(verdicts, w.verdict) || prose < 10 {
		return w, fmt.Errorf("the comment does not say what happens and what is wanted")
	}
	for _, rule := range w.rules {
		if _, ok := finding.Lookup(rule); !ok {
			return w, fmt.Errorf("there is no rule %s", rule)
		}
	}
	return w, nil
}

// describe shows a result as a test's log needs it.
func describe(result gate.Result) string {
	var out strings.Builder
	fmt.Fprintf(&out, "verdict %s, outcome %s", result.Verdict(), result.Reproduction)
	for _, f := range result.Findings {
		fmt.Fprintf(&out, "\n  %s %s %s:%d:%d %q", f.Severity, f.Rule, f.File, f.Line, f.Column, f.Message)
	}
	for _, u := range result.Updates {
		fmt.Fprintf(&out, "\n  %q %q → %q: %s", u.Image, u.From, u.To, u.Step)
	}
	return out.String()
}
