package pattern

import (
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Match holds a whole text against a pattern: "*" stands for anything but a
// slash, "**" between slashes for any number of folders. A bad pattern matches
// nothing.
func Match(pattern, s string) bool {
	ok, err := doublestar.Match(pattern, s)
	return ok && err == nil
}

// Any tells whether one of the patterns matches.
func Any(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return Match(p, s) })
}

// Literal is what a pattern begins with, up to the first character that stands for
// others; whole where there is none.
func Literal(pattern string) (text string, whole bool) {
	i := strings.IndexAny(pattern, `*?[{\`)
	if i < 0 {
		return pattern, true
	}
	return pattern[:i], false
}

// Valid tells whether a text is a pattern.
func Valid(pattern string) bool { return doublestar.ValidatePattern(pattern) }
