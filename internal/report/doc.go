// Package report shows a gate.Result: as text for a terminal, as JSON, as
// Markdown and as SARIF. It is the last arrow of the route "git range or event
// → facts → changes + residue → findings → verdict → report", and it holds
// every escaper of the project.
//
// It refuses to know where its output goes: whether there is a terminal, how
// wide it is and whether it has colours is told by the caller. Everything that
// a change's author could have written (paths, tags, messages, source lines)
// passes an escaper here.
package report
