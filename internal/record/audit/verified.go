package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

const (
	// verification is the name of the entries of kind Observation that Verified writes.
	verification = "verification"
	// maxUnverified is how long a ledger may go without being verified.
	maxUnverified = 6 * 7 * 24 * time.Hour
)

// Verified says that a ledger was verified, and that nothing was wrong with it.
type Verified struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // in hexadecimal
	// Elsewhere says that it was held against a checkpoint that is not kept beside it.
	Elsewhere bool `json:"elsewhere"`
}

// Entry puts it on record.
func (v Verified) Entry(at time.Time) (ledger.Entry, []byte, error) {
	body, err := json.Marshal(v)
	return ledger.Entry{
		Kind: ledger.Observation, Version: receiptsVersion, Time: at.UTC().Truncate(time.Microsecond), Source: "fluxkeeper",
		ID: strconv.FormatInt(v.Size, 10), Name: verification,
	}, body, err
}

// Unverified tells of a ledger that began long ago and that nobody has verified of late,
// as far as its entries of kind Observation say.
func Unverified(began time.Time, observations []ledger.Record, now time.Time) finding.Answer {
	last := began
	for _, r := range observations {
		if r.Name == verification && r.Time.After(last) {
			last = r.Time
		}
	}
	if now.Sub(last) <= maxUnverified {
		return finding.Answered(nil)
	}
	return finding.Answered([]finding.Finding{finding.New("record/unverified",
		"run `fluxkeeper-receiver verify --record`, with a --checkpoint that is kept elsewhere",
		"it is not on record that anybody has verified the ledger since %s", clock(last))})
}
