package report_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/hostile"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func week() audit.Window { return audit.Window{From: noon.AddDate(0, 0, -7), To: noon} }

func auditUse(index int64, event, ref string, why ...string) audit.Use {
	u := audit.Use{
		Index: index, Time: noon.Add(time.Duration(index) * time.Hour), Event: event, Repository: audit.Repository{ID: 100, Name: "acme/fleet"},
		Ref: ref, Commit: headSHA, Who: audit.Account{ID: 4242, Login: "acme-flux", Type: "User"}, Attribution: audit.Expected, Why: why,
	}
	if len(why) > 0 {
		u.Attribution = audit.Unexpected
	}
	return u
}

func auditFinding(index int64, severity finding.Severity, rule, message string) finding.Finding {
	return finding.Finding{Rule: rule, Severity: severity, Message: message, Hint: "replace its token", Place: finding.Place{Entry: &index}}
}

func expectedTimeline() report.Timeline {
	return report.Timeline{
		Window: week(), Version: "1.2.3",
		Audit: audit.Timeline{
			Answer: finding.Answered(nil), Deliveries: 40, Followed: 12, Uses: []audit.Use{auditUse(3, "push", "refs/heads/flux-image-updates"),
				auditUse(4, "create", "refs/heads/flux-image-updates")},
			Days: []audit.Total{{Name: "2026-11-01", Uses: 2}}, Events: []audit.Total{{Name: "create", Uses: 1}, {Name: "push", Uses: 1}},
		},
		Completeness: &audit.Statement{Window: week(), Listed: 40, Held: 40},
	}
}

func unexpectedTimeline() report.Timeline {
	t := expectedTimeline()
	main := auditUse(17, "push", "refs/heads/main", "branch", "forced")
	comment := auditUse(20, "issue_comment", "", "event")
	comment.Action, comment.Number, comment.Commit, comment.Also = "deleted", 7, "", []int64{21, 22}
	t.Audit.Uses = append(t.Audit.Uses, main, comment)
	branch := auditFinding(17, finding.Error, "use/unexpected-branch", "the bot caused push on main, which is not one of its branches")
	again := branch
	again.Entry = new(int64(19))
	guard := auditFinding(18, finding.Error, "delivery/guard-loosened", "octocat (1) deleted repository ruleset only flux of acme/fleet")
	guard.Was = finding.Warning
	t.Audit.Findings = []finding.Finding{branch, guard, again,
		auditFinding(5, finding.Warning, "delivery/clock", "the body tells of a time 96h1m0s before it came in")}
	t.Audit.Days = []audit.Total{{Name: "2026-11-01", Uses: 2}, {Name: "2026-11-02", Uses: 2, Unexpected: 2}}
	t.Audit.Events = append(t.Audit.Events, audit.Total{Name: "issue_comment", Uses: 1, Unexpected: 1})
	s := &audit.Statement{Window: week(), Listed: 42, Held: 40, Expired: audit.Window{From: week().From, To: noon.AddDate(0, 0, -3)}}
	s.Missing = []audit.Delivery{{Hook: 11, GUID: "0b989ba4", Event: "push", Repository: 100, First: noon, Status: "timed out"}}
	s.NeverEmitted = []audit.Untold{{Repository: 100, Name: "acme/fleet", Activity: audit.Activity{Type: "push", Ref: "refs/heads/main",
		Time: noon}, Reason: "GitHub lists no delivery of it"}}
	s.Unsettled = s.NeverEmitted
	s.Unlisted = []audit.Unlisted{{DeliveryKey: audit.DeliveryKey{Hook: 11, GUID: "f00"}, Time: noon}}
	s.Unread = []string{`activity of "acme/app": not allowed`}
	t.Completeness = s
	return t
}

