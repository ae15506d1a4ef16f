package image_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// tagRow is one line of testdata/tags.txt.
type tagRow struct {
	line       int
	versioning image.Versioning
	old, new   string
	want       image.Step
}

func tagRows(t testing.TB) []tagRow {
	t.Helper()
	data, err := os.ReadFile("testdata/tags.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []tagRow
	for i, line := range strings.Split(string(data), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 5 {
			t.Fatalf("line %d has %d columns", i+1, len(fields))
		}
		row := tagRow{line: i + 1, versioning: image.Versioning(fields[0]), old: fields[1], new: fields[2]}
		row.old, row.new = strings.Trim(row.old, `"`), strings.Trim(row.new, `"`)
		row.want.Kind = image.Kind(fields[3])
		if fields[4] != "." {
			row.want.Words = strings.Split(fields[4], ",")
		}
		if len(fields) > 5 {
			if _, err := fmt.Sscanf(fields[5], "+%d", &row.want.SkippedMinors); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestTagSteps(t *testing.T) {
	rows := tagRows(t)
	if len(rows) < 150 {
		t.Fatalf("the table has %d rows", len(rows))
	}
	for _, row := range rows {
		got := image.Compare(image.Ref{Tag: row.old}, image.Ref{Tag: row.new}, row.versioning)
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("line %d: %s %s → %s (-want +got):\n%s", row.line, row.versioning, row.old, row.new, diff)
		}
	}
}

// What goes forward must not go forward again on the way back.
func TestTagStepsBackwards(t *testing.T) {
	for _, row := range tagRows(t) {
		back := image.Compare(image.Ref{Tag: row.new}, image.Ref{Tag: row.old}, row.versioning)
		switch row.want.Kind {
		case image.Patch, image.Minor, image.Major:
			if back.Kind != image.Downgrade && !slices.Contains(back.Words, "variant") && !slices.Contains(back.Words, "floating") {
				t.Errorf("line %d: %s → %s goes forward and back again: %v", row.line, row.old, row.new, back)
			}
		case image.Same:
			if back.Kind != image.Same {
				t.Errorf("line %d: %s and %s are the same one way only: %v", row.line, row.old, row.new, back)
			}
		}
	}
}

func TestReferenceSteps(t *testing.T) {
	for _, test := range []struct {
		old, new string
		want     image.Step
	}{
		{"nginx:1.25.3", "nginx:1.25.4", image.Step{Kind: image.Patch, Words: []string{"patch"}}},
		{"nginx:1.25.3", "nginx:1.25.3", image.Step{Kind: image.Same}},
		{"nginx", "nginx", image.Step{Kind: image.Same}},
		// Names.
		{"nginx:1.25.3", "docker.io/library/nginx:1.25.3", image.Step{Kind: image.Incomparable, Words: []string{"image-changed"}}},
		{"nginx:1.25.3", "nginx2:1.25.4", image.Step{Kind: image.Patch, Words: []string{"image-changed", "patch"}}},
		{"ghcr.io/acme/app:1.0.0", "GHCR.io/acme/app:1.0.0", image.Step{Kind: image.Incomparable, Words: []string{"image-changed"}}},
		{"ghcr.io/acme/app:1.0.0", "ghcr.io:443/acme/app:1.0.0", image.Step{Kind: image.Incomparable, Words: []string{"image-changed"}}},
		{"ghcr.io/acme/app:2.0.0", "ghcr.io/acme/app1:1.0.0", image.Step{Kind: image.Downgrade, Words: []string{"image-changed", "downgrade"}}},
		{"ghcr.io/acme/app:1.0.0", "ghcr.io/acme/app2:latest",
			image.Step{Kind: image.Incomparable, Words: []string{"image-changed", "floating", "not-semver"}}},
		{"ghcr.io/acme/app", "ghcr.io/acme/app2", image.Step{Kind: image.Incomparable, Words: []string{"image-changed"}}},
		{"ghcr.io/acme/app:1.0.0", "ghcr.io/acme/app2:v1.0.0", image.Step{Kind: image.Incomparable, Words: []string{"image-changed", "prefix"}}},
		// Digests.
		{"nginx:1@" + digestA, "nginx:1@" + digestA, image.Step{Kind: image.Same}},
		{"nginx:1@" + digestA, "nginx:1@" + digestB, image.Step{Kind: image.Digest, Words: []string{"digest-moved"}}},
		{"nginx@" + digestA, "nginx@" + digestB, image.Step{Kind: image.Digest, Words: []string{"digest-moved"}}},
		{"nginx:latest@" + digestA, "nginx:latest@" + digestB, image.Step{Kind: image.Digest, Words: []string{"digest-moved"}}},
		{"nginx:1@" + digestA, "nginx:1", image.Step{Kind: image.Digest, Words: []string{"digest-dropped"}}},
		{"nginx:1", "nginx:1@" + digestA, image.Step{Kind: image.Digest, Words: []string{"digest-gained"}}},
		{"nginx", "nginx@" + digestA, image.Step{Kind: image.Digest, Words: []string{"digest-gained"}}},
		{"nginx:1.2.3@" + digestA, "nginx:1.2.4@" + digestB, image.Step{Kind: image.Patch, Words: []string{"patch"}}},
		{"nginx:1.2.3@" + digestA, "nginx:1.2.4", image.Step{Kind: image.Patch, Words: []string{"digest-dropped", "patch"}}},
		{"nginx:1.2.3@" + digestA, "nginx:2.0.0", image.Step{Kind: image.Major, Words: []string{"major", "digest-dropped"}}},
		{"nginx:1.2.3@" + digestA, "nginx:1.2.2", image.Step{Kind: image.Downgrade, Words: []string{"downgrade", "digest-dropped"}}},
		{"nginx:1.2.3", "nginx:1.2.4@" + digestA, image.Step{Kind: image.Patch, Words: []string{"digest-gained", "patch"}}},
		{"nginx:1.2.3", "nginx:v1.2.3@" + digestA, image.Step{Kind: image.Digest, Words: []string{"digest-gained", "prefix"}}},
		{"nginx:1.2.3@" + digestA, "nginx:v1.2.3", image.Step{Kind: image.Digest, Words: []string{"digest-dropped", "prefix"}}},
		{"nginx:1.2.3@" + digestA, "nginx@" + digestB, image.Step{Kind: image.Incomparable, Words: []string{"not-semver"}}},
		{"nginx:1.2.3@" + digestA, "nginx", image.Step{Kind: image.Incomparable, Words: []string{"floating", "not-semver", "digest-dropped"}}},
		{"nginx:1.2.3", "nginx", image.Step{Kind: image.Incomparable, Words: []string{"floating", "not-semver"}}},
		{"a/app:1@" + digestA, "b/app:1@" + digestB, image.Step{Kind: image.Digest, Words: []string{"image-changed", "digest-moved"}}},
		{"a/app:1@" + digestA, "b/app:1@" + digestA, image.Step{Kind: image.Incomparable, Words: []string{"image-changed"}}},
	} {
		got := image.Compare(mustRef(t, test.old), mustRef(t, test.new), image.Semver)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s → %s (-want +got):\n%s", test.old, test.new, diff)
		}
	}
}

// Where a file keeps name, tag and digest apart, only some are known.
func TestPartialSteps(t *testing.T) {
	for _, test := range []struct {
		name     string
		old, new image.Ref
		want     image.Step
	}{
		{"a tag gains a name", image.Ref{Tag: "1.0.0"}, mustRef(t, "nginx:1.0.1"), image.Step{Kind: image.Patch, Words: []string{"patch"}}},
		{"digest wiped", image.Ref{Digest: digestA}, image.Ref{}, image.Step{Kind: image.Digest, Words: []string{"digest-dropped"}}},
		{"digest moved", image.Ref{Digest: digestA}, image.Ref{Digest: digestB}, image.Step{Kind: image.Digest, Words: []string{"digest-moved"}}},
		{"nothing at all", image.Ref{}, image.Ref{}, image.Step{Kind: image.Same}},
		{"endless tag", image.Ref{Tag: "2024.1.0" + strings.Repeat("-a", 1<<20)}, image.Ref{Tag: "2024.1.0" + strings.Repeat("-b", 1<<20)},
			image.Step{Kind: image.Incomparable, Words: []string{"incomparable"}}},
		{"other algorithm", image.Ref{Digest: digestA}, image.Ref{Digest: "sha512:" + strings.Repeat("a", 128)},
			image.Step{Kind: image.Digest, Words: []string{"digest-moved"}}},
	} {
		if diff := cmp.Diff(test.want, image.Compare(test.old, test.new, image.Semver)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func mustRef(t testing.TB, s string) image.Ref {
	t.Helper()
	r, err := image.ParseRef(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func FuzzCompare(f *testing.F) {
	for _, row := range tagRows(f) {
		f.Add(row.old, row.new, row.versioning == image.Calendar)
	}
	f.Fuzz(func(t *testing.T, a, b string, calendar bool) {
		v := image.Semver
		if calendar {
			v = image.Calendar
		}
		old, new := image.Ref{Tag: a}, image.Ref{Tag: b}
		if same := image.Compare(old, old, v); same.Kind != image.Same || same.Words != nil {
			t.Errorf("%q to itself is %v", a, same)
		}
		forth, back := image.Compare(old, new, v), image.Compare(new, old, v)
		if a != b && forth.Kind != image.Digest && forth.Words == nil {
			t.Errorf("%q → %q is %v, without a word", a, b, forth)
		}
		if forth.Kind == image.Same && strings.TrimPrefix(a, "v") != strings.TrimPrefix(b, "v") {
			t.Errorf("%q → %q is the same", a, b)
		}
		x, err := image.ParseVersion(a)
		y, err2 := image.ParseVersion(b)
		if err != nil || err2 != nil || x.Numbers != 3 || y.Numbers != 3 || calendar {
			return
		}
		down, up := forth.Kind == image.Downgrade, back.Kind == image.Downgrade
		numbers := [2][3]uint64{{x.Major, x.Minor, x.Patch}, {y.Major, y.Minor, y.Patch}}
		if numbers[0] != numbers[1] && down == up {
			t.Errorf("%q → %q is %v, back %v", a, b, forth, back)
		}
		if numbers[0] == numbers[1] && down && up {
			t.Errorf("%q and %q are each below the other", a, b)
		}
		// What Flux would never write going up must be called a downgrade, or
		// be refused for its suffix.
		if y.Compare(x) < 0 && !down && !slices.ContainsFunc(forth.Words, func(w string) bool {
			return w == "variant" || w == "prerelease" || w == "incomparable" || w == "patch"
		}) {
			t.Errorf("%q → %q goes down for Flux, and is %v", a, b, forth)
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	old, new := mustRef(b, "ghcr.io/acme/app:1.25.3-alpine3.18"), mustRef(b, "ghcr.io/acme/app:1.25.4-alpine3.19")
	b.ReportAllocs()
	for b.Loop() {
		if step := image.Compare(old, new, image.Semver); step.Kind != image.Patch {
			b.Fatal(step)
		}
	}
}
