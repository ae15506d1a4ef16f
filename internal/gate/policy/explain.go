package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Explain says in plain sentences, one a line, who may do what and where.
// The owner's own words are quoted and escaped. What has ended by now is marked.
func (p Policy) Explain(now time.Time) string {
	lines := []string{
		"Updates come from the branch " + list(p.Head) + ".",
		"They may go to " + cmp.Or(list(p.Base), "the default branch") + ".",
		"They may change " + cmp.Or(list(p.Paths), "any file") + ".",
		"They may change " + text.Count(p.MaxUpdates, "image") + " at most.",
	}
	for _, b := range p.Bots {
		lines = append(lines, "Commits may be made by "+b.explain()+".")
	}
	lines = append(lines, p.Evidence.explain(), p.explainOpeners(), p.explainPeople())
	if p.Title != "" {
		lines = append(lines, "The title of the pull request must match "+strconv.Quote(p.Title)+".")
	}
	lines = append(lines, "An image may take "+p.Terms.explain()+".")
	for _, o := range p.Overrides {
		if line := o.explain(); o.ended(now) {
			lines = append(lines, "ENDED, and holds no more: "+line)
		} else {
			lines = append(lines, line)
		}
	}
	lines = append(lines, fmt.Sprintf("A version that was taken back does not come again within %s, or %s to its file.",
		text.Count(p.Reverts.Days, "day"), text.Count(p.Reverts.Commits, "commit")))
	lines = append(lines, p.Contract().explain()...)
	for _, name := range slices.Sorted(maps.Keys(p.Rules)) {
		lines = append(lines, p.Rules[name].explain(name))
	}
	return strings.Join(lines, "\n") + "\n"
}

func (b Bot) explain() string {
	who := b.Name
	if b.Email != "" {
		who = strings.TrimSpace(who + " <" + b.Email + ">")
	}
	s := strconv.Quote(who)
	if b.ID != 0 {
		s += fmt.Sprintf(", GitHub account %q with id %d", b.Login, b.ID)
	}
	if len(b.Keys) > 0 {
		s += ", signed with " + text.Count(len(b.Keys), "pinned key")
	}
	return s
}

func (e Evidence) explain() string {
	switch e {
	case EvidenceNone:
		return "ATTENTION: nobody has to prove who made a commit."
	case EvidenceText:
		return "The names and e-mails of a commit must match; anybody can write those."
	case EvidenceAccount:
		return "GitHub must match a commit to the bot's account, by its id."
	case EvidenceSignature:
		return "Every commit must have a verified signature."
	case EvidenceKey:
		return "Every commit must have a verified signature by a pinned key."
	case EvidencePusher:
		return "GitHub must name the bot's account as the one that pushed."
	}
	return "The evidence must be " + strconv.Quote(string(e)) + "."
}

func (p Policy) explainOpeners() string {
	if len(p.Openers) == 0 {
		return "Anyone may open the pull request."
	}
	return "The pull request may be opened by the bots, or by " + accounts(p.Openers) + "."
}

func (p Policy) explainPeople() string {
	s := "People may move what Flux sets: their pull requests are not judged, with a warning for each place."
	if p.People == PeopleRefuse {
		s = "People may not move what Flux sets."
	}
	if len(p.Others) == 0 {
		return s + " No other bot may."
	}
	return s + " Of other bots, " + accounts(p.Others) + " may."
}

func accounts(all []change.Account) string {
	return join(text.Each(all, func(a change.Account) string { return fmt.Sprintf("%q with id %d", a.Login, a.ID) }), "or")
}

func (t Terms) explain() string {
	if len(t.Allow) == 0 {
		return "no step at all"
	}
	steps := "these steps only: " + join(t.Allow, "and")
	switch t.Versioning {
	case image.Calendar:
		steps += ", by the calendar, where a new year is no breaking change"
	case image.ByPolicy:
		steps += ", forward in the order of its own ImagePolicy"
	}
	if o := t.Order; o != nil {
		steps += ", in the order " + o.String()
	}
	if t.MinorSkip >= 0 && slices.Contains(t.Allow, "minor") {
		steps += "; a minor step may leave out " + text.Count(t.MinorSkip, "minor version")
	}
	return steps
}

func (o Override) explain() string {
	var what []string
	if o.Image != "" {
		what = append(what, "image "+strconv.Quote(o.Image))
	}
	if o.Policy != "" {
		what = append(what, "ImagePolicy "+strconv.Quote(o.Policy))
	}
	s := "The " + strings.Join(what, " with ") + " may take " + o.Terms.explain()
	if !o.Until.IsZero() {
		s += ", until the end of " + o.Until.Format(time.DateOnly)
	}
	return s + ", because " + strconv.Quote(o.Reason) + "."
}

func (u Uses) explain() []string {
	lines := []string{
		"The bots' accounts may be used in " + cmp.Or(list(u.Repositories), "any repository") +
			", on the branch " + list(u.Branches) + ".",
		"They may cause the events " + join(u.Events, "and") + ".",
	}
	var most []string
	for _, event := range slices.Sorted(maps.Keys(u.Limits)) {
		most = append(most, fmt.Sprintf("%d of %s", u.Limits[event], event))
	}
	lines = append(lines, "They may cause at most "+join(most, "and")+" in an hour.")
	if u.Hours != nil {
		lines = append(lines, "They may act "+u.Hours.String()+".")
	}
	if len(u.Workflows) > 0 {
		lines = append(lines, "Of workflows, Flux may update the images in "+list(u.Workflows)+" alone, for which its token needs a permission.")
	}
	return lines
}

func (s Setting) explain(name string) string {
	sentence := fmt.Sprintf("The rule %s has the severity %s", name, s.Severity)
	rule, known := finding.Lookup(name)
	if known && rule.Severity != s.Severity {
		sentence += " instead of " + string(rule.Severity)
	}
	if s.Reason != "" {
		sentence += ", because " + strconv.Quote(s.Reason)
	}
	if s.Severity.Below(finding.Natural(name)) && loadBearing(name) {
		return "ATTENTION: " + sentence + ". WITHOUT IT AN UPDATE CAN CARRY MORE THAN IMAGES."
	}
	return sentence + "."
}

// loadBearing tells whether the proof that nothing else changed rests on the
// rule: residue is what is left of a change when the images are taken out,
// and the yaml rules refuse what two readers would read differently.
func loadBearing(name string) bool {
	return name == "scope/residue" || strings.HasPrefix(name, "yaml/")
}

func list(patterns []string) string {
	return join(text.Each(patterns, strconv.Quote), "or")
}

func join(words []string, last string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
	}
	return strings.Join(words, "")
}
