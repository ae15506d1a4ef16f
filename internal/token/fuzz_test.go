package token_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// FuzzJudge: whatever was seen, the judge ends, says the same twice, and calls
// nothing good of which it knows nothing.
func FuzzJudge(f *testing.F) {
	for _, rule := range finding.Catalogue() {
		if rule.Family() == "token" && rule.Name != requested {
			f.Add(rule.Refused.Files[0].Data, rule.Refused.Files[1].Data)
			f.Add(rule.Allowed.Files[0].Data, rule.Allowed.Files[1].Data)
		}
	}
	f.Fuzz(func(t *testing.T, needed, seen []byte) {
		var n token.Need
		var o token.Observations
		if json.Unmarshal(needed, &n) != nil || json.Unmarshal(seen, &o) != nil {
			return
		}
		first := token.Judge(n, o)
		if diff := cmp.Diff(first, token.Judge(n, o)); diff != "" {
			t.Error(diff)
		}
		for _, one := range first.Findings {
			if _, ok := finding.Lookup(one.Rule); !ok || one.Severity == "" || one.Message == "" {
				t.Errorf("%+v", one)
			}
		}
		token.Rights(n, o)
		n.Link("https://github.com")
		known := false
		for _, a := range o.Answers {
			known = known || a.Class == token.OK || a.Class == token.Invalid || a.Class == token.Lacks || a.Class == token.NotFound ||
				a.Class == token.Disabled || a.Class == token.Elsewhere
		}
		if !known && len(n.Repositories) > 0 && first.Verdict() == finding.Pass {
			t.Errorf("nothing is known, and the token passes: %+v", o)
		}
	})
}
