package image

// Ref is an image reference, taken apart. Fields are as written: nothing is
// filled in.
type Ref struct {
	// Name is host and repository as written, without tag and digest.
	Name string
	// Host includes the port; empty means Docker Hub.
	Host       string
	Repository string
	Tag        string
	Digest     string // algorithm:hex
}

// Versioning is how two tags of an image are put in order.
type Versioning string

// The ways of ordering.
const (
	Semver   Versioning = "semver"
	Calendar Versioning = "calendar" // 2026.1.0: a new year is not a breaking change
	// ByPolicy is for sha, timestamp and number tags: the step must go forward
	// in the order of the image's own ImagePolicy.
	ByPolicy Versioning = "policy"
)

// Kind names what happened between two versions.
type Kind string

// The kinds of step.
const (
	Same         Kind = "same"
	Patch        Kind = "patch"
	Minor        Kind = "minor"
	Major        Kind = "major"
	Downgrade    Kind = "downgrade"
	Prerelease   Kind = "prerelease"
	Variant      Kind = "variant"
	Digest       Kind = "digest"
	Incomparable Kind = "incomparable"
)

// Step is what happened between two references.
type Step struct {
	Kind Kind
	// SkippedMinors counts the minor versions that a minor step leaves out.
	SkippedMinors uint64
	// Words are the version/… rules, without the family, that the step falls
	// under, gravest first: a step from 1.4.0 to v2.0.0 has major and prefix.
	// A plain step has its Kind alone. Same has none, or prefix where only a v
	// came or went; neither has a digest gained, nor a step forward in an
	// ImagePolicy's own order.
	Words []string
}

// Selector is the part of a Flux ImagePolicy that picks a tag
// (https://fluxcd.io/flux/components/image/imagepolicies/). Exactly one of
// Range (semver), Numerical and Alphabetical (asc or desc) is set.
type Selector struct {
	Range                   string
	Numerical, Alphabetical string
	Pattern, Extract        string // filterTags
}
