package gate

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// judgeUpdate judges the step of one image and fills in its report.
func (j *judge) judgeUpdate(u *joined) {
	old := u.from()
	now, problems := u.to()
	misfits := j.forms(u)
	for _, p := range problems {
		if p.spot.changed() {
			j.illegal[u.File] = true
		}
		if !slices.Contains(misfits, p.spot) {
			j.report(finding.Finding{Rule: "version/malformed", Place: p.spot.place(),
				Message: fmt.Sprintf("the value %q is not legal: %v", p.spot.to, bare(p.err)),
				Hint:    "correct the value on the base, and look at the ImageRepository's image, which must not carry a tag"})
		}
	}
	policies, settled := j.lookup.For(u.Policy, u.File)
	u.Image = cmp.Or(now.Name, old.Name, commonImage(policies))
	if u.Image == "" {
		u.Image = j.unmarkedName(u)
	}
	step := j.steps(u, old, now, policies)
	if len(problems) > 0 {
		step.Kind = image.Incomparable
	}
	u.From, u.To, u.Step = version(old, step.Kind), version(now, step.Kind), string(step.Kind)
	u.FromDigest, u.ToDigest = old.Digest, now.Digest
	j.untagged(u)
	u.Orders = j.orders(u, old, policies)
	terms, _ := j.policy.TermsFor(u.Image, u.Policy, j.options.Now)
	j.judgePolicies(u, now, terms, policies, settled)
}

// orders are what the new version is held against; an image that takes another's name has the orders of both.
func (j *judge) orders(u *joined, old image.Ref, policies []change.ImagePolicy) []Order {
	out := []Order{}
	for _, p := range policies {
		said := p.String()
		if unknown(p) {
			said = "not known here"
		}
		out = append(out, Order{path.Join(p.Namespace, p.Name), p.File, p.Line, said})
	}
	for _, name := range []string{u.Image, cmp.Or(old.Name, u.Image)} {
		if terms, entry := j.policy.TermsFor(name, u.Policy, j.options.Now); entry != nil && terms.Order != nil {
			out = append(out, Order{"", policy.File, entry.Line, terms.Order.String()})
		}
	}
	return slices.Compact(out)
}

// bare is the cause alone, without the value, which the message quotes itself.
func bare(err error) error { return cmp.Or(errors.Unwrap(err), err) }

// steps holds the step against the terms. An image that takes another's name
// must satisfy the terms of both: else an override for the new name would let
// any image become it.
func (j *judge) steps(u *joined, old, now image.Ref, policies []change.ImagePolicy) image.Step {
	terms, _ := j.policy.TermsFor(u.Image, u.Policy, j.options.Now)
	step := j.step(u, old, now, terms, policies)
	if u.Image == "" {
		j.possible(u, old, now, terms.Allow, policies)
	}
	if old.Name != "" && old.Name != u.Image {
		terms, _ := j.policy.TermsFor(old.Name, u.Policy, j.options.Now)
		j.step(u, old, now, terms, policies)
	}
	return step
}

// possible notes as a gap that an entry of images may forbid the step, of which nobody here can tell whether it is for
// this image.
func (j *judge) possible(u *joined, old, now image.Ref, allowed []string, policies []change.ImagePolicy) {
	for _, o := range j.policy.Possible(u.Policy, j.options.Now) {
		step, _ := compareUnder(o.Terms, old, now, policies)
		strict := func(word string) bool { return !slices.Contains(o.Terms.Allow, word) && slices.Contains(allowed, word) }
		if (len(o.Terms.Allow) == 0 || slices.ContainsFunc(step.Words, strict)) && j.once("possible", u.Policy, fmt.Sprint(o.Line)) {
			j.gaps = append(j.gaps, fmt.Sprintf("whether the entry for %s in line %d of %s, which does not allow this step, is for the "+
				"images of policy %s cannot be told: their name is not known here; add an entry with policy: %s before it",
				text.Quote(o.Image), o.Line, policy.File, u.Policy, u.Policy))
		}
	}
}

