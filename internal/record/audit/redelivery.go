package audit

import (
	"cmp"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Listing is what GitHub's list told of one hook's deliveries.
type Listing struct {
	Hook     Hook
	Attempts []Attempt // the latest first
	// Ended says that the list came to its end before it came to the time that
	// was asked for: what is older GitHub has forgotten, or there was nothing.
	Ended bool
	// Problem says why the list could not be read to its end; empty where it was.
	Problem string
}

// DeliveryKey names a delivery. GitHub gives one GUID to an event, and sends it
// under that to every hook.
type DeliveryKey struct {
	Hook int64 // 0 where it is not known
	GUID string
}

// Push is what a push event tells of a ref.
type Push struct {
	Repository    int64 // id
	Ref           string
	Before, After string // commit ids; 40 zeros for none
	GUID          string // of the event
}

// Held is what the ledger has. It is to be read after GitHub's lists, or what
// came in between seems to be missing; it may go beyond the window.
type Held struct {
	// Deliveries are when each came in for the first time.
	Deliveries map[DeliveryKey]time.Time
	Pushes     []Push
	// Began is when the first entry of all came in; zero where that was not read.
	Began time.Time
	// Said is what the bodies of the window say under each name, where they were read.
	Said map[DeliveryKey][]Said
	// Receipts are those on record, and those that were read in GitHub's log since.
	Receipts map[ReceiptKey]Receipt
	// Refused are deliveries that were not taken, since their bodies came too often.
	Refused []ledger.Refused
}

// Said is what a body says that GitHub's list says, too.
type Said struct {
	Entry         int64
	Event, Action string
	Repository    int64 // id; 0 where the body has none
}

// finder gives a look-up of the names under which a hook's deliveries came in. Where the
// hook is unknown on either side, the GUID decides: GitHub need not tell the number of
// an app's hook, and an entry may have come without the header that holds it.
func (h Held) finder(hook int64) func(guid string) []DeliveryKey {
	if hook != 0 {
		return func(guid string) (keys []DeliveryKey) {
			for _, key := range [...]DeliveryKey{{hook, guid}, {0, guid}} {
				if _, ok := h.Deliveries[key]; ok {
					keys = append(keys, key)
				}
			}
			return keys
		}
	}
	all := map[string][]DeliveryKey{}
	for key := range h.Deliveries {
		all[key.GUID] = append(all[key.GUID], key)
	}
	return func(guid string) []DeliveryKey { return all[guid] }
}

// Delivery is all that GitHub lists under one GUID for one hook.
type Delivery struct {
	Hook          int64
	GUID          string
	Event, Action string
	Repository    int64 // id; 0 where the event is of none
	First         time.Time
	Attempt       int64  // the id of the last attempt, which redelivery is asked for by
	Tries         int    // redeliveries so far
	Status        string // of the last attempt, in GitHub's words
}

// group is a delivery with the attempts that it is made of.
type group struct {
	Delivery
	throttled   bool
	redelivered time.Time // the first redelivery; zero for none
	lastAsked   time.Time // the last redelivery; zero for none
	heldSince   time.Time
	held        bool
	said        []Said // what came in under its names
}

// keep notes under which names the delivery came in.
func (g *group) keep(held Held, names []DeliveryKey) {
	for _, key := range names {
		if at := held.Deliveries[key]; !g.held || at.Before(g.heldSince) {
			g.held, g.heldSince = true, at
		}
		g.said = append(g.said, held.Said[key]...)
	}
}

// differs gives the first of the bodies under the delivery's names, where none of them
// is what GitHub lists.
func (g *group) differs() (first Said, differs bool) {
	for i, s := range g.said {
		if s.Event == g.Event && s.Action == g.Action && (s.Repository == g.Repository || s.Repository == 0 || g.Repository == 0) {
			return s, false
		}
		if i == 0 || s.Entry < first.Entry {
			first = s
		}
	}
	return first, len(g.said) > 0
}

// groupAttempts joins attempts by their GUID, the oldest delivery first.
func groupAttempts(l Listing, held Held) []*group {
	find := held.finder(l.Hook.ID)
	byGUID := map[string]*group{}
	var all []*group
	attempts := slices.Clone(l.Attempts)
	slices.SortStableFunc(attempts, func(a, b Attempt) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	for _, a := range attempts {
		g := byGUID[a.GUID]
		if g == nil {
			g = &group{Delivery: Delivery{Hook: l.Hook.ID, GUID: a.GUID, Event: a.Event, Action: a.Action, Repository: a.Repository, First: a.Time}}
			g.keep(held, find(a.GUID))
			byGUID[a.GUID] = g
			all = append(all, g)
		}
		g.Attempt, g.Status = a.ID, a.Status
		g.throttled = g.throttled || !a.Throttled.IsZero()
		if a.Redelivery {
			g.Tries++
			g.lastAsked = a.Time
			if g.redelivered.IsZero() {
				g.redelivered = a.Time
			}
		}
	}
	return all
}

// Step is what is to be done about a delivery that the ledger lacks.
type Step string

// The steps.
const (
	Ask    Step = "ask"     // GitHub is to be asked for it
	Wait   Step = "wait"    // it was asked for only just now
	Later  Step = "later"   // it is a later round's, since this one is full
	GiveUp Step = "give-up" // it was asked for often enough
)

// Redelivery is a delivery that the ledger lacks, and the step that is next.
type Redelivery struct {
	Delivery
	Step Step
}

// RedeliveryOptions say what is asked for, and how often.
type RedeliveryOptions struct {
	Events   []string // only these; all when empty
	Now      time.Time
	Cooldown time.Duration // how long to wait for what was asked for
	MaxTries int           // redeliveries of one delivery; no end when 0
	Limit    int           // deliveries that one round asks for; all when 0, none when less
}

// PlanRedeliveries picks what GitHub lists for a hook and the ledger lacks,
// whether GitHub says that it arrived or not. The oldest come first, since they
// expire first. What was asked for before is read out of GitHub's own list, so
// that a plan needs no memory and goes on where another one stopped.
func PlanRedeliveries(l Listing, held Held, o RedeliveryOptions) []Redelivery {
	var plan []Redelivery
	asked := 0
	for _, g := range groupAttempts(l, held) {
		if g.held || len(o.Events) > 0 && !slices.Contains(o.Events, g.Event) {
			continue
		}
		step := Ask
		switch {
		case !g.lastAsked.IsZero() && o.Now.Sub(g.lastAsked) < o.Cooldown:
			step = Wait
		case o.MaxTries > 0 && g.Tries >= o.MaxTries:
			step = GiveUp
		case o.Limit < 0, o.Limit > 0 && asked >= o.Limit:
			step = Later
		default:
			asked++
		}
		plan = append(plan, Redelivery{g.Delivery, step})
	}
	return plan
}
