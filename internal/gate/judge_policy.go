package gate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// commonImage is the image that all of the policies scan, if they agree.
func commonImage(policies []change.ImagePolicy) string {
	if len(policies) == 0 || slices.ContainsFunc(policies, func(p change.ImagePolicy) bool { return p.Image != policies[0].Image }) {
		return ""
	}
	if _, err := image.ParseName(strings.TrimPrefix(policies[0].Image, ociScheme)); err != nil {
		return "" // such as one that is filled in after the build
	}
	return policies[0].Image
}

// judgePolicies holds the new image against the ImagePolicies of the base. All
// that may be meant must agree. What is not settled is a gap: not found says
// nothing while something is unread.
func (j *judge) judgePolicies(u *joined, now image.Ref, terms policy.Terms, policies []change.ImagePolicy, settled bool) {
	switch {
	case !settled:
		if j.once("unsettled", u.Policy) {
			j.gaps = append(j.gaps, fmt.Sprintf("which ImagePolicy the marker %s means cannot be told: %d files or folders of the base were not "+
				"searched, such as %s",
				u.Policy, len(j.facts.Unsearched), text.Quote(j.facts.Unsearched[0])))
		}
	case len(policies) == 0:
		j.orphan(u, terms)
	case len(policies) > 1:
		places := text.Each(policies, change.ImagePolicy.Place)
		if j.once(append([]string{"ambiguous", u.Policy}, places...)...) {
			j.report(finding.Finding{Rule: "policy/ambiguous", Place: u.Place,
				Message: fmt.Sprintf("the base has %d different ImagePolicy objects %s, none nearer than the others: %s",
					len(policies), u.Policy, quoted(places)),
				Hint: "give them different names, or keep each beside the files that it is for; until then all of them must admit the tag"})
		}
	}
	for _, p := range policies {
		j.judgePolicy(u, now, p, terms)
	}
	j.written(u)
	if terms.Order != nil {
		order, _ := terms.Order.Compile()
		j.admitted(u, now, order, "the order in "+policy.File, policy.File)
	}
}

// orphan reports that the base has no ImagePolicy of the marker's name, where the policy
// file does not state its order.
func (j *judge) orphan(u *joined, terms policy.Terms) {
	if terms.Order != nil {
		return
	}
	f := finding.Finding{Rule: "policy/orphan-marker", Place: u.Place,
		Hint: "keep the ImagePolicy in this repository, or correct the marker on the base; if it lives elsewhere, " + orderHint(u)}
	if len(j.facts.Policies) == 0 { // once, not for every image
		if f.Place = (finding.Place{}); j.once("orphans") {
			f.Message = "the base has no ImagePolicy at all, so no new version is held against its range"
			f.Hint = "keep the ImagePolicies in this repository; if they live elsewhere, " + orderHint(u)
			j.report(f)
		}
		return
	}
	if !j.once("orphan", u.Policy) {
		return
	}
	f.Message = fmt.Sprintf("the base has no ImagePolicy %s, so the new version is not held against its range", u.Policy)
	if parts := j.lookup.Parts(u.Policy); len(parts) > 0 {
		f.Message = fmt.Sprintf("the base has only a part of the ImagePolicy %s, in %q: it puts tags in no order, or names no "+
			"ImageRepository, so that the whole is not known here", u.Policy, parts[0].Place())
		f.Hint = "keep the whole ImagePolicy in this repository, or the kustomization that completes it; else " + orderHint(u)
	}
	j.report(f)
}

// orderHint says how the policy file states the order of an ImagePolicy that is elsewhere.
func orderHint(u *joined) string {
	return fmt.Sprintf("add to images in %s: {policy: %s, reason: WHY, order: {filterTags: {pattern: PATTERN, extract: EXTRACT}, policy: "+
		"{numerical: {order: asc}}}}, with what it says there", policy.File, u.Policy)
}

// written reports a place that no automation of the base can have written, or none that is at work.
func (j *judge) written(u *joined) {
	some, all := j.lookup.Writers(u.Policy, u.File)
	switch {
	case len(some) > 0 && some[0].Halt == change.Suspended:
		j.stopped(u, some)
	case len(some) > 0:
		j.doubted(some)
	case len(all) > 0:
		var paths []string
		for _, a := range all {
			paths = append(paths, fmt.Sprintf("%q has update.path %q and namespace %q", a.Place(), a.Path, a.Namespace))
		}
		if j.once("written", u.Policy, u.File) {
			j.report(finding.Finding{Rule: "policy/outside-path", Place: u.Place,
				Message: fmt.Sprintf("no ImageUpdateAutomation of the base that pushes to this branch writes %s here: %s", u.Policy,
					text.Some(paths, 3)),
				Hint: "compare update.path and the namespaces on the base with the file and its marker"})
		}
	case len(j.facts.Unsearched) == 0 && j.once("no-automation"):
		j.report(finding.Finding{Rule: "policy/no-automation",
			Message: "the base has no ImageUpdateAutomation that pushes to this branch, so which places it may write is not known"})
	}
}

