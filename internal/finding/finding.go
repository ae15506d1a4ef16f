package finding

import (
	"cmp"
	"fmt"
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

// Severities are all severities, gravest first.
func Severities() []Severity { return []Severity{Error, Warning, Note, Off} }

// rank is the severity's place among all; a word that nobody knows is graver than any.
func (s Severity) rank() int { return slices.Index(Severities(), s) }

// Below tells whether the severity is less grave than another.
func (s Severity) Below(other Severity) bool { return s.rank() > other.rank() }

// Place is where a finding points: a file of the head tree and, where known,
// a position in it, or an entry of the ledger. Line and Column count from 1
// (columns count characters); zero means unknown.
type Place struct {
	// Path from the root of the repository. Bytes that are not UTF-8 are written as a
	// backslash and xNN.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty" jsonschema:"minimum=1"`   // Line in the head from 1.
	Column int    `json:"column,omitempty" jsonschema:"minimum=1"` // Column in characters from 1.
	// Path is the YAML path of the value, such as spec.template.spec.containers[0].image.
	Path string `json:"path,omitempty"`
	// Entry is the place of an entry in the ledger, from 0, if there is one.
	Entry *int64 `json:"entry,omitempty" jsonschema:"minimum=0"`
}

// Finding is one thing that a rule has to say. This is its JSON form everywhere.
type Finding struct {
	// Rule is the rule's name, family/name.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	Place
	// Message says what is the matter, in one sentence. It may quote outside
	// text: escape it before showing it.
	Message string `json:"message"`
	// Hint says what to do. It may quote outside text.
	Hint string `json:"hint,omitempty"`
	// Was is the rule's own severity where the policy file raised or lowered it.
	Was Severity `json:"was,omitempty" jsonschema:"enum=error,enum=warning,enum=note"`
}

// New makes a finding of a rule with the severity that the catalogue gives it.
// The hint may be empty.
func New(rule, hint, format string, args ...any) Finding {
	return Finding{Rule: rule, Severity: Natural(rule), Message: fmt.Sprintf(format, args...), Hint: hint}
}

// Natural is the severity of a rule by the catalogue. That of a rule that nobody
// knows is error.
func Natural(rule string) Severity {
	known, _ := Lookup(rule)
	return cmp.Or(known.Severity, Error)
}

// weighed is the finding as a policy's severities have it, by rule; false where they
// silence it. A policy can make no less of a rule than its floor, and of a finding
// that is below the floor by nature, no less than it is.
func (f Finding) weighed(set map[string]Severity) (Finding, bool) {
	if s, ok := set[f.Rule]; ok && s != f.Severity {
		rule, _ := Lookup(f.Rule)
		floor := cmp.Or(rule.Floor, Off)
		if f.Severity.Below(floor) {
			floor = f.Severity
		}
		if s.Below(floor) {
			s = floor
		}
		if s != f.Severity {
			f.Severity, f.Was = s, f.Severity
		}
	}
	return f, f.Severity != Off
}

// Count is how many of the findings have the severity.
func Count(findings []Finding, s Severity) int {
	n := 0
	for _, f := range findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Compare orders findings gravest first, then by place, rule and text.
func Compare(a, b Finding) int {
	entry := func(f Finding) int64 {
		if f.Entry == nil {
			return -1
		}
		return *f.Entry
	}
	return cmp.Or(
		cmp.Compare(a.Severity.rank(), b.Severity.rank()),
		cmp.Compare(entry(a), entry(b)),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Message, b.Message),
	)
}

// Sort orders findings as Compare does, so that equal facts always print equal
// reports, and drops repeats.
func Sort(findings []Finding) []Finding {
	slices.SortStableFunc(findings, Compare)
	return slices.CompactFunc(findings, func(a, b Finding) bool { return Compare(a, b) == 0 })
}
