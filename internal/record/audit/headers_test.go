package audit_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// TestHeadersNeverDecideAlone: whatever the headers of a second delivery say, which
// nobody signed, it is a finding, and one event stays one use.
func TestHeadersNeverDecideAlone(t *testing.T) {
	push := "push " + jsonPush(4242, "refs/heads/flux")
	for name, c := range map[string]struct {
		second string
		change func(*audit.Reading)
		rule   string // "" for an event that two hooks hear of
	}{
		"the same event at another hook": {push, func(r *audit.Reading) { r.Record.Source, r.Record.ID = "12", "guid-0" }, ""},
		"another GUID":                   {push, func(*audit.Reading) {}, "delivery/replayed"},
		"another GUID at another hook":   {push, func(r *audit.Reading) { r.Record.Source = "12" }, "delivery/replayed"},
		"another event, same GUID":       {"zzz " + strings.TrimPrefix(push, "push "), sameGUID, "delivery/guid-reused"},
		"another event, GUID and hook": {"zzz " + strings.TrimPrefix(push, "push "), func(r *audit.Reading) { r.Record.Source = "12" },
			"delivery/replayed"},
		"another event at another hook": {"issues " + strings.TrimPrefix(push, "push "), atAnother, "delivery/guid-reused"},
		"another target, same GUID": {push, func(r *audit.Reading) { sameGUID(r); r.Record.Target = "repository/9" },
			"delivery/guid-reused"},
		"another body, same GUID":          {"push " + jsonPush(4242, "refs/heads/other"), sameGUID, "delivery/guid-reused"},
		"another body and event elsewhere": {"star {}", atAnother, "delivery/guid-reused"},
	} {
		t.Run(name, func(t *testing.T) {
			readings := of(push, c.second)
			c.change(&readings[1])
			got := audit.Judge(readings, botContract())
			rules := strings.Join(rulesOf(got), " ")
			if c.rule == "" && rules != "" || !strings.Contains(rules, c.rule) {
				t.Errorf("findings: %q", rules)
			}
			if name != "another body, same GUID" && len(got.Uses) != 1 {
				t.Errorf("%d uses", len(got.Uses))
			}
		})
	}
}

// TestReplayOfBeforeTheWindow: a body that came before the window is no use of it under
// another GUID, and is told once more under its own.
func TestReplayOfBeforeTheWindow(t *testing.T) {
	push := "push " + jsonPush(4242, "refs/heads/flux")
	for guid, want := range map[string]struct {
		uses  int
		rules string
	}{"guid-1": {0, "1 delivery/replayed"}, "guid-0": {1, ""}} {
		readings := of(push, push)
		readings[0].Before, readings[0].Body, readings[1].Record.ID = true, audit.Body{}, guid
		got := audit.Judge(readings, botContract())
		if rules := strings.Join(rulesOf(got), " "); len(got.Uses) != want.uses || rules != want.rules || got.Deliveries != 1 {
			t.Errorf("%s: %d uses of %d, %q", guid, len(got.Uses), got.Deliveries, rules)
		}
	}
}

func sameGUID(r *audit.Reading)  { r.Record.ID = "guid-0" }
func atAnother(r *audit.Reading) { r.Record.ID, r.Record.Source = "guid-0", "12" }

// TestShapesUnderAnotherEvent: a body of a shape that is known is that, also under an
// event whose own shape is not.
func TestShapesUnderAnotherEvent(t *testing.T) {
	pull := `{"action":"closed","number":7,"pull_request":{"number":7,"head":{"ref":"flux","sha":"11"}},` + jsonFleet + "," + jsonBot + "}"
	for _, header := range []string{"issues", "star", "watch", "zzz", "push", ""} {
		r := of(header + " " + pull)[0]
		if r.Body.Event != "pull_request" || !slices.Contains(rulesOf(audit.Judge([]audit.Reading{r}, botContract())),
			"0 delivery/event-mismatch") {
			t.Errorf("under %q it is %q", header, r.Body.Event)
		}
	}
}

// TestAnotherBodyUnderAListedName: what GitHub lists under a GUID is not what came in.
func TestAnotherBodyUnderAListedName(t *testing.T) {
	listed := audit.Attempt{ID: 1, GUID: "a", Time: ago(60), Event: "pull_request", Action: "closed", Repository: 9}
	for name, c := range map[string]struct {
		said  audit.Said
		found bool
	}{
		"as listed":          {audit.Said{Event: "pull_request", Action: "closed", Repository: 9}, false},
		"another event":      {audit.Said{Event: "push", Repository: 9}, true},
		"another action":     {audit.Said{Event: "pull_request", Action: "opened", Repository: 9}, true},
		"another repository": {audit.Said{Event: "pull_request", Action: "closed", Repository: 8}, true},
	} {
		for _, hooks := range [][2]int64{{fleet.ID, fleet.ID}, {fleet.ID, 0}, {0, fleet.ID}, {0, 0}} { // 0: not known
			hook, key := fleet, audit.DeliveryKey{Hook: hooks[1], GUID: "a"}
			hook.ID = hooks[0]
			s := audit.Complete(audit.Observations{
				Window: audit.Window{From: ago(600), To: noon}, Now: noon, Retention: 72 * time.Hour, Settle: 5 * time.Minute,
				Listings: []audit.Listing{{Hook: hook, Attempts: []audit.Attempt{listed}}},
				Held: audit.Held{Deliveries: map[audit.DeliveryKey]time.Time{key: ago(60)},
					Said: map[audit.DeliveryKey][]audit.Said{key: {c.said}}},
			})
			answer := s.Answer()
			reused := func(f finding.Finding) bool { return f.Rule == "delivery/guid-reused" }
			if got := slices.ContainsFunc(answer.Findings, reused); got != c.found {
				t.Errorf("%s, listed and recorded for the hooks %v: %+v", name, hooks, answer.Findings)
			}
		}
	}
}