// dueTimeline has alerts, one of them raised by the policy, and nothing else amiss.
func dueTimeline() report.Timeline {
	t := expectedTimeline()
	due := func(rule string, s finding.Severity, reminder int, message string) rotation.Alert {
		return rotation.Alert{Finding: finding.Finding{Rule: rule, Severity: s, Message: message,
			Hint: "make a new token and give it to `fluxkeeper-receiver rotate start --repo acme/fleet`"}, New: "NEW",
			Repositories: []string{"acme/fleet"}, Reminder: reminder}
	}
	t.Alerts = []rotation.Alert{
		due("rotation/expiry-unknown", finding.Error, 0, "it is not on record when the token for acme/app expires: nobody is reminded of it"),
		due("token/expires", finding.Warning, 14, "the token for acme/fleet expires in 12 days, on 2026-11-13 12:00 UTC"),
	}
	t.Alerts[0].Was = finding.Warning
	return t
}

func undecidedTimeline() report.Timeline {
	t := expectedTimeline()
	t.Completeness = nil
	t.Audit.Gaps = []string{"the policy names no account by its id"}
	t.Audit.Uses, t.Audit.Days, t.Audit.Events = nil, nil, nil
	return t
}

// hostileTimeline has outside text wherever a sender could put it.
func hostileTimeline() report.Timeline {
	t := unexpectedTimeline()
	u := auditUse(99, hostile.Text, "refs/heads/"+hostile.Text, "branch")
	u.Action, u.Repository.Name, u.Commit, u.Subject, u.Who.Login = hostile.Text, hostile.Text, hostile.Text, hostile.Text, hostile.Text
	tag := auditUse(100, "push", "refs/heads/refs/tags/v1")
	formula := auditUse(101, "status", "")
	formula.Subject, formula.Who.Login, formula.Commit = `=HYPERLINK("https://example.com")`, "@SUM(1)", "-1"
	formula.Attribution = "dreamt"
	feigned := auditUse(102, "status", "")
	feigned.Subject = "x   –  mallory (1)  expected"
	t.Audit.Uses = append(t.Audit.Uses, u, tag, formula, feigned)
	f := auditFinding(99, finding.Error, hostile.Text, hostile.Text)
	f.Hint = hostile.Text
	t.Audit.Findings = append(t.Audit.Findings, f)
	t.Audit.Gaps = []string{hostile.Text}
	t.Audit.Events = append(t.Audit.Events, audit.Total{Name: hostile.Text, Uses: 1})
	t.Completeness.Missing[0].GUID, t.Completeness.Missing[0].Event, t.Completeness.Missing[0].Status = hostile.Text, hostile.Text,
		hostile.Text
	t.Completeness.NeverEmitted[0].Name, t.Completeness.NeverEmitted[0].Ref = hostile.Text, hostile.Text
	t.Completeness.Unread[0] = hostile.Text
	t.Alerts = []rotation.Alert{{Finding: finding.Finding{Rule: hostile.Text, Severity: hostile.Text, Message: hostile.Text,
		Hint: hostile.Text}, New: hostile.Text, Repositories: []string{hostile.Text}}}
	t.Version = hostile.Text
	return t
}

func timelines() map[string]report.Timeline {
	return map[string]report.Timeline{
		"expected": expectedTimeline(), "unexpected": unexpectedTimeline(), "undecided": undecidedTimeline(), "hostile": hostileTimeline(),
		"due": dueTimeline(), "empty": {},
	}
}

func timelineFormats() []format {
	return []format{
		{"txt", lines(text.Style{})}, {"narrow.txt", lines(text.Style{Width: 60})}, {"color.txt", lines(text.Style{Color: true, Width: 200})},
		{"json", report.JSON}, {"csv", report.CSV}, {"md", report.Markdown}, {"html", report.HTML},
	}
}

func TestTimelineGolden(t *testing.T) {
	for name, line := range timelines() {
		for _, f := range timelineFormats() {
			t.Run(name+"."+f.suffix, func(t *testing.T) {
				got := render(t, f, line)
				golden(t, filepath.Join("testdata", "timeline", name+"."+f.suffix), got)
			})
		}
	}
}

