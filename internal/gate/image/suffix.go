package image

import (
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// suffix is what follows a version's numbers, told apart.
//
// Semantic versioning calls all of it a prerelease, but image builders write
// variants there too. The suffix is cut at hyphens, dots and underscores, and
// each token goes to one side:
//
//	alpha a beta b rc c cr m milestone pre         prerelease, with or without
//	prerelease preview ea dev devel develop        a number behind: rc1, M2.
//	development snapshot nightly canary next       Case does not matter.
//	edge unstable experimental insider insiders
//	test testing staging stg main master trunk
//	head git ci pr build wip draft dirty
//	build20240619: build and a day                 variant
//	a number: 0, 20240515060612                    the side of the token before;
//	a commit: 5465f96 (7 or more hexadecimal       prerelease at the start
//	digits, not letters alone), gac23e8b
//	everything else: alpine, alpine3.19,           variant
//	bookworm, slim, debian-12-r3, ls123
//
// So 1.2.3-rc.1-alpine has both. A word that is not in the list is a variant;
// either way a change of it is refused unless the owner allows it.
type suffix struct {
	prerelease string // with its own separators
	variant    string
	groups     []group // of the variant
}

// group is a variant's word with the numbers behind it: debian-12-r3 is
// debian[12] r[3].
type group struct {
	word    string
	numbers []string
}

func splitSuffix(s string) suffix {
	var out suffix
	inVariant := false
	for s != "" {
		separator := s[:len(s)-len(strings.TrimLeft(s, "-._"))]
		s = s[len(separator):]
		end := strings.IndexAny(s, "-._")
		if end < 0 {
			end = len(s)
		}
		token := s[:end]
		s = s[end:]
		word := strings.TrimRight(token, "0123456789")
		switch {
		case isPrereleaseWord(word) && !daily().MatchString(token):
			inVariant = false
		case word != "" && (inVariant || !isCommit(token)):
			inVariant = true
		}
		if !inVariant {
			out.prerelease = join(out.prerelease, separator, token)
			continue
		}
		out.variant = join(out.variant, separator, token)
		if word != "" || len(out.groups) == 0 {
			out.groups = append(out.groups, group{word: word})
		}
		if number := token[len(word):]; number != "" {
			last := &out.groups[len(out.groups)-1]
			last.numbers = append(last.numbers, number)
		}
	}
	return out
}

func join(text, separator, token string) string {
	if text == "" {
		return token
	}
	return text + separator + token
}

// daily is a release that is built anew, as Rancher's hardened images are.
var daily = pattern.Lazy(`^build20[0-9]{6}$`)

func isPrereleaseWord(word string) bool {
	switch strings.ToLower(word) {
	case "alpha", "a", "beta", "b", "rc", "c", "cr", "m", "milestone",
		"pre", "prerelease", "preview", "ea",
		"dev", "devel", "develop", "development",
		"snapshot", "nightly", "canary", "next", "edge", "unstable",
		"experimental", "insider", "insiders",
		"test", "testing", "staging", "stg",
		"main", "master", "trunk", "head", "git",
		"ci", "pr", "build", "wip", "draft", "dirty":
		return true
	}
	return false
}

// isCommit recognises an abbreviated or full commit, also with the g that git
// describe writes before it.
func isCommit(token string) bool {
	digits := strings.TrimPrefix(token, "g")
	return len(digits) >= 7 && len(digits) <= 64 &&
		strings.Trim(digits, "0123456789abcdef") == "" &&
		strings.ContainsAny(digits, "0123456789")
}

// counters are a variant's words that count builds of one version. Such a count starts
// anew with each version.
var counters = []string{"r", "rev", "revision", "ls", "p", "k3s", "k0s", "rke2r", "gke", "eksbuild", "rancher", "vmware", "tkg", "build"}

// drift is how a variant changed.
type drift int

const (
	unchanged drift = iota
	forward         // the variant's own version moved on
	changed         // another variant, or an older one
)

// compareVariants says whether two variants are the same, with a version of
// its own that may have moved on: alpine3.18 to alpine3.19, debian-12-r3 to
// debian-12-r4. The words must be equal and no number may go down. The first
// number behind a word must stay, because debian-13 after debian-12 and jdk21
// after jdk17 are other foundations. Counts of builds (see counters) are compared
// only between builds of one version. Nothing counts beyond 64 bits.
func compareVariants(old, new suffix, sameNumbers bool) drift {
	if old.variant == new.variant {
		return unchanged
	}
	if len(old.groups) != len(new.groups) {
		return changed
	}
	result := unchanged
	for i, o := range old.groups {
		n := new.groups[i]
		if o.word != n.word || len(o.numbers) != len(n.numbers) {
			return changed
		}
		if len(o.numbers) == 0 {
			continue
		}
		if slices.ContainsFunc(slices.Concat(o.numbers, n.numbers), isOverlong) {
			return changed
		}
		if slices.Contains(counters, strings.ToLower(o.word)) {
			if !sameNumbers {
				continue
			}
		} else if compareDecimals(o.numbers[0], n.numbers[0]) != 0 {
			return changed
		}
		switch c := slices.CompareFunc(o.numbers, n.numbers, compareDecimals); {
		case c > 0:
			return changed
		case c < 0:
			result = forward
		}
	}
	return result
}
