// Package finding knows what can be wrong and how that adds up: rules, severities,
// findings, gaps and the answer that they make, and the catalogue of every rule
// with its reason and examples. Only here are severities compared and weighed.
//
// It refuses to know where facts come from (Git, GitHub) and how findings are
// shown; it holds no clock and does no I/O.
package finding
