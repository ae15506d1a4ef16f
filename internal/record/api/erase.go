package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// The operations that erase: the one that says what would go, and the one that does it.
const (
	Erasable = "erasable" // sets Before of an Erasure, and counts its bodies
	Erase    = "erase"    // erases what came in before that
)

// leastKept is how long a body stays at the least: GitHub lists deliveries for three
// days, and somebody has to have had the time to look.
const leastKept = 7 * 24 * time.Hour

// Erasure is what is to be erased, and then what was.
type Erasure struct {
	OlderThan time.Duration `json:"older_than"`
	Before    time.Time     `json:"before,omitzero"`
	Bodies    int64         `json:"bodies"`
	Keepers   []int64       `json:"keepers,omitempty"` // entries that keep a body that came before
}

// Eraser is a ledger whose bodies can be erased.
type Eraser interface {
	Erasable(ctx context.Context, before time.Time) (bodies int64, err error)
	Keepers(ctx context.Context, before time.Time) (entries []int64, err error)
	Erase(ctx context.Context, before time.Time, keep func(ledger.Record, []byte) json.RawMessage) (bodies int64, err error)
}

// Erasing is the operations that erase.
func Erasing(l Eraser) Operations {
	now := func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	checked := func(e Erasure, count func(before time.Time) (int64, error)) (_ Erasure, err error) {
		if e.Before.IsZero() || e.Before.After(now().Add(-leastKept)) { // somebody may yet have to look at it
			return e, Refused{What: "--older-than must be 7d or more", Advice: "give a time such as 400d"}
		}
		e.Bodies, err = count(e.Before)
		return e, err
	}
	return Operations{
		Erasable: Typed(func(ctx context.Context, e Erasure) (Erasure, error) {
			e.Before = now().Add(-e.OlderThan)
			e, err := checked(e, func(before time.Time) (int64, error) { return l.Erasable(ctx, before) })
			if err == nil {
				e.Keepers, err = l.Keepers(ctx, e.Before)
			}
			return e, err
		}),
		Erase: Typed(func(ctx context.Context, e Erasure) (Erasure, error) {
			return checked(e, func(before time.Time) (int64, error) { return l.Erase(ctx, before, audit.Keep) })
		}),
	}
}
