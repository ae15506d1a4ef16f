package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Window is a span of time from From up to, not including, To.
type Window struct{ From, To time.Time }

// Contains says whether a time lies within the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Empty says that no time lies within the window.
func (w Window) Empty() bool { return !w.From.Before(w.To) }

// String is both ends in UTC.
func (w Window) String() string {
	return w.From.UTC().Format(time.RFC3339) + " to " + w.To.UTC().Format(time.RFC3339)
}

// RepositoryActivity is a repository's activity list, which GitHub keeps apart
// from deliveries, and for longer.
type RepositoryActivity struct {
	ID         int64
	Name       string // owner/name
	Activities []Activity
	// Problem says why the list could not be read; empty where it was.
	Problem string
}

// Observations are what a statement of completeness is made of.
type Observations struct {
	Window Window
	// Now is when the first of GitHub's lists was asked for.
	Now time.Time
	// Retention is how long GitHub lists deliveries: three days, or seven on
	// GitHub Enterprise Server.
	Retention time.Duration
	// Settle is how long an event may take to become a delivery. One that GitHub
	// puts off for longer seems never to have been emitted until it comes.
	Settle time.Duration
	// Listings are of the hooks that point here.
	Listings     []Listing
	Held         Held
	Repositories []RepositoryActivity
	// Told are pushes of missing deliveries, which GitHub showed one by one.
	Told []Push
	// Problems say what else could not be read, such as who has hooks.
	Problems []string
}

// Unlisted is a delivery that the ledger has, and GitHub does not list.
type Unlisted struct {
	DeliveryKey
	Time time.Time
}

// Differing is a delivery whose body is not what GitHub lists under its name.
type Differing struct {
	Delivery
	Said
}

// Untold is an activity that no delivery tells of.
type Untold struct {
	Repository int64
	Name       string // of the repository
	Activity
	Reason string
}

// Statement says how complete the record of a window is. Lists are sorted by
// time.
type Statement struct {
	Window    Window
	Listed    int         // deliveries that GitHub lists
	Held      int         // of these the ledger has
	Throttled int         // of those listed GitHub put off
	Recovered []Delivery  // held, and only since it was sent again
	Missing   []Delivery  // listed, and not held
	Unlisted  []Unlisted  // held, and not listed, although GitHub should
	Differing []Differing // held under a name that GitHub lists for something else
	// Confirmed counts our answers in GitHub's log that name an entry which is here,
	// Nameless those that name none, Unasked those that nobody has looked at.
	Confirmed, Nameless, Unasked int
	Removed                      []Receipt // name an entry that is not here
	// Expired is the part of the window that GitHub lists no more; what the
	// ledger has of it cannot be compared.
	Expired Window
	// NeverEmitted are activities that GitHub sent no delivery of.
	NeverEmitted []Untold
	// Unsettled are activities of which that cannot be said, with the reason.
	Unsettled []Untold
	// Unheard says why GitHub may not have told of all.
	Unheard []string
	// Unread says what could not be read.
	Unread []string
}

// Summary is what was counted, as one sentence.
func (s Statement) Summary() string {
	sentence := fmt.Sprintf("GitHub lists %d deliveries: %d held (%d by redelivery), %d missing; %d pushes never sent",
		s.Listed, s.Held, len(s.Recovered), len(s.Missing), len(s.NeverEmitted))
	if len(s.Unlisted) > 0 {
		sentence += fmt.Sprintf("; %d held that GitHub does not list", len(s.Unlisted))
	}
	if n := s.Confirmed + s.Nameless + len(s.Removed); n > 0 {
		sentence += fmt.Sprintf("; of %d of our answers in its log %d name an entry that is here, %d one that is not, %d none",
			n, s.Confirmed, len(s.Removed), s.Nameless)
	}
	return sentence
}

// clockSkew is how far GitHub's clock and the ledger's may be apart.
const clockSkew = time.Minute

// Complete compares what GitHub lists with what the ledger has. What cannot be
// told is said to be so.
func Complete(o Observations) Statement {
	s := Statement{Window: o.Window, Unread: slices.Clone(o.Problems)}
	reach := o.reach()
	s.Expired = Window{o.Window.From, reach}
	if o.Window.To.Before(reach) {
		s.Expired.To = o.Window.To
	}
	for _, l := range o.Listings {
		if l.Problem != "" {
			s.Unread = append(s.Unread, fmt.Sprintf("deliveries of hook %d: %s", l.Hook.ID, l.Problem))
		}
		s.compare(l, o, reach)
	}
	s.Unheard = o.anchors()
	s.receipts(o)
	byTime := func(a, b Delivery) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Hook, b.Hook), strings.Compare(a.GUID, b.GUID))
	}
	slices.SortFunc(s.Recovered, byTime)
	slices.SortFunc(s.Missing, byTime)
	slices.SortFunc(s.Unlisted, func(a, b Unlisted) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Hook, b.Hook), strings.Compare(a.GUID, b.GUID))
	})
	for _, r := range o.Repositories {
		if r.Problem != "" {
			s.Unread = append(s.Unread, fmt.Sprintf("activity of %q: %s", r.Name, r.Problem))
		}
		s.trace(r, o, reach)
	}
	untold := func(a, b Untold) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Activity.ID, b.Activity.ID))
	}
	slices.SortFunc(s.NeverEmitted, untold)
	slices.SortFunc(s.Unsettled, untold)
	return s
}

// reach is from when on all of GitHub's lists tell all that there was. GitHub's clock
// and ours differ, so that whoever asks for as much as it keeps gets that.
func (o Observations) reach() time.Time {
	reach := o.Window.From
	for _, l := range o.Listings {
		if l.Ended || l.Problem != "" {
			if kept := o.Now.Add(-o.Retention); kept.After(reach.Add(clockSkew)) && l.Hook.CreatedAt.Before(kept) {
				reach = kept
			}
		}
	}
	return reach
}

