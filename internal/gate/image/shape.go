package image

import (
	"slices"
	"strconv"
	"strings"
)

// shape is a tag as dotted numbers with text around them, for tags that Flux
// does not read as versions: 4.22, 1.32.8.7639-x, release-1.2.3, 570.
type shape struct {
	prefix  string // letters, hyphens and underscores, without a lone v
	v       bool
	numbers []string // decimal, as written; none when the tag has no such form
	rest    string
}

func parseShape(tag string) shape {
	start := 0
	for start < len(tag) && (isLower(tag[start]) || isUpper(tag[start]) || tag[start] == '-' || tag[start] == '_') {
		start++
	}
	s := shape{prefix: tag[:start], rest: tag[start:]}
	for s.rest != "" {
		digits := len(s.rest) - len(strings.TrimLeft(s.rest, "0123456789"))
		if digits == 0 {
			break
		}
		s.numbers = append(s.numbers, s.rest[:digits])
		s.rest = s.rest[digits:]
		if len(s.rest) < 2 || s.rest[0] != '.' || !isDigit(s.rest[1]) {
			break
		}
		s.rest = s.rest[1:]
	}
	if s.prefix == "v" {
		s.prefix, s.v = "", true
	}
	if len(s.numbers) == 1 && (s.prefix != "" || s.rest != "" && s.rest[0] != '-') {
		// One number inside text may be a part of anything, such as a commit.
		s.numbers = nil
	}
	return s
}

// compareShapes is the step between two tags of which one at least is not a
// version of three numbers.
func compareShapes(old, new string) tagStep {
	s := tagStep{words: []string{"not-semver"}}
	a, b := parseShape(old), parseShape(new)
	if len(a.numbers) == 0 || len(b.numbers) == 0 || a.prefix != b.prefix {
		return s
	}
	if a.v != b.v {
		s.add("prefix")
	}
	if slices.ContainsFunc(slices.Concat(a.numbers, b.numbers), isOverlong) {
		s.add("incomparable")
		return s
	}
	shorter := isShortened(a.numbers, b.numbers)
	if shorter {
		s.add("floating")
	}
	if shorter || inOrder(a, b) {
		common := min(len(a.numbers), len(b.numbers))
		if slices.CompareFunc(b.numbers[:common], a.numbers[:common], compareDecimals) < 0 {
			s.add("downgrade")
		}
	}
	return s
}

// inOrder says whether the numbers of two shapes count the same thing: dotted
// numbers on both sides, or nothing but a number. A number before a hyphen may
// be a commit, and against dotted numbers a build or a date.
func inOrder(a, b shape) bool {
	if len(a.numbers) == 1 || len(b.numbers) == 1 {
		return len(a.numbers) == len(b.numbers) && a.rest == "" && b.rest == ""
	}
	return true
}

// isShortened says whether the new numbers are a moving tag such as 1 or 1.25
// where the old ones named a version. A date or a build number is none.
func isShortened(old, new []string) bool {
	return len(new) < len(old) && len(new) < 3 &&
		!slices.ContainsFunc(new, func(n string) bool { return len(n) > 4 })
}

func isOverlong(number string) bool {
	_, err := strconv.ParseUint(number, 10, 64)
	return err != nil
}
