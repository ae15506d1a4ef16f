package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// The names of the checks, in the order in which they are reported.
const (
	CheckAPI        = "Flux APIs"
	CheckRepository = "GitRepository"
	CheckSecret     = "Secret"
	CheckToken      = "same token"
	CheckAutomation = "ImageUpdateAutomation"
	CheckPolicies   = "ImagePolicies"
	CheckDrift      = "policy file"
	CheckFailures   = "events and logs"
	CheckPush       = "last push"
)

// State is how a check ended.
type State string

// The states.
const (
	OK      State = "ok"
	Found   State = "finding"
	Unknown State = "could not tell"
)

// Check is one row of the report.
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
	for _, f := range c.Findings {
		if f.Severity != finding.Note {
			return Found
		}
	}
	if len(c.Unread) > 0 {
		return Unknown
	}
	return OK
}

// Judge holds what was read of a cluster against what is expected, and returns
// the findings of all checks, gravest first.
func Judge(c Cluster, e Expectation) []finding.Finding {
	var all []finding.Finding
	for _, check := range Examine(c, e) {
		all = append(all, check.Findings...)
	}
	return finding.Sort(all)
}

// Examine is Judge by check, with the evidence and with what could not be told.
func Examine(c Cluster, e Expectation) []Check {
	x := &examiner{Cluster: c, expect: e}
	x.choose()
	return x.examine([]step{
		{CheckAPI, x.apis}, {CheckRepository, x.repositories}, {CheckSecret, x.secrets}, {CheckToken, x.copies},
		{CheckAutomation, x.automations}, {CheckPolicies, x.policies}, {CheckDrift, x.drift}, {CheckFailures, x.failed},
		{CheckPush, x.pushes},
	})
}

// step is one check by its name.
type step struct {
	name string
	run  func()
}

// examine runs the checks in turn, and leaves out those that say nothing.
func (x *examiner) examine(steps []step) []Check {
	var checks []Check
	for _, step := range steps {
		x.check = Check{Name: step.name}
		for _, u := range x.Cluster.Unread {
			if u.Check == step.name {
				x.unread("%s: %s", u.What, u.Why)
			}
		}
		step.run()
		x.check.Findings = finding.Sort(x.check.Findings)
		if len(x.check.Findings)+len(x.check.Evidence)+len(x.check.Unread) > 0 {
			checks = append(checks, x.check)
		}
	}
	return checks
}

// examiner runs the checks.
type examiner struct {
	Cluster
	expect Expectation
	check  Check
	// sources and runners are the GitRepositories of the expected repository,
	// and the automations that write to them.
	sources []GitRepository
	runners []Automation
}

// choose picks the objects that belong to the expected repository.
func (x *examiner) choose() {
	for _, r := range x.Repositories {
		if r.Of(x.expect.Repository) {
			x.sources = append(x.sources, r)
		}
	}
	for _, a := range x.Automations {
		known := slices.ContainsFunc(x.Repositories, a.writesTo)
		// What names a GitRepository that is not there may be meant for ours.
		if slices.ContainsFunc(x.sources, a.writesTo) || !known && !x.isUnread(CheckRepository) {
			x.runners = append(x.runners, a)
		}
	}
	slices.SortFunc(x.sources, func(a, b GitRepository) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	slices.SortFunc(x.runners, func(a, b Automation) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

func (a Automation) writesTo(r GitRepository) bool {
	return a.Source == r.Name && cmp.Or(a.SourceNamespace, a.Namespace) == r.Namespace
}

// Of tells whether it is of the repository, owner/name; empty means any.
func (r GitRepository) Of(repository string) bool {
	return repository == "" || strings.EqualFold(repositoryOf(r.URL), repository)
}

// repositoryOf is owner/name of a repository's URL, as Flux takes it: https://,
// http:// or ssh://.
func repositoryOf(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		return ""
	}
	_, path, _ := strings.Cut(rest, "/")
	return strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git")
}

// isUnread tells whether something of a check could not be read.
func (x *examiner) isUnread(check string) bool {
	return slices.ContainsFunc(x.Unread, func(u Unread) bool { return u.Check == check })
}

// report adds a finding of a rule with the rule's own severity.
func (x *examiner) report(rule, hint, format string, args ...any) {
	known, _ := finding.Lookup(rule)
	x.add(rule, cmp.Or(known.Severity, finding.Error), hint, format, args...)
}

func (x *examiner) add(rule string, severity finding.Severity, hint, format string, args ...any) {
	x.check.Findings = append(x.check.Findings, finding.Finding{
		Rule: rule, Severity: severity, Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

func (x *examiner) evidence(format string, args ...any) {
	x.check.Evidence = append(x.check.Evidence, fmt.Sprintf(format, args...))
}

func (x *examiner) unread(format string, args ...any) {
	x.check.Unread = append(x.check.Unread, fmt.Sprintf(format, args...))
}
