package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/clipperhouse/displaywidth"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

const (
	plainWidth  = 120 // for source lines where there is no terminal
	leastWidth  = 40
	maxFindings = 20  // of one rule and severity, in full
	maxLines    = 10  // of one rule and severity, on one line each; gaps, too
	maxUpdates  = 100 // rows of the table
)

func severityPaint(s finding.Severity) text.Paint {
	switch s {
	case finding.Error:
		return text.Red
	case finding.Warning:
		return text.Yellow
	}
	return text.Cyan
}

// Text writes the report for people: the verdict, a table of steps, the
// findings gravest first, and what the verdict rests on.
func Text(w io.Writer, r Report, s text.Style) error {
	t := &printer{Report: r.sorted(), style: s, gravest: map[finding.Place]finding.Severity{}}
	for _, f := range t.Result.Findings { // sorted, so the first is the gravest
		at := finding.Place{File: f.File, Line: f.Line}
		if _, seen := t.gravest[at]; !seen {
			t.gravest[at] = f.Severity
		}
	}
	t.verdict()
	t.gaps()
	t.updates()
	for _, group := range byRule(t.Result.Findings) {
		t.group(group)
	}
	t.closing()
	if _, err := w.Write(t.out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type printer struct {
	Report
	style   text.Style
	gravest map[finding.Place]finding.Severity // by file and line
	dense   finding.Severity                   // of the one-line finding above; else empty
	out     bytes.Buffer
}

func (t *printer) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

func (t *printer) verdict() {
	title, phrase := t.headline()
	p := text.Yellow
	switch t.Result.Verdict {
	case finding.Pass:
		p = text.Green
	case finding.Fail:
		p = text.Red
	case finding.NotApplicable:
		p = text.Bold
	}
	t.printf("%s  %s\n", t.style.Paint(p, title), phrase)
}

// gaps says why the verdict is undecided.
func (t *printer) gaps() {
	gaps := t.Result.Gaps
	if len(gaps) > 0 {
		t.printf("\n")
	}
	for _, gap := range gaps[:min(len(gaps), maxLines)] {
		t.printf("%s %s\n", t.style.Paint(text.Yellow, "undecided:"), text.Cut(text.Plain(gap), maxMessage))
	}
	if n := len(gaps) - maxLines; n > 0 {
		t.printf("  and %s\n", moreOf(n, "reason"))
	}
}

func (t *printer) updates() {
	updates := worstFirst(t.Result.Updates)
	if len(updates) == 0 {
		return
	}
	hidden := max(0, len(updates)-maxUpdates)
	updates = updates[:len(updates)-hidden]
	rows := [][]string{{"image", "from", "", "to", "step", "policy", "place"}}
	for _, u := range updates {
		rows = append(rows, updateRow(u))
	}
	t.printf("\n")
	t.table(rows, updates)
	if hidden > 0 {
		t.printf("  and %s\n", moreOf(hidden, "update"))
	}
}

func updateRow(u gate.Update) []string {
	from, to := shortDigests(text.Reference(u.From), text.Reference(u.To))
	name := func(s string) string { return text.Cut(text.Reference(s), maxCell) }
	return []string{
		name(u.Image), orDash(text.Cut(from, maxCell)), "→", orDash(text.Cut(to, maxCell)),
		name(u.Step), name(u.Policy), shownPlace(wholeLine(u.Place)),
	}
}

// shownPlace cuts the path only, since the position comes last and is ours.
func shownPlace(p finding.Place) string {
	p.File = text.Cut(text.Plain(p.File), maxMessage)
	return place(p)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

const gap = 2 // columns between two cells, and before the first

func measure(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], gap+displaywidth.String(c))
		}
	}
	return widths
}

const stepColumn = 4

// table prints the rows, the first of which is the head. Where the terminal is
// too narrow, policy and place go to a second line, and the image to one
// before: nothing is cut, since paths are what a reader copies.
func (t *printer) table(rows [][]string, updates []gate.Update) {
	widths := measure(rows)
	from, to := 0, len(rows[0])
	tooWide := func() bool { return t.style.Width > 0 && sum(widths[from:to]) > t.style.Width }
	if tooWide() {
		to = stepColumn + 1
	}
	if tooWide() {
		from, rows = 1, rows[1:]
	}
	head := len(rows) - len(updates)
	for n, row := range rows {
		if from > 0 {
			t.printf("  %s\n  ", row[0])
		}
		for i, c := range row[from:to] {
			i += from
			pad := strings.Repeat(" ", widths[i]-gap-displaywidth.String(c))
			if i == to-1 {
				pad = "\n"
			}
			switch {
			case n < head:
				c = t.style.Paint(text.Dim, c)
			case i == stepColumn:
				c = t.style.Paint(t.stepPaint(updates[n-head]), c)
			}
			t.printf("  %s%s", c, pad)
		}
		if to < len(row) && n >= head {
			t.printf("    %s  %s\n", t.style.Paint(text.Dim, row[6]), t.style.Paint(text.Dim, row[5]))
		}
	}
}

// stepPaint is the colour of the gravest finding on the update's line, green
// for a small step without one.
func (t *printer) stepPaint(u gate.Update) text.Paint {
	s, found := t.gravest[finding.Place{File: u.File, Line: u.Line}]
	kind := image.Kind(u.Step)
	switch {
	case found && s != finding.Note:
		return severityPaint(s)
	case kind == image.Patch || kind == image.Minor:
		return text.Green
	}
	return ""
}

