package image_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

func TestParseVersion(t *testing.T) {
	for tag, want := range map[string]image.Version{
		"1.16.2":            {Major: 1, Minor: 16, Patch: 2, Numbers: 3},
		"v1.16.2":           {Major: 1, Minor: 16, Patch: 2, Numbers: 3, V: true},
		"1.16.2-alpine":     {Major: 1, Minor: 16, Patch: 2, Numbers: 3, Suffix: "alpine"},
		"1.16.2-alpine3.18": {Major: 1, Minor: 16, Patch: 2, Numbers: 3, Suffix: "alpine3.18"},
		"2025.02.03":        {Major: 2025, Minor: 2, Patch: 3, Numbers: 3},
		"1.02.3":            {Major: 1, Minor: 2, Patch: 3, Numbers: 3},
		"01.2.3":            {Major: 1, Minor: 2, Patch: 3, Numbers: 3},
		"1.2.3+b.1":         {Major: 1, Minor: 2, Patch: 3, Numbers: 3, Build: "b.1"},
		"v1.2.3-rc.1+b-c":   {Major: 1, Minor: 2, Patch: 3, Numbers: 3, V: true, Suffix: "rc.1", Build: "b-c"},
		"1.2-rc.1":          {Major: 1, Minor: 2, Numbers: 2, Suffix: "rc.1"},
		"7-1.2.3":           {Major: 7, Numbers: 1, Suffix: "1.2.3"},
		"0.0.18446744073709551615": {
			Patch: 18446744073709551615, Numbers: 3,
		},
	} {
		got, err := image.ParseVersion(tag)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tag, diff)
		}
	}
	for _, tag := range []string{
		"1.16", "v1", "latest", "", "1.2.3.4", "V1.2.3", "release-1.2.3", "1.2.3_b", "1.2.3-", "1.2.3-01", " 1.2.3", "1.2.3 ",
		"1.2.x", "1..3", "..", "-1.2.3", "1.2.-3", "0x1.2.3", "1.2.3+", "vv1.2.3", "1.2.3\n", "١.٢.٣",
		"0.0.18446744073709551616", "99999999999999999999999.0.0", "1.2.3-" + strings.Repeat("a", 300),
	} {
		if v, err := image.ParseVersion(tag); err == nil {
			t.Errorf("%q is read as %+v", tag, v)
		}
	}
}

func TestSuffix(t *testing.T) {
	for _, test := range []struct{ tag, prerelease, variant string }{
		{"1.2.3", "", ""},
		{"1.2.3-alpine", "", "alpine"},
		{"1.2.3-alpine3.18", "", "alpine3.18"},
		{"1.2.3-slim-bookworm", "", "slim-bookworm"},
		{"1.2.3-debian-12-r3", "", "debian-12-r3"},
		{"1.2.3-ls123", "", "ls123"},
		{"1.2.3-cluster", "", "cluster"},
		{"1.2.3-ubuntu22.10", "", "ubuntu22.10"},
		{"1.2.3-rc.1", "rc.1", ""},
		{"1.2.3-RC1", "RC1", ""},
		{"1.2.3-M1", "M1", ""},
		{"1.2.3-b4", "b4", ""},
		{"1.2.3-beta.1.2", "beta.1.2", ""},
		{"1.2.3-0", "0", ""},
		{"1.0.0-20240515060612", "20240515060612", ""},
		{"1.2.3-rc.1-alpine3.18", "rc.1", "alpine3.18"},
		{"1.2.3-alpine3.18-rc.1", "rc.1", "alpine3.18"},
		{"1.2.3-0-alpine", "0", "alpine"},
		{"1.2.3-alpine-0", "", "alpine-0"},
		{"1.2.3-1-gac23e8b", "1-gac23e8b", ""},
		{"1.2.3-5465f96-77-amd64", "5465f96-77", "amd64"},
		{"1.2.3-alpine-5465f96", "", "alpine-5465f96"},
		{"1.2.3-abcdefa", "", "abcdefa"},
		{"1.2.3-stable.patch.1", "", "stable.patch.1"},
		{"1.2.3-rootless-dev", "dev", "rootless"},
		{"1.2.3--x", "", "x"},
	} {
		v, err := image.ParseVersion(test.tag)
		if err != nil {
			t.Error(err)
			continue
		}
		if v.Prerelease() != test.prerelease || v.Variant() != test.variant {
			t.Errorf("%s has prerelease %q and variant %q", test.tag, v.Prerelease(), v.Variant())
		}
	}
}

func TestVersionOrder(t *testing.T) {
	ordered := []string{
		"0.0.1", "0.1.0", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-alpine", "v1.0.1", "1.2.0", "1.10.0", "2.0.0", "10.0.0",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			x, err := image.ParseVersion(a)
			if err != nil {
				t.Fatal(err)
			}
			y, err := image.ParseVersion(b)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := x.Compare(y), min(1, max(-1, i-j)); got != want {
				t.Errorf("%s against %s is %d", a, b, got)
			}
		}
	}
}

// FuzzParseVersion holds the parser against the two lines of Flux's own.
func FuzzParseVersion(f *testing.F) {
	for _, row := range tagRows(f) {
		f.Add(row.old, row.new)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, err := image.ParseVersion(a)
		var theirs *semver.Version
		theirErr := semver.ErrInvalidSemVer
		if len(strings.SplitN(a, ".", 3)) == 3 {
			theirs, theirErr = semver.NewVersion(a)
		}
		if (err == nil) != (theirErr == nil) {
			t.Fatalf("%q: got %v, Flux %v", a, err, theirErr)
		}
		if err != nil {
			if v != (image.Version{}) {
				t.Errorf("%q is an error and %+v", a, v)
			}
			return
		}
		if v.Major != theirs.Major() || v.Minor != theirs.Minor() || v.Patch != theirs.Patch() || v.Suffix != theirs.Prerelease() {
			t.Errorf("%q is %+v, for Flux %v", a, v, theirs)
		}
		if v.Numbers < 1 || v.Numbers > 3 || v.V != strings.HasPrefix(a, "v") {
			t.Errorf("%q is %+v", a, v)
		}
		letters := func(s string) []byte { return slices.Sorted(slices.Values([]byte(strings.Trim(s, "-.")))) }
		strip := func(s string) string { return strings.NewReplacer("-", "", ".", "", "_", "").Replace(s) }
		if got := letters(strip(v.Prerelease() + v.Variant())); !slices.Equal(got, letters(strip(v.Suffix))) {
			t.Errorf("%q: suffix %q falls apart into %q and %q", a, v.Suffix, v.Prerelease(), v.Variant())
		}
		other, err := image.ParseVersion(b)
		if err != nil {
			return
		}
		theirOther, err := semver.NewVersion(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := v.Compare(other), theirs.Compare(theirOther); got != want {
			t.Errorf("%q against %q is %d, for Flux %d", a, b, got, want)
		}
	})
}