// step names the step and reports what of it the terms do not allow.
func (j *judge) step(u *joined, old, now image.Ref, terms policy.Terms, policies []change.ImagePolicy) image.Step {
	step, known := compareUnder(terms, old, now, policies)
	why := ""
	if terms.Versioning == image.ByPolicy {
		why = "its ImagePolicy puts the two tags in no order"
	}
	if step.Kind == image.Same && len(step.Words) == 0 {
		// The text changed, or there were no update, and no reader can say how.
		step = image.Step{Kind: image.Incomparable, Words: []string{"incomparable"}}
		why = "the value changed, but not the image that it names"
	}
	if !known && old.Tag != now.Tag {
		j.unordered(u, old, now)
		step.Words = slices.DeleteFunc(step.Words, func(word string) bool { return word == "incomparable" })
	}
	frozen := len(terms.Allow) == 0
	if known && frozen && len(step.Words) == 0 {
		step.Words = []string{string(step.Kind)} // forward by the ImagePolicy's order
	}
	for _, word := range step.Words {
		if slices.Contains(terms.Allow, word) || word == "digest-gained" && !frozen && reflected(policies) {
			continue
		}
		message := stepMessage(u, old, now, word)
		if word == "incomparable" && why != "" {
			message += ": " + why
		}
		if at := u.at(word); j.once("step", at.File, fmt.Sprint(at.Line, at.Column), at.Path, message) {
			j.report(finding.Finding{Rule: "version/" + word, Place: at, Message: message, Hint: allowHint(u, terms, word)})
		}
	}
	j.skipped(u, old, now, step.SkippedMinors, terms.MinorSkip)
	j.digestKept(u, old, now)
	return step
}

// unordered notes as a gap that nobody here can tell whether the step goes forward.
func (j *judge) unordered(u *joined, old, now image.Ref) {
	if j.once("unordered", u.Policy, u.subject(), old.Tag, now.Tag) {
		j.gaps = append(j.gaps, fmt.Sprintf("whether %s goes forward from %s to %s cannot be told: its order is that of the ImagePolicy %s, "+
			"which is not known here; to state it, %s", u.subject(), named(old.Tag), named(now.Tag), u.Policy, orderHint(u)))
	}
}

// reflected tells whether Flux writes digests, by each ImagePolicy that may be meant.
func reflected(policies []change.ImagePolicy) bool {
	return len(policies) > 0 && !slices.ContainsFunc(policies, func(p change.ImagePolicy) bool { return !p.Reflects() || p.Unknown != "" })
}

// skipped reports minor versions that a step leaves out: more than the terms
// allow as the rule says, any at all as a note where they set no limit.
func (j *judge) skipped(u *joined, old, now image.Ref, skipped uint64, limit int) {
	if skipped == 0 || limit >= 0 && skipped <= uint64(limit) {
		return
	}
	f := finding.Finding{Rule: "version/minor-skip", Place: u.at("minor"),
		Message: fmt.Sprintf("%s goes from %s to %s and leaves out %s", u.subject(), named(old.Tag), named(now.Tag),
			text.Count(int(min(skipped, 1<<30)), "minor version")),
		Hint: "move through the versions in between, or raise minor-skip for this image"}
	if limit < 0 {
		f.Severity, f.Hint = finding.Note, "set limits: {minor-skip: 0} for images that must not skip any"
	}
	j.report(f)
}

// digestKept reports a new tag with the old digest, which pulls the old image.
func (j *judge) digestKept(u *joined, old, now image.Ref) {
	if old.Digest == "" || now.Digest != old.Digest || now.Tag == old.Tag {
		return
	}
	j.report(finding.Finding{Rule: "version/digest-kept", Place: u.Place,
		Message: fmt.Sprintf("%s goes to %s, but its digest stays at %s, so the old image is pulled", u.subject(), named(now.Tag),
			named(now.Digest)),
		Hint: "ask the registry for the new tag's digest and compare"})
}

