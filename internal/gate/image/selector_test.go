package image_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

func TestSelectorCheck(t *testing.T) {
	for _, test := range []struct {
		selector image.Selector
		cause    string // empty: good
	}{
		{image.Selector{Range: "*"}, ""},
		{image.Selector{Range: "x.x.x"}, ""},
		{image.Selector{Range: ">=1.0.0 <2.0.0 || ^3.1"}, ""},
		{image.Selector{Numerical: "asc"}, ""},
		{image.Selector{Alphabetical: "desc", Pattern: "^main-(?P<ts>.*)$", Extract: "$ts"}, ""},
		{image.Selector{}, "it has 0 orders"},
		{image.Selector{Pattern: "x"}, "it has 0 orders"},
		{image.Selector{Range: "*", Numerical: "asc"}, "it has 2 orders"},
		{image.Selector{Range: "*", Numerical: "asc", Alphabetical: "asc"}, "it has 3 orders"},
		{image.Selector{Numerical: "up"}, `the order "up" is neither asc nor desc`},
		{image.Selector{Alphabetical: "ASC"}, `the order "ASC" is neither asc nor desc`},
		{image.Selector{Range: "latest"}, `the semver range "latest" cannot be read`},
		{image.Selector{Range: ">="}, `the semver range ">=" cannot be read`},
		{image.Selector{Range: ">=99999999999999999999999.0.0"}, `cannot be read`},
		{image.Selector{Range: "*", Pattern: "("}, `the filterTags pattern "(" is not a regular expression`},
		{image.Selector{Range: "*", Pattern: "(?=x)"}, "is not a regular expression"},
		{image.Selector{Range: "*", Extract: "$x"}, "filterTags has an extract but no pattern"},
		{image.Selector{Range: "\x1b[31m"}, `"\x1b[31m"`},
	} {
		err := test.selector.Check()
		if (err == nil) != (test.cause == "") || err != nil && !strings.Contains(err.Error(), test.cause) {
			t.Errorf("%+v: got %v, want %q", test.selector, err, test.cause)
		}
	}
}

