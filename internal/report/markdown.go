package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	maxMarkdown = 60_000 // bytes; a comment may have 65,536 characters
	openRows    = 20     // rows and findings before the rest is folded away
)

// Markdown writes the report for a step summary, an issue or a comment: at most
// 60,000 bytes, and it says how much it left out.
func Markdown(w io.Writer, r Report) error {
	head, foot := r.markdownHead(), r.markdownFoot()
	left := maxMarkdown - len(head) - len(foot)
	gaps := foldable{items: text.Each(r.Gaps, markdownGap), noun: "gap", fold: "\n"}.render(left / 3)
	left -= len(gaps)
	findings := foldable{items: text.Each(r.shown(), markdownFinding), noun: "finding", head: "### Findings\n\n", fold: "\n"}
	// The first table is what the report is about; the others are small.
	tables := make([]string, len(r.Tables))
	for i := len(r.Tables) - 1; i >= 0; i-- {
		share := maxMarkdown / 8
		if i == 0 {
			share = left
			if len(findings.items) > 0 {
				share = max(left/2, left-findings.size())
			}
		}
		tables[i] = r.Tables[i].markdown().render(share)
		left -= len(tables[i])
	}
	page := head + gaps + strings.Join(tables, "") + findings.render(left) + foot
	if _, err := io.WriteString(w, page); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// markdownHead is the verdict and the facts.
func (r Report) markdownHead() string {
	sign := map[finding.Verdict]string{
		finding.Pass: "✅", finding.Fail: "❌", finding.NotApplicable: "➖", finding.Undecided: "⚠️",
	}[r.Verdict()]
	if r.Verdict() == finding.Pass && r.Urgent {
		sign = "⚠️"
	}
	summary := text.Markdown(text.Cut(upperFirst(r.Summary()), maxMessage))
	head := fmt.Sprintf("## %s Fluxkeeper: %s\n\n%s.\n\n", sign, strings.ToLower(r.Title()), summary)
	for _, f := range r.Facts {
		head += fmt.Sprintf("- **%s**: %s\n", text.Markdown(f.Name), text.Markdown(text.Cut(f.Value, maxMessage)))
	}
	if len(r.Facts) > 0 {
		head += "\n"
	}
	return head
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (r Report) markdownFoot() string {
	parts := text.Each(r.Closing, func(part string) string { return text.Markdown(text.Cut(part, 2*maxCell)) })
	if r.Version != "" {
		parts = append(parts, "Fluxkeeper "+text.Markdown(text.Cut(r.Version, maxCell)))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " · ") + "\n"
}

func markdownGap(gap string) string {
	return "- **gap**: " + text.Markdown(text.Cut(gap, maxMessage)) + "\n"
}

// markdown is the table as lines that can be folded away.
func (t Table) markdown() foldable {
	f := foldable{noun: t.Noun}
	var heads, rules []string
	for _, c := range t.Columns {
		heads = append(heads, upperFirst(c.Head))
		rules = append(rules, map[bool]string{true: "---:", false: "---"}[c.Right])
	}
	f.head = "| " + strings.Join(heads, " | ") + " |\n| " + strings.Join(rules, " | ") + " |\n"
	f.fold = "\n" + f.head // a folded table needs its own head
	for _, row := range t.Rows {
		var cells []string
		for i, cell := range row.Cells {
			cell = text.Cut(cell, t.Columns[i].most())
			switch {
			case cell == "–" || !t.Columns[i].Code:
				cell = text.Markdown(cell)
			default:
				cell = text.MarkdownCode(cell)
			}
			if i == t.Marked && row.Paint == text.Red {
				cell = "**" + cell + "**"
			}
			cells = append(cells, cell)
		}
		f.items = append(f.items, "| "+strings.Join(cells, " | ")+" |\n")
	}
	return f
}

func markdownFinding(f finding.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s** %s: %s", text.Markdown(text.Cut(string(f.Severity), maxCell)), markdownRule(f.Rule),
		text.Markdown(text.Cut(f.Message, maxMessage)))
	// The position comes last and is ours: it must not be cut away.
	at := f.Place
	at.File = text.Cut(at.File, maxCell)
	if where := place(at); where != "" {
		b.WriteString("\\\n  " + text.MarkdownCode(where))
		if f.Path != "" {
			b.WriteString(" (" + text.MarkdownCode(text.Cut(f.Path, maxCell)) + ")")
		}
	}
	if c := changed(f); c != "" {
		b.WriteString("\\\n  *Policy:* " + text.Markdown(text.Cut(c, maxCell)))
	}
	if f.Hint != "" {
		b.WriteString("\\\n  *Hint:* " + text.Markdown(text.Cut(f.Hint, maxMessage)))
	}
	b.WriteString("\n")
	return b.String()
}

// isRule tells whether a text looks like the name of a rule.
func isRule(s string) bool {
	return strings.Contains(s, "/") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-/") == ""
}

// markdownRule links a rule's name to its chapter where it looks like a name.
func markdownRule(rule string) string {
	if !isRule(rule) {
		return text.MarkdownCode(text.Cut(rule, maxCell))
	}
	return "[" + text.MarkdownCode(rule) + "](" + RuleURL(rule) + ")"
}

// foldable is a list that shows its first items and folds the others away.
type foldable struct {
	head  string // before the first item
	items []string
	fold  string // between the fold's summary and its items
	noun  string
}

// size is what the whole list takes, at most.
func (f foldable) size() int {
	n := len(f.head) + len(f.fold) + foldSize
	for _, item := range f.items {
		n += len(item)
	}
	return n
}

const foldSize = 200 // for the fold's tags and the sentence on what was left out

// render writes as many items as fit into left bytes and says how many did not.
func (f foldable) render(left int) string {
	if len(f.items) == 0 {
		return ""
	}
	left -= len(f.head) + len(f.fold) + foldSize
	shown := 0
	for shown < len(f.items) && len(f.items[shown]) <= left {
		left -= len(f.items[shown])
		shown++
	}
	open := min(shown, openRows)
	var b strings.Builder
	if open > 0 {
		b.WriteString(f.head + strings.Join(f.items[:open], ""))
	}
	if shown > open {
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n%s", moreOf(shown-open, f.noun), f.fold)
		b.WriteString(strings.Join(f.items[open:shown], "") + "\n</details>\n")
	}
	if left := len(f.items) - shown; left > 0 {
		fmt.Fprintf(&b, "\n%s not shown.\n", moreOf(left, f.noun))
	}
	b.WriteString("\n")
	return b.String()
}
