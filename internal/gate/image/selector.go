package image

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"

	"github.com/Masterminds/semver/v3"
)

// String names the order, and the filter before it.
func (s Selector) String() string {
	out := ""
	for _, part := range []struct{ name, value string }{
		{"semver", s.Range}, {"numerical", s.Numerical}, {"alphabetical", s.Alphabetical}, {"of tags like", s.Pattern}, {"by", s.Extract},
	} {
		if part.value != "" {
			out += " " + part.name + " " + strconv.Quote(part.value)
		}
	}
	return strings.TrimPrefix(out, " ")
}

// Check says what makes a selector unusable: none or several orders, an order
// that is neither asc nor desc, a range or a pattern that cannot be read, or
// an extract without a pattern.
func (s Selector) Check() error {
	_, err := s.Compile()
	return err
}

// Admits says whether the ImagePolicy could pick a tag, and if not, why, as a
// short phrase without outside text. The pattern is RE2 and matches anywhere
// unless it is anchored; what the extract makes of the match is then held
// against the range, or must be a number. An alphabetical order takes any tag.
func (c Compiled) Admits(tag string) (ok bool, why string) {
	text, ok := c.extract(tag)
	switch {
	case c.Range+c.Numerical+c.Alphabetical == "":
		return false, "the ImagePolicy cannot be read"
	case !ok:
		return false, "the filterTags pattern does not match it"
	case text == "":
		return false, "filterTags extracts nothing from it"
	case c.Numerical != "":
		if _, ok := number(text); !ok {
			return false, "it is not a number"
		}
	case c.constraint != nil:
		return c.inRange(text)
	}
	return true, ""
}

// AdmitsMajor says whether a semver range lets in a version with a higher
// major number than this tag's, so that Flux would write it one day without
// asking. The filterTags pattern is held against such a version as well, so a
// pattern of ^1\. makes a range of * harmless. A range that lets in only
// prereleases of the next major, such as >=1.0.0-0 <2.0.0, does let it in.
// For 0.x nothing but 1.0.0 and later counts: a range cannot say much about
// 0.x that Compare's zero-minor does not see step by step. It is false for
// other orders, and for a tag that is no version.
func (c Compiled) AdmitsMajor(tag string) bool {
	if c.constraint == nil {
		return false
	}
	text, ok := c.extract(tag)
	if !ok {
		return false
	}
	v, err := ParseVersion(text)
	if err != nil || v.Major == math.MaxUint64 {
		return false
	}
	return slices.ContainsFunc(c.majorsAfter(v), func(candidate string) bool {
		parsed, err := semver.NewVersion(candidate)
		if err != nil || !c.constraint.Check(parsed) {
			return false
		}
		if strings.Count(tag, text) != 1 {
			return true // the extract rearranges the tag: only the range can be asked
		}
		ok, _ := c.Admits(strings.Replace(tag, text, candidate, 1))
		return ok
	})
}

// bound is a version in a range, with what it leaves out.
var bound = pattern.Lazy(`(\d+)(?:\.(\d+))?(?:\.(\d+))?`)

// majorsAfter lists versions with a higher major number that a range would let
// in if it lets in any: the next major, and those at and just above each
// number in the range, since only there a range can begin or end.
func (s Selector) majorsAfter(v Version) []string {
	triples := [][3]uint64{{v.Major + 1, 0, 0}}
	for _, found := range bound().FindAllStringSubmatch(s.Range, -1) {
		var n [3]uint64
		for i := range n {
			// A number too long for the library was refused by Check.
			n[i], _ = strconv.ParseUint(cmp.Or(found[i+1], "0"), 10, 64)
		}
		triples = append(triples, n, [3]uint64{n[0], n[1], n[2] + 1}, [3]uint64{n[0], n[1] + 1, 0}, [3]uint64{n[0] + 1, 0, 0})
	}
	prefix := ""
	if v.V {
		prefix = "v"
	}
	suffixes := []string{"", "-rc.1"}
	if v.Suffix != "" {
		suffixes = append(suffixes, "-"+v.Suffix)
	}
	var out []string
	for i, n := range triples {
		for _, suffix := range suffixes {
			if n[0] > v.Major && !slices.Contains(triples[:i], n) {
				out = append(out, fmt.Sprintf("%s%d.%d.%d%s", prefix, n[0], n[1], n[2], suffix))
			}
		}
	}
	return out
}

