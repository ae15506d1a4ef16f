package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Judge attributes what the deliveries show to the bot's contract, and says
// what is wrong with the deliveries themselves. The order of the readings does
// not matter; entries that are no deliveries are passed over.
func Judge(readings []Reading, c Contract) Timeline {
	j := &judge{
		contract: c, earlier: map[[32]byte]ledger.Record{},
		bodies: map[[32]byte]ledger.Record{}, guids: map[guidKey]ledger.Record{}, uses: map[useKey]int{},
		began: map[int64]bool{},
	}
	readings = slices.DeleteFunc(slices.Clone(readings), func(r Reading) bool { return r.Record.Kind != ledger.Delivery })
	slices.SortFunc(readings, func(a, b Reading) int { return cmp.Compare(a.Record.Index, b.Record.Index) })
	before := 0
	for _, r := range readings {
		if r.Before {
			before++
			if _, seen := j.earlier[r.Record.BodyHash]; !seen {
				j.earlier[r.Record.BodyHash] = r.Record
			}
			continue
		}
		j.delivery(r)
		if !j.again(r) {
			j.act(r)
		}
	}
	t := j.timeline
	t.Answer, t.Deliveries = finding.Answered(j.findings, j.gaps()...), len(readings)-before
	if t.Deliveries == 0 {
		t.Gaps = append(t.Gaps, "there is no delivery at all: a webhook may be missing")
	}
	t.Days = totals(t.Uses, func(u Use) string { return u.Time.Format(time.DateOnly) })
	t.Events = totals(t.Uses, func(u Use) string { return u.Event })
	return t
}

func (j *judge) gaps() []string {
	var gaps []string
	if !j.contract.known() {
		gaps = append(gaps, "the policy names no account by its id, so that no use can be told from anybody else's doing: give the bot an id "+
			"under bots (`gh api users/LOGIN --jq .id` prints it)")
	}
	if j.nameless > 0 {
		gaps = append(gaps, fmt.Sprintf("deliveries that do not name the account that acted: %d; uses could be among them", j.nameless))
	}
	return gaps
}

type (
	guidKey struct{ hook, guid string }
	// useKey tells two deliveries of one event to different hooks to be one use.
	// The GUID is not signed, so all that the bodies say is compared.
	useKey struct {
		guid string
		body Body
	}
)

type judge struct {
	contract Contract
	timeline Timeline
	findings []finding.Finding
	bodies   map[[32]byte]ledger.Record // the first of each
	earlier  map[[32]byte]ledger.Record // the first of each before the window
	guids    map[guidKey]ledger.Record  // the first of each
	uses     map[useKey]int             // index in timeline.Uses, -1 for somebody else's doing
	began    map[int64]bool             // by repository: the bot did what GitHub's own runs follow from
	nameless int                        // deliveries that ought to name who acted, and do not
}

// report adds a finding of a rule.
func (j *judge) report(r Reading, rule, hint, format string, args ...any) {
	f := finding.New(rule, hint, format, args...)
	f.Entry = new(r.Record.Index)
	j.findings = append(j.findings, f)
}

// act attributes what the delivery shows: a use of the bot's, or somebody
// else's doing on the bot's branch.
func (j *judge) act(r Reading) {
	b := r.Body
	who, ok := j.who(b)
	if !ok {
		if b.Sender.ID == 0 && (b.Malformed != "" || kindOf(b.Event).branched) {
			j.nameless++
		}
		j.stranger(r)
		return
	}
	kind := kindOf(b.Event)
	if kind.follows != nil && kind.follows(b) && (j.contract.repository(b.Repository) || j.began[b.Repository.ID]) {
		j.timeline.Followed++
		return
	}
	key := useKey{r.Record.ID, b}
	if b.Run != 0 { // requested, in progress, completed: one use of each attempt
		key = useKey{body: Body{Repository: b.Repository, Run: b.Run, Attempt: b.Attempt, Cause: b.Cause, Sender: b.Sender}}
	}
	if at, seen := j.uses[key]; seen {
		j.timeline.Uses[at].Also = append(j.timeline.Uses[at].Also, r.Record.Index)
		return
	}
	u := Use{
		Index: r.Record.Index, Time: cmp.Or(b.Time, r.Record.Time).UTC(), Event: b.Event, Action: b.Action,
		Repository: b.Repository, Ref: b.Ref, Commit: b.After, Number: b.Number, Subject: b.Subject, Who: who,
		Attribution: Expected,
	}
	if u.Why = j.unexpected(r); len(u.Why) > 0 {
		u.Attribution = Unexpected
	}
	if kind.branched {
		j.began[b.Repository.ID] = true // which is a use already, and an unexpected one elsewhere
	}
	j.uses[key] = len(j.timeline.Uses)
	j.timeline.Uses = append(j.timeline.Uses, u)
}

