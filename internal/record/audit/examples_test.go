package audit_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/textproto"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // not every machine has zones

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// TestExamples runs what docs/rules.md shows of deliveries:
// each rule's refused example must be reported by the rule, with the rule's
// severity, and its allowed example must have no finding at all.
func TestExamples(t *testing.T) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if !slices.ContainsFunc(rule.Refused.Files, func(f txtar.File) bool {
			return path.Ext(f.Name) == ".http" || f.Name == "listed.txt" || f.Name == "record.txt"
		}) {
			continue // other rooms' examples
		}
		ran++
		t.Run(rule.Name, func(t *testing.T) {
			refused, allowed := judge(t, rule.Refused), judge(t, rule.Allowed)
			found := false
			for _, f := range refused.Findings {
				found = found || f.Rule == rule.Name && f.Severity == rule.Severity && f.Was == "" && f.Message != "" && f.Hint != ""
			}
			if !found {
				t.Errorf("the refused example has no such finding: %+v", refused.Findings)
			}
			if len(allowed.Findings) > 0 {
				t.Errorf("the allowed example has findings: %+v", allowed.Findings)
			}
		})
	}
	if ran < 40 {
		t.Errorf("only %d rules", ran)
	}
}

// usual is the policy file where an example has none.
const usual = "version: 1\nbots: [{login: acme-flux, id: 4242, name: fluxcdbot}]\nuses: {repositories: [acme/fleet]}\n"

