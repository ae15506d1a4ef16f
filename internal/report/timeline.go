package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// Timeline is what the bot's account did in a window.
type Timeline struct {
	Audit  audit.Timeline
	Window audit.Window
	// Completeness is nil where the record was not compared with GitHub's lists.
	Completeness *audit.Statement
	// Alerts are what the record of rotations says of the bot's tokens now.
	Alerts []rotation.Alert
	// Severities are what the policy makes of single rules.
	Severities map[string]finding.Severity
	// Only picks what is shown.
	Only    Filter
	Version string
}

// answer is that of the deliveries, of the rotations on record and of the comparison
// with GitHub's lists together.
func (t Timeline) answer() finding.Answer {
	alerts := finding.Answer{Basis: finding.Seen}
	for _, a := range t.Alerts {
		alerts.Findings = append(alerts.Findings, a.Finding)
	}
	all := []finding.Answer{t.Audit.Answer, alerts}
	if t.Completeness != nil {
		all = append(all, t.Completeness.Answer())
	}
	return finding.Join(all...).Weighed(t.Severities)
}

// Report is the timeline for every format.
func (t Timeline) Report() Report {
	a := redactedAnswer(t.answer())
	rank(a.Findings, ranked(t.Audit.Uses))
	r := Report{Answer: a, Phrase: t.phrase(), Version: t.Version, Facts: []Fact{{"window", t.Window.String()}}}
	if t = t.redacted(); t.Only != (Filter{}) {
		all := len(t.Audit.Uses)
		t, r.Shows = t.picked(a)
		r.Facts = append(r.Facts, Fact{"shown", fmt.Sprintf("%d of %s, and their findings", len(t.Audit.Uses), text.Count(all, "use"))})
		a.Findings = r.shown()
	}
	complete := "not compared with what GitHub lists"
	if t.Completeness != nil {
		complete = t.Completeness.Summary()
	}
	r.Facts = append(r.Facts, Fact{"completeness", complete}, Fact{"never shown", audit.NeverShown})
	r.Tables = []Table{t.uses(), totals("day", "day (UTC)", t.Audit.Days), totals("event", "event", t.Audit.Events)}
	r.Document, r.Sheet = t.document(a, r.Verdict()), t.sheet(a)
	return r
}

// phrase counts the uses.
func (t Timeline) phrase() string {
	s := text.Count(len(t.Audit.Uses), "use") + " in " + text.Count(t.Audit.Deliveries, "delivery")
	if n := t.Audit.Followed; n > 0 {
		s += fmt.Sprintf(" (and %d of checks and runs that followed)", n)
	}
	unexpected := 0
	for _, u := range t.Audit.Uses {
		if alarming(u.Attribution) {
			unexpected++
		}
	}
	if unexpected > 0 {
		s += fmt.Sprintf(", %d unexpected", unexpected)
	}
	return s
}

// alarming is every attribution but the two good ones.
func alarming(a audit.Attribution) bool { return a != audit.Expected && a != audit.Explained }

const maxUseCell = 80

// uses is the table of what the account did.
func (t Timeline) uses() Table {
	name := text.Reference
	table := Table{Noun: "use", Marked: 7, Columns: []Column{
		{Head: "entry", Right: true}, {Head: "time (UTC)"},
		{Head: "event", Code: true, Most: maxUseCell}, {Head: "repository", Code: true, Most: maxUseCell},
		{Head: "about", Code: true, Most: maxUseCell}, {Head: "commit", Code: true, Most: maxUseCell},
		{Head: "who", Code: true, Most: maxUseCell}, {Head: "attribution"},
	}}
	for _, u := range ranked(t.Audit.Uses) {
		paint := text.Green
		if alarming(u.Attribution) {
			paint = text.Red
		}
		table.Rows = append(table.Rows, Row{Paint: paint, Cells: []string{
			strconv.FormatInt(u.Index, 10), u.Time.UTC().Format(time.DateTime),
			orDash(name(eventOf(u.Event, u.Action))), orDash(name(u.Repository.Name)), orDash(about(u)),
			orDash(name(text.Commit(u.Commit))), name(fmt.Sprintf("%s (%d)", cmp.Or(u.Who.Login, "–"), u.Who.ID)), attribution(u),
		}})
	}
	return table
}

// eventOf is an event with its action.
func eventOf(event, action string) string { return strings.TrimSuffix(event+"."+action, ".") }

// about is what the use is about: a ref or a number, and what of it.
func about(u audit.Use) string {
	what := shownRef(u.Ref)
	if what == "" && u.Number != 0 {
		what = "#" + strconv.FormatInt(u.Number, 10)
	}
	if what == "" || u.Subject == "" {
		return what + u.Subject
	}
	return what + " (" + u.Subject + ")"
}

// shownRef leaves out what every branch's name begins with, but not where that
// would make a branch look like a tag.
func shownRef(ref string) string {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok && !strings.HasPrefix(name, "refs/") {
		return name
	}
	return ref
}

// maxAlso bounds how many other entries of a use are named to people.
const maxAlso = 4

// attribution adds the reasons, and the first of the other entries that tell of the use.
func attribution(u audit.Use) string {
	s := string(u.Attribution)
	if len(u.Why) > 0 {
		s += ": " + strings.Join(u.Why, ", ")
	}
	if more := len(u.Also) - maxAlso; more > 1 {
		return s + fmt.Sprintf(" (also %s and %d more)", joined(u.Also[:maxAlso]), more)
	} else if len(u.Also) > 0 {
		s += fmt.Sprintf(" (also %s)", joined(u.Also))
	}
	return s
}

func joined(indices []int64) string {
	return strings.Join(text.Each(indices, func(n int64) string { return strconv.FormatInt(n, 10) }), ", ")
}

// totals is a table of how many uses there were by something.
func totals(noun, head string, all []audit.Total) Table {
	table := Table{Noun: noun, Marked: 2, Columns: []Column{{Head: head}, {Head: "uses", Right: true}, {Head: "unexpected", Right: true}}}
	for _, t := range all {
		row := Row{Cells: []string{orDash(text.Reference(t.Name)), strconv.Itoa(t.Uses), strconv.Itoa(t.Unexpected)}}
		if t.Unexpected > 0 {
			row.Paint = text.Red
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// sheet has a line for each use, each finding and each gap; the first column says which.
func (t Timeline) sheet(a finding.Answer) [][]string {
	rows := [][]string{{
		"kind", "entry", "time", "event", "repository", "repository_id", "ref", "commit", "number", "subject",
		"login", "account_id", "attribution", "severity", "rule", "text", "also",
	}}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, u := range t.Audit.Uses {
		rows = append(rows, []string{
			"use", strconv.FormatInt(u.Index, 10), stamp(u.Time), eventOf(u.Event, u.Action), u.Repository.Name, number(u.Repository.ID),
			u.Ref, u.Commit, number(u.Number), u.Subject, u.Who.Login, number(u.Who.ID), string(u.Attribution),
			"", "", strings.Join(u.Why, ", "), joined(u.Also),
		})
	}
	short := func(kind, entry, severity, rule, said string) {
		rows = append(rows, slices.Concat([]string{kind, entry}, make([]string, 11), []string{severity, rule, said, ""}))
	}
	for _, f := range a.Findings {
		entry := ""
		if f.Entry != nil {
			entry = strconv.FormatInt(*f.Entry, 10)
		}
		short("finding", entry, string(f.Severity), f.Rule, f.Message)
	}
	for _, gap := range a.Gaps {
		short("gap", "", "", "", gap)
	}
	return rows
}

// stamp is a time as programs read it; empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
