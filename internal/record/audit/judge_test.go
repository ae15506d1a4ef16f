package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// TestHours: a night belongs to the day on which it begins, by the clock of the place.
func TestHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	day := audit.Hours{From: 8 * 60, To: 18 * 60, Days: []time.Weekday{time.Monday}, Zone: berlin}
	night := audit.Hours{From: 22 * 60, To: 6 * 60, Days: []time.Weekday{time.Sunday}, Zone: berlin}
	for _, c := range []struct {
		hours audit.Hours
		at    string
		want  bool
	}{
		{day, "2026-11-02 08:00", true}, {day, "2026-11-02 17:59", true}, {day, "2026-11-02 18:00", false},
		{day, "2026-11-02 07:59", false}, {day, "2026-11-03 08:00", false}, {day, "2026-07-06 08:00", true},
		{night, "2026-11-01 22:00", true}, {night, "2026-11-02 05:59", true}, {night, "2026-11-02 06:00", false},
		{night, "2026-11-01 05:59", false}, {night, "2026-11-02 22:00", false},
	} {
		readings, contract := of(`create {"ref":"flux","ref_type":"branch","master_branch":"main",`+jsonFleet+","+jsonBot+"}"), botContract()
		readings[0].Record.Time, contract.Hours = at(c.at).UTC(), &c.hours
		rules := rulesOf(audit.Judge(readings, contract))
		if got := !slices.ContainsFunc(rules, func(r string) bool { return strings.Contains(r, "use/outside-hours") }); got != c.want {
			t.Errorf("%s: within is %v: %q", c.at, got, rules)
		}
	}
}

func botContract() audit.Contract {
	return audit.Contract{
		Accounts: []audit.Account{{ID: 4242, Login: "acme-flux"}},
		Branches: []string{"flux", "flux/**"},
		Events:   []string{"push", "pull_request", "issue_comment.created", "workflow_run"},
	}
}

// jsonPush is a push by an account to a ref.
func jsonPush(id int, ref string) string {
	return fmt.Sprintf(`{"ref":%q,"before":"1","after":"2","pusher":{"name":"x"},%s,"sender":{"id":%d,"login":"login-%d"}}`, ref, jsonFleet,
		id, id)
}

// of reads bodies in the order in which they came in.
func of(bodies ...string) []audit.Reading {
	var all []audit.Reading
	for i, body := range bodies {
		event, body, ok := strings.Cut(body, " ")
		if !ok {
			panic(body)
		}
		all = append(all, audit.Read(record(int64(i), event, []byte(body)), []byte(body)))
	}
	return all
}

func rulesOf(t audit.Timeline) []string {
	var rules []string
	for _, f := range t.Findings {
		rules = append(rules, fmt.Sprintf("%d %s", *f.Entry, f.Rule))
	}
	return rules
}

