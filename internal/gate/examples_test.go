package gate_test

import (
	"slices"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gatetest"
)

// TestExamples runs what docs/rules.md shows: each rule's refused example
// must be reported by the rule, with the rule's severity, and its allowed
// example must not.
func TestExamples(t *testing.T) {
	for _, rule := range finding.Catalogue() {
		elsewhere := []string{"cluster", "delivery", "gate", "github", "guard", "record", "rotation", "storage", "token", "use"}
		if slices.Contains(elsewhere, rule.Family()) {
			continue // other packages' examples
		}
		t.Run(rule.Name, func(t *testing.T) {
			refused, allowed := judge(t, rule.Refused), judge(t, rule.Allowed)
			if !has(refused, rule.Name, rule.Severity) {
				t.Errorf("the refused example has no finding of severity %s:\n%s", rule.Severity, describe(refused))
			}
			if rule.Severity == finding.Error && refused.Verdict() != finding.Fail {
				t.Errorf("the refused example's verdict is %s", refused.Verdict())
			}
			if has(allowed, rule.Name, "") {
				t.Errorf("the allowed example has the finding:\n%s", describe(allowed))
			}
			if allowed.Verdict() != finding.Pass {
				t.Errorf("the allowed example's verdict is %s:\n%s", allowed.Verdict(), describe(allowed))
			}
		})
	}
}

func judge(t *testing.T, archive *txtar.Archive) gate.Result {
	t.Helper()
	policy, facts, options, err := gatetest.Load(archive)
	if err != nil {
		t.Fatal(err)
	}
	return gate.Judge(policy, facts, options)
}

// has tells whether a rule is among the findings, with any severity if none is given.
func has(result gate.Result, rule string, severity finding.Severity) bool {
	for _, f := range result.Findings {
		if f.Rule == rule && (severity == "" || f.Severity == severity) {
			return true
		}
	}
	return false
}