// doubted reports automations, of those that may write a place, where each may be another in the cluster.
func (j *judge) doubted(writers []change.Automation) {
	if slices.ContainsFunc(writers, func(a change.Automation) bool { return a.Unknown == "" && a.Halt == change.AtWork }) {
		return
	}
	for _, a := range writers {
		if j.once("doubted", a.Place()) {
			j.report(finding.Finding{Rule: "policy/no-automation", Severity: finding.Warning, Place: finding.Place{File: a.File, Line: a.Line},
				Message: fmt.Sprintf("whether the ImageUpdateAutomation %q is suspended, and which places it writes, is not known here: %s",
					a.Name, cmp.Or(a.Unknown, filledIn)),
				Hint: "compare it with the ImageUpdateAutomation in the cluster"})
		}
	}
}

// stopped reports that all automations which may write a place are suspended, while another one may push to the branch.
func (j *judge) stopped(u *joined, writers []change.Automation) {
	if j.facts.HeadRef == "" || len(j.facts.Stopped()) > 0 {
		return
	}
	for _, a := range writers {
		switch {
		case !j.once("stopped", a.Place()):
		case j.facts.Pushes(a):
			j.report(finding.Finding{Rule: "time/suspended", Place: finding.Place{File: a.File, Line: a.Line},
				Message: fmt.Sprintf("the ImageUpdateAutomation %q, which writes %s in %q, is suspended on the base", a.Name, u.Policy, u.File),
				Hint:    "let the update wait until the base resumes it"})
		case a.Branch+a.Refspec != "":
			j.gaps = append(j.gaps, fmt.Sprintf("whether Flux is suspended cannot be told: the ImageUpdateAutomation of %s is, and may be the one "+
				"that pushes to this branch", text.Quote(a.Place())))
		}
	}
}

func (j *judge) judgePolicy(u *joined, now image.Ref, p change.ImagePolicy, terms policy.Terms) {
	hint := "correct it on the base: Flux selects nothing with it"
	selector, err := p.Compile()
	if p.Unknown != "" || errors.Is(err, image.ErrSubstituted) {
		hint = "compare the new value with what the ImagePolicy in the cluster selects: nothing here is held against it; " + orderHint(u)
		if p.Unknown != "" {
			err = errors.New(p.Unknown)
		}
	}
	j.halted(u, p)
	if p.Unknown == "" {
		j.scans(u, now, p)
		if now.Digest != "" && !p.Reflects() && !strings.Contains(p.DigestReflection, "${") {
			j.outOfRange(u, "the new value has a digest, but the ImagePolicy reflects none, so Flux did not write it",
				"set digestReflectionPolicy in the ImagePolicy if digests are wanted")
		}
	}
	if err != nil {
		if j.once("invalid", p.Place()) {
			j.report(finding.Finding{Rule: "policy/invalid", Place: u.Place,
				Message: fmt.Sprintf("the ImagePolicy %s of %q cannot be used: %v", u.Policy, p.Place(), err), Hint: hint})
		}
		return
	}
	if p.Range == "" && terms.Versioning != image.ByPolicy && j.once("not-semver", p.Place()) {
		j.report(finding.Finding{Rule: "policy/not-semver", Place: u.Place,
			Message: fmt.Sprintf("the ImagePolicy %s orders tags by %s, which cannot tell a breaking step", u.Policy, orderName(p.Selector)),
			Hint: fmt.Sprintf("give it a semver range, or add to images in %s: {policy: %s, versioning: policy, reason: WHY}",
				policy.File, u.Policy)})
	}
	if !j.admitted(u, now, selector, "the ImagePolicy "+u.Policy, p.Place()) {
		return
	}
	if selector.AdmitsMajor(now.Tag) && j.once("breaking", p.Place()) {
		j.report(finding.Finding{Rule: "policy/breaking-range", Place: u.Place,
			Message: fmt.Sprintf("the range %q of ImagePolicy %s does not keep major versions out", p.Range, u.Policy),
			Hint:    "close it at the next major version, such as >=1.4.0 <2.0.0"})
	}
}

// filledIn is why nobody here can tell whether an object is suspended.
const filledIn = "spec.suspend holds a variable that Flux fills in after the build"

// halted reports an ImagePolicy that is suspended, or may be.
func (j *judge) halted(u *joined, p change.ImagePolicy) {
	switch {
	case p.Halt == change.AtWork || !j.once("suspended", p.Place()):
	case p.Halt == change.Suspended:
		j.report(finding.Finding{Rule: "time/suspended", Place: finding.Place{File: p.File, Line: p.Line},
			Message: fmt.Sprintf("the ImagePolicy %s, or its ImageRepository, is suspended on the base", u.Policy),
			Hint:    "let the update wait until the base resumes it"})
	default:
		j.report(finding.Finding{Rule: "policy/invalid", Place: finding.Place{File: p.File, Line: p.Line},
			Message: fmt.Sprintf("whether the ImagePolicy %s, or its ImageRepository, is suspended is not known here: %s", u.Policy,
				filledIn),
			Hint: "compare it with the ImagePolicy and the ImageRepository in the cluster"})
	}
}

