package audit_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/test/knownfail"
)

var update = flag.Bool("update", false, "write the table of the thief anew")

// actsOf are the acts of a kind in testdata/acts.txtar: the deliveries of each, by name.
func actsOf(t *testing.T, kind string) map[string][]string {
	archive, err := txtar.ParseFile("testdata/acts.txtar")
	if err != nil {
		t.Fatal(err)
	}
	const pull = `"number":7,"pull_request":{"number":7,"updated_at":"2026-11-01T08:00:00Z",` +
		`"head":{"ref":"flux-image-updates","sha":"1111","repo":{"id":100,"full_name":"acme/fleet"}}`
	words := strings.NewReplacer("FLEET", jsonFleet, "BOT", jsonBot, "ANN", `"sender":{"login":"ann","id":12,"type":"User"}`,
		"PAYROLL", `"repository":{"id":101,"full_name":"acme/payroll"}`, "PULL", pull+"}", "MERGED", pull+`,"merged":true}`,
		"RELEASE", pull+`,"base":{"ref":"release"}}`, "MANY", strings.Repeat(`"a.yaml",`, 2999))
	bodies := map[string][]string{}
	for _, f := range archive.Files {
		if name, file := path.Split(f.Name); strings.HasPrefix(name, kind+"/") {
			name, event := path.Base(name), strings.TrimPrefix(path.Ext(file), ".")
			times := 1
			if _, err := fmt.Sscanf(file, "1x%d", &times); err != nil {
				times = 1
			}
			for n := range times {
				body := strings.ReplaceAll(string(f.Data), "COUNT", strconv.Itoa(n))
				bodies[name] = append(bodies[name], event+" "+words.Replace(body))
			}
		}
	}
	return bodies
}

// acts judges each act of a kind, held against what a bot may do where the policy file
// says no more than who and where.
func acts(t *testing.T, kind string, see func(*knownfail.T, audit.Timeline)) {
	c := template(t)
	c.Repositories = []string{"acme/fleet"}
	for name, list := range actsOf(t, kind) {
		t.Run(name, func(t *testing.T) {
			readings := of(list...)
			for i := range readings {
				readings[i].Record.Target = "organization/500"
			}
			see(knownfail.Of(t), audit.Judge(readings, c))
		})
	}
}

// TestThief: what somebody with the bot's token, or with an eye on it, does is found.
func TestThief(t *testing.T) {
	month := []string{"verdict-by-a-person", "webhook-tried", "push-that-never-came", "merged-without-a-verdict",
		"policy-pushed-to-main"} // seen by what was before
	acts(t, "thief", func(k *knownfail.T, got audit.Timeline) {
		if len(got.Findings)+len(got.Gaps) == 0 && !slices.Contains(month, path.Base(k.Name())) {
			k.Errorf("nothing is found: %d uses, %d followed", len(got.Uses), got.Followed)
		}
	})
}

// TestThiefTable plants each act of a thief in a quiet month, in which nothing else is
// found, and holds what is found against testdata/thief.golden. What no delivery shows
// is in the report's fixed paragraph.
func TestThiefTable(t *testing.T) {
	quiet, c := quietMonth(t), template(t)
	week := quiet[:len(quiet)/5] // in which each act is planted; the month takes minutes
	if got := audit.Judge(quiet, c); len(got.Findings)+len(got.Gaps) > 0 || len(got.Uses) < 200 {
		t.Fatalf("%d uses, %d findings, the first: %v, gaps: %q", len(got.Uses), len(got.Findings), got.Findings[:min(len(got.Findings), 5)],
			got.Gaps)
	}
	rows := map[string]string{}
	for name, list := range actsOf(t, "thief") {
		planted := of(list...)
		for i := range planted {
			r := &planted[i].Record
			r.Index, r.Target, r.ID = int64(len(week)+i), "organization/500", fmt.Sprint("planted-", i)
		}
		got := audit.Judge(slices.Concat(week, planted), c)
		var found []string
		for _, f := range got.Findings {
			if *f.Entry < int64(len(week)) {
				t.Errorf("%s: blames entry %d: %s", name, *f.Entry, f.Message)
			}
			if !strings.Contains(f.Message, " UTC") {
				t.Errorf("%s: it is not said when: %s", name, f.Message)
			}
			found = append(found, string(f.Severity)+" "+f.Rule)
		}
		for _, gap := range got.Gaps {
			found = append(found, "gap: "+strings.NewReplacer(fmt.Sprint("entry ", len(week)), "the row").Replace(gap))
		}
		rows[name] = strings.Join(found, "; ")
		if len(found) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
	archive, err := txtar.ParseFile("testdata/acts.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if name, unseen := strings.CutPrefix(f.Name, "unseen/"); unseen {
			words := strings.TrimSpace(string(f.Data))
			if !strings.Contains(audit.NeverShown, words) {
				t.Errorf("the report does not say that it cannot show %q", words)
			}
			rows[name] = "never shown: " + words
		}
	}
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&table, "%-40s %s\n", name, rows[name])
	}
	const golden = "testdata/thief.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), table.String()); diff != "" || len(rows) < 60 {
		t.Errorf("%d rows (-want +got):\n%s", len(rows), diff)
	}
}

