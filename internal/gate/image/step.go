package image

import (
	"cmp"
	"slices"

	"github.com/Masterminds/semver/v3"
)

// gravity lists the words of steps, gravest first, and the kind that each one
// gives a step. Three words come beside a kind: the image's name, the v and
// the digest change independently of the version.
func gravity() [15]struct {
	word string
	kind Kind
} {
	return [...]struct {
		word string
		kind Kind
	}{
		{"image-changed", ""},
		{"downgrade", Downgrade},
		{"floating", Incomparable},
		{"incomparable", Incomparable},
		{"not-semver", Incomparable},
		{"variant", Variant},
		{"prerelease", Prerelease},
		{"major", Major},
		{"zero-minor", Minor},
		{"digest-dropped", ""},
		{"digest-moved", ""},
		{"digest-gained", ""},
		{"prefix", ""},
		{"minor", Minor},
		{"patch", Patch},
	}
}

// Compare names the step from old to new.
//
// The words say everything that happened, the kind what is gravest of what
// happened to the version:
//
//   - Equal in name, tag and digest: Same, no words.
//   - The names differ in a single byte: image-changed, besides the step of the
//     tags. With the tags equal the kind is Incomparable. Names are compared
//     only when both are known.
//   - Versions of three numbers: the first number that rises gives major,
//     minor or patch; minor is zero-minor while the major number is 0. Any
//     that falls first gives downgrade, and then nothing about which one.
//   - Prereleases (see suffix for the table): a new version that is one has
//     prerelease, besides the step of the numbers. From a prerelease to its
//     release is patch, to a later release the step of the numbers. Between
//     prereleases of one version the precedence that Flux knows decides on
//     downgrade, so rc10 after rc9 is one.
//   - Variants: another, a lost, a new or an older one has variant, besides the
//     step of the numbers. A variant whose own version moves on is part of the
//     step; when the numbers are equal it is a patch (see compareVariants).
//   - A v gained or lost: prefix, besides the rest; alone, the kind is Same.
//   - The same version spelled otherwise (build metadata, separators):
//     incomparable.
//   - A side that is not a version of three numbers, or one of them with a zero in
//     front, which semantic versioning does not know: not-semver. Where both
//     begin with dotted numbers that fall, downgrade. Numbers beyond 64 bits:
//     incomparable.
//   - The new tag moves: floating (see isFloating).
//   - Tags equal, digests not: kind Digest, with digest-moved, digest-dropped
//     where the new one has none, or digest-gained where the old one had none.
//     When the tag changes as well, it is no move, since the digest has to.
//
// Calendar takes tags that begin with a year (see parseCalendar). The same
// holds for them, but the first two numbers that rise give minor, which skips
// nothing, and later ones patch. Other versionings are incomparable here.
//
// Compare takes any text for tags and digests; it does not check them. Tags of
// more than 256 bytes, which Flux does not read either, are incomparable.
func Compare(old, new Ref, v Versioning) Step {
	return compare(old, new, func() tagStep {
		switch v {
		case Semver:
			if trimV(old.Tag) != trimV(new.Tag) && (zeroPadded(old.Tag) || zeroPadded(new.Tag)) {
				return compareShapes(old.Tag, new.Tag)
			}
			return compareSemver(old.Tag, new.Tag)
		case Calendar:
			return compareCalendar(old.Tag, new.Tag)
		}
		return tagStep{words: []string{"incomparable"}}
	})
}

// tagStep is what happened between two tags that differ. The words are in any
// order.
type tagStep struct {
	kind    Kind // where the words give none
	words   []string
	skipped uint64
}

func (s *tagStep) add(words ...string) { s.words = append(s.words, words...) }

// compare joins the step of the tags, asked for only where they differ, with
// what happened to name and digest.
func compare(old, new Ref, tags func() tagStep) Step {
	var step tagStep
	switch {
	case old.Tag != new.Tag:
		step.add("incomparable")
		if max(len(old.Tag), len(new.Tag)) <= semver.MaxVersionLen {
			step = tags()
		}
		if new.Tag == "" && new.Digest == "" || isFloating(new.Tag) {
			step.add("floating")
		}
		if old.Digest != "" && new.Digest == "" {
			step.add("digest-dropped")
		}
		if old.Digest == "" && new.Digest != "" {
			step.add("digest-gained")
		}
		if step.kind == Same && old.Digest != new.Digest {
			step.kind = Digest
		}
	case old.Digest == new.Digest:
		step.kind = Same
	case old.Digest == "":
		step = tagStep{kind: Digest, words: []string{"digest-gained"}}
	case new.Digest == "":
		step = tagStep{kind: Digest, words: []string{"digest-dropped"}}
	default:
		step = tagStep{kind: Digest, words: []string{"digest-moved"}}
	}
	if old.Name != "" && new.Name != "" && old.Name != new.Name {
		step.add("image-changed")
		if step.kind == Same {
			step.kind = Incomparable
		}
	}
	return step.finish()
}

func (s tagStep) finish() Step {
	out := Step{SkippedMinors: s.skipped}
	for _, entry := range gravity() {
		if !slices.Contains(s.words, entry.word) {
			continue
		}
		out.Words = append(out.Words, entry.word)
		out.Kind = cmp.Or(out.Kind, entry.kind)
	}
	out.Kind = cmp.Or(out.Kind, s.kind)
	return out
}
