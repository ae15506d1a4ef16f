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
	return policies[0].Image
}

// judgePolicies holds the new image against the ImagePolicies of the base. All
// that may be meant must agree. What is not settled is a gap: not found says
// nothing while something is unread.
func (j *judge) judgePolicies(u *joined, now image.Ref, policies []change.ImagePolicy, settled bool) {
	switch {
	case !settled:
		if j.once("unsettled", u.Policy) {
			j.gaps = append(j.gaps, fmt.Sprintf("which ImagePolicy the marker %s means cannot be told: %d files or folders of the base were not "+
				"searched, such as %s",
				u.Policy, len(j.facts.Unsearched), text.Quote(j.facts.Unsearched[0])))
		}
	case len(j.facts.Policies) == 0: // once, not for every image
		if j.once("orphans") {
			j.report(finding.Finding{Rule: "policy/orphan-marker",
				Message: "the base has no ImagePolicy at all, so no new version is held against its range",
				Hint:    "keep the ImagePolicies in this repository"})
		}
	case len(policies) == 0:
		if parts := j.lookup.Parts(u.Policy); len(parts) > 0 && j.once("orphan", u.Policy) {
			j.report(finding.Finding{Rule: "policy/orphan-marker", Place: u.Place,
				Message: fmt.Sprintf("the base has only a part of the ImagePolicy %s, in %q: it puts tags in no order, or names no ImageRepository",
					u.Policy, parts[0].Place()),
				Hint: "keep the whole ImagePolicy in one file of this repository"})
		} else if j.once("orphan", u.Policy) {
			j.report(finding.Finding{Rule: "policy/orphan-marker", Place: u.Place,
				Message: fmt.Sprintf("the base has no ImagePolicy %s, so the new version is not held against its range", u.Policy),
				Hint:    "keep the ImagePolicy in this repository, or correct the marker on the base"})
		}
	case len(policies) > 1:
		places := text.Each(policies, change.ImagePolicy.Place)
		if j.once(append([]string{"ambiguous", u.Policy}, places...)...) {
			j.report(finding.Finding{Rule: "policy/ambiguous", Place: u.Place,
				Message: fmt.Sprintf("the base has %d different ImagePolicy objects %s, none nearer than the others: %s",
					len(policies), u.Policy, quoted(places)),
				Hint: "give them different names, or keep each beside the files that it is for; until then all of them must admit the tag"})
		}
	}
	terms, _ := j.policy.TermsFor(u.Image, u.Policy, j.options.Now)
	for _, p := range policies {
		j.judgePolicy(u, now, p, terms.Versioning == image.ByPolicy)
	}
}

func (j *judge) judgePolicy(u *joined, now image.Ref, p change.ImagePolicy, byPolicy bool) {
	j.scans(u, now, p)
	if p.Suspended && j.once("suspended", p.Place()) {
		j.report(finding.Finding{Rule: "time/suspended", Place: finding.Place{File: p.File, Line: p.Line},
			Message: fmt.Sprintf("the ImagePolicy %s, or its ImageRepository, is suspended on the base", u.Policy),
			Hint:    "let the update wait until the base resumes it"})
	}
	if now.Digest != "" && !p.Reflects() {
		j.outOfRange(u, "the new value has a digest, but the ImagePolicy reflects none, so Flux did not write it",
			"set digestReflectionPolicy in the ImagePolicy if digests are wanted")
	}
	if err := p.Check(); err != nil {
		hint := "correct it on the base: Flux selects nothing with it"
		if errors.Is(err, image.ErrSubstituted) {
			hint = "compare the new value with what the ImagePolicy in the cluster selects: nothing here is held against it"
		}
		if j.once("invalid", p.Place()) {
			j.report(finding.Finding{Rule: "policy/invalid", Place: u.Place,
				Message: fmt.Sprintf("the ImagePolicy %s of %q cannot be used: %v", u.Policy, p.Place(), err), Hint: hint})
		}
		return
	}
	if p.Range == "" && !byPolicy && j.once("not-semver", p.Place()) {
		j.report(finding.Finding{Rule: "policy/not-semver", Place: u.Place,
			Message: fmt.Sprintf("the ImagePolicy %s orders tags by %s, which cannot tell a breaking step", u.Policy, orderName(p.Selector)),
			Hint: fmt.Sprintf("give it a semver range, or add to images in %s: {policy: %s, versioning: policy, reason: WHY}",
				policy.File, u.Policy)})
	}
	if now.Tag == "" {
		return
	}
	if ok, why := p.Admits(now.Tag); !ok {
		j.outOfRange(u, fmt.Sprintf("the ImagePolicy %s does not select %s: %s", u.Policy, plainOrQuoted(now.Tag), why),
			fmt.Sprintf("compare the ImagePolicy in the cluster with %q on the base, and change the base's first if the tag is wanted", p.Place()))
		return
	}
	if p.AdmitsMajor(now.Tag) && j.once("breaking", p.Place()) {
		j.report(finding.Finding{Rule: "policy/breaking-range", Place: u.Place,
			Message: fmt.Sprintf("the range %q of ImagePolicy %s does not keep major versions out", p.Range, u.Policy),
			Hint:    "close it at the next major version, such as >=1.4.0 <2.0.0"})
	}
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
