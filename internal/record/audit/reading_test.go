package audit_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// record is the entry of a delivery of this event with this body.
func record(index int64, event string, body []byte) ledger.Record {
	return ledger.Record{Index: index, Entry: ledger.Entry{
		Kind: ledger.Delivery, Version: 1, Time: time.Date(2026, 11, 1, 8, 0, int(index), 0, time.UTC), Source: "11",
		ID: fmt.Sprintf("guid-%d", index), Name: event, Target: "repository/100",
		BodyHash: sha256.Sum256(body), BodySize: int64(len(body)),
	}}
}

func read(event, body string) audit.Body {
	return audit.Read(record(0, event, []byte(body)), []byte(body)).Body
}

const (
	noCommit     = "0000000000000000000000000000000000000000"
	firstCommit  = "1111111111111111111111111111111111111111"
	secondCommit = "2222222222222222222222222222222222222222"
	jsonFleet    = `"repository":{"id":100,"full_name":"acme/fleet","pushed_at":1793520000}`
	jsonBot      = `"sender":{"login":"acme-flux","id":4242,"type":"User"}`
)

var (
	inFleet = audit.Repository{ID: 100, Name: "acme/fleet"}
	theBot  = audit.Account{ID: 4242, Login: "acme-flux", Type: "User"}
	atEight = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
)