// compare holds one hook's list against the ledger.
func (s *Statement) compare(l Listing, o Observations, reach time.Time) {
	listed := map[string]bool{}
	for _, g := range groupAttempts(l, o.Held) {
		listed[g.GUID] = true
		if !o.Window.Contains(g.First) {
			continue
		}
		s.Listed++
		if g.throttled {
			s.Throttled++
		}
		if said, differs := g.differs(); differs {
			s.Differing = append(s.Differing, Differing{g.Delivery, said})
		}
		switch {
		case !g.held:
			s.Missing = append(s.Missing, g.Delivery)
			continue
		case !g.redelivered.IsZero() && !g.heldSince.Before(g.redelivered.Add(-clockSkew)):
			s.Recovered = append(s.Recovered, g.Delivery)
		}
		s.Held++
	}
	if l.Problem != "" {
		return
	}
	// What came in at the edges may have been sent before, or listed after.
	const edge = time.Hour
	sure := Window{reach.Add(edge), o.Now.Add(-o.Settle)}
	for key, at := range o.Held.Deliveries {
		if key.Hook == l.Hook.ID && key.Hook != 0 && !listed[key.GUID] && o.Window.Contains(at) && sure.Contains(at) {
			s.Unlisted = append(s.Unlisted, Unlisted{key, at})
		}
	}
}

// trace looks for a push of each of a repository's activities.
func (s *Statement) trace(r RepositoryActivity, o Observations, reach time.Time) {
	type move struct{ ref, before, after string }
	told := map[move]map[string]bool{} // to the GUIDs of the events
	shown := map[string]bool{}
	for i, p := range slices.Concat(o.Held.Pushes, o.Told) {
		if p.Repository != r.ID {
			continue
		}
		m := move{p.Ref, p.Before, p.After}
		if told[m] == nil {
			told[m] = map[string]bool{}
		}
		told[m][p.GUID] = true
		shown[p.GUID] = shown[p.GUID] || i >= len(o.Held.Pushes)
	}
	hidden := 0 // missing pushes of which nobody knows what they tell
	for _, d := range s.Missing {
		if d.Repository == r.ID && d.Event == "push" && !shown[d.GUID] {
			hidden++
		}
	}
	activities := slices.Clone(r.Activities)
	slices.SortStableFunc(activities, func(a, b Activity) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID)) })
	used := map[move]int{}
	for _, a := range activities {
		m := move{a.Ref, a.Before, a.After}
		if used[m]++; used[m] <= len(told[m]) || !o.Window.Contains(a.Time) {
			continue
		}
		reason, sure := o.whyUntold(r, a, reach, hidden)
		one := Untold{r.ID, r.Name, a, reason}
		if sure {
			s.NeverEmitted = append(s.NeverEmitted, one)
		} else {
			s.Unsettled = append(s.Unsettled, one)
		}
	}
}

// whyUntold says why there is no push of an activity, and whether that is sure.
func (o Observations) whyUntold(r RepositoryActivity, a Activity, reach time.Time, hidden int) (reason string, sure bool) {
	if a.Time.After(o.Now.Add(-o.Settle)) {
		return "its delivery may still be on its way", false
	}
	if len(o.Problems) > 0 {
		return "not everything that could tell of it could be read", false
	}
	hooks := o.Listings
	for _, may := range []struct {
		hear   func(Hook) bool
		reason string
	}{
		{func(h Hook) bool { return h.covers(r.Name) }, "no hook is set up on the repository, nor on its owner"},
		{func(h Hook) bool { return !h.CreatedAt.After(a.Time) }, "the hook did not exist yet"},
		{func(h Hook) bool { return slices.Contains(h.Events, "push") || slices.Contains(h.Events, "*") }, "the hook does not subscribe to push"},
		{func(h Hook) bool { return h.Active }, "the hook is not active"},
	} {
		hooks = slices.DeleteFunc(slices.Clone(hooks), func(l Listing) bool { return !may.hear(l.Hook) })
		if len(hooks) == 0 {
			return may.reason, true
		}
	}
	switch {
	case a.Time.Before(reach):
		return "GitHub no longer lists the deliveries of that time", false
	case slices.ContainsFunc(hooks, func(l Listing) bool { return l.Problem != "" }):
		return "the hook's deliveries could not be read", false
	case hidden > 0:
		return fmt.Sprintf("it may be one of the missing deliveries of push, %d of which nobody could look into", hidden), false
	case crowd(a, r.Activities) > most(a.Ref):
		return fmt.Sprintf("GitHub tells of no push that moves more than %d such refs at once", most(a.Ref)), true
	}
	return "GitHub lists no delivery of it", true
}

// covers says whether a hook hears of a repository. Which ones an app hears of
// is not known here; it is taken to hear of all.
func (h Hook) covers(repository string) bool {
	owner, _, _ := strings.Cut(repository, "/")
	return h.Scope == "app" || h.Scope == "repository" && strings.EqualFold(h.Owner, repository) ||
		h.Scope == "organization" && strings.EqualFold(h.Owner, owner)
}

// most is how many refs of a kind one push may move and still be told of
// (https://docs.github.com/webhooks/webhook-events-and-payloads#push).
func most(ref string) int {
	if strings.HasPrefix(ref, "refs/tags/") {
		return 3
	}
	return 5000
}

// crowd is how many refs of the same kind moved with an activity.
func crowd(a Activity, all []Activity) int {
	n := 0
	for _, b := range all {
		if b.ActorID == a.ActorID && b.Time.Equal(a.Time) && most(a.Ref) == most(b.Ref) {
			n++
		}
	}
	return n
}
