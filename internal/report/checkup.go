package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/clipperhouse/displaywidth"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// Checkup is what a set of checks found: one row for each.
type Checkup struct {
	// Subject is what was checked, such as owner/name and a namespace.
	Subject string
	Rows    []CheckupRow
	Version string // of the program
}

// CheckupRow is one check. What was found and what is missing may quote outside
// text.
type CheckupRow struct {
	Check string
	// Evidence is what speaks for it being well, Unread what could not be told.
	Evidence, Unread []string
	Findings         []finding.Finding
}

// The states of a check.
const (
	stateOK      = "ok"
	stateFinding = "finding"
	stateUnknown = "could not tell"
)

// state is ok only where nothing is missing and nothing is wrong.
func (r CheckupRow) state() string {
	if slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Severity != finding.Note }) {
		return stateFinding
	}
	if len(r.Unread) > 0 {
		return stateUnknown
	}
	return stateOK
}

// Verdict is fail with an error, else undecided where something could not be
// told.
func (c Checkup) Verdict() finding.Verdict {
	verdict := finding.Pass
	if len(c.Rows) == 0 {
		verdict = finding.Undecided
	}
	for _, row := range c.Rows {
		if finding.Decide(row.Findings) == finding.Fail {
			return finding.Fail
		}
		if len(row.Unread) > 0 {
			verdict = finding.Undecided
		}
	}
	return verdict
}

func (c Checkup) headline() (title, phrase string) {
	states, severities := map[string]int{}, map[finding.Severity]int{}
	for _, row := range c.Rows {
		states[row.state()]++
		for _, f := range row.Findings {
			severities[f.Severity]++
		}
	}
	title = map[finding.Verdict]string{finding.Pass: "PASS", finding.Fail: "FAIL", finding.Undecided: "UNDECIDED"}[c.Verdict()]
	phrase = fmt.Sprintf("%s: %s, %s, %s; %d of %d checks are ok", text.Plain(c.Subject), text.Count(severities[finding.Error], "error"),
		text.Count(severities[finding.Warning], "warning"), text.Count(severities[finding.Note], "note"), states[stateOK], len(c.Rows))
	if n := states[stateUnknown]; n > 0 {
		phrase += fmt.Sprintf(", %d could not be told", n)
	}
	return title, phrase
}