func TestAdmits(t *testing.T) {
	const (
		outside    = "it is outside the range"
		prerelease = "it has a prerelease suffix, which the range does not take"
		unread     = "Flux does not read it as a version"
		unmatched  = "the filterTags pattern does not match it"
		noNumber   = "it is not a number"
	)
	cluster := image.Selector{Range: "^1.0.0", Pattern: `^v(?P<v>.*)-cluster$`, Extract: "$v"}
	built := image.Selector{Numerical: "asc", Pattern: `^main-[a-f0-9]+-(?P<ts>[0-9]+)`, Extract: "$ts"}
	for _, test := range []struct {
		selector image.Selector
		tag, why string // no reason: admitted
	}{
		{image.Selector{Range: "*"}, "1.2.3", ""},
		{image.Selector{Range: "*"}, "v1.2.3", ""},
		{image.Selector{Range: "*"}, "2025.02.03", ""},
		{image.Selector{Range: "*"}, "1.2.3-rc.1", prerelease},
		{image.Selector{Range: "1.x"}, "1.2.3-rc.1", prerelease},
		{image.Selector{Range: "^1.16"}, "1.16.2-alpine", prerelease},
		{image.Selector{Range: "*"}, "1.2", unread},
		{image.Selector{Range: "*"}, "latest", unread},
		{image.Selector{Range: "*"}, "", "filterTags extracts nothing from it"},
		{image.Selector{Range: ">=1.0.0-0"}, "1.2.3-rc.1", ""},
		{image.Selector{Range: ">=1.0.0-0 <2.0.0-0"}, "2.0.0-rc.1", outside},
		{image.Selector{Range: ">=1.0.0-0 <2.0.0"}, "2.0.0-rc.1", ""},
		{image.Selector{Range: "^0.2.3"}, "0.2.9", ""},
		{image.Selector{Range: "^0.2.3"}, "0.3.0", outside},
		{image.Selector{Range: "^0.0.3"}, "0.0.4", outside},
		{image.Selector{Range: "^0"}, "0.9.0", ""},
		{image.Selector{Range: "~1.2.3"}, "1.2.9", ""},
		{image.Selector{Range: "~1.2.3"}, "1.3.0", outside},
		{image.Selector{Range: "1.0.x"}, "1.0.9", ""},
		{image.Selector{Range: "1.0.x"}, "1.1.0", outside},
		{image.Selector{Range: "1.0.x"}, "1.1.0-rc.1", outside},
		{image.Selector{Range: ">=1.0.0 <2.0.0 || 3.x"}, "3.1.0", ""},
		{image.Selector{Range: ">=1.0.0 <2.0.0 || 3.x"}, "2.1.0", outside},
		{cluster, "v1.136.0-cluster", ""},
		{cluster, "v2.0.0-cluster", outside},
		{cluster, "v1.136.0", unmatched},
		{cluster, "v-cluster", "filterTags extracts nothing from it"},
		{cluster, "vx-cluster", unread},
		{image.Selector{Range: "*", Pattern: "alpine"}, "1.2.3", unmatched},
		{image.Selector{Range: ">=0-0", Pattern: "alpine"}, "1.2.3-alpine3.18", ""}, // unanchored
		{built, "main-4b65878-1639348667", ""},
		{built, "dev-4b65878-1639348667", unmatched},
		{image.Selector{Numerical: "asc"}, "570", ""},
		{image.Selector{Numerical: "desc"}, "1e3", ""},
		{image.Selector{Numerical: "asc"}, "1.2.3", noNumber},
		{image.Selector{Numerical: "asc"}, "NaN", noNumber},
		{image.Selector{Numerical: "asc"}, "1e999", noNumber},
		{image.Selector{Alphabetical: "asc"}, "anything", ""},
		{image.Selector{Alphabetical: "asc", Pattern: "^RELEASE"}, "anything", unmatched},
		{image.Selector{Alphabetical: "asc", Pattern: `(?P<ts>\d+)`, Extract: "$tsx"}, "1", "filterTags extracts nothing from it"},
		{image.Selector{}, "1.2.3", "the ImagePolicy cannot be read"},
		{image.Selector{Range: "("}, "1.2.3", "the ImagePolicy cannot be read"},
	} {
		selector, _ := test.selector.Compile()
		ok, why := selector.Admits(test.tag)
		if ok != (test.why == "") || why != test.why {
			t.Errorf("%+v on %q: %v, %q; want %q", test.selector, test.tag, ok, why, test.why)
		}
	}
}

