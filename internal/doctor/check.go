package doctor

import (
	"fmt"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

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
	check   finding.Check
}

// NewExaminer makes an examiner that knows what could not be read.
func NewExaminer(missing []Unread) Examiner { return Examiner{missing: missing} }

// Run runs the checks in turn, and leaves out those that say nothing.
func (x *Examiner) Run(steps ...Step) []finding.Check {
	var checks []finding.Check
	for _, step := range steps {
		x.check = finding.Check{Name: step.Name, Answer: finding.Answered(nil)}
		for _, u := range x.missing {
			if u.Check == step.Name {
				x.Gap("%s: %s", u.What, u.Why)
			}
		}
		step.Run()
		x.check.Findings = finding.Sort(x.check.Findings)
		if len(x.check.Findings)+len(x.check.Evidence)+len(x.check.Gaps) > 0 {
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
	x.check.Findings = append(x.check.Findings, finding.New(rule, hint, format, args...))
}

// Add adds a finding with another severity.
func (x *Examiner) Add(rule string, severity finding.Severity, hint, format string, args ...any) {
	x.Report(rule, hint, format, args...)
	x.check.Findings[len(x.check.Findings)-1].Severity = severity
}

// Evidence says what speaks for the check being well.
func (x *Examiner) Evidence(format string, args ...any) {
	x.check.Evidence = append(x.check.Evidence, fmt.Sprintf(format, args...))
}

// Gap says what could not be told.
func (x *Examiner) Gap(format string, args ...any) {
	x.check.Gaps = append(x.check.Gaps, fmt.Sprintf(format, args...))
}
