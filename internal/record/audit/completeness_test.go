package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

var (
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	zeros = strings.Repeat("0", 40)
	fleet = audit.Hook{
		Scope: "repository", Owner: "acme/fleet", ID: 77, Active: true, Events: []string{"*"},
		CreatedAt: noon.AddDate(0, -1, 0), UpdatedAt: noon.AddDate(0, -1, 0),
	}
)

// ago is so many minutes before noon.
func ago(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }

// attempts makes the list of GitHub, the latest first, out of the oldest first.
func attempts(all ...audit.Attempt) []audit.Attempt {
	var out []audit.Attempt
	for i, a := range all {
		a.ID = int64(1000 + i)
		if a.Event == "" {
			a.Event = "push"
		}
		if a.Status == "" {
			a.Status, a.StatusCode = "OK", 202
		}
		a.Repository = 9
		out = append([]audit.Attempt{a}, out...)
	}
	return out
}

func first(guid string, minutes int) audit.Attempt {
	return audit.Attempt{GUID: guid, Time: ago(minutes)}
}

func lost(guid string, minutes int) audit.Attempt {
	return audit.Attempt{GUID: guid, Time: ago(minutes), Status: "timed out"}
}

func again(a audit.Attempt) audit.Attempt { a.Redelivery = true; return a }

func heldOf(deliveries map[string]int) audit.Held {
	h := audit.Held{Deliveries: map[audit.DeliveryKey]time.Time{}}
	for guid, minutes := range deliveries {
		h.Deliveries[audit.DeliveryKey{Hook: 77, GUID: guid}] = ago(minutes)
	}
	return h
}

