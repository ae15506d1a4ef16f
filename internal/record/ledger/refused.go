package ledger

import (
	"fmt"
	"time"
)

// Refused is the body of an entry of kind Refusal: the deliveries of a time that were
// not taken, since their bodies came too often.
type Refused struct {
	From  time.Time     `json:"from"`
	To    time.Time     `json:"to"`
	Hooks []RefusedHook `json:"hooks"`
}

// RefusedHook is what was refused of one webhook.
type RefusedHook struct {
	Hook  string `json:"hook"` // its id; empty where no header told it, or where there are too many
	Count int64  `json:"count"`
	// GUIDs name the first of them.
	GUIDs []string `json:"guids"`
}

// RefusedVersion is the version of the entries of kind Refusal that this program writes.
const RefusedVersion = 1

// ParseRefused reads the body of an entry of kind Refusal; where the entry has an
// unknown version, the error is an ErrVersion.
func ParseRefused(r Record, body []byte) (refused Refused, err error) {
	if r.Version != RefusedVersion {
		return refused, fmt.Errorf("parse refusal: %w: %d", ErrVersion, r.Version)
	}
	if err := Decode(body, &refused); err != nil {
		return refused, fmt.Errorf("parse refusal: %w", err)
	}
	return refused, nil
}
