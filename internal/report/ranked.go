package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// ofAKind is how many unexpected uses or findings of a kind are shown before the first ones of others.
const ofAKind = 3

// ranked puts what is unexpected first, and of that the first few of each kind, then those
// of each branch, before the many of any: who holds the token names branches and
// repositories as he likes, but GitHub the events. Then it goes by default branch, account,
// kind and branch.
func ranked(uses []audit.Use) []audit.Use {
	type place struct {
		audit.Use
		tier, other, kind, branch int
	}
	seen := map[string]*[2]int{} // by what a use is: its place among those, and how many there were
	of := func(parts ...any) *[2]int {
		key := fmt.Sprintf("%q", parts)
		if seen[key] == nil {
			seen[key] = &[2]int{len(seen)}
		}
		seen[key][1]++
		return seen[key]
	}
	var all []place
	for _, u := range uses {
		p := place{Use: u, tier: 3}
		if alarming(u.Attribution) {
			what := eventOf(u.Event, u.Action)
			branch, _, _ := strings.Cut(shownRef(u.Ref), "/")
			kind := of(u.Who.ID, what, u.Why, u.Default)
			group := of(u.Who.ID, what, u.Why, u.Default, u.Repository.ID, branch)
			p.kind, p.branch = kind[0], group[0]
			switch {
			case kind[1] <= ofAKind:
				p.tier = 0
			case group[1] <= ofAKind:
				p.tier = 1
			default:
				p.tier = 2
			}
			if !u.Default {
				p.other = 1
			}
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.other, b.other), cmp.Compare(a.kind, b.kind), cmp.Compare(a.branch, b.branch))
	})
	var sorted []audit.Use
	for _, p := range all {
		sorted = append(sorted, p.Use)
	}
	return sorted
}

// rank puts findings of one severity in the order of their uses; those of none come first.
// The first few of each rule come before the many of any.
func rank(findings []finding.Finding, uses []audit.Use) {
	at := map[int64]int{}
	for i, u := range uses {
		at[u.Index] = i + 1
	}
	type place struct {
		finding.Finding
		at, tier int
	}
	var all []place
	for _, f := range findings {
		p := place{Finding: f}
		if f.Entry != nil {
			p.at = at[*f.Entry]
		}
		all = append(all, p)
	}
	gravest := func(a, b place) int {
		switch {
		case a.Severity.Below(b.Severity):
			return 1
		case b.Severity.Below(a.Severity):
			return -1
		}
		return 0
	}
	byUse := func(a, b place) int { return cmp.Compare(a.at, b.at) }
	slices.SortStableFunc(all, byUse)
	count := map[string]int{}
	for i := range all {
		if count[all[i].Rule]++; count[all[i].Rule] > ofAKind {
			all[i].tier = 1
		}
	}
	slices.SortStableFunc(all, func(a, b place) int {
		return cmp.Or(gravest(a, b), cmp.Compare(a.tier, b.tier), byUse(a, b))
	})
	for i, p := range all {
		findings[i] = p.Finding
	}
}

// Filter picks what is shown of a timeline. The verdict is that of all.
type Filter struct {
	Unexpected bool // only uses that are
	// Repository and Account are names or ids, Event may have an action, Rule may be a
	// family.
	Repository, Account, Event, Rule string
}

// ParseFilter reads words such as "unexpected" and "event=push".
func ParseFilter(words []string) (Filter, error) {
	var f Filter
	fields := map[string]*string{"repository": &f.Repository, "account": &f.Account, "event": &f.Event, "rule": &f.Rule}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch field := fields[key]; {
		case word == "unexpected":
			f.Unexpected = true
		case field == nil || value == "":
			return f, fmt.Errorf("read --only: %q is none of unexpected, repository=, account=, event= and rule=", secret.Redact(word))
		default:
			*field = value
		}
	}
	return f, nil
}

func (f Filter) rule(name string) bool {
	return f.Rule == "" || name == f.Rule || strings.HasPrefix(name, f.Rule+"/")
}

func (f Filter) use(u audit.Use, found map[int64]bool) bool {
	is := func(want, name string, id int64) bool {
		return want == "" || strings.EqualFold(want, name) || want == strconv.FormatInt(id, 10)
	}
	return (!f.Unexpected || alarming(u.Attribution)) && is(f.Repository, u.Repository.Name, u.Repository.ID) &&
		is(f.Account, u.Who.Login, u.Who.ID) && (f.Event == "" || f.Event == u.Event || f.Event == eventOf(u.Event, u.Action)) &&
		(f.Rule == "" || found[u.Index])
}

// picked is the timeline with the uses that the filter shows, and what tells which
// findings are shown: those of the rule, and not those of what is left out.
func (t Timeline) picked(a finding.Answer) (Timeline, func(finding.Finding) bool) {
	found, hidden, used := map[int64]bool{}, map[int64]bool{}, map[int64]bool{}
	for _, f := range a.Findings {
		if f.Entry != nil && t.Only.rule(f.Rule) {
			found[*f.Entry] = true
		}
	}
	t.Audit.Uses = slices.DeleteFunc(slices.Clone(t.Audit.Uses), func(u audit.Use) bool {
		show := t.Only.use(u, found)
		used[u.Index] = true
		if !show {
			hidden[u.Index] = true
		}
		return !show
	})
	for index, of := range t.Audit.About { // what is no use, and was somebody else's doing
		if !used[index] && !t.Only.use(of, found) {
			hidden[index] = true
		}
	}
	return t, func(f finding.Finding) bool { return t.Only.rule(f.Rule) && (f.Entry == nil || !hidden[*f.Entry]) }
}

// redacted is the timeline without what looks like a credential: names and branches are
// other people's texts.
func (t Timeline) redacted() Timeline {
	t.Audit.Uses = slices.Clone(t.Audit.Uses)
	for i := range t.Audit.Uses {
		u := &t.Audit.Uses[i]
		for _, s := range []*string{&u.Event, &u.Action, &u.Repository.Name, &u.Ref, &u.Commit, &u.Subject, &u.Who.Login} {
			*s = secret.Redact(*s)
		}
	}
	t.Audit.Events = slices.Clone(t.Audit.Events)
	for i := range t.Audit.Events {
		t.Audit.Events[i].Name = secret.Redact(t.Audit.Events[i].Name)
	}
	return t
}

func redactedAnswer(a finding.Answer) finding.Answer {
	a.Findings, a.Gaps = slices.Clone(a.Findings), slices.Clone(a.Gaps)
	for i := range a.Findings {
		f := &a.Findings[i]
		f.Message, f.Hint = secret.Redact(f.Message), secret.Redact(f.Hint)
	}
	for i, gap := range a.Gaps {
		a.Gaps[i] = secret.Redact(gap)
	}
	return a
}