func TestAttribution(t *testing.T) {
	run := func(event, sender, triggering, actor string, attempt int) string {
		return fmt.Sprintf(`workflow_run {"action":"completed","workflow_run":{"id":5,"event":%q,"actor":{"id":%s},`+
			`"triggering_actor":{"id":%s},"run_attempt":%d},%s,"sender":{"id":%s}}`,
			event, actor, triggering, attempt, jsonFleet, sender)
	}
	for name, c := range map[string]struct {
		body string
		want string // the attribution and its reasons; empty for no use
	}{
		"push":                    {"push " + jsonPush(4242, "refs/heads/flux"), "expected"},
		"push below":              {"push " + jsonPush(4242, "refs/heads/flux/a/b"), "expected"},
		"push beside":             {"push " + jsonPush(4242, "refs/heads/fluxx"), "unexpected branch"},
		"push of a tag":           {"push " + jsonPush(4242, "refs/tags/flux"), "unexpected branch"},
		"somebody else's push":    {"push " + jsonPush(1, "refs/heads/main"), ""},
		"comment":                 {`issue_comment {"action":"created","issue":{},"comment":{},` + jsonBot + `}`, "expected"},
		"comment gone":            {`issue_comment {"action":"deleted","issue":{},"comment":{},` + jsonBot + `}`, "unexpected event"},
		"unknown event":           {`teleport {"action":"push",` + jsonBot + `}`, "unexpected event"},
		"login only":              {`teleport {"sender":{"login":"acme-flux"}}`, ""},
		"no sender":               {`teleport {}`, ""},
		"started by its push":     {run("push", "4242", "4242", "4242", 1), ""},
		"checked by its push":     {`check_run {"action":"completed","check_run":{},` + jsonBot + `}`, ""},
		"job of no known run":     {`workflow_job {"action":"queued","workflow_job":{"id":1},` + jsonBot + `}`, "unexpected event"},
		"check asked for":         {`check_suite {"action":"rerequested","check_suite":{},` + jsonBot + `}`, "unexpected event"},
		"started by hand":         {run("workflow_dispatch", "4242", "4242", "4242", 1), "unexpected event"},
		"run again by a person":   {run("push", "1", "1", "4242", 2), ""},
		"run again by the bot":    {run("push", "1", "4242", "1", 2), "expected"},
		"only the actor is named": {run("push", "0", "0", "4242", 2), "expected"},
		"pull request from a fork": {`pull_request {"action":"opened","number":1,"pull_request":{"head":{"ref":"flux","repo":{"id":200,` +
			`"full_name":"acme-flux/fleet"}}},` + jsonFleet + `,` + jsonBot + `}`, "unexpected branch"},
		"pull request of the bot's": {`pull_request {"action":"opened","number":1,"pull_request":{"head":{"ref":"flux","repo":{"id":100}}},` +
			jsonFleet + `,` + jsonBot + `}`, "expected"},
		"push with a header's lie": {"star " + jsonPush(4242, "refs/heads/main"), "unexpected branch"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, u := range audit.Judge(of(c.body), botContract()).Uses {
				got += strings.Join(append([]string{string(u.Attribution)}, u.Why...), " ")
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestRepositoriesOfTheContract(t *testing.T) {
	for pattern, want := range map[string]audit.Attribution{
		"acme/fleet": audit.Expected, "Acme/Fleet": audit.Expected, "acme/*": audit.Expected, "100": audit.Expected,
		"acme/flee": audit.Unexpected, "*": audit.Unexpected, "10": audit.Unexpected, "[": audit.Unexpected,
	} {
		c := botContract()
		c.Repositories = []string{pattern}
		got := audit.Judge(of("push "+jsonPush(4242, "refs/heads/flux")), c)
		if len(got.Uses) != 1 || got.Uses[0].Attribution != want {
			t.Errorf("%s: %+v", pattern, got.Uses)
		}
	}
}

func TestEventAndActionOfTheContract(t *testing.T) {
	body := `pull_request {"action":"opened","number":1,"pull_request":{},` + jsonBot + `}`
	for event, want := range map[string]audit.Attribution{
		"pull_request": audit.Expected, "pull_request.opened": audit.Expected,
		"pull_request.closed": audit.Unexpected, "opened": audit.Unexpected, "pull_request.": audit.Unexpected,
	} {
		c := botContract()
		c.Events = []string{event}
		if got := audit.Judge(of(body), c).Uses; len(got) != 1 || got[0].Attribution != want {
			t.Errorf("%s: %+v", event, got)
		}
	}
}

// One event that two webhooks tell is one use, and so is a body that came again.
func TestOneUse(t *testing.T) {
	push := "push " + jsonPush(4242, "refs/heads/flux")
	readings := of(push, push, push, "push "+jsonPush(4242, "refs/heads/flux/b"))
	readings[1].Record.Source, readings[1].Record.ID = "12", readings[0].Record.ID // another hook
	got := audit.Judge(readings, botContract())
	if diff := cmp.Diff([]string{"2 delivery/replayed"}, rulesOf(got)); diff != "" {
		t.Error(diff)
	}
	if len(got.Uses) != 2 || !slices.Equal(got.Uses[0].Also, []int64{1, 2}) || got.Uses[1].Index != 3 {
		t.Errorf("%+v", got.Uses)
	}
	if diff := cmp.Diff([]audit.Total{{Name: "2026-11-01", Uses: 2}}, got.Days); diff != "" || got.Deliveries != 4 {
		t.Errorf("%d deliveries, days %s", got.Deliveries, diff)
	}
}

// What follows from a push is counted, but not where the bot has no business:
// the push's own delivery may not be there.
func TestFollowed(t *testing.T) {
	c := botContract()
	bodies := of(`check_run {"action":"created","check_run":{},`+jsonFleet+`,`+jsonBot+`}`, `workflow_job {"workflow_job":{"run_id":5},`+
		jsonFleet+`,`+jsonBot+`}`, `workflow_run {"workflow_run":{"id":5,"event":"push","head_branch":"flux"},`+jsonFleet+`,`+jsonBot+`}`)
	if got := audit.Judge(bodies, c); got.Followed != 3 || len(got.Uses)+len(got.Findings) > 0 {
		t.Errorf("%+v", got)
	}
	c.Repositories = []string{"acme/other"}
	if got := audit.Judge(bodies, c); got.Followed != 0 || len(got.Uses) != 3 || !slices.Contains(got.Uses[0].Why, "repository") {
		t.Errorf("%+v", got)
	}
}

// A run is one use, however often it is told of; each attempt is another one.
func TestRunIsOneUse(t *testing.T) {
	run := func(action string, attempt int) string {
		return fmt.Sprintf(`workflow_run {"action":%q,"workflow_run":{"id":5,"event":"workflow_dispatch","run_attempt":%d},%s,%s}`, action,
			attempt, jsonFleet, jsonBot)
	}
	got := audit.Judge(of(run("requested", 1), run("completed", 1), run("requested", 2)), botContract())
	if len(got.Uses) != 2 || !slices.Equal(got.Uses[0].Also, []int64{1}) || len(got.Findings) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	readings := of("push "+jsonPush(4242, "refs/heads/flux"), "push "+jsonPush(4242, "refs/heads/main"),
		"push "+jsonPush(1, "refs/heads/flux"), `push {`)
	want := audit.Judge(readings, botContract())
	slices.Reverse(readings)
	if diff := cmp.Diff(want, audit.Judge(readings, botContract())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1 use/unexpected-branch", "2 use/unknown-account", "3 delivery/malformed"}, rulesOf(want)); diff != "" {
		t.Error(diff)
	}
	if want.Uses[0].Index != 0 || want.Uses[1].Index != 1 {
		t.Errorf("%+v", want.Uses)
	}
}

func TestTotals(t *testing.T) {
	day := func(n int, sender int, ref string) string {
		return strings.Replace("push "+jsonPush(sender, ref), "1793520000", fmt.Sprint(1793520000+n*86400), 1)
	}
	readings := of(day(1, 4242, "refs/heads/flux"), day(0, 4242, "refs/heads/main"), day(0, 1, "refs/heads/flux"),
		day(1, 4242, "refs/heads/flux/a"))
	readings = append(readings, of(`issue_comment {"action":"created","issue":{},"comment":{},`+jsonBot+`}`)...)
	readings[4].Record.Index = 4
	got := audit.Judge(readings, botContract())
	if diff := cmp.Diff([]audit.Total{{"2026-11-01", 2, 1}, {"2026-11-02", 2, 0}}, got.Days); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]audit.Total{{"issue_comment", 1, 0}, {"push", 3, 1}}, got.Events); diff != "" {
		t.Error(diff)
	}
}

// Without an id nothing is attributed, and the report says so.
func TestGaps(t *testing.T) {
	c := botContract()
	c.Accounts[0].ID = 0
	got := audit.Judge(of(`push `+jsonPush(0, "refs/heads/flux"), "push "+jsonPush(1, "refs/heads/flux")), c)
	if len(got.Uses)+len(got.Findings) > 0 || len(got.Gaps) != 2 || !strings.Contains(got.Gaps[0], "by its id") {
		t.Errorf("%+v", got)
	}
	got = audit.Judge(of(`push `+jsonPush(0, "refs/heads/main"), "star {}", "star {", "push "+jsonPush(1, "refs/heads/main")), botContract())
	if len(got.Gaps) != 1 || !strings.Contains(got.Gaps[0], "acted: 2;") {
		t.Errorf("%q", got.Gaps)
	}
}

func TestNoDeliveryIsAGap(t *testing.T) {
	if got := audit.Judge(nil, botContract()); len(got.Gaps) != 1 || !strings.Contains(got.Gaps[0], "no delivery") {
		t.Errorf("%+v", got)
	}
}

func TestStrangers(t *testing.T) {
	for body, want := range map[string][]string{
		"push " + jsonPush(1, "refs/heads/flux"):                                          {"0 use/unknown-account"},
		"push " + jsonPush(0, "refs/heads/flux"):                                          {"0 use/unknown-account"},
		"push " + jsonPush(1, "refs/heads/main"):                                          nil,
		`star {"sender":{"id":7,"login":"ACME-flux"}}`:                                    {"0 use/unknown-account"},
		`create {"ref":"flux","ref_type":"branch","master_branch":"m","sender":{"id":1}}`: nil,
	} {
		if diff := cmp.Diff(want, rulesOf(audit.Judge(of(body), botContract()))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

// TestNamedWorkflows: a change of the workflows that the contract names is expected, whatever its
// paths are; none may come or go, and nothing else that steers GitHub change beside one.
func TestNamedWorkflows(t *testing.T) {
	c := botContract()
	c.Paths, c.Workflows = []string{"clusters/**"}, []string{".github/workflows/ci.yml"}
	for commit, want := range map[string][]string{
		`"modified":[".github/workflows/ci.yml"]`:                              nil,
		`"modified":[".github/workflows/ci.yml","clusters/a.yaml"]`:            nil,
		`"modified":[".github/workflows/ci.yml","apps/a.yaml"]`:                {"0 use/unexpected-path"},
		`"modified":[".github/workflows/ci.yml",".github/workflows/x.yml"]`:    {"0 use/workflow-file"},
		`"modified":[".github/workflows/ci.yml","CODEOWNERS"]`:                 {"0 use/workflow-file"},
		`"modified":[".github/Workflows/ci.yml"]`:                              {"0 use/workflow-file"},
		`"added":[".github/workflows/ci.yml"]`:                                 {"0 use/workflow-file"},
		`"removed":[".github/workflows/ci.yml"]`:                               {"0 use/workflow-file"},
		`"modified":[".github/workflows/ci.yml"],"added":["a/CODEOWNERS"]`:     {"0 use/workflow-file"},
		`"modified":["clusters/a.yaml"],"removed":[".github/workflows/x.yml"]`: {"0 use/workflow-file"},
	} {
		push := strings.TrimSuffix(jsonPush(4242, "refs/heads/flux"), "}") + `,"commits":[{"distinct":true,` + commit + `}]}`
		if diff := cmp.Diff(want, rulesOf(audit.Judge(of("push "+push), c))); diff != "" {
			t.Errorf("%s: %s", commit, diff)
		}
	}
}

func TestSeverities(t *testing.T) {
	set := map[string]finding.Severity{
		"use/unexpected-branch": finding.Off, "delivery/clock": finding.Off, "delivery/malformed": finding.Error,
		"use/unknown-account": finding.Error,
	}
	got := audit.Judge(of("push "+jsonPush(4242, "refs/heads/main"), "push {", "push "+jsonPush(1, "refs/heads/flux")), botContract())
	got.Answer = got.Weighed(set)
	if diff := cmp.Diff([]string{"0 use/unexpected-branch", "1 delivery/malformed", "2 use/unknown-account"}, rulesOf(got)); diff != "" {
		t.Error(diff)
	}
	if f := got.Findings; f[1].Severity != finding.Error || f[1].Was != finding.Warning || f[0].Was+f[2].Was != "" {
		t.Errorf("%+v", f)
	}
	if got.Uses[0].Attribution != audit.Unexpected {
		t.Error("a rule that cannot be silenced makes a use expected")
	}
}

// Entries of other kinds are for other judges.
func TestOtherKindsArePassedOver(t *testing.T) {
	readings := of("push " + jsonPush(4242, "refs/heads/main"))
	readings[0].Record.Kind = ledger.Erasure
	if got := audit.Judge(readings, botContract()); got.Deliveries+len(got.Uses)+len(got.Findings) > 0 {
		t.Errorf("%+v", got)
	}
}

// TestDefaultBranch: a use says by the body whether it is about the default branch, whatever that is called.
func TestDefaultBranch(t *testing.T) {
	push := func(ref, repository string) string {
		return fmt.Sprintf(`push {"ref":%q,"before":"1","after":"2","pusher":{"name":"x"},"repository":{"id":100,"full_name":"acme/fleet"%s},%s}`,
			ref, repository, jsonBot)
	}
	readings := of(push("refs/heads/trunk", `,"default_branch":"trunk"`), push("refs/heads/main", `,"default_branch":"trunk"`),
		push("refs/tags/trunk", `,"default_branch":"trunk"`), push("refs/heads/main", ""))
	var got []bool
	for _, u := range audit.Judge(readings, botContract()).Uses {
		got = append(got, u.Default)
	}
	if want := []bool{true, false, false, false}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
