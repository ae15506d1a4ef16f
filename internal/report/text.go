package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

// Style is what the output can do.
type Style struct {
	Color bool
	Width int // columns; 0 where there is no terminal
}

const (
	plainWidth  = 120 // for source lines where there is no terminal
	leastWidth  = 40
	maxFindings = 20  // of one rule and severity, in full
	maxLines    = 10  // of one rule and severity, on one line each; gaps, too
	maxUpdates  = 100 // rows of the table
)

// paint is a set of ANSI display attributes.
type paint string

const (
	bold   paint = "1"
	dim    paint = "2"
	red    paint = "1;31"
	green  paint = "1;32"
	yellow paint = "1;33"
	cyan   paint = "1;36"
)

func (s Style) paint(p paint, text string) string {
	if !s.Color || p == "" || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

func severityPaint(s finding.Severity) paint {
	switch s {
	case finding.Error:
		return red
	case finding.Warning:
		return yellow
	}
	return cyan
}

// Text writes the report for people: the verdict, a table of steps, the
// findings gravest first, and what the verdict rests on.
func Text(w io.Writer, r Report, s Style) error {
	t := &text{Report: r.sorted(), style: s, gravest: map[finding.Place]finding.Severity{}}
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

type text struct {
	Report
	style   Style
	gravest map[finding.Place]finding.Severity // by file and line
	dense   finding.Severity                   // of the one-line finding above; else empty
	out     bytes.Buffer
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

func (t *text) verdict() {
	title, phrase := t.headline()
	p := yellow
	switch t.Result.Verdict {
	case finding.Pass:
		p = green
	case finding.Fail:
		p = red
	case finding.NotApplicable:
		p = bold
	}
	t.printf("%s  %s\n", t.style.paint(p, title), phrase)
}

// gaps says why the verdict is undecided.
func (t *text) gaps() {
	gaps := t.Result.Gaps
	if len(gaps) > 0 {
		t.printf("\n")
	}
	for _, gap := range gaps[:min(len(gaps), maxLines)] {
		t.printf("%s %s\n", t.style.paint(yellow, "undecided:"), cut(Plain(gap), maxMessage))
	}
	if n := len(gaps) - maxLines; n > 0 {
		t.printf("  and %s\n", moreOf(n, "reason"))
	}
}

func (t *text) updates() {
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
	from, to := shortDigests(Reference(u.From), Reference(u.To))
	name := func(s string) string { return cut(Reference(s), maxCell) }
	return []string{
		name(u.Image), orDash(cut(from, maxCell)), "→", orDash(cut(to, maxCell)),
		name(u.Step), name(u.Policy), shownPlace(wholeLine(u.Place)),
	}
}

// shownPlace cuts the path only, since the position comes last and is ours.
func shownPlace(p finding.Place) string {
	p.File = cut(Plain(p.File), maxMessage)
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
func (t *text) table(rows [][]string, updates []gate.Update) {
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
				c = t.style.paint(dim, c)
			case i == stepColumn:
				c = t.style.paint(t.stepPaint(updates[n-head]), c)
			}
			t.printf("  %s%s", c, pad)
		}
		if to < len(row) && n >= head {
			t.printf("    %s  %s\n", t.style.paint(dim, row[6]), t.style.paint(dim, row[5]))
		}
	}
}

// stepPaint is the colour of the gravest finding on the update's line, green
// for a small step without one.
func (t *text) stepPaint(u gate.Update) paint {
	s, found := t.gravest[finding.Place{File: u.File, Line: u.Line}]
	kind := image.Kind(u.Step)
	switch {
	case found && s != finding.Note:
		return severityPaint(s)
	case kind == image.Patch || kind == image.Minor:
		return green
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
func (t *text) group(group []finding.Finding) {
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
	rest := t.style.paint(severityPaint(group[0].Severity), fmt.Sprintf("and %d more of %s", n, cut(Reference(group[0].Rule), maxCell)))
	if lines > 0 {
		t.printf("  %s\n", rest)
	} else {
		t.printf("\n%s\n", rest)
	}
}

// lines prints findings on one line each, and their hint where they have one
// in common that was not said yet.
func (t *text) lines(findings []finding.Finding, said string) {
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
			behind = t.style.paint(dim, " ("+strings.Join(about, ", ")+")")
		}
		t.printf("%s: %s%s\n", t.label(f), cut(Plain(f.Message), maxMessage), behind)
	}
	if common != "" && common != said {
		t.printf("  %s hint: %s\n", t.style.paint(dim, "="), cut(Plain(common), maxMessage))
	}
}

// label is the severity and the rule of a finding, such as error[version/major].
func (t *text) label(f finding.Finding) string {
	return t.style.paint(severityPaint(f.Severity), cut(Reference(string(f.Severity)), maxCell)+"["+cut(Reference(f.Rule), maxCell)+"]")
}

func (t *text) finding(f finding.Finding, withHint bool) {
	p := severityPaint(f.Severity)
	t.printf("\n%s%s %s\n", t.label(f), t.style.paint(bold, ":"), t.style.paint(bold, cut(Plain(f.Message), maxMessage)))
	gutter := 1
	if f.Line > 0 {
		gutter = len(strconv.Itoa(f.Line))
	}
	margin := strings.Repeat(" ", gutter)
	if f.File != "" {
		t.printf("%s%s %s", margin, t.style.paint(dim, "-->"), shownPlace(f.Place))
		if f.Path != "" {
			t.printf("  %s", t.style.paint(dim, "("+cut(Plain(f.Path), maxMessage)+")"))
		}
		t.printf("\n")
	}
	bar := margin + " " + t.style.paint(dim, "|")
	if e, ok := t.excerpt(f.Place, gutter); ok {
		t.printf("%s\n%s %s %s\n", bar, t.style.paint(dim, strconv.Itoa(f.Line)), t.style.paint(dim, "|"), e.text)
		if e.length > 0 {
			t.printf("%s %s%s\n", bar, strings.Repeat(" ", e.indent), t.style.paint(p, strings.Repeat("^", e.length)))
		}
	}
	if c := changed(f); c != "" {
		t.printf("%s %s policy: %s\n", margin, t.style.paint(dim, "="), c)
	}
	if withHint && f.Hint != "" {
		t.printf("%s %s hint: %s\n", margin, t.style.paint(dim, "="), cut(Plain(f.Hint), maxMessage))
	}
}

func (t *text) excerpt(p finding.Place, gutter int) (excerpt, bool) {
	if t.Source == nil || p.File == "" {
		return excerpt{}, false
	}
	width := t.style.Width
	if width == 0 {
		width = plainWidth
	}
	return excerptOf(t.Source(p.File), p.Line, p.Column, max(leastWidth, width)-gutter-len(" | "))
}

func (t *text) closing() {
	res := t.Result
	parts := []string{orDash(Plain(revision(t.BaseName, res.Base))) + " → " + orDash(Plain(revision(t.HeadName, res.Head)))}
	parts = append(parts, outcome(res.Reproduction), "evidence: "+t.evidence())
	if s := t.settings(); s != "" {
		parts = append(parts, s)
	}
	t.printf("\n%s\n", t.style.paint(dim, strings.Join(parts, " · ")))
}
