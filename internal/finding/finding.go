package finding

import (
	"cmp"
	"slices"
)

// Severity says what a finding does to the verdict.
type Severity string

// The severities, gravest first.
const (
	Error   Severity = "error"   // makes the verdict fail
	Warning Severity = "warning" // is shown, does not fail
	Note    Severity = "note"    // informs
	Off     Severity = "off"     // only in a policy file: the rule is not reported
)

func (s Severity) rank() int {
	switch s {
	case Error:
		return 0
	case Warning:
		return 1
	case Note:
		return 2
	}
	return 3
}

// Place is where a finding points: a file of the head tree and, where known,
// a position in it. Line and Column count from 1 (columns count characters);
// zero means unknown.
type Place struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Path is the YAML path of the value, such as spec.template.spec.containers[0].image.
	Path string `json:"path,omitempty"`
}

// Finding is one thing that a rule has to say about a change.
type Finding struct {
	// Rule is the rule's name, family/name.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Place
	// Message says what is the matter, in one sentence. It may quote outside
	// text: every printer escapes it.
	Message string `json:"message"`
	// Hint says how to mend it.
	Hint string `json:"hint,omitempty"`
	// Was is the rule's own severity where the policy file raised or lowered it.
	Was Severity `json:"was,omitempty"`
}

// Verdict is the answer to "is this change only what Flux would write, and allowed?".
type Verdict string

// The verdicts. Undecided is never green.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	NotApplicable Verdict = "not-applicable"
	Undecided     Verdict = "undecided"
)

// Decide adds findings up: any error fails.
func Decide(findings []Finding) Verdict {
	for _, f := range findings {
		if f.Severity == Error {
			return Fail
		}
	}
	return Pass
}

// Compare orders findings gravest first, then by place, rule and text.
func Compare(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.Severity.rank(), b.Severity.rank()),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Message, b.Message),
	)
}

// Sort orders findings as Compare does, so that equal facts always print equal
// reports, and drops exact repeats.
func Sort(findings []Finding) []Finding {
	slices.SortFunc(findings, Compare)
	return slices.Compact(findings)
}

// Weighed is the finding as a policy's severities have it, by rule; false where they
// silence it.
func (f Finding) Weighed(set map[string]Severity) (Finding, bool) {
	if s, ok := set[f.Rule]; ok && s != f.Severity {
		f.Severity, f.Was = s, f.Severity
	}
	return f, f.Severity != Off
}