// compareUnder compares in the way that the terms ask for. Where several
// ImagePolicies could be meant, what any of them says counts. Whether the order is
// known is told as well: an order that the policy file states is.
func compareUnder(terms policy.Terms, old, now image.Ref, policies []change.ImagePolicy) (step image.Step, known bool) {
	if terms.Versioning != image.ByPolicy {
		return image.Compare(old, now, terms.Versioning), true
	}
	var orders []image.Selector
	known = true
	for _, p := range policies {
		if unknown(p) {
			known = false
		} else {
			orders = append(orders, p.Selector)
		}
	}
	if terms.Order != nil {
		orders, known = append(orders, *terms.Order), true
	}
	if len(orders) == 0 {
		return image.Compare(old, now, image.ByPolicy), false
	}
	for i, order := range orders {
		next := image.CompareBy(old, now, order)
		if i == 0 || len(step.Words) == 0 && len(next.Words) > 0 {
			next.Words = union(next.Words, step.Words)
			step = next
			continue
		}
		step.Words = union(step.Words, next.Words)
		step.SkippedMinors = max(step.SkippedMinors, next.SkippedMinors)
	}
	return step, known
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, word := range b {
		if !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

func (u *joined) subject() string {
	if u.Image == "" {
		return "the image of policy " + u.Policy
	}
	return plainOrQuoted(u.Image)
}

// plainOrQuoted quotes outside text that may be odd.
func plainOrQuoted(s string) string {
	if _, err := image.ParseRef(s); err != nil && image.ParseTag(s) != nil && image.ParseDigest(s) != nil {
		return fmt.Sprintf("%q", s)
	}
	return s
}

func named(version string) string {
	if version == "" {
		return "no version"
	}
	return plainOrQuoted(version)
}

func stepMessage(u *joined, old, now image.Ref, word string) string {
	goes := fmt.Sprintf("%s goes from %s to %s", u.subject(), named(version(old, "")), named(version(now, "")))
	switch word {
	case "major", "minor", "patch":
		return goes + ", a " + word + " step"
	case "zero-minor":
		return goes + ", a minor step of a 0.x version, which may break its users"
	case "downgrade":
		return goes + ", a downgrade"
	case "prerelease":
		return goes + ", a prerelease"
	case "variant":
		return goes + ", another variant"
	case "prefix":
		return goes + ", which gains or loses the v"
	case "floating":
		return fmt.Sprintf("%s goes to %s, which does not stay the same image", u.subject(), named(version(now, "")))
	case "not-semver":
		return goes + ", which are not both semantic versions"
	case "digest-moved":
		return fmt.Sprintf("%s stays at %s, but its digest goes from %s to %s", u.subject(), named(now.Tag), named(old.Digest), named(now.Digest))
	case "digest-dropped":
		return fmt.Sprintf("%s goes to %s and loses its digest %s", u.subject(), named(now.Tag), named(old.Digest))
	case "digest-gained":
		return fmt.Sprintf("%s goes to %s and gains the digest %s, which alone decides what is pulled", u.subject(), named(now.Tag),
			named(now.Digest))
	case "image-changed":
		return fmt.Sprintf("the image %s becomes %s", plainOrQuoted(old.Name), plainOrQuoted(now.Name))
	case "incomparable":
		return goes + ", which cannot be put in order"
	}
	return goes + ", a " + word + " step"
}

// allowHint says what to add to the policy file to allow a kind of step.
func allowHint(u *joined, terms policy.Terms, word string) string {
	match := "policy: " + u.Policy
	if u.Image != "" && plainOrQuoted(u.Image) == u.Image {
		match = "match: " + u.Image
	}
	if word == "incomparable" {
		if terms.Versioning == image.ByPolicy {
			return "give the ImagePolicy on the base a filter and an order that take both tags; if what it says is elsewhere, " + orderHint(u)
		}
		return fmt.Sprintf("compare the two by hand; if an ImagePolicy puts them in order, add to images in %s: {%s, versioning: policy, "+
			"reason: WHY}", policy.File, match)
	}
	allow := strings.Join(append(slices.Clone(terms.Allow), word), ", ")
	hint := fmt.Sprintf("read what changed; to allow it, add to images in %s: {%s, allow: [%s], reason: WHY}", policy.File, match, allow)
	if word == "digest-gained" {
		hint = "if Flux is to write digests, set digestReflectionPolicy in the image's ImagePolicy on the base; else " + hint
	}
	if word == "not-semver" && terms.Versioning != image.ByPolicy {
		hint = fmt.Sprintf("if its ImagePolicy orders such tags, add to images in %s: {%s, versioning: policy, reason: WHY}", policy.File, match)
	}
	return hint
}

// images counts the images that move, each once in however many places and from however
// many versions, and those that go down in any.
func images(updates []Update) (all, down int) {
	falls := map[string]bool{}
	for _, u := range updates {
		name := cmp.Or(u.Image, u.Policy)
		falls[name] = falls[name] || u.Step == string(image.Downgrade)
	}
	for _, fell := range falls {
		if fell {
			down++
		}
	}
	return len(falls), down
}

// suspended reports that the base has stopped every automation that pushes to the
// change's branch: what is there was pushed before, and is to wait. What was not read
// could say so, and so could a patch, of which nobody knows here where it is applied.
func (j *judge) suspended(updates []Update) {
	for _, a := range j.facts.Stopped() {
		j.report(finding.Finding{Rule: "time/suspended", Place: finding.Place{File: a.File, Line: a.Line},
			Message: fmt.Sprintf("the ImageUpdateAutomation %q, which pushes to this branch, is suspended on the base", a.Name),
			Hint:    "let the update wait until the base resumes it"})
	}
	if n := len(j.facts.Unsearched); n > 0 && j.facts.HeadRef != "" && !j.facts.AtWork() {
		j.gaps = append(j.gaps, fmt.Sprintf("whether Flux is suspended cannot be told: no ImageUpdateAutomation that pushes to %s was "+
			"found, and %d files or folders of the base were not searched, such as %s",
			text.Quote(j.facts.HeadRef), n, text.Quote(j.facts.Unsearched[0])))
	}
	var meant []change.ImagePolicy
	for _, u := range updates {
		found, _ := j.lookup.For(u.Policy, u.File)
		meant = append(meant, found...)
	}
	for _, s := range j.facts.Doubts(meant) {
		j.gaps = append(j.gaps, fmt.Sprintf("whether Flux is suspended cannot be told: a kustomize patch in %q suspends the %s %s; write that "+
			"into the object itself", s.Place, cmp.Or(s.Kind, "object"), text.Quote(cmp.Or(s.Name, "of any name"))))
	}
}

// judgeWhole judges the updates together.
func (j *judge) judgeWhole(updates []Update) {
	all, down := images(updates)
	if all > j.policy.MaxUpdates {
		j.report(finding.Finding{Rule: "scope/too-many",
			Message: fmt.Sprintf("the change updates %d images, more than the %d that the policy allows", all, j.policy.MaxUpdates),
			Hint:    "merge in parts, or raise updates under limits in " + policy.File})
	}
	if n := len(j.facts.Unsearched); n > 0 && len(updates) > 0 {
		j.report(finding.Finding{Rule: "policy/unsearched",
			Message: fmt.Sprintf("%d files or folders of the base were not searched for ImagePolicy objects and markers", n),
			Hint:    "check a clone on disk as well: fluxkeeper check reads all of it"})
	}
	if down >= 3 && 2*down >= all {
		j.report(finding.Finding{Rule: "time/mass-regression",
			Message: fmt.Sprintf("%d of %d images go down at once, as when a registry answers with half of its tags", down, all),
			Hint:    "suspend the ImageUpdateAutomation and look at the ImageRepositories' last scans"})
	}
	j.suspended(updates)
	for _, o := range j.policy.Ended(j.options.Now) {
		for _, u := range updates {
			if o.Matches(u.Image, u.Policy) {
				j.report(finding.Finding{Rule: "policy/override-ended", Place: finding.Place{File: policy.File, Line: o.Line},
					Message: fmt.Sprintf("an entry for %s ended on %s and holds no more", cmp.Or(u.Image, u.Policy), o.Until.Format("2006-01-02")),
					Hint:    "remove the entry, or give it a new date and say why"})
				break
			}
		}
	}
}