// CheckupText writes the table for people.
func CheckupText(w io.Writer, c Checkup, s text.Style) error {
	var out bytes.Buffer
	title, phrase := c.headline()
	colour := map[finding.Verdict]text.Paint{finding.Pass: text.Green, finding.Fail: text.Red, finding.Undecided: text.Yellow}[c.Verdict()]
	fmt.Fprintf(&out, "%s  %s\n\n", s.Paint(colour, title), text.Cut(phrase, maxMessage))
	width := 0
	for _, row := range c.Rows {
		width = max(width, displaywidth.String(text.Plain(row.Check)))
	}
	fmt.Fprintf(&out, "  %s\n", s.Paint(text.Dim, fmt.Sprintf("%-*s  %-*s  evidence", width, "check", len(stateUnknown), "state")))
	for _, row := range c.Rows {
		lines := row.lines(s)
		state := row.state()
		name := text.Plain(row.Check)
		fmt.Fprintf(&out, "  %s%s  %s%s", name, strings.Repeat(" ", width-displaywidth.String(name)),
			s.Paint(statePaint(state), state), strings.Repeat(" ", len(stateUnknown)-len(state)))
		for i, line := range lines {
			if i > 0 {
				out.WriteString(strings.Repeat(" ", 2+width+2+len(stateUnknown)))
			}
			fmt.Fprintf(&out, "  %s\n", line)
		}
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func statePaint(state string) text.Paint {
	switch state {
	case stateOK:
		return text.Green
	case stateFinding:
		return text.Red
	}
	return text.Yellow
}

// lines are a row's findings with their remedies, what is missing, and the
// evidence; at least one.
func (r CheckupRow) lines(s text.Style) []string {
	var lines []string
	label := printer{style: s}
	for _, f := range r.Findings {
		lines = append(lines, fmt.Sprintf("%s: %s", label.label(f), text.Cut(text.Plain(f.Message), maxMessage)))
		if f.Hint != "" {
			lines = append(lines, s.Paint(text.Dim, "fix:")+" "+text.Cut(text.Plain(f.Hint), maxMessage))
		}
	}
	for _, missing := range r.Unread {
		lines = append(lines, s.Paint(text.Yellow, "could not tell:")+" "+text.Cut(text.Plain(missing), maxMessage))
	}
	for _, e := range r.Evidence {
		lines = append(lines, text.Cut(text.Plain(e), maxMessage))
	}
	if len(lines) == 0 {
		lines = []string{"-"}
	}
	return lines
}

// CheckupMarkdown writes the table for a step summary or an issue: at most
// 60,000 bytes, and it says how much it left out.
func CheckupMarkdown(w io.Writer, c Checkup) error {
	head := markdownTitle(c.headline())
	foot := ""
	if c.Version != "" {
		foot = "Fluxkeeper " + text.Markdown(text.Cut(c.Version, maxCell)) + "\n"
	}
	table := foldable{open: openRows, noun: "check", head: "| Check | State | Evidence | Fix |\n| --- | --- | --- | --- |\n"}
	table.fold = "\n" + table.head
	for _, row := range c.Rows {
		table.items = append(table.items, row.markdown())
	}
	if _, err := io.WriteString(w, head+table.render(maxMarkdown-len(head)-len(foot))+foot); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r CheckupRow) markdown() string {
	var evidence, fixes []string
	cell := func(s string) string { return text.Markdown(text.Cut(s, maxMessage)) }
	for _, f := range r.Findings {
		evidence = append(evidence, fmt.Sprintf("**%s** %s: %s", f.Severity, markdownRule(f.Rule), cell(f.Message)))
		if f.Hint != "" && !slices.Contains(fixes, cell(f.Hint)) {
			fixes = append(fixes, cell(f.Hint))
		}
	}
	for _, missing := range r.Unread {
		evidence = append(evidence, "**could not tell**: "+cell(missing))
	}
	for _, e := range r.Evidence {
		evidence = append(evidence, cell(e))
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", text.Markdown(r.Check), r.state(),
		cmp.Or(strings.Join(evidence, "<br>"), "–"), cmp.Or(strings.Join(fixes, "<br>"), "–"))
}

// checkupDocument is the JSON checkup, version 1. docs/checkup.schema.json is made
// from it. Within a version, keys may be
// added at the end of an object and nothing else changes.
type checkupDocument struct {
	Version int             `json:"version" jsonschema:"enum=1,description=Version of this format. Keys may be added within a version."`
	Verdict finding.Verdict `json:"verdict" jsonschema:"enum=pass,enum=fail,enum=undecided,description=Undecided means that something could not be told: it is never a pass."`
	Subject string          `json:"subject" jsonschema:"description=What was checked."`
	Checks  []checkupCheck  `json:"checks"`
}

type checkupCheck struct {
	Check    string           `json:"check"`
	State    string           `json:"state" jsonschema:"enum=ok,enum=finding,enum=could not tell"`
	Findings []checkupFinding `json:"findings"`
	Unread   []string         `json:"unread" jsonschema:"description=What could not be told. May quote outside text: escape it before showing it."`
	Evidence []string         `json:"evidence" jsonschema:"description=What speaks for it being well. May quote outside text: escape it before showing it."`
}

type checkupFinding struct {
	Rule     string           `json:"rule"`
	Severity finding.Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	Message  string           `json:"message"`
	Hint     string           `json:"hint"`
}

// CheckupJSON writes the table for programs, in the form of docs/checkup.schema.json.
func CheckupJSON(w io.Writer, c Checkup) error {
	d := checkupDocument{Version: 1, Verdict: c.Verdict(), Subject: text.UTF8(c.Subject), Checks: []checkupCheck{}}
	for _, row := range c.Rows {
		check := checkupCheck{Check: text.UTF8(row.Check), State: row.state(), Findings: []checkupFinding{}, Unread: utfs(row.Unread), Evidence: utfs(row.Evidence)}
		for _, f := range row.Findings {
			check.Findings = append(check.Findings, checkupFinding{text.UTF8(f.Rule), f.Severity, text.UTF8(f.Message), text.UTF8(f.Hint)})
		}
		d.Checks = append(d.Checks, check)
	}
	return text.JSON(w, d)
}