func TestPlanRedeliveries(t *testing.T) {
	options := audit.RedeliveryOptions{Now: noon, Cooldown: 15 * time.Minute, MaxTries: 2}
	for name, test := range map[string]struct {
		list   []audit.Attempt
		held   map[string]int
		change func(*audit.RedeliveryOptions)
		want   string // guid step attempt tries
	}{
		"nothing listed": {},
		"all held":       {list: attempts(first("a", 60)), held: map[string]int{"a": 60}},
		"failed or not, the oldest first": {
			list: attempts(lost("a", 60), first("b", 50), first("c", 40)), held: map[string]int{"c": 40},
			want: "a ask 1000 0, b ask 1001 0",
		},
		"held in spite of a time-out": {list: attempts(lost("a", 60)), held: map[string]int{"a": 60}},
		"the newest attempt is asked for": {
			list: attempts(lost("a", 600), lost("b", 500), again(lost("a", 400))), want: "a ask 1002 1, b ask 1001 0",
		},
		"asked for just now":   {list: attempts(lost("a", 600), again(lost("a", 14))), want: "a wait 1001 1"},
		"asked for long ago":   {list: attempts(lost("a", 600), again(lost("a", 15))), want: "a ask 1001 1"},
		"a first try just now": {list: attempts(lost("a", 1)), want: "a ask 1000 0"},
		"asked for often enough": {
			list: attempts(lost("a", 600), again(lost("a", 400)), again(lost("a", 300))), want: "a give-up 1002 2",
		},
		"often enough, but not known to have failed yet": {
			list: attempts(lost("a", 600), again(lost("a", 400)), again(lost("a", 3))), want: "a wait 1002 2",
		},
		"without end": {
			list:   attempts(lost("a", 600), again(lost("a", 400)), again(lost("a", 300))),
			change: func(o *audit.RedeliveryOptions) { o.MaxTries = 0 }, want: "a ask 1002 2",
		},
		"a full round": {
			list:   attempts(lost("a", 60), lost("b", 50), lost("c", 40)),
			change: func(o *audit.RedeliveryOptions) { o.Limit = 2 }, want: "a ask 1000 0, b ask 1001 0, c later 1002 0",
		},
		"what waits takes no room": {
			list:   attempts(lost("a", 60), again(lost("a", 5)), lost("b", 4)),
			change: func(o *audit.RedeliveryOptions) { o.Limit = 1 }, want: "a wait 1001 1, b ask 1002 0",
		},
		"other events": {
			list: attempts(lost("a", 60), audit.Attempt{GUID: "b", Event: "ping", Time: ago(50)}),
			change: func(o *audit.RedeliveryOptions) {
				o.Events = []string{"ping"}
			}, want: "b ask 1001 0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options
			if test.change != nil {
				test.change(&o)
			}
			var got []string
			for _, r := range audit.PlanRedeliveries(audit.Listing{Hook: fleet, Attempts: test.list}, heldOf(test.held), o) {
				got = append(got, sprint(r.GUID, r.Step, r.Attempt, r.Tries))
			}
			if diff := cmp.Diff(test.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestOneGUIDAtTwoHooks: what another hook delivered is no excuse.
func TestOneGUIDAtTwoHooks(t *testing.T) {
	l := audit.Listing{Hook: fleet, Attempts: attempts(first("a", 60))}
	for name, test := range map[string]struct {
		listed, held int64
		missing      int
	}{
		"the same hook":                   {77, 77, 0},
		"another hook":                    {77, 78, 1},
		"an entry without a hook":         {77, 0, 0},
		"an app's hook of unknown number": {0, 78, 0},
	} {
		l.Hook.ID = test.listed
		held := audit.Held{Deliveries: map[audit.DeliveryKey]time.Time{{Hook: test.held, GUID: "a"}: ago(60)}}
		if got := audit.PlanRedeliveries(l, held, audit.RedeliveryOptions{Now: noon}); len(got) != test.missing {
			t.Errorf("%s: %d missing, want %d", name, len(got), test.missing)
		}
	}
}

func sprint(parts ...any) string { return strings.TrimSpace(fmt.Sprintln(parts...)) }

// moved is an activity.
func moved(id int64, minutes int, ref, after string) audit.Activity {
	return audit.Activity{ID: id, Type: "push", Ref: ref, Before: zeros, After: after, ActorID: 5, Actor: "flux-bot", Time: ago(minutes)}
}

func pushed(ref, after, guid string) audit.Push {
	return audit.Push{Repository: 9, Ref: ref, Before: zeros, After: after, GUID: guid}
}

// day is a day of one repository with one hook, of which all is held.
func day() audit.Observations {
	held := heldOf(map[string]int{"a": 600, "b": 500})
	held.Pushes = []audit.Push{pushed("refs/heads/main", "1", "a"), pushed("refs/heads/main", "2", "b")}
	return audit.Observations{
		Window: audit.Window{From: ago(24 * 60), To: noon}, Now: noon, Retention: 72 * time.Hour, Settle: 5 * time.Minute,
		Listings: []audit.Listing{{Hook: fleet, Attempts: attempts(first("a", 600), first("b", 500))}},
		Held:     held,
		Repositories: []audit.RepositoryActivity{{ID: 9, Name: "acme/fleet", Activities: []audit.Activity{
			moved(2, 500, "refs/heads/main", "2"), moved(1, 600, "refs/heads/main", "1"),
		}}},
	}
}

// brief shows a statement in lines.
func brief(s audit.Statement) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listed %d, held %d, gaps %d, decided %t\n", s.Listed, s.Held, len(s.Missing)+len(s.NeverEmitted),
		len(s.Answer().Gaps) == 0)
	for _, d := range s.Recovered {
		fmt.Fprintln(&b, "recovered", d.GUID)
	}
	for _, d := range s.Missing {
		fmt.Fprintln(&b, "missing", d.Hook, d.GUID, d.Status)
	}
	for _, u := range s.Unlisted {
		fmt.Fprintln(&b, "unlisted", u.Hook, u.GUID)
	}
	if !s.Expired.Empty() {
		fmt.Fprintln(&b, "expired", s.Expired)
	}
	for _, u := range s.NeverEmitted {
		fmt.Fprintf(&b, "never emitted %s %s: %s\n", u.Ref, u.After, u.Reason)
	}
	for _, u := range s.Unsettled {
		fmt.Fprintf(&b, "unsettled %s %s: %s\n", u.Ref, u.After, u.Reason)
	}
	for _, u := range s.Unread {
		fmt.Fprintln(&b, "unread", u)
	}
	return b.String()
}

func TestComplete(t *testing.T) {
	const main, whole = "refs/heads/main", "listed 2, held 2, gaps 0, decided true\n"
	unheard := func(o *audit.Observations) { // a third activity that nobody tells of
		r := &o.Repositories[0]
		r.Activities = append([]audit.Activity{moved(3, 400, main, "3")}, r.Activities...)
	}
	hook := func(change func(*audit.Hook)) func(*audit.Observations) {
		return func(o *audit.Observations) { unheard(o); change(&o.Listings[0].Hook) }
	}
	never := func(reason string) string {
		return "listed 2, held 2, gaps 1, decided true\nnever emitted refs/heads/main 3: " + reason + "\n"
	}
	partly := func(reason string) string {
		return "listed 2, held 2, gaps 1, decided false\nnever emitted refs/heads/main 3: " + reason + "\n"
	}
	unsettled := func(reason string) string {
		return "listed 2, held 2, gaps 0, decided false\nunsettled refs/heads/main 3: " + reason + "\n"
	}
	for name, test := range map[string]struct {
		change func(*audit.Observations)
		want   string
	}{
		"all is held": {func(*audit.Observations) {}, whole},
		"one is missing, and what it told is not known": {func(o *audit.Observations) {
			delete(o.Held.Deliveries, audit.DeliveryKey{Hook: 77, GUID: "b"})
			o.Held.Pushes = o.Held.Pushes[:1]
		}, "listed 2, held 1, gaps 1, decided false\nmissing 77 b OK\n" +
			"unsettled refs/heads/main 2: it may be one of the missing deliveries of push, 1 of which nobody could look into\n"},
		"one is missing, and GitHub shows what it told": {func(o *audit.Observations) {
			delete(o.Held.Deliveries, audit.DeliveryKey{Hook: 77, GUID: "b"})
			o.Held.Pushes, o.Told = o.Held.Pushes[:1], o.Held.Pushes[1:]
			unheard(o)
		}, "listed 2, held 1, gaps 2, decided true\nmissing 77 b OK\nnever emitted refs/heads/main 3: GitHub lists no delivery of it\n"},
		"recovered": {func(o *audit.Observations) {
			o.Listings[0].Attempts = attempts(lost("a", 600), first("b", 500), again(first("b", 300)), again(first("a", 200)))
			o.Held.Deliveries[audit.DeliveryKey{Hook: 77, GUID: "a"}] = ago(200)
		}, whole + "recovered a\n"}, // b was there before it was sent again
		"held, and not listed": {func(o *audit.Observations) {
			o.Held.Deliveries[audit.DeliveryKey{Hook: 77, GUID: "x"}] = ago(300)
			o.Held.Deliveries[audit.DeliveryKey{Hook: 78, GUID: "y"}] = ago(300)       // of a hook that was not asked for
			o.Held.Deliveries[audit.DeliveryKey{Hook: 77, GUID: "z"}] = ago(1)         // after the list was read
			o.Held.Deliveries[audit.DeliveryKey{Hook: 77, GUID: "w"}] = ago(24*60 - 1) // at the edge
		}, whole + "unlisted 77 x\n"},
		"outside the window": {func(o *audit.Observations) {
			o.Window.From = ago(550)
			unheard(o)
			o.Repositories[0].Activities[0].Time = ago(560)
			o.Listings[0].Attempts = append(o.Listings[0].Attempts, lost("y", 700))
		}, "listed 1, held 1, gaps 0, decided true\n"},
		"never emitted": {unheard, never("GitHub lists no delivery of it")},
		"no hook": {hook(func(h *audit.Hook) { h.Owner = "acme/other" }),
			never("no hook is set up on the repository, nor on its owner")},
		"the hook came later": {hook(func(h *audit.Hook) { h.CreatedAt = ago(300) }), partly("the hook did not exist yet")},
		"no push":             {hook(func(h *audit.Hook) { h.Events = []string{"create"} }), partly("the hook does not subscribe to push")},
		"not active":          {hook(func(h *audit.Hook) { h.Active = false }), partly("the hook is not active")},
		"one hook too late, the other deaf": {func(o *audit.Observations) {
			unheard(o)
			o.Listings[0].Hook.CreatedAt = ago(300)
			deaf := fleet
			deaf.ID, deaf.Events = 78, []string{"ping"}
			o.Listings = append(o.Listings, audit.Listing{Hook: deaf})
		}, partly("the hook does not subscribe to push")},
		"the organization's": {hook(func(h *audit.Hook) { h.Scope, h.Owner = "organization", "Acme" }),
			never("GitHub lists no delivery of it")},
		"an app's, of all there": {hook(func(h *audit.Hook) { h.Scope, h.Owner = "app", "keeper" }), never("GitHub lists no delivery of it")},
		"four tags at once": {func(o *audit.Observations) {
			for i := range 4 {
				o.Repositories[0].Activities = append(o.Repositories[0].Activities, moved(int64(10+i), 100, fmt.Sprintf("refs/tags/v%d", i), "7"))
			}
			o.Held.Pushes = append(o.Held.Pushes, pushed("refs/tags/v0", "7", "c"), pushed("refs/tags/v1", "7", "d"),
				pushed("refs/tags/v2", "7", "e"))
		}, "listed 2, held 2, gaps 1, decided true\nnever emitted refs/tags/v3 7: GitHub tells of no push that moves more than 3 such refs at " +
			"once\n"},
		"the same move twice, told once": {func(o *audit.Observations) {
			o.Repositories[0].Activities = append(o.Repositories[0].Activities, moved(3, 400, main, "2"))
			o.Held.Pushes = append(o.Held.Pushes, pushed(main, "2", "b")) // the same event at another hook
		}, "listed 2, held 2, gaps 1, decided true\nnever emitted refs/heads/main 2: GitHub lists no delivery of it\n"},
		"another repository's push": {func(o *audit.Observations) {
			unheard(o)
			other := pushed(main, "3", "c")
			other.Repository = 10
			o.Held.Pushes = append(o.Held.Pushes, other)
		}, never("GitHub lists no delivery of it")},
		"only just now": {func(o *audit.Observations) { unheard(o); o.Repositories[0].Activities[0].Time = ago(4) },
			unsettled("its delivery may still be on its way")},
		"older than GitHub's list": {func(o *audit.Observations) {
			o.Window.From = noon.AddDate(0, 0, -4)
			o.Listings[0].Ended = true
			unheard(o)
			o.Repositories[0].Activities[0].Time = noon.Add(-73 * time.Hour)
		}, "listed 2, held 2, gaps 0, decided false\nexpired 2026-11-16T12:00:00Z to 2026-11-17T12:00:00Z\n" +
			"unsettled refs/heads/main 3: GitHub no longer lists the deliveries of that time\n"},
		"a list that reaches further than promised": {func(o *audit.Observations) { o.Window.From = noon.AddDate(0, 0, -4) }, whole},
		"a hook that is younger than the window": {func(o *audit.Observations) {
			o.Window.From, o.Listings[0].Ended, o.Listings[0].Hook.CreatedAt = noon.AddDate(0, 0, -4), true, ago(700)
		}, "listed 2, held 2, gaps 0, decided false\n"},
		"all before GitHub's list": {func(o *audit.Observations) {
			o.Window = audit.Window{From: noon.AddDate(0, 0, -9), To: noon.AddDate(0, 0, -8)}
			o.Listings[0].Ended = true
		}, "listed 0, held 0, gaps 0, decided false\nexpired 2026-11-11T12:00:00Z to 2026-11-12T12:00:00Z\n"},
		"deliveries that cannot be read": {func(o *audit.Observations) { unheard(o); o.Listings[0].Problem = "403" },
			"listed 2, held 2, gaps 0, decided false\nunsettled refs/heads/main 3: the hook's deliveries could not be read\nunread deliveries of " +
				"hook 77: 403\n"},
		"activity that cannot be read": {func(o *audit.Observations) { o.Repositories[0].Activities, o.Repositories[0].Problem = nil, "403" },
			"listed 2, held 2, gaps 0, decided false\nunread activity of \"acme/fleet\": 403\n"},
		"hooks that cannot be read": {func(o *audit.Observations) {
			o.Listings, o.Problems = nil, []string{"hooks of acme: 403"}
			o.Held = audit.Held{}
		}, "listed 0, held 0, gaps 0, decided false\n" +
			"unsettled refs/heads/main 1: not everything that could tell of it could be read\n" +
			"unsettled refs/heads/main 2: not everything that could tell of it could be read\nunread hooks of acme: 403\n"},
	} {
		t.Run(name, func(t *testing.T) {
			o := day()
			test.change(&o)
			o.Held.Receipts = map[audit.ReceiptKey]audit.Receipt{}
			for _, a := range o.Unasked() {
				o.Held.Receipts[audit.ReceiptKey{Hook: a.Hook.ID, Attempt: a.ID}] = audit.Receipt{Held: true}
			}
			if diff := cmp.Diff(test.want, brief(audit.Complete(o))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	o := day()
	o.Window.From = noon.AddDate(0, 0, -4)
	o.Listings[0].Ended = true
	o.Listings[0].Attempts = append(o.Listings[0].Attempts, lost("y", 700))
	o.Held.Deliveries[audit.DeliveryKey{Hook: 77, GUID: "x"}] = ago(300)
	const want = "GitHub lists 3 deliveries: 2 held (0 by redelivery), 1 missing; 0 pushes never sent; 1 held that GitHub does not list"
	if diff := cmp.Diff(want, audit.Complete(o).Summary()); diff != "" {
		t.Error(diff)
	}
}

// TestBeforeTheFirstHook: of a time in which nothing could be sent nothing is known.
func TestBeforeTheFirstHook(t *testing.T) {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	window := audit.Window{From: from, To: from.AddDate(0, 0, 2)}
	hook := func(id int64, created time.Time) audit.Listing {
		return audit.Listing{Hook: audit.Hook{ID: id, CreatedAt: created, Active: true, Events: []string{"*"}}}
	}
	for name, test := range map[string]struct {
		listings []audit.Listing
		decided  bool
	}{
		"an old hook":           {[]audit.Listing{hook(1, from.AddDate(-1, 0, 0))}, true},
		"a new one":             {[]audit.Listing{hook(1, from.Add(time.Hour))}, false},
		"a new one, and an old": {[]audit.Listing{hook(1, from.Add(time.Hour)), hook(2, from.AddDate(0, -1, 0))}, true},
	} {
		s := audit.Complete(audit.Observations{Window: window, Now: window.To, Retention: 72 * time.Hour, Listings: test.listings})
		if decided := len(s.Answer().Gaps) == 0; decided != test.decided {
			t.Errorf("%s: decided %t: %v", name, decided, s.Unread)
		}
	}
}