// who is the account of the bot's that acted. The actor of a workflow run is
// only who began its first attempt.
func (j *judge) who(b Body) (Account, bool) {
	for _, a := range []Account{b.Sender, b.Triggering} {
		if j.contract.bot(a) {
			return a, true
		}
	}
	if b.Sender.ID == 0 && b.Triggering.ID == 0 && j.contract.bot(b.Actor) {
		return b.Actor, true
	}
	return Account{}, false
}

// stranger reports who is not the bot and pushes its branch, or has its name.
func (j *judge) stranger(r Reading) {
	b := r.Body
	namesake := j.contract.namesake(b.Sender)
	// A branch is deleted by whoever merges, and that brings nothing in.
	foreign := b.Event == "push" && !b.Deleted && j.contract.repository(b.Repository) && j.contract.branch(b.Ref)
	key := useKey{r.Record.ID, b}
	if _, told := j.uses[key]; told || !j.contract.known() || !namesake && !foreign {
		return
	}
	j.uses[key] = -1
	if namesake {
		j.report(r, "use/unknown-account", "find out who has the login now: gh api users/LOGIN --jq .id",
			"an account with the bot's login %s has another id, %d", b.Sender.Login, b.Sender.ID)
		return
	}
	who := "somebody whom GitHub does not name"
	if b.Sender.ID != 0 {
		who = fmt.Sprintf("%s (%d)", b.Sender.Login, b.Sender.ID)
	} else if b.Pusher != "" {
		who = fmt.Sprintf("%s, without an id,", b.Pusher)
	}
	j.report(r, "use/unknown-account", "ask what was pushed; a ruleset can keep the branch to the bot",
		"%s pushed the bot's branch %s of %s", who, short(b.Ref), b.Repository.Name)
}

// unexpected reports each way in which the bot's doing is outside its contract,
// and gives the reasons in short.
func (j *judge) unexpected(r Reading) []string {
	b, c := r.Body, j.contract
	var why []string
	say := func(rule, reason, hint, format string, args ...any) {
		why = append(why, reason)
		j.report(r, rule, hint, format, args...)
	}
	kind, action := b.Event, b.Action
	if dispatched(b) {
		kind, action = b.Cause, "" // started by hand, and not by a push or a pull request
	}
	if !c.event(kind, action) {
		say("use/unexpected-event", "event", "if the bot may do that, add the event to uses.events of the policy file; else replace its token",
			"the bot caused %s, which it is not expected to", dotted(kind, action))
	}
	if !c.repository(b.Repository) {
		say("use/unexpected-repository", "repository",
			"if the bot works there too, add it to uses.repositories of the policy file; else replace its token",
			"the bot caused %s in %s, where it has no business", dotted(kind, action), cmp.Or(b.Repository.Name, "no repository"))
	}
	if kindOf(b.Event).branched && b.Ref != "" && !c.branch(b.Ref) {
		say("use/unexpected-branch", "branch", "if the branch is the bot's, add it to uses.branches of the policy file; else replace its token",
			"the bot caused %s on %s, which is not one of its branches", dotted(kind, action), short(b.Ref))
		if b.Forced {
			say("use/forced-push", "forced", "look for the commits that were cut off: git fetch origin COMMIT still finds them for some time",
				"the bot's push rewrote %s: %s is no longer part of it", short(b.Ref), cmp.Or(b.Before, "an unknown commit"))
		}
	}
	if b.Workflow != "" {
		say("use/workflow-file", "workflow file", "read the push; what is below .github can run with the repository's secrets",
			"the bot pushed a change of %s", b.Workflow)
	}
	return why
}

func dotted(kind, action string) string { return strings.TrimSuffix(kind+"."+action, ".") }

func short(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
