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
		contract: c, earlier: map[[32]byte]ledger.Record{}, bodies: map[[32]byte]ledger.Record{}, guids: map[guidKey]ledger.Record{},
		uses: map[useKey]int{}, began: map[int64]bool{}, runs: map[int64]bool{}, moved: map[string]bool{}, pushed: map[refKey]bool{},
		merges: map[string]bool{}, fresh: map[string]bool{}, odd: map[int64]bool{}, hosts: map[int64]bool{}, names: map[string]int64{},
		elsewhere: map[int64]*elsewhere{}, states: map[stateKey]string{}, verdicts: map[stateKey][]string{},
		hooks: map[string]bool{}, heads: map[refKey]map[string]bool{}, gates: map[int64]*gated{},
	}
	j.timeline.About = map[int64]Use{}
	readings = slices.DeleteFunc(slices.Clone(readings), func(r Reading) bool { return r.Record.Kind != ledger.Delivery })
	slices.SortFunc(readings, func(a, b Reading) int { return cmp.Compare(a.Record.Index, b.Record.Index) })
	before := 0
	for _, r := range readings {
		j.know(r.Body)
	}
	for _, r := range readings {
		if r.Before {
			before++
			if _, seen := j.earlier[r.Record.BodyHash]; !seen {
				j.earlier[r.Record.BodyHash] = r.Record
			}
			j.hooks[r.Record.Source] = true
			continue
		}
		j.delivery(r)
		if !j.again(r) {
			j.alarm(r)
			j.act(r)
			j.moves(r.Body)
		}
		j.hooks[r.Record.Source] = true
	}
	j.actedElsewhere()
	j.hours()
	j.refGaps(readings)
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
	return append(gaps, j.untold...)
}

// know notes what other deliveries are held against, in whichever order they came in.
func (j *judge) know(b Body) {
	if b.Event == "workflow_run" && b.Run != 0 {
		j.runs[b.Run] = true
	}
	for id := range strings.FieldsSeq(b.Fresh) {
		j.fresh[id] = true
	}
	j.knowGate(b)
	if b.Event == "push" && j.contract.bot(b.Sender) {
		j.moved[b.After], j.pushed[refKey{b.Repository.ID, b.Ref}] = true, true
	}
	if b.Merge != "" && j.contract.bot(b.Sender) && j.contract.event(b.Event, b.Action, b.Subject) {
		j.moved[b.Merge], j.merges[b.Merge] = true, true
	}
}

type (
	guidKey struct{ hook, guid string }
	refKey  struct {
		repository int64
		ref        string
	}
	// stateKey names a protection, a ruleset or a check of a repository.
	stateKey struct {
		repository int64
		name       string
	}
	// elsewhere counts uses in one repository.
	elsewhere struct {
		first Reading
		uses  int
	}
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
	untold   []string                   // gaps

	runs      map[int64]bool             // workflow runs that a delivery tells of
	pushed    map[refKey]bool            // refs that the bot moved
	moved     map[string]bool            // commits that the bot moved a ref to
	merges    map[string]bool            // commits that its merges became, where it may merge
	fresh     map[string]bool            // commits that steer GitHub and whose first push is here
	names     map[string]int64           // the repository that had a name first
	odd       map[int64]bool             // accounts whose kind was told of
	hosts     map[int64]bool             // repositories whose own runners were told of
	elsewhere map[int64]*elsewhere       // by repository: what the bot did where it has no business
	states    map[stateKey]string        // what a protection or a ruleset held when it was last seen
	verdicts  map[stateKey][]string      // who has given a verdict under the gate's name
	hooks     map[string]bool            // webhooks that something was heard of
	heads     map[refKey]map[string]bool // where refs were
	gates     map[int64]*gated           // by repository
}

// report adds a finding of a rule.
func (j *judge) report(r Reading, rule, hint, format string, args ...any) {
	f := finding.New(rule, hint, format, args...)
	f.Entry = new(r.Record.Index)
	b := r.Body
	j.timeline.About[r.Record.Index] = Use{Index: r.Record.Index, Event: b.Event, Action: b.Action, Repository: b.Repository, Who: b.Sender,
		Attribution: Unexpected}
	j.findings = append(j.findings, f)
}

// tell is report with where, when and at which commit it was.
func (j *judge) tell(r Reading, rule, hint, format string, args ...any) {
	j.report(r, rule, hint, format+" (%s)", append(args, when(r))...)
}