func TestTimelineIsInert(t *testing.T) {
	for name, line := range timelines() {
		for _, f := range timelineFormats() {
			inert(t, name, f, render(t, f, line))
		}
	}
}

func TestTimelineMarkdownIsInert(t *testing.T) {
	for name, line := range timelines() {
		inertMarkdown(t, name, render(t, format{"md", report.Markdown}, line))
	}
}

func TestTimelineMarkdownFits(t *testing.T) {
	line := hostileTimeline()
	for i := range 5000 {
		line.Audit.Uses = append(line.Audit.Uses, line.Audit.Uses[i])
		again := line.Audit.Findings[i]
		again.Entry = new(int64(1000 + i))
		line.Audit.Findings = append(line.Audit.Findings, again)
		line.Audit.Gaps = append(line.Audit.Gaps, hostile.Text)
		line.Alerts = append(line.Alerts, line.Alerts[0])
		line.Audit.Days = append(line.Audit.Days, audit.Total{Name: fmt.Sprint(i)})
		line.Audit.Events = append(line.Audit.Events, audit.Total{Name: hostile.Text})
		line.Completeness.Missing = append(line.Completeness.Missing, line.Completeness.Missing[0])
	}
	got := render(t, format{"md", report.Markdown}, line)
	if len(got) > 60_000 || len(got) < 40_000 {
		t.Errorf("%d bytes", len(got))
	}
	for _, noun := range []string{"uses", "findings", "gaps", "days", "events"} {
		if !regexp.MustCompile(`\n\d+ more ` + noun + ` not shown\.\n`).MatchString(got) {
			t.Errorf("nothing said of %s left out", noun)
		}
	}
}

// TestTimelineShowsWhatMatters: whoever makes a lot of noise, of whatever names, does not
// hide one act in it, neither the use nor its finding.
func TestTimelineShowsWhatMatters(t *testing.T) {
	use := func(event, ref string, change func(*audit.Use)) audit.Use {
		u := auditUse(0, event, ref, "branch")
		change(&u)
		return u
	}
	noises := map[string]func(n int) audit.Use{
		"branches of a folder": func(n int) audit.Use { return use("create", fmt.Sprint("refs/heads/noise/", n), func(*audit.Use) {}) },
		"branches of all names": func(n int) audit.Use {
			return use("create", fmt.Sprintf("refs/heads/%d-%d/x", n, n), func(*audit.Use) {})
		},
		"repositories": func(n int) audit.Use {
			return use("push", "refs/heads/x", func(u *audit.Use) { u.Repository = audit.Repository{ID: int64(n), Name: fmt.Sprint("acme/", n)} })
		},
		"the default branch": func(n int) audit.Use {
			return use("status", "refs/heads/trunk", func(u *audit.Use) { u.Default, u.Commit = true, fmt.Sprintf("%040d", n) })
		},
	}
	acts := map[string]audit.Use{
		"act-on-default": use("push", "refs/heads/trunk", func(u *audit.Use) { u.Default, u.Subject = true, "act-on-default" }),
		"act-of-no-ref":  use("member", "", func(u *audit.Use) { u.Action, u.Subject = "added", "act-of-no-ref" }),
		"act-of-another": use("create", "refs/heads/noise/x", func(u *audit.Use) { u.Who.ID, u.Subject = 7, "act-of-another" }),
	}
	for noise, make := range noises {
		line := expectedTimeline()
		add := func(u audit.Use, about string) {
			u.Index = int64(len(line.Audit.Uses))
			line.Audit.Uses = append(line.Audit.Uses, u)
			line.Audit.Findings = append(line.Audit.Findings, auditFinding(u.Index, finding.Error, "use/unexpected-branch", about))
		}
		many := map[bool]int{true: 10_000, false: 1_000}[noise == "branches of all names"]
		for n := range many {
			add(make(n), "the bot made noise")
		}
		for act, u := range acts {
			add(u, "this is the "+act)
		}
		for _, f := range timelineFormats() {
			if f.suffix == "narrow.txt" || f.suffix == "color.txt" {
				continue // one breaks words, the other differs in colour alone
			}
			got := render(t, f, line)
			for act := range acts {
				whole := f.suffix == "csv" || f.suffix == "json" // programs search it all
				if at := strings.Index(got, act); at < 0 || !whole && at > 60_000 {
					t.Errorf("%s, %s: the use %q comes at byte %d", noise, f.suffix, act, at)
				}
				if !strings.Contains(got, "this is the "+act) {
					t.Errorf("%s, %s: the finding of %q is not shown", noise, f.suffix, act)
				}
			}
		}
	}
}

