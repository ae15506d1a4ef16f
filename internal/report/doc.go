// Package report shows what the commands of both programs found out. Every kind of
// report (a change, a timeline, a checkup, a scan, a token, a rotation, a statement of
// completeness) builds one Report: the answer, a phrase, facts, tables and a closing
// line. Each format is one printer of that: text for a terminal, Markdown, JSON,
// SARIF and CSV.
//
// It refuses to judge (the verdict is the answer's) and to know where its output goes:
// whether there is a terminal, how wide it is and whether it has colours is told by
// the caller. Everything that a change's author or a delivery's sender could have
// written (paths, tags, messages, source lines, logins) passes an escaper in a printer.
package report
