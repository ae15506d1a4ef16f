package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	plainWidth  = 120 // for source lines where there is no terminal
	leastWidth  = 40
	maxFindings = 20 // of one rule and severity, in full
	maxLines    = 10 // of one rule and severity, on one line each; gaps, too
	between     = 2  // columns between two cells, and before the first
)

// Text writes the report for people: the verdict, what could not be told, facts,
// tables, the findings gravest first, and what the verdict rests on.
func Text(w io.Writer, r Report, s text.Style) error {
	t := &printer{Report: r, style: s}
	t.printf("%s  %s\n", s.Paint(r.paint(), r.Title()), text.Cut(text.Plain(r.Summary()), maxMessage))
	t.gaps()
	t.facts()
	for _, table := range r.Tables {
		t.table(table)
	}
	for _, group := range byRule(r.shown()) {
		t.group(group)
	}
	if len(r.Closing) > 0 {
		t.printf("\n%s\n", s.Paint(text.Dim, text.Plain(strings.Join(r.Closing, " · "))))
	}
	if _, err := w.Write(t.out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// paint is the colour of the verdict.
func (r Report) paint() text.Paint {
	switch r.Verdict() {
	case finding.Pass:
		if r.Urgent {
			return text.Yellow
		}
		return text.Green
	case finding.Fail:
		return text.Red
	case finding.NotApplicable:
		return text.Bold
	}
	return text.Yellow
}

func severityPaint(s finding.Severity) text.Paint {
	switch s {
	case finding.Error:
		return text.Red
	case finding.Warning:
		return text.Yellow
	}
	return text.Cyan
}

type printer struct {
	Report
	style text.Style
	dense finding.Severity // of the one-line finding above; else empty
	out   bytes.Buffer
}

func (t *printer) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

// gaps says what could not be told.
func (t *printer) gaps() {
	if len(t.Gaps) > 0 {
		t.printf("\n")
	}
	for _, gap := range t.Gaps[:min(len(t.Gaps), maxLines)] {
		t.printf("%s %s\n", t.style.Paint(text.Yellow, "gap:"), text.Cut(text.Plain(gap), maxMessage))
	}
	if n := len(t.Gaps) - maxLines; n > 0 {
		t.printf("  and %s\n", moreOf(n, "gap"))
	}
}

func (t *printer) facts() {
	width := 0
	for _, f := range t.Facts {
		width = max(width, displaywidth.String(text.Plain(f.Name)))
	}
	for i, f := range t.Facts {
		if i == 0 {
			t.printf("\n")
		}
		name := text.Plain(f.Name)
		pad := strings.Repeat(" ", width-displaywidth.String(name))
		t.printf("  %s%s  %s\n", t.style.Paint(text.Dim, name), pad, text.Cut(text.Plain(f.Value), maxMessage))
	}
}

// table prints a table. Columns for which the terminal is too narrow go to further
// lines: nothing is cut, since what a reader copies often stands last.
func (t *printer) table(table Table) {
	if len(table.Rows) == 0 {
		return
	}
	rows, hidden := table.Rows, 0
	if table.Most > 0 && len(rows) > table.Most {
		rows, hidden = rows[:table.Most], len(rows)-table.Most
	}
	cells := [][]string{text.Each(table.Columns, func(c Column) string { return c.Head })}
	for _, row := range rows {
		cells = append(cells, shownCells(table.Columns, row.Cells))
	}
	widths := measure(cells)
	lines := t.lay(widths)
	t.printf("\n")
	for n, row := range cells {
		for l, line := range lines {
			if n == 0 && l > 0 {
				break // the heads of further lines would not say where they belong
			}
			var b strings.Builder
			for _, i := range line {
				pad := strings.Repeat(" ", widths[i]-between-displaywidth.String(row[i]))
				cell := row[i]
				switch {
				case n == 0:
					cell = t.style.Paint(text.Dim, cell)
				case i == table.Marked:
					cell = t.style.Paint(rows[n-1].Paint, cell)
				}
				if table.Columns[i].Right {
					cell, pad = pad+cell, ""
				}
				if i == line[len(line)-1] {
					pad = ""
				}
				b.WriteString("  " + cell + pad)
			}
			t.printf("%s%s\n", strings.Repeat("  ", min(l, 1)), strings.TrimRight(b.String(), " "))
		}
	}
	if hidden > 0 {
		t.printf("  and %s\n", moreOf(hidden, table.Noun))
	}
}

// shownCells makes cells fit for a table: one long name does not spoil it, and no run of
// spaces feigns further columns.
func shownCells(columns []Column, cells []string) []string {
	var all []string
	for i, c := range cells {
		all = append(all, text.Cut(strings.ReplaceAll(text.Plain(c), "  ", ` \u{0020}`), columns[i].most()))
	}
	return all
}

func measure(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], between+displaywidth.String(c))
		}
	}
	return widths
}