// judge reads an example: policy.yaml is the policy file, every *.http a delivery;
// listed.txt is GitHub's list of the deliveries of hook 77, answers.txt what they were
// answered, and activity.txt what moved in acme/fleet.
func judge(t *testing.T, archive *txtar.Archive) finding.Answer {
	t.Helper()
	rules, err := policy.Parse("policy.yaml", []byte(usual))
	if err != nil {
		t.Fatal(err)
	}
	var readings []audit.Reading
	day := audit.Window{From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}
	lists := audit.Observations{
		Window: day, Now: day.To, Retention: 48 * time.Hour,
		Listings: []audit.Listing{{Hook: audit.Hook{ID: 77, Scope: "repository", Owner: "acme/fleet", Active: true, Events: []string{"push"}}}},
		Held:     audit.Held{Deliveries: map[audit.DeliveryKey]time.Time{}, Receipts: map[audit.ReceiptKey]audit.Receipt{}},
	}
	var began, now time.Time
	var observations []ledger.Record
	compared, leaves := false, map[string]bool{}
	for _, file := range archive.Files {
		switch {
		case file.Name == "policy.yaml":
			rules, err = policy.Parse(file.Name, file.Data)
		case path.Ext(file.Name) == ".http":
			var r ledger.Record
			var body []byte
			r, body, err = delivery(int64(len(readings)), file.Data)
			reading := audit.Read(r, body)
			readings = append(readings, reading)
			leaf := r.Hash()
			leaves[hex.EncodeToString(leaf[:])] = true
			lists.Held.Deliveries[audit.DeliveryKey{Hook: 77, GUID: r.ID}] = r.Time
			lists.Held.Pushes = append(lists.Held.Pushes, audit.Push{Repository: reading.Body.Repository.ID, Ref: reading.Body.Ref,
				Before: reading.Body.Before, After: reading.Body.After, GUID: r.ID})
		case file.Name == "listed.txt":
			compared = true
			err = eachLine(file.Data, 4, func(at time.Time, cells []string) {
				lists.Listings[0].Attempts = append(lists.Listings[0].Attempts,
					audit.Attempt{GUID: cells[0], Event: cells[1], Time: at, Status: cells[3]})
			})
		case file.Name == "answers.txt":
			err = eachLine(file.Data, 3, func(at time.Time, cells []string) {
				one := audit.Receipt{Hook: 77, GUID: cells[0], Time: at, ID: cells[2]}
				lists.Held.Receipts[one.Key()] = one
			})
		case file.Name == "activity.txt":
			compared = true
			moved := audit.RepositoryActivity{ID: 100, Name: "acme/fleet"}
			err = eachLine(file.Data, 5, func(at time.Time, cells []string) {
				moved.Activities = append(moved.Activities, audit.Activity{Type: cells[0], Ref: cells[1], Before: cells[2], After: cells[3], Time: at})
			})
			lists.Repositories = append(lists.Repositories, moved)
		case file.Name == "record.txt":
			err = eachLine(file.Data, 2, func(at time.Time, cells []string) {
				switch cells[1] {
				case "began":
					began = at
				case "now":
					now = at
				case "verified":
					entry, _, err := audit.Verified{}.Entry(at)
					if err != nil {
						t.Fatal(err)
					}
					observations = append(observations, ledger.Record{Entry: entry})
				}
			})
		default:
			err = fmt.Errorf("%s is no part of an example", file.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for key, one := range lists.Held.Receipts {
		one.Held = leaves[one.ID]
		lists.Held.Receipts[key] = one
	}
	if !began.IsZero() {
		return audit.Unverified(began, observations, now)
	}
	if compared {
		return audit.Complete(lists).Answer()
	}
	return audit.Judge(readings, contract(rules)).Weighed(rules.Severities())
}

// eachLine cuts lines into cells, one of which is a time.
func eachLine(data []byte, cells int, each func(time.Time, []string)) error {
	for line := range strings.Lines(string(data)) {
		all := strings.SplitN(strings.TrimSpace(line), " ", cells)
		at := slices.IndexFunc(all, func(s string) bool { _, err := time.Parse(time.RFC3339, s); return err == nil })
		if len(all) != cells || at < 0 {
			return fmt.Errorf("line %q", line)
		}
		when, _ := time.Parse(time.RFC3339, all[at])
		each(when, all)
	}
	return nil
}

// contract is what a program makes of the policy file.
func contract(p policy.Policy) audit.Contract {
	uses := p.Contract()
	c := audit.Contract{Repositories: uses.Repositories, Branches: uses.Branches, Bases: p.Base, Paths: p.Paths, Events: uses.Events,
		Limits: uses.Limits, Workflows: uses.Workflows}
	for _, b := range p.Bots {
		c.Accounts = append(c.Accounts, audit.Account{ID: b.ID, Login: b.Login})
		c.Authors = append(c.Authors, audit.Author{Name: b.Name, Email: b.Email})
	}
	if h := uses.Hours; h != nil {
		zone, err := time.LoadLocation(h.Zone)
		if err != nil {
			panic(err) // an example's
		}
		c.Hours = &audit.Hours{From: h.From, To: h.To, Days: h.Days, Zone: zone}
	}
	return c
}

// delivery reads headers and a body. What the headers leave out does not matter
// to the example.
func delivery(index int64, data []byte) (ledger.Record, []byte, error) {
	buffered := bufio.NewReader(bytes.NewReader(data))
	header, err := textproto.NewReader(buffered).ReadMIMEHeader()
	if err != nil {
		return ledger.Record{}, nil, err
	}
	body, err := io.ReadAll(buffered)
	if err != nil {
		return ledger.Record{}, nil, err
	}
	when, err := time.Parse(time.RFC3339, cmp.Or(header.Get("Date"), "2026-11-01T08:00:00Z"))
	if err != nil {
		return ledger.Record{}, nil, err
	}
	r := ledger.Record{Index: index, Entry: ledger.Entry{
		Kind: ledger.Delivery, Version: 1, Time: when, Source: header.Get("X-GitHub-Hook-ID"), Name: header.Get("X-GitHub-Event"),
		ID:       cmp.Or(header.Get("X-GitHub-Delivery"), fmt.Sprintf("guid-%d", index)),
		BodyHash: sha256.Sum256(body), BodySize: int64(len(body)),
	}}
	if kind := header.Get("X-GitHub-Hook-Installation-Target-Type"); kind != "" {
		r.Target = kind + "/" + header.Get("X-GitHub-Hook-Installation-Target-ID")
	}
	return r, body, r.Validate()
}
