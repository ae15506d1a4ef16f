package image

import (
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// release is a tag that is a version: of semantic versioning or a calendar.
type release struct {
	v       bool
	numbers []uint64
	suffix  string
}

// compareReleases is the step between two versions; forwards names the step
// when the numbers rise.
func compareReleases(old, new release, forwards func(old, new []uint64) (word string, skipped uint64)) tagStep {
	var s tagStep
	if old.v != new.v {
		s.add("prefix")
	}
	before, after := splitSuffix(old.suffix), splitSuffix(new.suffix)
	numbers := slices.Compare(new.numbers, old.numbers)
	order := numbers
	if numbers == 0 {
		order = compareSuffix(after.prerelease, before.prerelease)
	}
	variant := compareVariants(before, after, numbers == 0)

	if order < 0 {
		s.add("downgrade")
	}
	if variant == changed {
		s.add("variant")
	}
	if after.prerelease != "" {
		s.add("prerelease")
	}
	switch {
	case numbers > 0:
		word, skipped := forwards(old.numbers, new.numbers)
		s.add(word)
		s.skipped = skipped
	case order > 0 && after.prerelease == "":
		s.add("patch") // the release of what was tried before
	case order == 0 && variant == forward && after.prerelease == "":
		s.add("patch") // the same version built anew
	case order == 0 && variant == unchanged:
		s.add("incomparable")
	}
	return s
}

func compareSemver(old, new string) tagStep {
	if trimV(old) == trimV(new) {
		return onlyV()
	}
	a, err := ParseVersion(old)
	b, err2 := ParseVersion(new)
	if err != nil || err2 != nil || a.Numbers != 3 || b.Numbers != 3 {
		return compareShapes(old, new)
	}
	return compareReleases(
		release{a.V, a.numbers(), a.Suffix}, release{b.V, b.numbers(), b.Suffix}, riseSemver)
}

// zeroPadded tells whether one of a version's numbers has a zero in front. Flux drops
// it; what follows is as likely a month as a minor version.
func zeroPadded(tag string) bool {
	return padded().MatchString(tag)
}

var padded = pattern.Lazy(`^v?([0-9]+\.)*0[0-9]`)

func riseSemver(old, new []uint64) (word string, skipped uint64) {
	switch {
	case new[0] > old[0]:
		return "major", 0
	case new[1] > old[1] && new[0] == 0:
		return "zero-minor", new[1] - old[1] - 1
	case new[1] > old[1]:
		return "minor", new[1] - old[1] - 1
	}
	return "patch", 0
}

func onlyV() tagStep { return tagStep{kind: Same, words: []string{"prefix"}} }

// trimV drops the v before a number.
func trimV(tag string) string {
	if len(tag) > 1 && tag[0] == 'v' && isDigit(tag[1]) {
		return tag[1:]
	}
	return tag
}

// isFloating says whether a tag names a moving target: made of letters alone,
// one of them a usual word for "the newest" (latest, latest-alpine,
// main-debug), or with latest first or last (latest-alpine3.19).
func isFloating(tag string) bool {
	tokens := strings.FieldsFunc(strings.ToLower(tag), func(r rune) bool { return strings.ContainsRune("-._", r) })
	if len(tokens) == 0 {
		return false
	}
	if tokens[0] == "latest" || tokens[len(tokens)-1] == "latest" {
		return true
	}
	return !strings.ContainsAny(tag, "0123456789") && slices.ContainsFunc(tokens, isMoving)
}

func isMoving(word string) bool {
	switch word {
	case "latest", "current", "newest", "default", "release", "stable", "oldstable", "lts", "mainline", "rolling",
		"edge", "unstable", "testing", "test", "nightly", "daily", "weekly", "canary", "next", "experimental", "preview",
		"insider", "insiders", "snapshot", "alpha", "beta", "rc", "dev", "devel", "develop", "development",
		"main", "master", "trunk", "head", "staging", "stage", "stg", "production", "prod":
		return true
	}
	return false
}
