package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/clipperhouse/displaywidth"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// TimelineText writes a timeline for people: the verdict, the alerts, every use, the
// findings, totals by day and by event, and how complete the record is.
func TimelineText(w io.Writer, t Timeline, s text.Style) error {
	p := &timelineText{Timeline: t, style: s}
	p.verdict()
	p.uses()
	for _, run := range t.runs() {
		p.findings(run)
	}
	p.totals("day (UTC)", t.Audit.Days)
	p.totals("event", t.Audit.Events)
	p.completeness()
	if _, err := w.Write(p.out.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type timelineText struct {
	Timeline
	style text.Style
	out   bytes.Buffer
}

func (p *timelineText) printf(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

func (p *timelineText) verdict() {
	title, phrase := p.headline()
	colour := map[finding.Verdict]text.Paint{finding.Pass: text.Green, finding.Fail: text.Red, finding.Undecided: text.Yellow}[p.Verdict()]
	p.printf("%s  %s\n%s\n", p.style.Paint(colour, title), phrase, p.style.Paint(text.Dim, p.Window.String()))
	for i, a := range p.Alerts {
		if i == 0 {
			p.printf("\n")
		}
		p.remark(a.Finding, "", "")
	}
	for i, gap := range p.Audit.Gaps {
		if i == 0 {
			p.printf("\n")
		}
		p.printf("%s %s\n", p.style.Paint(text.Yellow, "undecided:"), text.Cut(text.Plain(gap), maxMessage))
	}
}

const (
	eventColumn = 2 // the last of the first line where a terminal is narrow
	lastColumn  = 7 // a line of its own there
	maxUseCell  = 80
)

func (p *timelineText) uses() {
	if len(p.Audit.Uses) == 0 {
		return
	}
	name := func(s string) string { return useCell(text.Reference(s)) }
	rows := [][]string{{"entry", "time (UTC)", "event", "repository", "about", "commit", "who", "attribution"}}
	for _, u := range p.Audit.Uses {
		rows = append(rows, []string{
			strconv.FormatInt(u.Index, 10), clock(u.Time), name(shownEvent(u.Event, u.Action)), name(u.Repository.Name),
			useCell(text.Plain(about(u))), name(text.Commit(u.Commit)), name(shownWho(u.Who)),
			text.Cut(text.Plain(shownAttribution(u)), maxCell),
		})
	}
	p.printf("\n")
	widths := measure(rows)
	narrow := p.style.Width > 0 && sum(widths) > p.style.Width
	for n, row := range rows {
		colour := text.Dim
		if n > 0 {
			colour = attributionPaint(p.Audit.Uses[n-1].Attribution)
		}
		if narrow {
			p.narrow(row, n == 0, colour)
			continue
		}
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-gap-displaywidth.String(cell))
			if i == lastColumn {
				pad = "\n"
			}
			if n == 0 || i == lastColumn {
				cell = p.style.Paint(colour, cell)
			}
			p.printf("  %s%s", cell, pad)
		}
	}
}

// useCell bounds a cell, so that one long name does not spoil the table, and
// shows runs of spaces, with which a name could feign further columns.
func useCell(s string) string {
	return orDash(text.Cut(strings.ReplaceAll(s, "  ", ` \u{0020}`), maxUseCell))
}

// narrow prints a use on several lines, without a head: nothing is cut.
func (p *timelineText) narrow(row []string, head bool, colour text.Paint) {
	if head {
		return
	}
	p.printf("  %s  %s  %s\n", row[0], row[1], row[eventColumn])
	p.printf("    %s\n", strings.Join(row[eventColumn+1:lastColumn], "  "))
	p.printf("    %s\n", p.style.Paint(colour, row[lastColumn]))
}

func attributionPaint(a audit.Attribution) text.Paint {
	if alarming(a) {
		return text.Red
	}
	return text.Green
}

// findings prints those of one rule, and a hint that they share once.
func (p *timelineText) findings(run []audit.Finding) {
	p.printf("\n")
	hint := ""
	for _, f := range run[:min(len(run), maxFindings)] {
		p.remark(f.Finding, fmt.Sprintf("entry %d", f.Index), hint)
		hint = cmp.Or(f.Hint, hint)
	}
	if n := len(run) - maxFindings; n > 0 {
		p.printf("and %d more of %s\n", n, text.Cut(text.Reference(run[0].Rule), maxCell))
	}
}

// remark prints one finding, what stands behind it in brackets, and its hint unless
// that was said before.
func (p *timelineText) remark(f finding.Finding, behind, said string) {
	if c := changed(f); c != "" {
		behind = strings.TrimPrefix(behind+", "+c+" by the policy", ", ")
	}
	if behind != "" {
		behind = " " + p.style.Paint(text.Dim, "("+behind+")")
	}
	label := printer{style: p.style}
	p.printf("%s: %s%s\n", label.label(f), text.Cut(text.Plain(f.Message), maxMessage), behind)
	if f.Hint != "" && f.Hint != said {
		p.printf("  %s hint: %s\n", p.style.Paint(text.Dim, "="), text.Cut(text.Plain(f.Hint), maxMessage))
	}
}

func (p *timelineText) totals(what string, totals []audit.Total) {
	if len(totals) == 0 {
		return
	}
	rows := [][]string{{what, "uses", "unexpected"}}
	for _, t := range totals {
		rows = append(rows, []string{orDash(text.Cut(text.Reference(t.Name), maxCell)), strconv.Itoa(t.Uses), strconv.Itoa(t.Unexpected)})
	}
	widths := measure(rows)
	p.printf("\n")
	for n, row := range rows {
		cells := []string{
			row[0] + strings.Repeat(" ", widths[0]-gap-displaywidth.String(row[0])),
			fmt.Sprintf("%*s", widths[1]-gap, row[1]), fmt.Sprintf("%*s", widths[2]-gap, row[2]),
		}
		switch {
		case n == 0:
			p.printf("  %s\n", p.style.Paint(text.Dim, strings.Join(cells, "  ")))
		case totals[n-1].Unexpected > 0:
			p.printf("  %s  %s  %s\n", cells[0], cells[1], p.style.Paint(text.Red, cells[2]))
		default:
			p.printf("  %s\n", strings.Join(cells, "  "))
		}
	}
}

func (p *timelineText) completeness() {
	colour := text.Dim
	if s := p.Completeness; s != nil && (!s.Decided() || s.Gaps() > 0) {
		colour = text.Yellow
	}
	p.printf("\n%s %s\n", p.style.Paint(colour, "completeness:"), text.Plain(p.statement()))
	shown, kind := 0, ""
	for _, l := range p.lines() {
		if l.Kind != kind {
			p.more(shown-maxLines, kind)
			shown, kind = 0, l.Kind
		}
		if shown++; shown <= maxLines {
			p.printf("  %s  %s\n", kind, text.Cut(text.Plain(l.sentence()), maxMessage))
		}
	}
	p.more(shown-maxLines, kind)
}

func (p *timelineText) more(n int, kind string) {
	if n > 0 {
		p.printf("  %s  and %d more\n", kind, n)
	}
}
