package intake

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Bounds of what is remembered of refused deliveries: who sends them chooses the
// headers.
const (
	maxRefusedHooks = 100
	maxRefusedGUIDs = 1000
)

// refused are the deliveries that were not taken since the last entry about them.
type refused struct {
	mu    sync.Mutex
	from  time.Time
	hooks map[string]*ledger.RefusedHook
	guids int
}

// add notes more that were not taken of a hook, from a time on.
func (r *refused) add(from time.Time, more ledger.RefusedHook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hooks == nil {
		r.hooks, r.from = map[string]*ledger.RefusedHook{}, from
	}
	if from.Before(r.from) {
		r.from = from
	}
	hook := more.Hook
	of := r.hooks[hook]
	if of == nil && len(r.hooks) >= maxRefusedHooks {
		hook = ""
		of = r.hooks[hook]
	}
	if of == nil {
		of = &ledger.RefusedHook{Hook: hook, GUIDs: []string{}}
		r.hooks[hook] = of
	}
	of.Count += more.Count
	for _, guid := range more.GUIDs {
		if r.guids < maxRefusedGUIDs && !slices.Contains(of.GUIDs, guid) {
			of.GUIDs = append(of.GUIDs, guid)
			r.guids++
		}
	}
}

// Unrecorded takes back what Refused gave and could not be put on record, so that it
// gives it again.
func (in *Intake) Unrecorded(r ledger.Refused) {
	for _, of := range r.Hooks {
		in.refused.add(r.From, of)
	}
}

// Refused gives what was refused since it was asked last, since the bodies came too
// often, and false where nothing was.
func (in *Intake) Refused() (ledger.Refused, bool) {
	r := &in.refused
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hooks == nil {
		return ledger.Refused{}, false
	}
	all := ledger.Refused{From: r.from, To: in.now().UTC()}
	for _, hook := range slices.Sorted(maps.Keys(r.hooks)) {
		all.Hooks = append(all.Hooks, *r.hooks[hook])
	}
	r.hooks, r.guids = nil, 0
	return all, true
}