func TestRead(t *testing.T) {
	const pull = `"pull_request":{"number":7,"updated_at":"2026-11-01T09:00:00+01:00","head":{"ref":"flux","sha":"` + secondCommit +
		`","repo":{"id":100,"full_name":"acme/fleet"}}}`
	for name, c := range map[string]struct {
		event, body string
		want        audit.Body
	}{
		"push": {
			"push", `{"ref":"refs/heads/flux","before":"` + firstCommit + `","after":"` + secondCommit +
				`","forced":true,"pusher":{"name":"acme-flux","email":"x@y"},` + jsonFleet + `,` + jsonBot + `,
			"commits":[{"distinct":false,"added":[".github/old"]},{"distinct":true,"modified":["a",".github/CODEOWNERS"]}]}`,
			audit.Body{Event: "push", Ref: "refs/heads/flux", Before: firstCommit, After: secondCommit, Forced: true, Pusher: "acme-flux",
				Repository: inFleet, Sender: theBot, Time: atEight, Workflow: ".github/CODEOWNERS", Edited: true,
				Paths: "a\x00.github/CODEOWNERS\x00"},
		},
		"push with an escaped path": {
			"push", `{"ref":"r","before":"` + noCommit + `","after":"` + secondCommit +
				`","created":true,"pusher":{"name":"deploy key"},"commits":[{"distinct":true,"added":["\u002egithub\/workflows\/x.yml"]}]}`,
			audit.Body{Event: "push", Ref: "r", Before: noCommit, After: secondCommit, Created: true, Pusher: "deploy key",
				Workflow: ".github/workflows/x.yml", Paths: ".github/workflows/x.yml\x00",
				Made: ".github/workflows/x.yml"},
		},
		"push without a sender": {
			"push", `{"ref":"refs/heads/flux","before":"` + firstCommit + `","after":"` + noCommit +
				`","deleted":true,"pusher":{"name":"x"},"sender":null,"head_commit":null}`,
			audit.Body{Event: "push", Ref: "refs/heads/flux", Before: firstCommit, After: noCommit, Deleted: true, Pusher: "x"},
		},
		"branch made": {
			"create", `{"ref":"flux","ref_type":"branch","master_branch":"main","pusher_type":"user",` + jsonBot + `}`,
			audit.Body{Event: "create", Ref: "refs/heads/flux", Created: true, Sender: theBot},
		},
		"tag deleted": {
			"delete", `{"ref":"v1","ref_type":"tag","pusher_type":"user"}`,
			audit.Body{Event: "delete", Ref: "refs/tags/v1", Deleted: true},
		},
		"pull request": {
			"pull_request", `{"action":"synchronize","number":7,"before":"` + firstCommit + `","after":"` + secondCommit + `",` + pull +
				`,"label":{"name":"x"},` + jsonFleet + `}`,
			audit.Body{Event: "pull_request", Action: "synchronize", Number: 7, Ref: "refs/heads/flux", Before: firstCommit, After: secondCommit,
				Time: atEight, Repository: inFleet},
		},
		"pull request from a fork that is gone": {
			"pull_request", `{"action":"closed","number":7,"pull_request":{"head":{"ref":"flux","repo":null}},` + jsonFleet + `}`,
			audit.Body{Event: "pull_request", Action: "closed", Number: 7, Ref: ":flux", Repository: inFleet, Subject: "unmerged"},
		},
		"review": {
			"pull_request_review", `{"action":"submitted","review":{"commit_id":"` + secondCommit + `"},` + pull + `,` + jsonFleet + `}`,
			audit.Body{Event: "pull_request_review", Action: "submitted", Number: 7, Ref: "refs/heads/flux", After: secondCommit, Time: atEight,
				Repository: inFleet, Before: secondCommit},
		},
		"comment": {
			"issue_comment", `{"action":"created","issue":{"number":7,"title":"t"},"comment":{"id":1,"updated_at":"2026-11-01T08:00:00Z"}}`,
			audit.Body{Event: "issue_comment", Action: "created", Number: 7, Time: atEight},
		},
		"status": {
			"status", `{"sha":"` + secondCommit +
				`","state":"success","context":"ci/x","updated_at":"2026-11-01T08:00:00Z","branches":[{"name":"a"}]}`,
			audit.Body{Event: "status", After: secondCommit, Subject: "ci/x", State: "success", Time: atEight},
		},
		"workflow run": {
			"workflow_run", `{"action":"requested","workflow_run":{"id":5,"run_attempt":2,"name":"CI","path":".github/workflows/ci.yml",` +
				`"event":"push","head_branch":"flux","head_sha":"` + secondCommit +
				`","actor":{"id":1,"login":"a"},"triggering_actor":{"id":2,"login":"b"}}}`,
			audit.Body{Event: "workflow_run", Action: "requested", Cause: "push", Run: 5, Attempt: 2, Subject: ".github/workflows/ci.yml",
				Ref: "refs/heads/flux", After: secondCommit, Actor: audit.Account{ID: 1, Login: "a"}, Triggering: audit.Account{ID: 2, Login: "b"}},
		},
		"token asked for": {
			"personal_access_token_request",
			`{"action":"created","personal_access_token_request":{"id":1,"token_name":"flux-fleet"},"organization":{"id":9,"login":"acme"}}`,
			audit.Body{Event: "personal_access_token_request", Action: "created", Subject: "flux-fleet",
				Organization: audit.Account{ID: 9, Login: "acme"}},
		},
		"an event of tomorrow": {
			"teleport", `{"action":"engaged",` + jsonFleet + `,` + jsonBot + `}`,
			audit.Body{Event: "teleport", Action: "engaged", Repository: inFleet, Sender: theBot},
		},
		"a push under another name": {
			"teleport", `{"ref":"refs/heads/flux","before":"` + firstCommit + `","after":"` + secondCommit + `","pusher":{"name":"x"}}`,
			audit.Body{Event: "push", Ref: "refs/heads/flux", Before: firstCommit, After: secondCommit, Pusher: "x"},
		},
		"a review as a pull request": {
			"pull_request", `{"action":"submitted","review":{},` + pull + `,` + jsonFleet + `}`,
			audit.Body{Event: "pull_request_review", Action: "submitted", Number: 7, Ref: "refs/heads/flux", After: secondCommit, Time: atEight,
				Repository: inFleet},
		},
		"nothing as a push": {"push", `{"zen":""}`, audit.Body{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(c.event, c.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for name, c := range map[string]struct{ body, want string }{
		"nothing":           {``, "it is not JSON from byte 0 on"},
		"cut":               {`{"action":"op`, "it is not JSON from byte 13 on"},
		"two values":        {`{} {}`, "it is not JSON from byte 4 on"},
		"byte order mark":   {"\ufeff{}", "it is not JSON from byte 1 on"},
		"form":              {`payload=%7B%7D`, "it is not JSON from byte 1 on"},
		"a list":            {`[]`, "it is not an object"},
		"a text":            {`"\u001b[31m"`, "it is not an object"},
		"not UTF-8":         {"{\"action\":\"\xff\"}", "it is not UTF-8"},
		"sender a text":     {`{"sender":"mallory"}`, "sender is not an object"},
		"id a text":         {`{"sender":{"id":"4242"}}`, "sender.id is not a whole number"},
		"id too large":      {`{"sender":{"id":99999999999999999999}}`, "sender.id is not a whole number"},
		"deleted a number":  {`{"deleted":1}`, "deleted is not true or false"},
		"a ref a number":    {`{"ref":1}`, "ref is not a text"},
		"id a fraction":     {`{"repository":{"id":1.5}}`, "repository.id is not a whole number"},
		"commits an object": {`{"commits":{".github":1}}`, "commits is not a list"},
		"a commit a number": {`{"commits":[1,".github"]}`, "a commit has another shape"},
		"too many commits": {`{"commits":[` + strings.Repeat(`{},`, 2048) + `{"added":[".github/x"],"distinct":true}]}`,
			"it has more than 2048 commits"},
		"a long ref":   {`{"ref":"` + long + `","before":"1","after":"2","pusher":{}}`, "ref is longer than 1024 bytes"},
		"a long login": {`{"sender":{"login":"` + long + `"}}`, "sender.login is longer than 1024 bytes"},
		"deep lists":   {strings.Repeat("[", 1<<20), "it is not JSON from byte 10001 on"},
		"deep objects": {strings.Repeat(`{"sender":`, 1<<20), "it is not JSON from byte 100001 on"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read("push", c.body)
			if got.Malformed != c.want {
				t.Errorf("malformed %q, want %q", got.Malformed, c.want)
			}
			if got.Sender.Login != "" && len(got.Sender.Login) > 1024 || len(got.Ref) > 1024 {
				t.Error("a long text is kept")
			}
		})
	}
}

// What can be read of a body in another shape is read all the same.
func TestMalformedIsStillRead(t *testing.T) {
	got := read("push", `{"ref":"refs/heads/flux","before":"`+firstCommit+`","after":"`+secondCommit+
		`","pusher":{"name":7},"organization":[],`+jsonFleet+`,`+jsonBot+`}`)
	if got.Malformed == "" || got.Sender != theBot || got.Ref != "refs/heads/flux" || got.Repository != inFleet {
		t.Errorf("%+v", got)
	}
}

func TestStamps(t *testing.T) {
	for stamp, want := range map[string]time.Time{
		`"2026-11-01T08:00:00Z"`:      atEight,
		`"2026-11-01T09:00:00+01:00"`: atEight,
		`1793520000`:                  atEight,
		`"1793520000"`:                {},
		`-1`:                          {},
		`1e300`:                       {},
		`99999999999999999`:           {},
		`"9999-12-31T23:59:59-01:00"`: {}, // year 10000 in UTC, which JSON cannot hold
		`"0000-01-01T00:00:00Z"`:      {},
		`{}`:                          {},
		`null`:                        {},
	} {
		got := read("status", `{"sha":"1","state":"x","context":"y","updated_at":`+stamp+`}`)
		if !got.Time.Equal(want) || got.Malformed != "" {
			t.Errorf("%s: %v, malformed %q; want %v", stamp, got.Time, got.Malformed, want)
		}
	}
}

// A report over what was kept of erased bodies is the one over the bodies.
func TestKeptIsAsGood(t *testing.T) {
	for _, rule := range finding.Catalogue() {
		for _, archive := range []struct{ half string }{{"refused"}, {"allowed"}} {
			files := rule.Refused.Files
			if archive.half == "allowed" {
				files = rule.Allowed.Files
			}
			var full, kept []audit.Reading
			for _, f := range files {
				if !strings.HasSuffix(f.Name, ".http") {
					continue
				}
				r, body, err := delivery(int64(len(full)), f.Data)
				if err != nil {
					t.Fatal(err)
				}
				full = append(full, audit.Read(r, body))
				restored, err := audit.Restore(r, audit.Keep(r, body))
				if err != nil {
					t.Fatal(err)
				}
				kept = append(kept, restored)
			}
			c := audit.Contract{Accounts: []audit.Account{{ID: 4242}}}
			if diff := cmp.Diff(audit.Judge(full, c), audit.Judge(kept, c)); diff != "" {
				t.Errorf("%s, %s (-bodies +kept):\n%s", rule.Name, archive.half, diff)
			}
		}
	}
	if _, err := audit.Restore(ledger.Record{Index: 7}, []byte("no")); err == nil || !strings.Contains(err.Error(), "entry 7") {
		t.Errorf("error %v", err)
	}
}

// Personal data that a report does not need is not kept.
func TestKeepLeavesOut(t *testing.T) {
	body := []byte(`{"ref":"refs/heads/flux","before":"1","after":"2","pusher":{"name":"n","email":"pusher@example.com"},
		"commits":[{"message":"a message","author":{"email":"author@example.com"}}],
		"sender":{"login":"l","id":1,"html_url":"https://example.com"}}`)
	kept := string(audit.Keep(record(0, "push", body), body))
	for _, secret := range []string{"example.com", "a message"} {
		if strings.Contains(kept, secret) {
			t.Errorf("%s is in %s", secret, kept)
		}
	}
}
