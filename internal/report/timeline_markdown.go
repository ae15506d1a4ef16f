package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// TimelineMarkdown writes a timeline for a step summary or a comment: at most
// 60,000 bytes, and it says how much it left out.
func TimelineMarkdown(w io.Writer, t Timeline) error {
	head, foot := markdownTitle(t.headline()), t.markdownFoot()
	alerts := foldable{open: openRows, noun: "alert", fold: "\n"}
	for _, a := range t.Alerts {
		alerts.items = append(alerts.items, markdownFinding(a.Finding))
	}
	head += alerts.render((maxMarkdown - len(head) - len(foot)) / 8)
	gaps := foldable{items: markdownItems("undecided", t.Audit.Gaps), open: openRows, noun: "reason", fold: "\n"}
	head += gaps.render((maxMarkdown - len(head) - len(foot)) / 8)
	open := foldable{items: t.markdownLines(), open: openRows, noun: "open point", head: "### Completeness\n\n" + text.Markdown(t.statement()) + ".\n\n", fold: "\n"}
	tail := open.render((maxMarkdown - len(head) - len(foot)) / 4)
	if tail == "" {
		tail = open.head
	}
	days := markdownTotals("Day (UTC)", "day", t.Audit.Days)
	events := markdownTotals("Event", "event", t.Audit.Events)
	tables := days.render(maxMarkdown/8) + events.render(maxMarkdown/8)
	room := maxMarkdown - len(head) - len(tables) - len(tail) - len(foot)
	findings := foldable{items: t.markdownFindings(), open: openRows, noun: "finding", head: "### Findings\n\n", fold: "\n"}
	uses := foldable{
		items: t.markdownUses(), open: openRows, noun: "use",
		head: "| Entry | Time (UTC) | Event | Repository | About | Commit | Who | Attribution |\n| ---: | --- | --- | --- | --- | --- | --- | --- |\n",
	}
	uses.fold = "\n" + uses.head // a folded table needs its own head
	share := room
	if len(findings.items) > 0 {
		share = max(room/2, room-findings.size())
	}
	table := uses.render(share)
	page := head + table + findings.render(room-len(table)) + tables + tail + foot
	if _, err := io.WriteString(w, page); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (t Timeline) markdownFoot() string {
	foot := text.Markdown(t.Window.String())
	if t.Version != "" {
		foot += " · Fluxkeeper " + text.Markdown(text.Cut(t.Version, maxCell))
	}
	return foot + "\n"
}

func (t Timeline) markdownUses() []string {
	code := func(s string) string {
		if s == "" {
			return "–"
		}
		return text.MarkdownCode(text.Cut(s, maxCell))
	}
	var rows []string
	for _, u := range t.Audit.Uses {
		attribution := text.Markdown(text.Cut(shownAttribution(u), maxCell))
		if alarming(u.Attribution) {
			attribution = "**" + attribution + "**"
		}
		rows = append(rows, fmt.Sprintf("| %d | %s | %s | %s | %s | %s | %s | %s |\n",
			u.Index, text.Markdown(clock(u.Time)), code(text.Reference(shownEvent(u.Event, u.Action))), code(text.Reference(u.Repository.Name)),
			code(about(u)), code(text.Reference(text.Commit(u.Commit))), code(text.Reference(shownWho(u.Who))), attribution))
	}
	return rows
}

func (t Timeline) markdownFindings() []string {
	var items []string
	for _, run := range t.runs() {
		for _, f := range run {
			behind := fmt.Sprintf(" (entry %d)", f.Index)
			// Behind the sentence, before the lines that follow it.
			sentence, rest, _ := strings.Cut(strings.TrimSuffix(markdownFinding(f.Finding), "\n"), "\\\n")
			if rest != "" {
				rest = "\\\n" + rest
			}
			items = append(items, sentence+behind+rest+"\n")
		}
	}
	return items
}

func markdownItems(title string, texts []string) []string {
	var items []string
	for _, s := range texts {
		items = append(items, "- **"+title+"**: "+text.Markdown(text.Cut(s, maxMessage))+"\n")
	}
	return items
}

func (t Timeline) markdownLines() []string {
	var items []string
	for _, l := range t.lines() {
		items = append(items, markdownItems(l.Kind, []string{l.sentence()})...)
	}
	return items
}

func markdownTotals(title, noun string, totals []audit.Total) foldable {
	f := foldable{noun: noun, open: openRows, head: "\n| " + title + " | Uses | Unexpected |\n| --- | ---: | ---: |\n"}
	f.fold = f.head
	for _, t := range totals {
		f.items = append(f.items, fmt.Sprintf("| %s | %s | %s |\n", text.Markdown(text.Cut(text.Reference(t.Name), maxCell)), strconv.Itoa(t.Uses), strconv.Itoa(t.Unexpected)))
	}
	return f
}