// TestEveryEvent: whatever GitHub has events for
// (https://docs.github.com/en/webhooks/webhook-events-and-payloads), the bot is seen by them,
// those that it is told apart by their objects in the acts above, and the others here.
func TestEveryEvent(t *testing.T) {
	told := map[string]bool{}
	for _, kind := range []string{"thief", "everyday"} {
		for _, bodies := range actsOf(t, kind) {
			for _, body := range bodies {
				event, _, _ := strings.Cut(body, " ")
				told[event] = true
			}
		}
	}
	objects := map[string]string{"label": `"label":{"name":"x"},`, "deployment_status": `"deployment_status":{"id":1},`,
		"secret_scanning_alert_location": `"alert":{"number":1},`}
	for event := range audit.EventTable() {
		got := audit.Judge(of(event+` {"action":"x",`+objects[event]+jsonFleet+","+jsonBot+"}"), template(t))
		if !told[event] && (len(got.Uses) != 1 || got.Uses[0].Attribution != audit.Unexpected || got.Uses[0].Event != event) {
			t.Errorf("%s: %+v", event, got)
		}
	}
}

// TestEveryday: what GitHub sends when nobody does any harm is not blamed, and one
// act is one use.
func TestEveryday(t *testing.T) {
	acts(t, "everyday", func(k *knownfail.T, got audit.Timeline) {
		if len(got.Uses) > 1 {
			k.Errorf("%d uses of one act", len(got.Uses))
		}
		for _, f := range got.Findings {
			if f.Severity != finding.Note && f.Rule != "use/unexpected-repository" {
				k.Errorf("%s: %s", f.Rule, f.Message)
			}
		}
	})
}

// TestReplayAtAnotherHook: a body that was signed once is the same body wherever
// it comes in again.
func TestReplayAtAnotherHook(t *testing.T) {
	for name, source := range map[string]string{"the-same": "11", "another": "12", "none": ""} {
		t.Run(name, func(t *testing.T) {
			readings := of("push "+jsonPush(4242, "refs/heads/flux"), "push "+jsonPush(4242, "refs/heads/flux"))
			readings[1].Record.Source = source
			got := audit.Judge(readings, botContract())
			if rules := rulesOf(got); !strings.Contains(strings.Join(rules, " "), "delivery/replayed") {
				t.Errorf("no replay is found: %d uses, %q", len(got.Uses), rules)
			}
		})
	}
}

// TestTwins: equal bodies of one second are two events at one hook within seconds, and
// a replay later, elsewhere, or of an event whose body is never the same.
func TestTwins(t *testing.T) {
	const label = `pull_request {"action":"labeled","number":7,"pull_request":{"number":7},"label":{"name":"hold"},` +
		`"repository":{"id":9,"full_name":"acme/fleet"},"sender":{"login":"ann","id":12}}`
	edit := strings.Replace(label, "labeled", "edited", 1)
	for name, c := range map[string]struct {
		body string
		far  time.Duration
		hook string
		want finding.Severity
	}{
		"at once": {edit, 0, "11", finding.Note}, "a label": {label, 0, "11", finding.Off},
		"later":     {label, 11 * time.Second, "11", finding.Error},
		"elsewhere": {label, 0, "12", finding.Error}, "a push": {"push " + jsonPush(12, "refs/heads/flux"), 0, "11", finding.Error},
	} {
		readings := of(c.body, c.body)
		readings[0].Record.Source, readings[1].Record.Source = "11", c.hook
		readings[1].Record.Time = readings[0].Record.Time.Add(c.far)
		found := audit.Judge(readings, botContract()).Findings
		i := slices.IndexFunc(found, func(f finding.Finding) bool { return f.Rule == "delivery/replayed" })
		if (i < 0) != (c.want == finding.Off) || i >= 0 && found[i].Severity != c.want {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestHookThatHearsLess: what a hook was not told of is no complete record.
func TestHookThatHearsLess(t *testing.T) {
	for name, change := range map[string]func(*audit.Hook){
		"push-alone":   func(h *audit.Hook) { h.Events = []string{"push"} },
		"switched-off": func(h *audit.Hook) { h.Active = false },
		"just-changed": func(h *audit.Hook) { h.UpdatedAt = ago(5) },
	} {
		t.Run(name, func(t *testing.T) {
			hook := fleet
			hook.Events = []string{"*"}
			change(&hook)
			s := audit.Complete(audit.Observations{
				Window: audit.Window{From: ago(600), To: noon}, Now: noon, Retention: 72 * time.Hour, Settle: 5 * time.Minute,
				Listings: []audit.Listing{{Hook: hook}}, Repositories: []audit.RepositoryActivity{{ID: 9, Name: "acme/fleet"}},
			})
			if s.Answer().Verdict() == finding.Pass {
				t.Errorf("it is called complete: %s", s.Summary())
			}
		})
	}
}
