package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Report is what a command has to say, whatever the command: every kind of report
// builds one, and every format prints it. What is in it may be outside text: the
// printers escape it.
type Report struct {
	finding.Answer
	// Phrase says in words what the verdict means, such as "2 updates".
	Phrase string
	// Urgent marks a pass that somebody has to look at all the same.
	Urgent bool
	Facts  []Fact
	Tables []Table
	// Shows tells which findings are shown; nil shows all. The verdict is that of all.
	Shows func(finding.Finding) bool
	// Closing are the parts of the last line.
	Closing []string
	// Source gives the text of a file, for source lines. It may be nil, or return
	// nil for a file that it does not have.
	Source func(file string) []byte
	// Version is that of the program.
	Version string
	// Document is the JSON form; it begins with the report's Envelope.
	Document any
	// Sheet is the CSV form; its first row has the names of the columns.
	Sheet [][]string
	// Properties are what SARIF has beside the findings, Somewhere the file of
	// findings that point to none.
	Properties map[string]string
	Somewhere  string
}

// Fact is a line of its own: a name and a value.
type Fact struct{ Name, Value string }

// Table is a list of things with columns.
type Table struct {
	Noun    string // of a row, in the singular
	Most    int    // rows that are shown as text; 0 for all
	Marked  int    // the column that a row's paint is for
	Columns []Column
	Rows    []Row
}

// Column is a column of a table.
type Column struct {
	Head  string
	Code  bool // is shown as code in Markdown
	Right bool // is a number
	Most  int  // characters in a cell; 0 for the usual
}

// Row is a row of a table.
type Row struct {
	Cells []string
	Paint text.Paint
}

// Envelope is how every JSON report begins. Within a version, keys may be added and
// nothing else changes.
type Envelope struct {
	Version int `json:"version" jsonschema:"enum=1"` // Version of this format. Keys may be added within a version.
	// Undecided means that something could not be told: it is never a pass.
	Verdict  finding.Verdict   `json:"verdict" jsonschema:"enum=pass,enum=fail,enum=not-applicable,enum=undecided"`
	Findings []finding.Finding `json:"findings"` // Findings gravest first. One of severity error fails the verdict.
	Gaps     []string          `json:"gaps"`     // What could not be told. May quote outside text: escape it before showing it.
}

// EnvelopeOf is how the JSON form of an answer begins.
func EnvelopeOf(a finding.Answer) Envelope {
	return Envelope{
		Version: 1, Verdict: a.Verdict(), Findings: append([]finding.Finding{}, a.Findings...), Gaps: append([]string{}, a.Gaps...),
	}
}

// Write prints the report in a format by its name; anything else is text.
func (r Report) Write(w io.Writer, format string, s text.Style) error {
	print := map[string]func(io.Writer, Report) error{"json": JSON, "markdown": Markdown, "sarif": SARIF, "csv": CSV, "html": HTML}[format]
	if print == nil {
		return Text(w, r, s)
	}
	return print(w, r)
}

// shown are the findings that are shown.
func (r Report) shown() []finding.Finding {
	if r.Shows == nil {
		return r.Findings
	}
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f finding.Finding) bool { return !r.Shows(f) })
}

// Title is the verdict as a heading.
func (r Report) Title() string {
	return strings.ToUpper(strings.ReplaceAll(string(r.Verdict()), "-", " "))
}

// Summary is the phrase, and how much was found and could not be told.
func (r Report) Summary() string {
	var parts []string
	if r.Phrase != "" {
		parts = append(parts, r.Phrase)
	}
	for _, s := range finding.Severities() {
		if n := finding.Count(r.Findings, s); n > 0 {
			parts = append(parts, text.Count(n, string(s)))
		}
	}
	if n := len(r.Gaps); n > 0 {
		parts = append(parts, text.Count(n, "gap"))
	}
	return strings.Join(parts, ", ")
}

// Headline is the verdict as one line of text, escaped by Plain.
func (r Report) Headline() string {
	return text.Plain(r.Title() + ": " + r.Summary())
}

const rulesPage = "https://github.com/goldfish-inc/fluxkeeper/blob/main/docs/rules.md"

// RuleURL is the address of a rule's chapter in docs/rules.md, whose heading is
// the rule's name.
func RuleURL(rule string) string {
	return rulesPage + "#" + strings.ReplaceAll(rule, "/", "")
}

// How many characters of outside text are shown. Paths in the text report may
// be as long as a message.
const (
	maxCell    = 200
	maxMessage = 1_000
)

// most is how long a cell may be.
func (c Column) most() int { return cmp.Or(c.Most, maxCell) }

func moreOf(n int, noun string) string {
	return strings.Replace(text.Count(n, noun), " ", " more ", 1)
}

// place is where a finding points, as far as it is known.
func place(p finding.Place) string {
	switch {
	case p.Entry != nil:
		return fmt.Sprintf("entry %d", *p.Entry)
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// shownPlace is the place with its path cut, since the position comes last and is ours.
func shownPlace(p finding.Place) string {
	p.File = text.Cut(text.Plain(p.File), maxMessage)
	return place(p)
}

// wholeLine is the place without its column.
func wholeLine(p finding.Place) finding.Place {
	p.Column = 0
	return p
}

// changed says how the policy file moved a finding's severity.
func changed(f finding.Finding) string {
	was := text.Cut(text.Reference(string(f.Was)), maxCell)
	switch {
	case f.Was == "" || f.Was == f.Severity:
		return ""
	case f.Severity.Below(f.Was):
		return "lowered from " + was
	}
	return "raised from " + was
}

func orDash(s string) string { return cmp.Or(s, "–") }
