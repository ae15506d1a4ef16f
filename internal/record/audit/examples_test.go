package audit_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"net/textproto"
	"path"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// TestExamples runs what docs/rules.md shows of the families use and delivery:
// each rule's refused example must be reported by the rule, with the rule's
// severity, and its allowed example must have no finding at all.
func TestExamples(t *testing.T) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if family := rule.Family(); family != "use" && family != "delivery" {
			continue // the examples of package gate
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
	if ran < 15 {
		t.Errorf("only %d rules", ran)
	}
}

// judge reads an example: policy.yaml is the policy file, and every *.http a
// delivery.
func judge(t *testing.T, archive *txtar.Archive) audit.Timeline {
	t.Helper()
	policy := gate.DefaultPolicy()
	var readings []audit.Reading
	for _, file := range archive.Files {
		var err error
		if file.Name == "policy.yaml" {
			policy, err = gate.ParsePolicy(file.Name, file.Data)
		} else if path.Ext(file.Name) == ".http" {
			var r ledger.Record
			var body []byte
			r, body, err = delivery(int64(len(readings)), file.Data)
			readings = append(readings, audit.Read(r, body))
		} else {
			err = fmt.Errorf("%s is no part of an example", file.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return audit.Judge(readings, contract(policy))
}

// contract is what a program makes of the policy file.
func contract(p gate.Policy) audit.Contract {
	uses := p.Contract()
	c := audit.Contract{Repositories: uses.Repositories, Branches: uses.Branches, Events: uses.Events, Severities: map[string]finding.Severity{}}
	for _, b := range p.Bots {
		c.Accounts = append(c.Accounts, audit.Account{ID: b.ID, Login: b.Login})
	}
	for name, s := range p.Rules {
		c.Severities[name] = s.Severity
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
		Kind: ledger.Delivery, Time: when, Source: header.Get("X-GitHub-Hook-ID"), Name: header.Get("X-GitHub-Event"),
		ID:       cmp.Or(header.Get("X-GitHub-Delivery"), fmt.Sprintf("guid-%d", index)),
		BodyHash: sha256.Sum256(body), BodySize: int64(len(body)),
	}}
	if kind := header.Get("X-GitHub-Hook-Installation-Target-Type"); kind != "" {
		r.Target = kind + "/" + header.Get("X-GitHub-Hook-Installation-Target-ID")
	}
	return r, body, r.Validate()
}
