package audit

import (
	"cmp"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// Attribution says what accounts for a use.
type Attribution string

// The attributions. Only Expected and Unexpected can come of one source alone.
const (
	Explained   Attribution = "explained"   // several sources agree
	Expected    Attribution = "expected"    // one source, within the contract
	Unexpected  Attribution = "unexpected"  // outside the contract
	Unexplained Attribution = "unexplained" // it was used, and nothing accounts for it
)

// Use is one thing that the bot's account did, as one source saw it.
type Use struct {
	// Index is the position of its entry in the ledger, Also are the entries that
	// tell the same once more: other hooks' deliveries, and replays.
	Index int64
	Also  []int64
	// Time is when it happened as the body tells it; where that tells nothing,
	// when the entry came in. It is in UTC.
	Time       time.Time
	Event      string
	Action     string
	Repository Repository
	Ref        string
	Default    bool   // that is the repository's default branch
	Commit     string // what the ref was moved to, or what the event is about
	Number     int64  // of the pull request or issue
	Subject    string // a status context, a label, a workflow's path
	Who        Account
	Attribution
	// Why has a short reason for each thing that is not expected.
	Why []string
}

// Timeline is what Judge makes of readings.
type Timeline struct {
	// Deliveries is how many were read.
	Deliveries int
	// Followed is how many deliveries tell of checks and runs that GitHub began
	// because of something that the bot did, which are no uses.
	Followed int
	Uses     []Use // by index
	// About are the deliveries that findings are of, by index: who did what, and where.
	About  map[int64]Use
	Days   []Total // by day in UTC, 2006-01-02, the oldest first
	Events []Total // by event, in the order of the alphabet
	// Answer has findings by entry. Its gaps say why uses could have been missed or
	// misjudged.
	finding.Answer
}

// Total counts uses.
type Total struct {
	Name       string `json:"name"` // The day as 2006-01-02 or the event.
	Uses       int    `json:"uses" jsonschema:"minimum=0"`
	Unexpected int    `json:"unexpected" jsonschema:"minimum=0"` // Those of them that are unexpected or unexplained.
}

// totals counts the uses by name, in the order of the names.
func totals(uses []Use, name func(Use) string) []Total {
	at := map[string]int{}
	var all []Total
	for _, u := range uses {
		i, ok := at[name(u)]
		if !ok {
			i = len(all)
			at[name(u)] = i
			all = append(all, Total{Name: name(u)})
		}
		all[i].Uses++
		if u.Attribution == Unexpected || u.Attribution == Unexplained {
			all[i].Unexpected++
		}
	}
	slices.SortFunc(all, func(a, b Total) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