// TestTimelineFindsEachRule: many findings of a rule do not push those of another out.
func TestTimelineFindsEachRule(t *testing.T) {
	line := expectedTimeline()
	for n := range 1_000 {
		f := auditFinding(int64(n), finding.Error, "delivery/clock", "the body tells of another time")
		line.Audit.Findings = append(line.Audit.Findings, f)
	}
	line.Audit.Findings = append(line.Audit.Findings, auditFinding(1_000, finding.Error, "guard/member", "somebody was made an owner"))
	for _, f := range timelineFormats() {
		if got := strings.Join(strings.Fields(render(t, f, line)), " "); !strings.Contains(got, "somebody was made an owner") {
			t.Errorf("%s does not show the owner", f.suffix)
		}
	}
}

// TestTimelineOnly: a filter picks what is shown in every format, and the verdict is that
// of all.
func TestTimelineOnly(t *testing.T) {
	for words, want := range map[string]struct{ shown, hidden string }{
		"unexpected":                            {"refs/heads/main", "flux-image-updates"},
		"event=issue_comment":                   {"issue_comment", "forced"},
		"rule=use":                              {"push on main", "guard-loosened"},
		"rule=delivery/clock":                   {"96h1m0s", "push on main"},
		"repository=acme/other":                 {"guard-loosened", "forced"}, // the finding is of no use, so perhaps of it
		"account=4242 repository=ACME/fleet":    {"push on main", "teleport"},
		"account=mallory":                       {"guard-loosened", "forced"},
		"event=issue_comment.deleted rule=none": {"never", "push on main"},
		"account=octocat repository=acme/fleet": {"guard-loosened", "forced"},
		"event=repository_ruleset":              {"guard-loosened", "forced"},
		"repository=acme/fleet account=ann":     {"96h1m0s", "guard-loosened"},
	} {
		only, err := report.ParseFilter(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		line := unexpectedTimeline()
		line.Only = only
		if strings.Contains(words, "octocat") || strings.Contains(words, "ruleset") || strings.Contains(words, "ann") {
			line.Audit.About = map[int64]audit.Use{18: {Index: 18, Event: "repository_ruleset", Action: "deleted",
				Repository: audit.Repository{ID: 100, Name: "acme/fleet"}, Who: audit.Account{ID: 1, Login: "octocat"},
				Attribution: audit.Unexpected}}
		}
		if got := line.Report().Verdict(); got != finding.Fail {
			t.Errorf("%s: %s", words, got)
		}
		for _, f := range timelineFormats() {
			got := strings.ReplaceAll(render(t, f, line), "\n", " ")
			shown := strings.Contains(got, want.shown) || f.suffix == "csv" && want.shown == "never" ||
				want.shown == "refs/heads/main" && strings.Contains(got, "main")
			if !shown || strings.Contains(got, want.hidden) && f.suffix != "narrow.txt" {
				t.Errorf("%s, %s: shows %q or lacks %q\n%s", words, f.suffix, want.hidden, want.shown, got)
			}
		}
	}
	for _, word := range []string{"", "expected", "event", "event=", "commit=1"} {
		if _, err := report.ParseFilter([]string{word}); err == nil {
			t.Errorf("%q is taken", word)
		}
	}
}

// No cell is a formula to a spreadsheet, and a reader of CSV gets every line back.
func TestTimelineCSV(t *testing.T) {
	starts := []string{"=1", "+1", "-1", "@a", "\t=1", "\r=1", " =1", "\n=1", "＝1", `"=1`, "\u200b=1", "\xff=1", "\x00=1", "'=1"}
	line := hostileTimeline()
	for i, s := range starts {
		u := auditUse(int64(200+i), s, s, s)
		u.Action, u.Repository.Name, u.Commit, u.Subject, u.Who.Login = s, s, s, s, s
		line.Audit.Uses = append(line.Audit.Uses, u)
		line.Audit.Findings = append(line.Audit.Findings, auditFinding(1, finding.Error, s, s))
		line.Audit.Gaps = append(line.Audit.Gaps, s)
	}
	rows, err := csv.NewReader(strings.NewReader(render(t, format{"csv", report.CSV}, line))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			rest := strings.TrimLeft(cell, " \t\r\n\"")
			if rest != "" && slices.Contains([]rune("=+-@＝＋－＠"), []rune(rest)[0]) {
				t.Errorf("%q is a formula in %q", cell, row)
			}
		}
	}
	a := line.Report().Answer
	if want := 1 + len(line.Audit.Uses) + len(a.Findings) + len(a.Gaps); len(rows) != want || len(a.Findings) < 18 {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}

func TestTimelineVerdict(t *testing.T) {
	missing := expectedTimeline()
	missing.Completeness.Missing = []audit.Delivery{{}}
	unread := expectedTimeline()
	unread.Completeness.Unread = []string{"x"}
	warned := expectedTimeline()
	warned.Audit.Findings = []finding.Finding{auditFinding(1, finding.Warning, "delivery/clock", "x")}
	graver := undecidedTimeline()
	graver.Audit.Findings = []finding.Finding{auditFinding(1, finding.Error, "delivery/meta", "x")}
	reminded := dueTimeline()
	reminded.Alerts = reminded.Alerts[1:]
	unasked := expectedTimeline()
	unasked.Completeness = nil
	for name, c := range map[string]struct {
		line report.Timeline
		want finding.Verdict
	}{
		"expected": {expectedTimeline(), finding.Pass}, "unexpected": {unexpectedTimeline(), finding.Fail},
		"gaps": {undecidedTimeline(), finding.Undecided}, "missing": {missing, finding.Fail}, "unread": {unread, finding.Undecided},
		"warning": {warned, finding.Pass}, "gaps and an error": {graver, finding.Fail},
		"not compared": {unasked, finding.Pass}, "an alert": {dueTimeline(), finding.Fail}, "a reminder": {reminded, finding.Pass},
	} {
		if got := c.line.Report().Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTimelineWriteErrorsComeBack(t *testing.T) {
	for _, f := range timelineFormats() {
		if err := f.write(broken{}, expectedTimeline().Report()); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", f.suffix, err)
		}
	}
}

// A use that many deliveries tell of does not fill the screen; programs get all.
func TestTimelineNamesFewOtherEntries(t *testing.T) {
	timeline := expectedTimeline()
	timeline.Audit.Uses[0].Also = []int64{21, 22, 23, 24, 25}
	timeline.Audit.Uses[1].Also = []int64{31, 32, 33, 34, 35, 36}
	var shown, table bytes.Buffer
	if err := report.Text(&shown, timeline.Report(), text.Style{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"(also 21, 22, 23, 24, 25)", "(also 31, 32, 33, 34 and 2 more)"} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("the shown lacks %q:\n%s", want, &shown)
		}
	}
	if err := report.CSV(&table, timeline.Report()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "31, 32, 33, 34, 35, 36") {
		t.Errorf("the table lacks entries:\n%s", &table)
	}
}
