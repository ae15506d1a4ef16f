package doctor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// State is how a check ended.
type State string

// The states.
const (
	OK      State = "ok"
	Found   State = "finding"
	Unknown State = "could not tell"
)

// Check is one row of a checkup.
type Check struct {
	Name string
	// Evidence is what speaks for the state, Unread what is missing for it.
	// Both may quote outside text.
	Evidence, Unread []string
	Findings         []finding.Finding
}

// State is Found where there is an error or a warning, and OK only where
// nothing is missing.
func (c Check) State() State {
	switch {
	case slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.Severity != finding.Note }):
		return Found
	case len(c.Unread) > 0:
		return Unknown
	}
	return OK
}

// Unread is something that could not be read.
type Unread struct {
	Check string // the check that lacks it
	What  string // such as "Secret flux-system/github-token"
	Why   string
}

// Branches are those that Flux works with, where they are known.
type Branches struct {
	// Head is the one that it pushes to, Base the one that it starts from.
	Head, Base string
	Signs      bool
}

// Step is a check that can be run.
type Step struct {
	Name string
	Run  func()
}

// Examiner runs checks, and is told by them what they find.
type Examiner struct {
	missing []Unread
	check   Check
}

// NewExaminer makes an examiner that knows what could not be read.
func NewExaminer(missing []Unread) Examiner { return Examiner{missing: missing} }

// Run runs the checks in turn, and leaves out those that say nothing.
func (x *Examiner) Run(steps ...Step) []Check {
	var checks []Check
	for _, step := range steps {
		x.check = Check{Name: step.Name}
		for _, u := range x.missing {
			if u.Check == step.Name {
				x.Gap("%s: %s", u.What, u.Why)
			}
		}
		step.Run()
		x.check.Findings = finding.Sort(x.check.Findings)
		if len(x.check.Findings)+len(x.check.Evidence)+len(x.check.Unread) > 0 {
			checks = append(checks, x.check)
		}
	}
	return checks
}

// Lacks tells whether something of a check could not be read.
func (x *Examiner) Lacks(check string) bool {
	return slices.ContainsFunc(x.missing, func(u Unread) bool { return u.Check == check })
}

// Report adds a finding of a rule with the rule's own severity.
func (x *Examiner) Report(rule, hint, format string, args ...any) {
	known, _ := finding.Lookup(rule)
	x.Add(rule, cmp.Or(known.Severity, finding.Error), hint, format, args...)
}

// Add adds a finding with another severity.
func (x *Examiner) Add(rule string, severity finding.Severity, hint, format string, args ...any) {
	x.check.Findings = append(x.check.Findings, finding.Finding{
		Rule: rule, Severity: severity, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// Evidence says what speaks for the check being well.
func (x *Examiner) Evidence(format string, args ...any) {
	x.check.Evidence = append(x.check.Evidence, fmt.Sprintf(format, args...))
}

// Gap says what could not be told.
func (x *Examiner) Gap(format string, args ...any) {
	x.check.Unread = append(x.check.Unread, fmt.Sprintf(format, args...))
}

// Findings are those of all checks, gravest first.
func Findings(checks []Check) []finding.Finding {
	var all []finding.Finding
	for _, check := range checks {
		all = append(all, check.Findings...)
	}
	return finding.Sort(all)
}