// lay parts columns into lines that fit the terminal.
func (t *printer) lay(widths []int) [][]int {
	lines, used := [][]int{nil}, 0
	for i, width := range widths {
		last := len(lines) - 1
		if t.style.Width > 0 && used+width > t.style.Width && len(lines[last]) > 0 {
			lines, used, last = append(lines, nil), between, last+1
		}
		lines[last] = append(lines[last], i)
		used += width
	}
	return lines
}

// byRule parts sorted findings into runs of one severity and rule, gravest
// first, rules in the order of their first finding.
func byRule(findings []finding.Finding) [][]finding.Finding {
	var groups [][]finding.Finding
	for _, f := range findings {
		i := slices.IndexFunc(groups, func(g []finding.Finding) bool { return g[0].Severity == f.Severity && g[0].Rule == f.Rule })
		if i < 0 {
			i = len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// allowance is how many findings of one rule and severity are shown in full, and
// how many more on one line each: what is less grave must not bury an error.
func allowance(s finding.Severity) (full, lines int) {
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
	full, lines := allowance(group[0].Severity)
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
	rest := t.style.Paint(severityPaint(group[0].Severity),
		fmt.Sprintf("and %d more of %s", n, text.Cut(text.Reference(group[0].Rule), maxCell)))
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
		if where := shownPlace(wholeLine(f.Place)); where != "" {
			about = append(about, where)
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
	if common != said {
		t.remark(" ", "hint", common)
	}
}

// remark prints a line that belongs to the finding above it.
func (t *printer) remark(margin, name, value string) {
	if value != "" {
		t.printf("%s %s %s: %s\n", margin, t.style.Paint(text.Dim, "="), name, text.Cut(text.Plain(value), maxMessage))
	}
}

// label is the severity and the rule of a finding, such as error[version/major].
func (t *printer) label(f finding.Finding) string {
	return t.style.Paint(severityPaint(f.Severity), text.Cut(text.Reference(string(f.Severity)), maxCell)+"["+text.Cut(text.Reference(f.Rule),
		maxCell)+"]")
}

func (t *printer) finding(f finding.Finding, withHint bool) {
	p := severityPaint(f.Severity)
	t.printf("\n%s%s %s\n", t.label(f), t.style.Paint(text.Bold, ":"), t.style.Paint(text.Bold, text.Cut(text.Plain(f.Message), maxMessage)))
	gutter := 1
	if f.Line > 0 {
		gutter = len(strconv.Itoa(f.Line))
	}
	margin := strings.Repeat(" ", gutter)
	if where := shownPlace(f.Place); where != "" {
		t.printf("%s%s %s", margin, t.style.Paint(text.Dim, "-->"), where)
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
	t.remark(margin, "policy", changed(f))
	if withHint {
		t.remark(margin, "hint", f.Hint)
	}
}

func (t *printer) excerpt(p finding.Place, gutter int) (excerpt, bool) {
	if t.Source == nil || p.File == "" {
		return excerpt{}, false
	}
	width := cmp.Or(t.style.Width, plainWidth)
	return excerptOf(t.Source(p.File), p.Line, p.Column, max(leastWidth, width)-gutter-len(" | "))
}
