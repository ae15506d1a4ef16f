package gate_test

import (
	"slices"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gatetest"
)

// TestPeopleNeverPass makes every case a person's change and an App's. What is not
// judged is no pass, whatever the policy makes of the rules.
func TestPeopleNeverPass(t *testing.T) {
	moved := 0
	for _, c := range slices.Concat(loadCases(t, "honest"), loadCases(t, "attacks")) {
		rules, facts, options, err := gatetest.Load(c.archive)
		if err != nil {
			t.Fatal(err)
		}
		if options.IgnoreIdentity {
			continue
		}
		ann := change.Account{Login: "ann", ID: 12}
		facts.HeadRef, facts.Apps = "fix", nil
		facts.Pull = &change.Pull{Number: 1, Opener: ann, Pusher: ann, HeadRepoID: 1, BaseRepoID: 1}
		who := change.Signature{Name: "Ann", Email: "ann@example.com"}
		facts.Commits = []change.Commit{{SHA: facts.Head.Commit, Author: who, Committer: who, Account: ann.ID, CommitterAccount: ann.ID}}
		rules.Evidence = policy.EvidenceText
		for _, severity := range []finding.Severity{"", finding.Off} {
			for _, apps := range [][]change.Account{nil, {ann}} {
				facts.Apps, rules.Rules = apps, nil
				if severity != "" {
					rules.Rules = map[string]policy.Setting{"identity/person": {Severity: severity}, "identity/other-bot": {Severity: severity}}
				}
				got := gate.Judge(rules, facts, options)
				switch got.Verdict() {
				case finding.Pass:
					t.Errorf("%s: severity %q, apps %v: %s", c.name, severity, apps, describe(got))
				case finding.Fail:
					moved++
				}
			}
		}
	}
	if moved == 0 {
		t.Error("nothing was moved")
	}
}