// CompareBy names the step from old to new in the order of the image's own
// ImagePolicy. Name and digest count as in Compare. For the tags, what the
// selector extracts from them is compared:
//
//   - semver: the step between the extracted versions, as Compare names it;
//   - numerical: as 64-bit floating-point numbers, as Flux reads them;
//   - alphabetical: byte by byte.
//
// Forward in the latter two (up for asc, down for desc) is kind Minor without
// words, backward is downgrade. Incomparable are a tag that the pattern does
// not match, one that is not a finite number, two different tags of equal
// rank, and everything under a selector that Check refuses.
func CompareBy(old, new Ref, s Selector) Step {
	return compare(old, new, func() tagStep {
		incomparable := tagStep{words: []string{"incomparable"}}
		c, err := s.Compile()
		if err != nil {
			return incomparable
		}
		a, ok := c.extract(old.Tag)
		b, ok2 := c.extract(new.Tag)
		if !ok || !ok2 || a == b {
			return incomparable
		}
		if c.constraint != nil {
			return compareSemver(a, b)
		}
		switch order, ok := c.order(a, b); {
		case !ok || order == 0:
			return incomparable
		case order < 0:
			return tagStep{words: []string{"downgrade"}}
		}
		return tagStep{kind: Minor}
	})
}

// Compiled is a selector that can be used.
type Compiled struct {
	Selector
	pattern    *regexp.Regexp      // nil takes every tag
	constraint *semver.Constraints // nil for other orders
}

// ErrSubstituted says that a selector is completed after the build, as by a Kustomization's
// postBuild (https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution).
var ErrSubstituted = errors.New("it holds a variable that Flux fills in after the build, which is not known here")

// substituted finds such a variable. An extract has its own ${NAME}, of the pattern.
var substituted = pattern.Lazy(`\$\{[_A-Za-z]`)

// Compile reads the range and the pattern; the error is that of Check, and
// nothing is admitted then.
func (s Selector) Compile() (Compiled, error) {
	c := Compiled{Selector: s}
	if slices.ContainsFunc([]string{s.Range, s.Numerical, s.Alphabetical, s.Pattern}, substituted().MatchString) {
		return Compiled{}, fmt.Errorf("check image policy: %w", ErrSubstituted)
	}
	orders := slices.DeleteFunc([]string{s.Range, s.Numerical, s.Alphabetical}, func(order string) bool { return order == "" })
	if len(orders) != 1 {
		return Compiled{}, fmt.Errorf("check image policy: it has %d orders instead of one of semver, numerical and alphabetical", len(orders))
	}
	if s.Range == "" && orders[0] != "asc" && orders[0] != "desc" {
		return Compiled{}, fmt.Errorf("check image policy: the order %s is neither asc nor desc", text.Quote(orders[0]))
	}
	if s.Extract != "" && s.Pattern == "" {
		return Compiled{}, errors.New("check image policy: filterTags has an extract but no pattern")
	}
	var err error
	if s.Range != "" {
		if c.constraint, err = semver.NewConstraint(s.Range); err != nil {
			return Compiled{}, fmt.Errorf("check image policy: the semver range %s cannot be read", text.Quote(s.Range))
		}
	}
	if s.Pattern != "" {
		if c.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return Compiled{}, fmt.Errorf("check image policy: the filterTags pattern %s is not a regular expression", text.Quote(s.Pattern))
		}
	}
	return c, nil
}

// extract gives what Flux compares of a tag; not ok when the pattern leaves
// the tag out.
func (c Compiled) extract(tag string) (text string, ok bool) {
	if c.pattern == nil {
		return tag, true
	}
	match := c.pattern.FindStringSubmatchIndex(tag)
	if match == nil {
		return "", false
	}
	if c.Extract == "" {
		return tag, true
	}
	return string(c.pattern.ExpandString(nil, c.Extract, tag, match)), true
}

func (c Compiled) inRange(text string) (ok bool, why string) {
	v, err := parseAsFlux(text)
	if err != nil {
		return false, "Flux does not read it as a version"
	}
	if c.constraint.Check(v) {
		return true, ""
	}
	if v.Prerelease() != "" && c.constraint.Check(semver.New(v.Major(), v.Minor(), v.Patch(), "", "")) {
		return false, "it has a prerelease suffix, which the range does not take"
	}
	return false, "it is outside the range"
}

// order compares two extracts: positive when b comes after a.
func (c Compiled) order(a, b string) (order int, ok bool) {
	if c.Alphabetical != "" {
		order = strings.Compare(b, a)
	} else {
		x, ok := number(a)
		y, ok2 := number(b)
		if !ok || !ok2 {
			return 0, false
		}
		order = cmp.Compare(y, x)
	}
	if c.Alphabetical == "desc" || c.Numerical == "desc" {
		order = -order
	}
	return order, true
}

func number(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
