// Package report shows a gate.Result as text for a terminal, as JSON, as
// Markdown and as SARIF, and an audit.Timeline as text, JSON, CSV and Markdown.
// It is the last arrow of the routes "git range or event → facts → changes +
// residue → findings → verdict → report" and "delivery → reading → attribution
// → findings → report", and it holds every escaper of the project.
//
// It refuses to know where its output goes: whether there is a terminal, how
// wide it is and whether it has colours is told by the caller. Everything that
// a change's author or a delivery's sender could have written (paths, tags,
// messages, source lines, logins) passes an escaper here.
package report
