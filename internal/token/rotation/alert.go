package rotation

import (
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// mourning is how long an expired token is told of: a repository that has none since
// does without.
const mourning = 30 * 24 * time.Hour

// RuleOverdue is the rule of an old token that outlived its overlap.
const RuleOverdue = "rotation/overdue"

// Alert is a finding about a rotation on record, or about the token that it stored.
type Alert struct {
	finding.Finding
	// New is the rotation's new token, by its hashed_token.
	New string
	// Repositories are what that token is for, or would be.
	Repositories []string
	// Reminder is the one that is due, 30, 14, 7 or 1 days before the token's end; 0
	// where the alert is about something else.
	Reminder int
}

// Alerts are what there is to say of the rotations at a time, gravest first. It goes
// by the record alone: what was done past it is not seen. An old token counts as
// dead where it is the one that GitHub was just seen not to take (by its
// hashed_token; empty where nobody asked).
func Alerts(all []Rotation, now time.Time, dead string) []Alert {
	var alerts []Alert
	add := func(d Rotation, reminder int, rule, hint, format string, args ...any) {
		alerts = append(alerts, Alert{finding.New(rule, hint, format, args...), d.New, d.Repositories, reminder})
	}
	for _, d := range Live(all) {
		again := "make a new token and give it to `" + d.command("start") + "`"
		if d.Expires.IsZero() {
			add(d, 0, "rotation/expiry-unknown", "look its end up on the page of the token's settings; or "+again,
				"it is not on record when %s expires: nobody is reminded of it", d.subject())
			continue
		}
		if rule, when := token.Expiring(d.Expires, now); rule == "expired" && now.Sub(d.Expires) < mourning {
			add(d, 0, "token/"+rule, again, "%s %s", d.subject(), when)
		} else if rule != "" && rule != "expired" {
			add(d, token.Reminder(d.Expires, now), "token/"+rule, again, "%s %s", d.subject(), when)
		}
	}
	for _, d := range last(all, Rotation.touched) {
		if d.Stored.IsZero() && (d.Expires.IsZero() || now.Before(d.Expires)) {
			add(d, 0, "rotation/unstored", "give it to `"+d.command("start")+
				"` once more, with its places; or delete it in GitHub's settings and begin anew",
				"a new token for %s was checked on %s, and is not on record as stored", d.names(), text.Minute(d.Started))
		}
	}
	for _, d := range all {
		s := Observation{Now: now}
		if dead != "" && dead == d.Old {
			s.Old = token.BadCredentials
		}
		if d.Old != "" && d.Stand(s).Stage == Overdue {
			finish := d.command("finish")
			add(d, 0, RuleOverdue, "see that Flux works with the new token; then run `"+finish+
				" --revoke`, or delete the old one in GitHub's settings and run `"+finish+"`, with --deleted where nobody has its text any more",
				"both tokens for %s work since %s, longer than %.0f hours: the old one (hashed_token %s) is not known to be dead",
				d.names(), text.Minute(d.Stored), Overlap.Hours(), d.Old)
		}
	}
	slices.SortStableFunc(alerts, func(a, b Alert) int { return finding.Compare(a.Finding, b.Finding) })
	return alerts
}

// Live are the rotations whose new tokens the repositories have now by the record:
// the one that was stored last for each, with the repositories that this is so for.
func Live(all []Rotation) []Rotation {
	return last(all, func(d Rotation) time.Time { return d.Stored })
}

// Newest is the rotation that was brought on last, of a repository or, where that is
// empty, of all; false where there is none.
func Newest(all []Rotation, repository string) (Rotation, bool) {
	of := slices.DeleteFunc(slices.Clone(all), func(d Rotation) bool {
		return repository != "" && !d.of(repository)
	})
	if len(of) == 0 {
		return Rotation{}, false
	}
	return slices.MaxFunc(of, func(a, b Rotation) int { return a.touched().Compare(b.touched()) }), true
}

// touched is when somebody last brought the rotation on.
func (d Rotation) touched() time.Time {
	if d.Stored.After(d.Started) {
		return d.Stored
	}
	return d.Started
}

// last are the rotations that are the last of a repository by a time; those without
// one do not count.
func last(all []Rotation, by func(Rotation) time.Time) []Rotation {
	all = slices.DeleteFunc(slices.Clone(all), func(d Rotation) bool { return by(d).IsZero() })
	slices.SortStableFunc(all, func(a, b Rotation) int { return by(a).Compare(by(b)) })
	var out []Rotation
	taken := map[string]bool{}
	for _, d := range slices.Backward(all) {
		var own []string
		for _, full := range d.Repositories {
			if name := strings.ToLower(full); !taken[name] {
				taken[name] = true
				own = append(own, full)
			}
		}
		if len(own) > 0 {
			d.Repositories = own
			out = append(out, d)
		}
	}
	return out
}

// of says whether the rotation is of a repository.
func (d Rotation) of(repository string) bool { return among(d.Repositories, repository) }

func among(repositories []string, repository string) bool {
	return slices.ContainsFunc(repositories, func(full string) bool { return strings.EqualFold(full, repository) })
}

// names are the repositories in a sentence.
func (d Rotation) names() string { return text.Some(d.Repositories, 5) }

func (d Rotation) subject() string { return "the token for " + d.names() }

// command is a step of the rotation as it is typed in a shell for these repositories and
// places, which are outside text. All but the first step know the repositories by one
// of them.
func (d Rotation) command(step string) string {
	line := "fluxkeeper-receiver rotate " + step
	for i, full := range d.Repositories {
		if i == 0 || step == "start" {
			line += " --repo " + quoted(full)
		}
	}
	for _, p := range d.Places {
		switch kind, name, within := p.slot(); {
		case kind == "secret":
			line += " --cluster-secret " + quoted(name)
		case kind == "esc" && within == usualPath:
			line += " --esc " + quoted(name)
		case kind == "esc":
			line += " --esc " + quoted(name) + " --esc-path " + quoted(within)
		}
	}
	return line
}

// usualPath is where an environment has the token if --esc-path does not say so.
const usualPath = "github.token"

// quoted is a text as one word of a shell's command.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@:-") == "" && word[0] != '-' {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// slot takes Where apart: what kind of place it is, which environment or Secret, and
// where in it.
func (p Place) slot() (kind, name, within string) {
	kind, rest, _ := strings.Cut(p.Where, " ")
	name, within, _ = strings.Cut(rest, " ")
	return kind, name, within
}
