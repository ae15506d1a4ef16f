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

// ofAKind is how many unexpected uses of a kind are shown before the first ones of others.
const ofAKind = 3

// ranked puts what is unexpected first, by branch and account, and the first few of each
// kind before the many of any: noise is not to bury an act.
func ranked(uses []audit.Use) []audit.Use {
	type place struct {
		audit.Use
		calm, later, kind int
	}
	kinds, count := map[string]int{}, map[string]int{}
	var all []place
	for _, u := range uses {
		p := place{Use: u, calm: 1}
		if alarming(u.Attribution) {
			branch, _, _ := strings.Cut(shownRef(u.Ref), "/")
			key := fmt.Sprint(u.Repository.ID, " ", u.Who.ID, " ", branch, " ", eventOf(u.Event, u.Action))
			if _, known := kinds[key]; !known {
				kinds[key] = len(kinds) + 1
			}
			count[key]++
			p.calm, p.kind = 0, kinds[key]
			p.later = map[bool]int{true: 1}[count[key] > ofAKind]
			if branch == "main" || branch == "master" {
				p.kind = 0
			}
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.calm, b.calm), cmp.Compare(a.later, b.later), cmp.Compare(a.kind, b.kind))
	})
	var sorted []audit.Use
	for _, p := range all {
		sorted = append(sorted, p.Use)
	}
	return sorted
}

// rank puts findings of one severity in the order of their uses; those of none come first.
func rank(findings []finding.Finding, uses []audit.Use) {
	at := map[int64]int{}
	for i, u := range uses {
		at[u.Index] = i + 1
	}
	order := func(f finding.Finding) int {
		if f.Entry == nil {
			return 0
		}
		return at[*f.Entry]
	}
	slices.SortStableFunc(findings, func(a, b finding.Finding) int {
		switch {
		case a.Severity.Below(b.Severity):
			return 1
		case b.Severity.Below(a.Severity):
			return -1
		}
		return cmp.Compare(order(a), order(b))
	})
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
