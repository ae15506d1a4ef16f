package gate_test

import (
	"slices"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gatetest"
	"golang.org/x/tools/txtar"
)

// TestRuleExamples judges the two examples of every rule: the refused one has
// the finding, the allowed one does not.
func TestRuleExamples(t *testing.T) {
	judge := func(t *testing.T, archive *txtar.Archive) gate.Result {
		policy, facts, err := gatetest.Load(archive)
		if err != nil {
			t.Fatal(err)
		}
		return gate.Judge(policy, facts)
	}
	for _, rule := range finding.Catalogue() {
		named := func(f finding.Finding) bool { return f.Rule == rule.Name }
		t.Run(rule.Name, func(t *testing.T) {
			refused := judge(t, rule.Refused)
			if !slices.ContainsFunc(refused.Findings, named) {
				t.Errorf("the refused example has no such finding, but %s: %+v", refused.Verdict, refused.Findings)
			}
			if rule.Severity == finding.Error && rule.Name != "policy/form-mismatch" && refused.Verdict != finding.Fail {
				t.Errorf("the refused example is %s", refused.Verdict)
			}
			allowed := judge(t, rule.Allowed)
			if slices.ContainsFunc(allowed.Findings, named) {
				t.Errorf("the allowed example is %s: %+v", allowed.Verdict, allowed.Findings)
			}
		})
	}
}
