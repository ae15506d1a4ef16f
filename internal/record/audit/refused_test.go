package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// TestRefusedIsAGap: an hour in which deliveries were not taken, since their bodies came
// too often, until they are there, or GitHub lists all that it sent then.
func TestRefusedIsAGap(t *testing.T) {
	hours := func(from, to int) audit.Window {
		return audit.Window{From: noon.Add(time.Duration(from) * time.Hour), To: ago(-60 * to)}
	}
	listed := []audit.Listing{{Hook: fleet}}
	for name, c := range map[string]struct {
		window   audit.Window
		held     map[string]int
		listings []audit.Listing
		want     string // of the report that compares nothing
		compared string
	}{
		"nobody lists": {window: hours(-48, 0), want: "3 deliveries of hook 77", compared: "3 deliveries of hook 77"},
		"one is there": {window: hours(-48, 0), held: map[string]int{"a": 60},
			want: "2 deliveries of hook 77", compared: "2 deliveries"},
		"the GUID was another's": {window: hours(-48, 0), held: map[string]int{"a": 200}, want: "3 d", compared: "3 d"},
		"GitHub lists all":       {window: hours(-48, 0), listings: listed, want: "3 deliveries"},
		"it cannot be read":      {window: hours(-48, 0), listings: []audit.Listing{{Hook: fleet, Problem: "no"}}, want: "3 d", compared: "3 d"},
		"GitHub has forgotten":   {window: hours(-240, 0), listings: []audit.Listing{{Hook: fleet, Ended: true}}, want: "3 d"},
		"GitHub lists another webhook's": {window: hours(-48, 0), listings: []audit.Listing{{Hook: audit.Hook{ID: 78}}}, want: "3 d",
			compared: "3 deliveries of hook 77"},
		"another webhook's list cannot be read": {window: hours(-48, 0), want: "3 d",
			listings: []audit.Listing{{Hook: fleet}, {Hook: audit.Hook{ID: 78}, Problem: "no"}}},
		"outside": {window: hours(-1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			held := heldOf(c.held)
			held.Refused = []ledger.Refused{{From: ago(180), To: ago(120), Hooks: []ledger.RefusedHook{{Hook: "77", Count: 3,
				GUIDs: []string{"a", "b"}}}}}
			o := audit.Observations{Window: c.window, Now: noon, Retention: 72 * time.Hour, Held: held, Listings: c.listings}
			for _, got := range []struct {
				gaps []string
				want string
			}{{held.Alone(c.window).Gaps, c.want}, {audit.Complete(o).Answer().Gaps, c.compared}} {
				all := strings.Join(got.gaps, "\n")
				if strings.Contains(all, "came too often") != (got.want != "") || !strings.Contains(all, got.want) {
					t.Errorf("want %q in:\n%s", got.want, all)
				}
			}
		})
	}
	forgotten := heldOf(nil)
	forgotten.Refused = []ledger.Refused{{From: ago(5 * 24 * 60), To: ago(5*24*60 - 60), Hooks: []ledger.RefusedHook{{Count: 1}}}}
	gaps := audit.Complete(audit.Observations{Window: hours(-240, 0), Now: noon, Retention: 72 * time.Hour, Held: forgotten,
		Listings: []audit.Listing{{Hook: fleet, Ended: true}}}).Answer().Gaps
	if !strings.Contains(strings.Join(gaps, "\n"), "1 deliveries of hook (unknown) were not taken") {
		t.Errorf("what GitHub lists no more: %q", gaps)
	}
}
