package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// Timeline is what the bot's account did in a window, with what is needed to
// show it.
type Timeline struct {
	Audit  audit.Timeline
	Window audit.Window
	// Completeness is nil where the record was not compared with GitHub's lists.
	Completeness *audit.Statement
	// Alerts are what the record of rotations says of the bot's tokens now.
	Alerts []rotation.Alert
	// Version is that of the program.
	Version string
}

// Verdict adds the timeline up: an unexpected use or another error fails it, an
// alert's included, and what could have been missed leaves it undecided. Whether the record is
// complete counts only where it was looked at.
func (t Timeline) Verdict() finding.Verdict {
	a := t.Audit
	if unexpected, by := t.counts(); unexpected > 0 || by[finding.Error] > 0 {
		return finding.Fail
	}
	if s := t.Completeness; len(a.Gaps) > 0 || s != nil && (!s.Decided() || s.Gaps() > 0) {
		return finding.Undecided
	}
	return finding.Pass
}

// counts is the number of uses that need somebody's attention, and of findings
// by severity.
func (t Timeline) counts() (unexpected int, by map[finding.Severity]int) {
	for _, u := range t.Audit.Uses {
		if alarming(u.Attribution) {
			unexpected++
		}
	}
	by = map[finding.Severity]int{}
	for _, f := range t.Audit.Findings {
		by[f.Severity]++
	}
	for _, a := range t.Alerts {
		by[a.Severity]++
	}
	return unexpected, by
}

// alarming is every attribution but the two good ones.
func alarming(a audit.Attribution) bool { return a != audit.Expected && a != audit.Explained }

// headline is the verdict as a title and a phrase.
func (t Timeline) headline() (title, phrase string) {
	title = map[finding.Verdict]string{finding.Pass: "PASS", finding.Fail: "FAIL", finding.Undecided: "UNDECIDED"}[t.Verdict()]
	unexpected, by := t.counts()
	parts := []string{fmt.Sprintf("%s in %s", text.Count(len(t.Audit.Uses), "use"), deliveries(t.Audit.Deliveries))}
	if n := t.Audit.Followed; n > 0 {
		parts[0] += fmt.Sprintf(" (and %d of checks and runs that followed)", n)
	}
	if unexpected > 0 {
		parts = append(parts, strconv.Itoa(unexpected)+" unexpected")
	}
	for _, s := range []finding.Severity{finding.Error, finding.Warning, finding.Note} {
		if by[s] > 0 {
			parts = append(parts, text.Count(by[s], string(s)))
		}
	}
	return title, strings.Join(parts, ", ")
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}

// clock is a time as tables show it, in UTC.
func clock(t time.Time) string { return t.UTC().Format(time.DateTime) }

// shownRef leaves out what every branch's name begins with, but not where that
// would make a branch look like a tag.
func shownRef(ref string) string {
	if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok && !strings.HasPrefix(name, "refs/") {
		return name
	}
	return ref
}

// shownEvent is an event with its action.
func shownEvent(event, action string) string {
	return strings.TrimSuffix(event+"."+action, ".")
}

// shownWho is an account by its login and the id that decides.
func shownWho(a audit.Account) string {
	return fmt.Sprintf("%s (%d)", cmp.Or(a.Login, "–"), a.ID)
}

// about is what the use is about besides a ref.
func about(u audit.Use) string {
	switch {
	case u.Ref != "":
		return shownRef(u.Ref)
	case u.Number != 0:
		return "#" + strconv.FormatInt(u.Number, 10)
	}
	return u.Subject
}

// shownAttribution adds the reasons, which are ours, and where else the use is told.
func shownAttribution(u audit.Use) string {
	s := string(u.Attribution)
	if len(u.Why) > 0 {
		s += ": " + strings.Join(u.Why, ", ")
	}
	if len(u.Also) > 0 {
		s += fmt.Sprintf(" (also %s)", few(u.Also))
	}
	return s
}

// maxAlso bounds how many other entries of a use are named to people.
const maxAlso = 4

// few names the first of many entries, and how many more there are.
func few(indices []int64) string {
	if more := len(indices) - maxAlso; more > 1 {
		return fmt.Sprintf("%s and %d more", joined(indices[:maxAlso]), more)
	}
	return joined(indices)
}

func joined(indices []int64) string {
	texts := make([]string, len(indices))
	for i, n := range indices {
		texts[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(texts, ", ")
}

// line is one thing that the statement of completeness names.
type line struct {
	Kind       string // missing, never-emitted, unsettled, unlisted or unread
	Time       time.Time
	Event      string
	Repository string
	Ref        string
	Text       string
}

// lines are the things that the statement names, in its own order.
func (t Timeline) lines() []line {
	s := t.Completeness
	if s == nil {
		return nil
	}
	var all []line
	for _, d := range s.Missing {
		all = append(all, line{"missing", d.First, shownEvent(d.Event, d.Action), idOrNone(d.Repository), "", fmt.Sprintf("delivery %s of hook %d: %s", d.GUID, d.Hook, d.Status)})
	}
	for _, u := range s.NeverEmitted {
		all = append(all, line{"never-emitted", u.Time, u.Type, u.Name, u.Ref, u.Reason})
	}
	for _, u := range s.Unsettled {
		all = append(all, line{"unsettled", u.Time, u.Type, u.Name, u.Ref, u.Reason})
	}
	for _, u := range s.Unlisted {
		all = append(all, line{"unlisted", u.Time, "", "", "", fmt.Sprintf("delivery %s of hook %d is held, and GitHub does not list it", u.GUID, u.Hook)})
	}
	for _, text := range s.Unread {
		all = append(all, line{Kind: "unread", Text: text})
	}
	return all
}

func idOrNone(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// sentence is the line on one line, with outside text as it came.
func (l line) sentence() string {
	var parts []string
	if !l.Time.IsZero() {
		parts = append(parts, clock(l.Time))
	}
	for _, s := range []string{l.Event, l.Repository, shownRef(l.Ref)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(append(parts, l.Text), "  ")
}

// statement is the sentence on completeness.
func (t Timeline) statement() string {
	if t.Completeness == nil {
		return "not compared with what GitHub lists"
	}
	return t.Completeness.Summary()
}

// runs parts the findings, which are sorted, into those of one severity and rule.
func (t Timeline) runs() [][]audit.Finding {
	sorted := slices.Clone(t.Audit.Findings)
	slices.SortStableFunc(sorted, func(a, b audit.Finding) int {
		return cmp.Or(cmp.Compare(severityRank(a.Severity), severityRank(b.Severity)), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Index, b.Index))
	})
	var runs [][]audit.Finding
	for _, f := range sorted {
		if n := len(runs); n > 0 && runs[n-1][0].Rule == f.Rule && runs[n-1][0].Severity == f.Severity {
			runs[n-1] = append(runs[n-1], f)
		} else {
			runs = append(runs, []audit.Finding{f})
		}
	}
	return runs
}

func severityRank(s finding.Severity) int {
	if i := slices.Index([]finding.Severity{finding.Error, finding.Warning, finding.Note}, s); i >= 0 {
		return i
	}
	return -1 // what is not known comes first
}
