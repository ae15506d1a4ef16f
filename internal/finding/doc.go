// Package finding knows what can be wrong with a change and how that adds up:
// rules, severities, findings and verdicts, and the catalogue of every rule
// with its reason and examples.
//
// It refuses to know where facts come from (Git, GitHub) and how findings are
// shown; it holds no clock and does no I/O.
package finding
