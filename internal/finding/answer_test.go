package finding_test

import (
	"slices"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// graded is a finding of a severity.
func graded(s finding.Severity) finding.Finding {
	f := finding.New("cluster/stale", "", "m")
	f.Severity = s
	return f
}

// TestVerdict adds answers up: of each basis, with what was found and with what could
// not be told.
func TestVerdict(t *testing.T) {
	wrong, odd, said := graded(finding.Error), graded(finding.Warning), graded(finding.Note)
	for name, c := range map[string]struct {
		answer finding.Answer
		want   finding.Verdict
	}{
		"nobody looked":                {finding.Answer{}, finding.Undecided},
		"nobody looked, with an error": {finding.Answer{Findings: []finding.Finding{wrong}}, finding.Undecided},
		"nothing":                      {finding.Answered(nil), finding.Pass},
		"a note":                       {finding.Answered([]finding.Finding{said}), finding.Pass},
		"a warning":                    {finding.Answered([]finding.Finding{odd}), finding.Pass},
		"an error":                     {finding.Answered([]finding.Finding{odd, wrong}), finding.Fail},
		"a gap":                        {finding.Answered(nil, "g"), finding.Undecided},
		"a warning and a gap":          {finding.Answered([]finding.Finding{odd}, "g"), finding.Undecided},
		"an error and a gap":           {finding.Answered([]finding.Finding{wrong}, "g"), finding.Fail},
		"a severity that nobody knows": {finding.Answered([]finding.Finding{graded("dreadful")}), finding.Fail},
		"the whole, with an error":     {finding.Answer{Basis: finding.Whole, Findings: []finding.Finding{wrong}}, finding.Fail},
		"the whole, with an error and a gap": {
			finding.Answer{Basis: finding.Whole, Findings: []finding.Finding{wrong}, Gaps: []string{"g"}}, finding.Undecided},
		"not ours":               {finding.Answer{Basis: finding.Foreign}, finding.NotApplicable},
		"not ours, with a gap":   {finding.Answer{Basis: finding.Foreign, Gaps: []string{"g"}}, finding.Undecided},
		"not ours, and an error": {finding.Answer{Basis: finding.Foreign, Findings: []finding.Finding{wrong}}, finding.Fail},
	} {
		if got := c.answer.Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestTogether: a list of checks is no better than the worst of them, and an empty one
// has told nothing.
func TestTogether(t *testing.T) {
	check := func(name string, a finding.Answer) finding.Check { return finding.Check{Name: name, Answer: a} }
	sound, blind := check("sound", finding.Answered(nil)), check("blind", finding.Answered(nil, "g"))
	broken := check("broken", finding.Answered([]finding.Finding{graded(finding.Error)}))
	noted := check("noted", finding.Answered([]finding.Finding{graded(finding.Note)}))
	unasked := check("unasked", finding.Answer{})
	for name, c := range map[string]struct {
		checks []finding.Check
		want   finding.Verdict
	}{
		"nothing": {nil, finding.Undecided}, "sound": {[]finding.Check{sound, noted}, finding.Pass},
		"one is broken":     {[]finding.Check{sound, blind, broken}, finding.Fail},
		"one is blind":      {[]finding.Check{sound, blind}, finding.Undecided},
		"one was not asked": {[]finding.Check{sound, unasked}, finding.Undecided},
	} {
		if got := finding.Together(c.checks).Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := finding.Together([]finding.Check{sound, blind}).Gaps; !slices.Equal(got, []string{"blind: g"}) {
		t.Errorf("the gaps are %q", got)
	}
	for want, c := range map[finding.State]finding.Check{finding.OK: noted, finding.Gap: blind, finding.Found: broken} {
		if got := c.State(); got != want {
			t.Errorf("%s: %s, want %s", c.Name, got, want)
		}
	}
}