func TestAdmitsMajor(t *testing.T) {
	for _, test := range []struct {
		selector image.Selector
		tag      string
		want     bool
	}{
		{image.Selector{Range: "*"}, "1.2.3", true},
		{image.Selector{Range: "x.x.x"}, "v1.2.3", true},
		{image.Selector{Range: ">=1.0.0"}, "1.2.3", true},
		{image.Selector{Range: ">=0.0.0"}, "0.2.3", true},
		{image.Selector{Range: ">=1.0.0 <2.0.0"}, "1.2.3", false},
		{image.Selector{Range: "1.x.x"}, "1.2.3", false},
		{image.Selector{Range: "1.0.x"}, "1.0.3", false},
		{image.Selector{Range: "^1.2"}, "1.2.3", false},
		{image.Selector{Range: "~0.0.0"}, "1.2.3", true}, // the library takes it for any
		{image.Selector{Range: ">=1.0.0 <2.5.0"}, "1.2.3", true},
		{image.Selector{Range: "1.x || 2.5.x"}, "1.2.3", true},
		{image.Selector{Range: "1.x || 2.5.7"}, "1.2.3", true},
		{image.Selector{Range: "1.x || 3.x"}, "1.2.3", true},
		{image.Selector{Range: "1.x || 3.x"}, "3.2.3", false},
		{image.Selector{Range: "1.x || >2.5.7 <2.5.9"}, "1.2.3", true},
		{image.Selector{Range: ">=1.0.0 !=2.0.0"}, "1.2.3", true},
		{image.Selector{Range: "1.2.0 - 2.1.0"}, "1.2.3", true},
		{image.Selector{Range: "1.2.0 - 1.9.0"}, "1.2.3", false},
		{image.Selector{Range: ">=1.0.0-0 <2.0.0-0"}, "1.2.3", false},
		{image.Selector{Range: ">=1.0.0-0 <2.0.0"}, "1.2.3", true},
		{image.Selector{Range: ">=1.0.0-0 <2.0.0-0"}, "1.2.3-alpine", false},
		{image.Selector{Range: ">=1.0.0-0"}, "1.2.3-alpine", true},
		{image.Selector{Range: "^0.2.3"}, "0.2.4", false},
		{image.Selector{Range: "0.x"}, "0.2.4", false},
		{image.Selector{Range: "*", Pattern: `^1\.`}, "1.2.3", false},
		{image.Selector{Range: "*", Pattern: `^\d+\.`}, "1.2.3", true},
		{image.Selector{Range: ">=0.0.0-0", Pattern: `-alpine$`}, "1.2.3-alpine", true},
		{image.Selector{Range: "*", Pattern: `^v(?P<v>.*)-cluster$`, Extract: "$v"}, "v1.2.3-cluster", true},
		{image.Selector{Range: "1.x", Pattern: `^v(?P<v>.*)-cluster$`, Extract: "$v"}, "v1.2.3-cluster", false},
		{image.Selector{Range: "*", Pattern: `^v(?P<v>1\..*)-cluster$`, Extract: "$v"}, "v1.2.3-cluster", false},
		{image.Selector{Range: "*", Pattern: `^(\d+)-(\d+)-(\d+)$`, Extract: "$1.$2.$3"}, "1-2-3", true},
		{image.Selector{Range: "1.x", Pattern: `^(\d+)-(\d+)-(\d+)$`, Extract: "$1.$2.$3"}, "1-2-3", false},
		{image.Selector{Range: "*"}, "latest", false},
		{image.Selector{Range: "*"}, "18446744073709551615.0.0", false},
		{image.Selector{Range: "*", Pattern: "x"}, "1.2.3", false},
		{image.Selector{Range: "("}, "1.2.3", false},
		{image.Selector{Numerical: "asc"}, "1.2.3", false},
		{image.Selector{}, "1.2.3", false},
	} {
		selector, _ := test.selector.Compile()
		if got := selector.AdmitsMajor(test.tag); got != test.want {
			t.Errorf("%+v on %s: %v", test.selector, test.tag, got)
		}
	}
}

