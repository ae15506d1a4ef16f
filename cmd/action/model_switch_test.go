package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// switches turn off single mechanisms around the real code.
type switches struct {
	oneName   bool // every base's check has the plain name
	believing bool // the base that the event names is taken for the present one
	unedited  bool // the workflow does not start when a pull request is edited
	unpushed  bool // the workflow does not start when a base moves
	fluxAlone bool // a push to a base judges Flux's pull requests alone
	wild      bool // the policy on the default branch names every base
	frozen    bool // where the base branch is, is not read again
	alike     bool // pull requests of forks are taken for ours
	unbound   bool // head and base are not read again before a merge
}

func (o switches) pull(r *memRun, f change.Facts) change.Facts {
	if o.believing && r.event.BaseRef != "" {
		f.BaseRef = r.event.BaseRef
	}
	return f
}

func (o switches) ends(r *memRun, e github.Ends) github.Ends {
	if o.believing && r.event.BaseRef != "" {
		e.BaseRef = r.event.BaseRef
	}
	if o.frozen {
		e.BaseTip = r.tip
	}
	if o.unbound && r.merging {
		e.Head, e.BaseRef, e.BaseTip = r.head, r.ref, r.tip
	}
	return e
}

func (o switches) others(all map[int]plan.Other) map[int]plan.Other {
	if !o.alike {
		return all
	}
	for n, other := range all {
		other.Fork = false
		all[n] = other
	}
	return all
}

func (o switches) publication(p plan.Publication) plan.Publication {
	if o.oneName {
		p.Name = modelCheck
	}
	if o.alike {
		p.Fork = false
	}
	return p
}

// TestModelSwitches: each invariant fails where what keeps it is switched off.
func TestModelSwitches(t *testing.T) {
	for name, one := range map[string]struct {
		off   switches
		fails string
	}{
		"one name for all bases":                {switches{oneName: true}, invName},
		"the event's base is believed":          {switches{believing: true}, invName},
		"edited starts nothing":                 {switches{unedited: true}, invNewest},
		"every base is guarded":                 {switches{wild: true}, invName},
		"a push to a base starts nothing":       {switches{unpushed: true}, invNewest},
		"a push judges Flux's alone":            {switches{fluxAlone: true}, invNewest},
		"the base's tip is not read again":      {switches{frozen: true}, invNewest},
		"a fork's pull request counts as ours":  {switches{alike: true}, invOutside},
		"the ends are not read before a merge":  {switches{unbound: true}, invBound},
		"a merge believes the base of an event": {switches{believing: true, unbound: true}, invBound},
	} {
		t.Run(name, func(t *testing.T) {
			const few, most = 20, 300
			for first := 0; first < most; first += few {
				faults, _ := sequences(t, first, first+few, one.off)
				if slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, one.fails) }) {
					return
				}
			}
			t.Errorf("in %d sequences nothing is %s", most, one.fails)
		})
	}
}
