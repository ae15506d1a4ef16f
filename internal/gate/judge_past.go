package gate

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

// reverted reports an update to what the base had at this place, and what somebody else
// than the bot took back since. A dated entry of the policy for the image lets it through.
func (j *judge) reverted(u *joined) {
	terms, entry := j.policy.TermsFor(u.Image, u.Policy, j.options.Now)
	if entry != nil && !entry.Until.IsZero() {
		return
	}
	for _, s := range u.parts() {
		if !s.changed() {
			continue
		}
		if c, taken := j.takenBack(u, *s, terms); taken {
			j.report(finding.Finding{Rule: "time/reverted", Place: s.place(),
				Message: fmt.Sprintf("the base had %q here, and %s by %q took it back", s.to, commitNames([]string{c.SHA}), address(c.Author)),
				Hint: fmt.Sprintf("close the pull request, and narrow the ImagePolicy's range; where it is wanted again, add the image to "+
					"images in %s with a day in until", policy.File)})
			return
		}
	}
}

// TakenBack tells whether the change brings again what the base took back.
func (r Result) TakenBack() bool {
	return slices.ContainsFunc(r.Findings, func(f finding.Finding) bool {
		return f.Rule == "time/reverted" && !f.Severity.Below(finding.Error)
	})
}

// takenBack finds the last commit that took a new value away from its place, where no
// person set it again since. To go on to a later version takes nothing back, and what
// the bot itself gave up it may bring again.
func (j *judge) takenBack(u *joined, s spot, terms policy.Terms) (by change.Commit, taken bool) {
	text := []byte(cmp.Or(s.ref(s.to).Tag, s.to))
	for _, step := range j.facts.Past.Steps {
		if step.Path != s.file || !bytes.Contains(step.Before, text) && !bytes.Contains(step.After, text) {
			continue
		}
		before, after := j.values(step.Before, step.After, s)
		if lost, now := s.lost(before, after); lost {
			if !j.forward(u, s, now, terms) && !j.botMade(step.Commit) {
				return step.Commit, true
			}
		} else if set, _ := s.lost(after, before); set && j.personMade(step.Commit) {
			return by, false
		}
	}
	return by, false
}

// values are those that two versions of a file have at the place of a spot, in their order.
// Lists and markers change: the same marker elsewhere, or else another one on the same
// field, is the place where not both versions have something nearer.
func (j *judge) values(before, after []byte, s spot) (was, now []string) {
	for _, near := range []func(manifest.Field) bool{
		func(f manifest.Field) bool { return f.Path == s.Path && f.Marker == s.Marker },
		func(f manifest.Field) bool { return f.Marker == s.Marker },
		func(f manifest.Field) bool { return f.Path == s.Path && f.Marker.Part == s.Marker.Part },
	} {
		b, a := chosen(j.fields(before), near), chosen(j.fields(after), near)
		if len(b) > 0 && len(a) > 0 {
			return b, a
		}
		if len(was) == 0 {
			was = b
		}
		if len(now) == 0 {
			now = a
		}
	}
	return was, now
}

func chosen(fields []manifest.Field, such func(manifest.Field) bool) (values []string) {
	for _, f := range fields {
		if such(f) {
			values = append(values, f.Value)
		}
	}
	return values
}

// fields reads a version of a file, each once.
func (j *judge) fields(data []byte) []manifest.Field {
	if len(data) == 0 {
		return nil
	}
	fields, known := j.old[&data[0]]
	if !known {
		fields = manifest.Read(data).Fields
		j.old[&data[0]] = fields
	}
	return fields
}

// ref reads a value of the spot, as far as it names a version.
func (s spot) ref(value string) (r image.Ref) {
	switch s.Marker.Part {
	case manifest.Whole:
		r, _ = image.ParseRef(value)
	case manifest.Tag:
		_ = setTag(&r, value)
	}
	return r
}

// holds tells whether a value is the spot's new one: of an image's version with a digest
// and without it that is one and the same.
func (s spot) holds(value string) bool {
	a, b := s.ref(s.to), s.ref(value)
	return value == s.to || b.Tag != "" && a.Name == b.Name && a.Tag == b.Tag && (a.Digest == "" || b.Digest == "")
}

// lost tells whether the new value goes from one of the places, and what comes instead.
func (s spot) lost(before, after []string) (lost bool, now []string) {
	if len(before) == len(after) {
		for i := range before {
			if s.holds(before[i]) && !s.holds(after[i]) {
				now = append(now, after[i])
			}
		}
		return len(now) > 0, now
	}
	held := func(all []string) int { return len(all) - len(slices.DeleteFunc(slices.Clone(all), s.holds)) }
	now = slices.DeleteFunc(slices.Clone(after), func(v string) bool { return slices.Contains(before, v) })
	return held(after) < held(before), now
}

// forward tells whether all that came instead of the spot's new value is later.
func (j *judge) forward(u *joined, s spot, now []string, terms policy.Terms) bool {
	policies, _ := j.lookup.For(u.Policy, u.File)
	return len(now) > 0 && !slices.ContainsFunc(now, func(v string) bool {
		next, _ := compareUnder(terms, s.ref(s.to), s.ref(v), policies)
		return !slices.Contains([]image.Kind{image.Patch, image.Minor, image.Major}, next.Kind)
	})
}

// botMade tells whether a commit of the base is a bot's own, by the proof that the policy
// asks of a change. Who pushed it is not told any more: the account stands for that.
func (j *judge) botMade(c change.Commit) bool {
	least := j.policy.Evidence
	switch {
	case j.options.IgnoreIdentity, !least.Reaches(policy.EvidenceText):
		least = policy.EvidenceText
	case least == policy.EvidencePusher:
		least = policy.EvidenceAccount
	}
	checked, _ := signature.Check([]change.Commit{c}, j.policy.Keys(), j.options.Now)
	bot, _ := j.botOf(checked[0])
	return proven([]made{{checked[0], bot, committerFault(checked[0]) == ""}}).Reaches(least)
}

// personMade tells whether a commit of the base is no bot's in any part. Whose work a
// merge brings is not told by who made it.
func (j *judge) personMade(c change.Commit) bool {
	_, app := noreplyApp(address(c.Author))
	return !app && !j.botHasPart(c) && !j.isBot(c.Account) && !j.isBot(c.CommitterAccount) && len(c.Parents) < 2
}

// past judges what the base did before, and says how far back that was looked at.
func (j *judge) past(updates []joined) Lookback {
	for i := range updates {
		j.reverted(&updates[i])
	}
	past, before := j.facts.Past, ""
	looked := Lookback{Commits: past.Commits, Cut: past.Cut}
	if !past.Since.IsZero() {
		looked.Since, before = past.Since.UTC().Format(time.RFC3339), " before "+past.Since.UTC().Format(time.DateOnly)
	}
	if past.Cut != "" && len(updates) > 0 {
		j.report(finding.Finding{Rule: "time/reverted", Severity: finding.Note,
			Message: fmt.Sprintf("what the base took back%s was not looked for: %s", before, past.Cut)})
	}
	return looked
}