func TestCompareBy(t *testing.T) {
	forward := image.Step{Kind: image.Minor}
	back := image.Step{Kind: image.Downgrade, Words: []string{"downgrade"}}
	incomparable := image.Step{Kind: image.Incomparable, Words: []string{"incomparable"}}
	built := image.Selector{Numerical: "asc", Pattern: `^main-[a-f0-9]+-(?P<ts>[0-9]+)$`, Extract: "$ts"}
	for _, test := range []struct {
		selector image.Selector
		old, new string
		want     image.Step
	}{
		{built, "main-4b65878-1639348667", "main-7e4ea0e-1708552787", forward},
		{built, "main-7e4ea0e-1708552787", "main-4b65878-1639348667", back},
		{built, "main-7e4ea0e-1708552787", "main-7e4ea0e-1708552787", image.Step{Kind: image.Same}},
		{built, "main-7e4ea0e-1708552787", "main-4b65878-1708552787", incomparable},
		{built, "test-0000-1639344432", "main-4b65878-1639348667", incomparable},
		{built, "main-4b65878-1639348667", "dev-4b65878-1708552787", incomparable},
		{built, "main-4b65878-1639348667", "latest", image.Step{Kind: image.Incomparable, Words: []string{"floating", "incomparable"}}},
		{built, "main-4b65878-1639348667", "", image.Step{Kind: image.Incomparable, Words: []string{"floating", "incomparable"}}},
		{image.Selector{Numerical: "asc"}, "570", "578", forward},
		{image.Selector{Numerical: "asc"}, "99", "100", forward},
		{image.Selector{Numerical: "asc"}, "578", "570", back},
		{image.Selector{Numerical: "desc"}, "578", "570", forward},
		{image.Selector{Numerical: "desc"}, "570", "578", back},
		{image.Selector{Numerical: "asc"}, "1.9", "1.10", back}, // 1.1 is less than 1.9
		{image.Selector{Numerical: "asc"}, "1.1", "1.10", incomparable},
		{image.Selector{Numerical: "asc"}, "9007199254740993", "9007199254740992", incomparable}, // one float
		{image.Selector{Numerical: "asc"}, "1", "NaN", incomparable},
		{image.Selector{Numerical: "asc"}, "1", "inf", incomparable},
		{image.Selector{Numerical: "asc"}, "1", "1e999", incomparable},
		{image.Selector{Numerical: "asc"}, "1", "v2", incomparable},
		{image.Selector{Numerical: "asc"}, "v1", "2", incomparable},
		{image.Selector{Alphabetical: "asc"}, "20240601-a", "20240602-a", forward},
		{image.Selector{Alphabetical: "asc"}, "20240602-a", "20240601-a", back},
		{image.Selector{Alphabetical: "desc"}, "20240602-a", "20240601-a", forward},
		{image.Selector{Alphabetical: "asc"}, "9", "10", back},
		{image.Selector{Alphabetical: "asc"}, "bionic", "focal", forward},
		{image.Selector{Alphabetical: "asc"}, "bionic", "stable", image.Step{Kind: image.Incomparable, Words: []string{"floating"}}},
		{image.Selector{Range: "*"}, "1.2.3", "1.3.0", image.Step{Kind: image.Minor, Words: []string{"minor"}}},
		{image.Selector{Range: "*"}, "1.2.3", "2.0.0", image.Step{Kind: image.Major, Words: []string{"major"}}},
		{image.Selector{Range: "*"}, "1.2.3", "1.2.2", back},
		{image.Selector{Range: "*", Pattern: `^release-(?P<v>.*)$`, Extract: "$v"}, "release-1.0.4", "release-1.0.5",
			image.Step{Kind: image.Patch, Words: []string{"patch"}}},
		{image.Selector{Range: "*", Pattern: `^release-(?P<v>.*)$`, Extract: "$v"}, "release-1.0.4", "release-0.9.5", back},
		{image.Selector{Range: "*", Pattern: `^(?P<v>[0-9.]+)-`, Extract: "$v"}, "1.0.4-a", "1.0.4-b", incomparable},
		{image.Selector{Range: "*"}, "1.2", "1.3", image.Step{Kind: image.Incomparable, Words: []string{"not-semver"}}},
		{image.Selector{Range: "("}, "1.2.3", "1.2.4", incomparable},
		{image.Selector{}, "1.2.3", "1.2.4", incomparable},
		{image.Selector{}, "1.2.3", "1.2.3", image.Step{Kind: image.Same}},
	} {
		got := image.CompareBy(image.Ref{Tag: test.old}, image.Ref{Tag: test.new}, test.selector)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v: %s → %s (-want +got):\n%s", test.selector, test.old, test.new, diff)
		}
	}
}

func TestCompareByReferences(t *testing.T) {
	numbers := image.Selector{Numerical: "asc"}
	for _, test := range []struct {
		old, new string
		want     image.Step
	}{
		{"app:1", "app2:2", image.Step{Kind: image.Minor, Words: []string{"image-changed"}}},
		{"app:1@" + digestA, "app:1@" + digestB, image.Step{Kind: image.Digest, Words: []string{"digest-moved"}}},
		{"app:1@" + digestA, "app:2", image.Step{Kind: image.Minor, Words: []string{"digest-dropped"}}},
		{"app:2@" + digestA, "app:1", image.Step{Kind: image.Downgrade, Words: []string{"downgrade", "digest-dropped"}}},
	} {
		got := image.CompareBy(mustRef(t, test.old), mustRef(t, test.new), numbers)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s → %s (-want +got):\n%s", test.old, test.new, diff)
		}
	}
}
