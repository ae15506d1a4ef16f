package token_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// requested is a rule of what the record shows; package audit runs its examples.
const requested = "token/requested"

// TestExamples runs what docs/rules.md shows of the family token: each rule's
// refused example must be reported by the rule, with the rule's severity, and its
// allowed example must have no finding at all.
func TestExamples(t *testing.T) {
	ran := 0
	for _, rule := range finding.Catalogue() {
		if rule.Family() != "token" || rule.Name == requested {
			continue
		}
		ran++
		t.Run(rule.Name, func(t *testing.T) {
			refused, allowed := judge(t, rule.Refused), judge(t, rule.Allowed)
			if !slices.ContainsFunc(refused, func(f finding.Finding) bool {
				return f.Rule == rule.Name && f.Severity == rule.Severity && f.Message != "" && f.Hint != ""
			}) {
				t.Errorf("the refused example has no such finding: %+v", refused)
			}
			if len(refused) != 1 && rule.Name != "token/member" { // a member's token is of a kind to complain of, too
				t.Errorf("the refused example has other findings: %+v", refused)
			}
			if len(allowed) > 0 {
				t.Errorf("the allowed example has findings: %+v", allowed)
			}
		})
	}
	if ran < 25 {
		t.Errorf("only %d rules", ran)
	}
}

// judge reads an example: what the token is for, and what was seen of it.
func judge(t *testing.T, archive *txtar.Archive) []finding.Finding {
	t.Helper()
	var need token.Need
	var seen token.Observations
	for _, file := range archive.Files {
		decoder := json.NewDecoder(bytes.NewReader(file.Data))
		decoder.DisallowUnknownFields()
		var err error
		switch file.Name {
		case "need.json":
			err = decoder.Decode(&need)
		case "observations.json":
			err = decoder.Decode(&seen)
		default:
			t.Fatalf("%s is no part of an example", file.Name)
		}
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
	}
	return token.Judge(need, seen).Findings
}
