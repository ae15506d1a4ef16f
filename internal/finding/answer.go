package finding

import "slices"

// Verdict is the answer in one word.
type Verdict string

// The verdicts. Undecided is never green.
const (
	Pass          Verdict = "pass"
	Fail          Verdict = "fail"
	NotApplicable Verdict = "not-applicable"
	Undecided     Verdict = "undecided"
)

// Basis is what an answer rests on.
type Basis int

// The bases.
const (
	// Unjudged is the zero value: nobody looked, which is undecided.
	Unjudged Basis = iota
	// Seen means that each finding was seen by itself: whatever a gap hides, an
	// error stays one.
	Seen
	// Whole means that findings come of all facts together, and what the facts do
	// not prove counts against the change. With a gap, an error may be no more
	// than what is missing: it is undecided.
	Whole
	// Foreign means that there was nothing to judge.
	Foreign
)

// Answer is what a command found out. Verdict, order and exit status of every
// command come from it.
type Answer struct {
	Basis Basis
	// Findings are sorted: gravest first.
	Findings []Finding
	// Gaps say, one sentence each, what could not be told. They may quote outside
	// text: every printer escapes it.
	Gaps []string
}

// Answered is the answer that findings and gaps make, each finding by itself.
func Answered(findings []Finding, gaps ...string) Answer {
	return Answer{Basis: Seen, Findings: Sort(slices.Clone(findings)), Gaps: gaps}
}

// Verdict adds the answer up. An error fails it, whatever else could not be told,
// unless the gaps may be what the errors come of; without an error, a gap leaves
// it undecided.
func (a Answer) Verdict() Verdict {
	switch {
	case a.Basis == Unjudged, a.Basis == Whole && len(a.Gaps) > 0:
		return Undecided
	case slices.ContainsFunc(a.Findings, func(f Finding) bool { return !f.Severity.Below(Error) }):
		return Fail
	case len(a.Gaps) > 0:
		return Undecided
	case a.Basis == Foreign:
		return NotApplicable
	}
	return Pass
}

// Weighed is the answer as a policy's severities have it, by rule. This is the one
// place where a policy has a say in what a finding weighs.
func (a Answer) Weighed(set map[string]Severity) Answer {
	var kept []Finding
	for _, f := range a.Findings {
		if f, reported := f.weighed(set); reported {
			kept = append(kept, f)
		}
	}
	a.Findings = Sort(kept)
	return a
}

// Join is the answer of several that stand for themselves. Without any of them, or with
// one that nobody gave, it is none.
func Join(answers ...Answer) Answer {
	var all Answer
	for i, a := range answers {
		if i == 0 || a.Basis == Unjudged {
			all.Basis = a.Basis
		}
		all.Findings = append(all.Findings, a.Findings...)
		all.Gaps = append(all.Gaps, a.Gaps...)
	}
	all.Findings = Sort(all.Findings)
	return all
}

// Attention tells whether somebody has to do something: there is more than notes.
func (a Answer) Attention() bool {
	return slices.ContainsFunc(a.Findings, func(f Finding) bool { return Note.Below(f.Severity) })
}

// Check is one of a list of questions, with its own answer.
type Check struct {
	Name string
	// Evidence is what speaks for the answer. It may quote outside text.
	Evidence []string
	Answer
}

// State is how a check ended.
type State string

// The states.
const (
	OK    State = "ok"
	Found State = "finding"
	Gap   State = "gap"
)

// State is Found where there is an error or a warning, and OK only where
// nothing is missing.
func (c Check) State() State {
	switch {
	case c.Attention():
		return Found
	case len(c.Gaps) > 0:
		return Gap
	}
	return OK
}

// Together is the answer of several checks, in which a gap begins with the name of its check.
func Together(checks []Check) Answer {
	var all []Answer
	for _, c := range checks {
		one := c.Answer
		one.Gaps = nil
		for _, gap := range c.Gaps {
			one.Gaps = append(one.Gaps, c.Name+": "+gap)
		}
		all = append(all, one)
	}
	return Join(all...)
}
