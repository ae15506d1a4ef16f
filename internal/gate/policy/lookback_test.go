package policy

import (
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
)

// TestLookback: a rule that is off has nothing looked at.
func TestLookback(t *testing.T) {
	for file, want := range map[string]change.Within{
		"version: 1": {Days: 90, Commits: 200},
		"version: 1\nreverts: {within: {days: 30}}":                                {Days: 30, Commits: 200},
		"version: 1\nrules: {time/reverted: {severity: warning, reason: we look}}": {Days: 90, Commits: 200},
		"version: 1\nrules: {time/reverted: {severity: \"off\", reason: WHY}}":     {},
	} {
		if p, err := Parse("", []byte(file)); err != nil || p.Lookback(time.Time{}) != want {
			t.Errorf("%s: %+v, %v", file, p.Lookback(time.Time{}), err)
		}
	}
}