// unknown tells whether an ImagePolicy of the base may be another in the cluster.
func unknown(p change.ImagePolicy) bool {
	return p.Unknown != "" || errors.Is(p.Check(), image.ErrSubstituted)
}

// admitted tells whether a selector takes the new tag, and reports where it does not.
func (j *judge) admitted(u *joined, now image.Ref, s image.Compiled, who, where string) bool {
	if now.Tag == "" {
		return false
	}
	ok, why := s.Admits(now.Tag)
	if !ok {
		j.outOfRange(u, fmt.Sprintf("%s does not select %s: %s", who, plainOrQuoted(now.Tag), why),
			fmt.Sprintf("compare the ImagePolicy in the cluster with %q on the base, and change the base's first if the tag is wanted", where))
	}
	return ok
}

func orderName(s image.Selector) string {
	if s.Numerical != "" {
		return "number"
	}
	return "alphabet"
}

func (j *judge) outOfRange(u *joined, message, hint string) {
	j.report(finding.Finding{Rule: "policy/out-of-range", Place: u.Place, Message: message, Hint: hint})
}

// scans reports an image that is not the one that the policy's ImageRepository
// scans.
func (j *judge) scans(u *joined, now image.Ref, p change.ImagePolicy) {
	scanned, err := image.ParseName(strings.TrimPrefix(p.Image, ociScheme))
	if p.Image == "" || err != nil || now.Name == "" {
		return
	}
	if now.Canonical() != scanned.Canonical() {
		j.outOfRange(u, fmt.Sprintf("the ImagePolicy %s scans %s, another image than %s", u.Policy, scanned.Name, plainOrQuoted(now.Name)),
			"compare the marker and the ImageRepository on the base")
	}
}

// forms reports values that do not fit their marker or their field, and
// returns those places whose value Flux cannot have written under the marker.
func (j *judge) forms(u *joined) []*spot {
	var misfits []*spot
	for _, s := range u.parts() {
		if !s.changed() {
			continue
		}
		if message := misfit(*s); message != "" {
			misfits = append(misfits, s)
			j.report(finding.Finding{Rule: "policy/form-mismatch", Severity: finding.Error, Place: s.place(), Message: message,
				Hint: "Flux does not write this here: restore the value, or give the marker the part that the field holds"})
			continue
		}
		if message := oddField(*s); message != "" {
			f := finding.Finding{Rule: "policy/form-mismatch", Place: s.place(), Message: message,
				Hint: "on the base, give the marker the part that the field holds: no suffix for a whole reference, else :tag, :name or :digest"}
			// Where the base has the same form already, it works for somebody.
			if image.LooksLikeRef(s.from) == image.LooksLikeRef(s.to) {
				f.Severity = finding.Warning
			}
			j.report(f)
		}
	}
	return misfits
}

// misfit says why Flux cannot have written a value under its marker, whatever
// the base has there.
func misfit(s spot) string {
	value := s.to
	switch s.Marker.Part {
	case "tag":
		if image.LooksLikeRef(value) {
			return fmt.Sprintf("the marker sets a tag, but the value is %q", value)
		}
	case "name":
		if ref, err := image.ParseRef(value); err == nil && cmp.Or(ref.Tag, ref.Digest) != "" {
			return fmt.Sprintf("the marker sets a name, but the value is %q", value)
		}
		if strings.HasPrefix(s.from, ociScheme) != strings.HasPrefix(value, ociScheme) {
			return fmt.Sprintf("the scheme %s was gained or lost: the value was %q and is %q", ociScheme, s.from, value)
		}
	case "digest":
		if value != "" && image.ParseDigest(value) != nil {
			return fmt.Sprintf("the marker sets a digest, but the value is %q", value)
		}
	default:
		if ref, err := image.ParseRef(value); err == nil && cmp.Or(ref.Tag, ref.Digest) == "" {
			return fmt.Sprintf("the marker sets a whole reference, but the value %q has neither tag nor digest", value)
		}
	}
	return ""
}

// oddField says why the value that Flux writes under a marker does not suit a
// field of this name.
func oddField(s spot) string {
	key := strings.ToLower(s.Key)
	tagField := strings.HasSuffix(key, "tag") || key == "version"
	switch {
	case s.Marker.Part == "" && tagField:
		return fmt.Sprintf("the field %q takes a tag, but its marker writes a whole reference", s.Key)
	case s.Marker.Part == "tag" && key == "image":
		return fmt.Sprintf("the field %q takes a whole reference, but its marker writes a bare tag", s.Key)
	}
	return ""
}
