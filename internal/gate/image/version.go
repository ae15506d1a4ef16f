package image

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/Masterminds/semver/v3"
)

// Version is a tag as Flux's semver policies read it.
type Version struct {
	Major, Minor, Patch uint64
	// Numbers is how many of the three are written. Flux reads 1.2-rc.1 as
	// 1.2.0-rc.1, because it counts the dots of the whole tag.
	Numbers int
	// V says that the tag starts with a v.
	V bool
	// Suffix is what follows the numbers and a hyphen, which semantic
	// versioning calls a prerelease. Prerelease and Variant tell its parts apart.
	Suffix string
	// Build is the build metadata after a plus, which no tag in a registry has.
	Build string
}

// ParseVersion reads a tag the way Flux's image-reflector-controller does: it
// must have two dots, and is then parsed loosely by Masterminds/semver, which
// takes a leading v and drops leading zeros of the numbers
// (https://github.com/fluxcd/pkg/blob/main/version/version.go). Numbers beyond
// 64 bits are an error.
func ParseVersion(tag string) (Version, error) {
	parsed, err := parseAsFlux(tag)
	if err != nil {
		return Version{}, fmt.Errorf("parse version %s: %w", text.Quote(tag), err)
	}
	numbers := tag
	if end := strings.IndexAny(tag, "-+"); end >= 0 {
		numbers = tag[:end]
	}
	return Version{
		Major: parsed.Major(), Minor: parsed.Minor(), Patch: parsed.Patch(),
		Numbers: strings.Count(numbers, ".") + 1,
		V:       strings.HasPrefix(tag, "v"),
		Suffix:  parsed.Prerelease(), Build: parsed.Metadata(),
	}, nil
}

func parseAsFlux(tag string) (*semver.Version, error) {
	if strings.Count(tag, ".") < 2 {
		return nil, errors.New("it has fewer than two dots")
	}
	return semver.NewVersion(tag)
}

// Compare orders versions as Flux does: by precedence, so that 1.2.3-alpine
// comes before 1.2.3, and a v or build metadata make no difference.
func (v Version) Compare(other Version) int {
	if c := slices.Compare(v.numbers(), other.numbers()); c != 0 {
		return c
	}
	return compareSuffix(v.Suffix, other.Suffix)
}

// Prerelease is the part of the suffix that names an unfinished version, such
// as rc.1 of 1.2.3-rc.1-alpine.
func (v Version) Prerelease() string { return splitSuffix(v.Suffix).prerelease }

// Variant is the part of the suffix that names a build of a version, such as
// alpine3.19 of 1.2.3-alpine3.19.
func (v Version) Variant() string { return splitSuffix(v.Suffix).variant }

func (v Version) numbers() []uint64 { return []uint64{v.Major, v.Minor, v.Patch} }

// compareSuffix orders two prerelease texts by semantic versioning's
// precedence; none comes after any.
func compareSuffix(a, b string) int {
	x, y := semver.New(0, 0, 0, a, ""), semver.New(0, 0, 0, b, "")
	forth, back := x.Compare(y), y.Compare(x)
	if forth != -back {
		// The library calls 1 and 01 each lower than the other.
		return 0
	}
	return forth
}

// compareDecimals orders two runs of digits of any length by value.
func compareDecimals(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
