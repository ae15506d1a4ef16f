package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// Answer is the statement as findings and gaps: what is known to be absent is an
// error, what nobody could compare is a gap.
func (s Statement) Answer() finding.Answer {
	var found []finding.Finding
	report := func(rule, hint, format string, args ...any) {
		found = append(found, finding.New(rule, hint, format, args...))
	}
	for _, d := range s.Missing {
		report("delivery/missing", "reconcile asks GitHub to send it again; see why it did not come in",
			"delivery %s of hook %d (%s, %s) is listed by GitHub and not here: %s",
			d.GUID, d.Hook, dotted(d.Event, d.Action), clock(d.First), d.Status)
	}
	for _, d := range s.Differing {
		report("delivery/guid-reused", "compare the body with the repository, and replace the webhook's secret",
			"GitHub lists delivery %s of hook %d as %s of repository %d, and the body of entry %d is %s of repository %d", d.GUID, d.Hook,
			dotted(d.Delivery.Event, d.Delivery.Action), d.Delivery.Repository, d.Entry, dotted(d.Said.Event, d.Said.Action), d.Said.Repository)
	}
	for _, u := range s.NeverEmitted {
		report("delivery/never-sent", "look at the webhook's events and whether it is active; read the commits in the repository itself",
			"%s: %s", u, u.Reason)
	}
	for _, u := range s.Unlisted {
		report("delivery/unlisted", "compare its body with the repository: somebody else may have the webhook's secret",
			"delivery %s of hook %d (%s) is here, and GitHub does not list it", u.GUID, u.Hook, clock(u.Time))
	}
	found = append(found, removal(s.Removed)...)
	var gaps []string
	if s.Unasked > 0 {
		gaps = append(gaps, fmt.Sprintf("%d of our answers in GitHub's log were not held against the ledger yet: "+
			"run reconcile again, with the ledger's key or with more --receipts", s.Unasked))
	}
	if !s.Expired.Empty() {
		gaps = append(gaps, "GitHub no longer lists the deliveries of "+s.Expired.String())
	}
	for _, u := range s.Unsettled {
		gaps = append(gaps, fmt.Sprintf("whether a delivery of %s was sent: %s", u, u.Reason))
	}
	if s.Throttled > 0 {
		gaps = append(gaps, fmt.Sprintf("GitHub put off %d deliveries, since there were too many at once: more may be on their way", s.Throttled))
	}
	return finding.Answered(found, slices.Concat(gaps, s.Unheard, s.Unread)...)
}

// removal reports entries that GitHub was told of and that are not in the ledger.
func removal(removed []Receipt) (found []finding.Finding) {
	for _, r := range removed {
		found = append(found, finding.New("delivery/removed",
			"verify the ledger against a checkpoint that was kept elsewhere; look for who can write to the database",
			"delivery %s of hook %d (%s) was acknowledged as entry %s, which is not in the ledger", r.GUID, r.Hook, clock(r.Time), r.ID))
	}
	return found
}

// String is the activity in words.
func (u Untold) String() string {
	return fmt.Sprintf("the %s of %s in %s (%s)", strings.ReplaceAll(u.Type, "_", " "), short(u.Ref), u.Name, clock(u.Time))
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
