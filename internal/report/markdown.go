package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
)

const (
	maxMarkdown = 60_000 // bytes; a comment may have 65,536 characters
	openRows    = 20     // rows and findings before the rest is folded away
)

// Markdown writes the report for a step summary or a comment: at most 60,000
// bytes, and it says how much it left out.
func Markdown(w io.Writer, r Report) error {
	r = r.sorted()
	head, foot := r.markdownHead(), r.markdownFoot()
	gaps := foldable{items: r.markdownGaps(), open: openRows, noun: "reason", fold: "\n"}
	head += gaps.render((maxMarkdown - len(head) - len(foot)) / 3)
	room := maxMarkdown - len(head) - len(foot)
	findings := foldable{
		items: r.markdownFindings(), open: openRows, noun: "finding",
		head: "### Findings\n\n", fold: "\n",
	}
	updates := foldable{
		items: r.markdownUpdates(), open: openRows, noun: "update",
		head: "| Image | From → to | Step | Policy | Place |\n| --- | --- | --- | --- | --- |\n",
	}
	updates.fold = "\n" + updates.head // a folded table needs its own head
	share := room
	if len(findings.items) > 0 {
		share = max(room/2, room-findings.size())
	}
	table := updates.render(share)
	page := head + table + findings.render(room-len(table)) + foot
	if _, err := io.WriteString(w, page); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r Report) markdownHead() string {
	return markdownTitle(r.headline())
}

func markdownTitle(title, phrase string) string {
	sign := map[string]string{"PASS": "✅", "FAIL": "❌", "NOT APPLICABLE": "➖", "UNDECIDED": "⚠️"}[title]
	return fmt.Sprintf("## %s Fluxkeeper: %s\n\n%s.\n\n", sign, strings.ToLower(title), text.Markdown(text.Cut(upperFirst(phrase), maxMessage)))
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (r Report) markdownFoot() string {
	res := r.Result
	parts := []string{
		text.MarkdownCode(text.Cut(revision(r.BaseName, res.Base), maxCell)) + " → " + text.MarkdownCode(text.Cut(revision(r.HeadName, res.Head), maxCell)),
		text.Markdown(text.Cut(outcome(res.Reproduction), maxCell)),
		"evidence: " + text.Markdown(text.Cut(r.evidence(), maxCell)),
	}
	if s := r.settings(); s != "" {
		parts = append(parts, s)
	}
	if r.Version != "" {
		parts = append(parts, "Fluxkeeper "+text.Markdown(text.Cut(r.Version, maxCell)))
	}
	return strings.Join(parts, " · ") + "\n"
}

func (r Report) markdownGaps() []string {
	var items []string
	for _, gap := range r.Result.Gaps {
		items = append(items, "- **undecided**: "+text.Markdown(text.Cut(gap, maxMessage))+"\n")
	}
	return items
}

func (r Report) markdownUpdates() []string {
	var rows []string
	for _, u := range worstFirst(r.Result.Updates) {
		rows = append(rows, markdownUpdate(u))
	}
	return rows
}

func markdownUpdate(u gate.Update) string {
	code := func(s string) string {
		if s == "" {
			return "–"
		}
		return text.MarkdownCode(text.Cut(s, maxCell))
	}
	from, to := shortDigests(text.Reference(u.From), text.Reference(u.To))
	return fmt.Sprintf("| %s | %s → %s | %s | %s | %s |\n",
		code(text.Reference(u.Image)), code(from), code(to), text.Markdown(text.Cut(text.Reference(u.Step), maxCell)),
		code(text.Reference(u.Policy)), code(place(wholeLine(u.Place))))
}

func (r Report) markdownFindings() []string {
	var items []string
	for _, f := range r.Result.Findings {
		items = append(items, markdownFinding(f))
	}
	return items
}

func markdownFinding(f finding.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s** %s: %s", text.Markdown(text.Cut(string(f.Severity), maxCell)), markdownRule(f.Rule), text.Markdown(text.Cut(f.Message, maxMessage)))
	if f.File != "" {
		// The position comes last and is ours: it must not be cut away.
		b.WriteString("\\\n  " + text.MarkdownCode(text.Cut(f.File, maxCell)+place(finding.Place{Line: f.Line, Column: f.Column})))
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

// markdownRule links a rule's name to its chapter where it looks like a name.
func markdownRule(rule string) string {
	if !strings.Contains(rule, "/") || strings.Trim(rule, "abcdefghijklmnopqrstuvwxyz0123456789-/") != "" {
		return text.MarkdownCode(text.Cut(rule, maxCell))
	}
	return "[" + text.MarkdownCode(rule) + "](" + RuleURL(rule) + ")"
}

// foldable is a list that shows its first items and folds the others away.
type foldable struct {
	head  string // before the first item
	items []string
	open  int    // items before the fold
	fold  string // between the fold's summary and its items
	noun  string
}

// size is what the whole list takes, at most.
func (f foldable) size() int {
	n := len(f.head) + len(f.fold) + foldRoom
	for _, item := range f.items {
		n += len(item)
	}
	return n
}

const foldRoom = 200 // for the fold's tags and the sentence on what was left out

// render writes as many items as fit into room bytes and says how many did not.
func (f foldable) render(room int) string {
	if len(f.items) == 0 {
		return ""
	}
	room -= len(f.head) + len(f.fold) + foldRoom
	shown := 0
	for shown < len(f.items) && len(f.items[shown]) <= room {
		room -= len(f.items[shown])
		shown++
	}
	open := min(shown, f.open)
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
