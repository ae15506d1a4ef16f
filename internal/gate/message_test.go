package gate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
)

// TestMessages holds how some findings read: a digest is plain text, and
// nothing is known "by none".
func TestMessages(t *testing.T) {
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	for _, c := range []struct{ rule, in, want string }{
		{"version/digest-moved", mark("base/app.yaml", "a/b:1.4.2@"+digest("a")) + mark("head/app.yaml", "a/b:1.4.2@"+digest("b")),
			"a/b stays at 1.4.2, but its digest goes from " + digest("a") + " to " + digest("b")},
		{"policy/orphan-marker", mark("base/a.yaml", "a/a:1.4.2") + mark("head/a.yaml", "a/a:1.4.3") +
			strings.ReplaceAll(mark("base/b.yaml", "a/b:1.4.2")+mark("head/b.yaml", "a/b:1.4.3"), ":app\"", ":b\""),
			"the base has no ImagePolicy at all, so no new version is held against its range"},
		{"identity/evidence", commits("{author: M <m@x>}"), "nothing tells that the bot made the change, and the policy asks for text"},
	} {
		var got []string
		for _, f := range gate.Judge(loadCase(t, c.in)).Findings {
			if f.Rule == c.rule {
				got = append(got, f.Message)
			}
		}
		if diff := cmp.Diff([]string{c.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.rule, diff)
		}
	}
}