// room is how many findings of one rule and severity are shown in full, and
// how many more on one line each: what is less grave must not bury an error.
func room(s finding.Severity) (full, lines int) {
	switch s {
	case finding.Note:
		return 0, maxLines
	case finding.Warning:
		return 3, maxLines
	}
	return maxFindings, 0
}

// group prints the findings of one rule. A hint that they share is said once.
func (t *printer) group(group []finding.Finding) {
	full, lines := room(group[0].Severity)
	full = min(full, len(group))
	lines = min(lines, len(group)-full)
	hint := ""
	for _, f := range group[:full] {
		t.finding(f, f.Hint != hint)
		hint, t.dense = f.Hint, ""
	}
	t.lines(group[full:full+lines], hint)
	n := len(group) - full - lines
	if n == 0 {
		return
	}
	rest := t.style.Paint(severityPaint(group[0].Severity), fmt.Sprintf("and %d more of %s", n, text.Cut(text.Reference(group[0].Rule), maxCell)))
	if lines > 0 {
		t.printf("  %s\n", rest)
	} else {
		t.printf("\n%s\n", rest)
	}
}

// lines prints findings on one line each, and their hint where they have one
// in common that was not said yet.
func (t *printer) lines(findings []finding.Finding, said string) {
	if len(findings) == 0 {
		return
	}
	if t.dense != findings[0].Severity {
		t.printf("\n")
	}
	t.dense = findings[0].Severity
	common := findings[0].Hint
	for _, f := range findings {
		if f.Hint != common {
			common = ""
		}
		var about []string
		if f.File != "" {
			about = append(about, shownPlace(wholeLine(f.Place)))
		}
		if c := changed(f); c != "" {
			about = append(about, c+" by the policy")
		}
		behind := ""
		if len(about) > 0 {
			behind = t.style.Paint(text.Dim, " ("+strings.Join(about, ", ")+")")
		}
		t.printf("%s: %s%s\n", t.label(f), text.Cut(text.Plain(f.Message), maxMessage), behind)
	}
	if common != "" && common != said {
		t.printf("  %s hint: %s\n", t.style.Paint(text.Dim, "="), text.Cut(text.Plain(common), maxMessage))
	}
}

// label is the severity and the rule of a finding, such as error[version/major].
func (t *printer) label(f finding.Finding) string {
	return t.style.Paint(severityPaint(f.Severity), text.Cut(text.Reference(string(f.Severity)), maxCell)+"["+text.Cut(text.Reference(f.Rule), maxCell)+"]")
}

func (t *printer) finding(f finding.Finding, withHint bool) {
	p := severityPaint(f.Severity)
	t.printf("\n%s%s %s\n", t.label(f), t.style.Paint(text.Bold, ":"), t.style.Paint(text.Bold, text.Cut(text.Plain(f.Message), maxMessage)))
	gutter := 1
	if f.Line > 0 {
		gutter = len(strconv.Itoa(f.Line))
	}
	margin := strings.Repeat(" ", gutter)
	if f.File != "" {
		t.printf("%s%s %s", margin, t.style.Paint(text.Dim, "-->"), shownPlace(f.Place))
		if f.Path != "" {
			t.printf("  %s", t.style.Paint(text.Dim, "("+text.Cut(text.Plain(f.Path), maxMessage)+")"))
		}
		t.printf("\n")
	}
	bar := margin + " " + t.style.Paint(text.Dim, "|")
	if e, ok := t.excerpt(f.Place, gutter); ok {
		t.printf("%s\n%s %s %s\n", bar, t.style.Paint(text.Dim, strconv.Itoa(f.Line)), t.style.Paint(text.Dim, "|"), e.text)
		if e.length > 0 {
			t.printf("%s %s%s\n", bar, strings.Repeat(" ", e.indent), t.style.Paint(p, strings.Repeat("^", e.length)))
		}
	}
	if c := changed(f); c != "" {
		t.printf("%s %s policy: %s\n", margin, t.style.Paint(text.Dim, "="), c)
	}
	if withHint && f.Hint != "" {
		t.printf("%s %s hint: %s\n", margin, t.style.Paint(text.Dim, "="), text.Cut(text.Plain(f.Hint), maxMessage))
	}
}

func (t *printer) excerpt(p finding.Place, gutter int) (excerpt, bool) {
	if t.Source == nil || p.File == "" {
		return excerpt{}, false
	}
	width := t.style.Width
	if width == 0 {
		width = plainWidth
	}
	return excerptOf(t.Source(p.File), p.Line, p.Column, max(leastWidth, width)-gutter-len(" | "))
}

func (t *printer) closing() {
	res := t.Result
	parts := []string{orDash(text.Plain(revision(t.BaseName, res.Base))) + " → " + orDash(text.Plain(revision(t.HeadName, res.Head)))}
	parts = append(parts, outcome(res.Reproduction), "evidence: "+t.evidence())
	if s := t.settings(); s != "" {
		parts = append(parts, s)
	}
	t.printf("\n%s\n", t.style.Paint(text.Dim, strings.Join(parts, " · ")))
}
