package gate

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// reverted reports an update to what the base had at this place, and what a person
// took back since. A dated entry of the policy for the image lets it through.
func (j *judge) reverted(u *joined) {
	terms, entry := j.policy.TermsFor(u.Image, u.Policy, j.options.Now)
	if entry != nil && !entry.Until.IsZero() {
		return
	}
	for _, s := range u.parts() {
		if !s.changed() {
			continue
		}
		for _, step := range j.facts.Past.Steps {
			if step.Path != s.file || !j.takesBack(*s, step) || j.forward(u, *s, step, terms) {
				continue
			}
			if c := step.Commit; !j.isBot(c.Account) && !j.botHasPart(c) {
				j.report(finding.Finding{Rule: "time/reverted", Place: s.place(),
					Message: fmt.Sprintf("the base had %q here, and %s by %q took it back", s.to, commitNames([]string{c.SHA}), address(c.Author)),
					Hint: fmt.Sprintf("close the pull request, and narrow the ImagePolicy's range; where it is wanted again, add the image to "+
						"images in %s with a day in until", policy.File)})
				return
			}
			break // the bot itself, for the last time
		}
	}
}

// places are the values that a version of a file has at the place of a spot. Most
// versions never had the new one, and are not read for it.
func (j *judge) places(data []byte, s spot) (values []string) {
	if len(data) == 0 {
		return nil
	}
	fields, known := j.old[&data[0]]
	if !known {
		fields = manifest.Read(data).Fields
		j.old[&data[0]] = fields
	}
	for _, f := range fields {
		if f.Path == s.Path && f.Marker == s.Marker {
			values = append(values, f.Value)
		}
	}
	return values
}

// takesBack tells whether a step of the base takes a value away from its place.
func (j *judge) takesBack(s spot, step change.Step) bool {
	if !bytes.Contains(step.Before, []byte(s.to)) {
		return false
	}
	count := func(data []byte) (n int) {
		for _, v := range j.places(data, s) {
			if v == s.to {
				n++
			}
		}
		return n
	}
	return count(step.After) < count(step.Before)
}

// forward tells whether a step went on from the value to a later one: nothing is
// taken back by that.
func (j *judge) forward(u *joined, s spot, step change.Step, terms policy.Terms) bool {
	ref := func(value string) image.Ref {
		if s.Marker.Part == manifest.Tag {
			return image.Ref{Tag: value}
		}
		r, _ := image.ParseRef(value)
		return r
	}
	policies, _ := j.lookup.For(u.Policy, u.File)
	before := j.places(step.Before, s)
	after := slices.DeleteFunc(j.places(step.After, s), func(v string) bool { return slices.Contains(before, v) })
	return len(after) > 0 && !slices.ContainsFunc(after, func(v string) bool {
		next, _ := compareUnder(terms, ref(s.to), ref(v), policies)
		return !slices.Contains([]image.Kind{image.Patch, image.Minor, image.Major}, next.Kind)
	})
}

// past says how far back the base was looked at, where that was not as far as it is meant.
func (j *judge) past(updates []joined) {
	for i := range updates {
		j.reverted(&updates[i])
	}
	if cut := j.facts.Past.Cut; cut != "" && len(updates) > 0 {
		j.report(finding.Finding{Rule: "time/reverted", Severity: finding.Note,
			Message: "whether the base took a version back before was not looked at for 90 days: " + cut})
	}
}
