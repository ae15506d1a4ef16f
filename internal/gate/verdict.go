package gate

import (
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// Result is the whole answer to a change.
type Result struct {
	finding.Answer
	Base, Head   change.Revision
	Reproduction manifest.Outcome
	Files        []FileResult
	Updates      []Update
	// Evidence is the step of the ladder that the facts reach.
	Evidence policy.Evidence
	// Reverts says how far back the base was looked at for what was taken back.
	Reverts Lookback
	// Afresh says that the way on is a fresh branch, and that Flux's loses nothing
	// when it is deleted: it is stale, and all of it is proven to be the bots' own.
	Afresh bool
	// HeadIsBase says that the policy names the change's branch as a base: it is nobody's
	// to delete, whatever becomes of the change.
	HeadIsBase bool
}

// Lookback is how far back the base's own line of commits was looked at.
type Lookback struct {
	Since   string `json:"since"`   // When the oldest commit that was looked at was made, in RFC 3339 and UTC; empty where none was.
	Commits int    `json:"commits"` // Commits that were looked at.
	Cut     string `json:"cut"`     // Why no more were, of those that the policy asks for; empty where all were.
}

// FileResult is the outcome of one changed file.
type FileResult struct {
	Path         string           `json:"file"`
	Reproduction manifest.Outcome `json:"reproduction" jsonschema:"enum=reproduced,enum=equivalent,enum=residue,enum=none"`
}

// Update is one changed marked place; the name, tag and digest fields of one
// image are one update.
type Update struct {
	finding.Place
	// Policy is the marker's namespace:name.
	Policy string `json:"policy"`
	// Image is the image's name without tag and digest, as written.
	Image string `json:"image"`
	// From and To are tags, or digests where only the digest moved.
	From string `json:"from"`
	To   string `json:"to"` // Tag after; the digest where only the digest moved.
	// FromDigest and ToDigest are the digests beside the tags; empty where there are none.
	FromDigest string `json:"-"`
	ToDigest   string `json:"-"`
	Step       string `json:"step"` // What happened between the two such as patch, minor, major or downgrade
	// Orders are what the new version was held against: the ImagePolicies that the marker may mean, and what an entry
	// of images states.
	Orders []Order `json:"orders"`
}

// Order is an order of tags, with what says it.
type Order struct {
	Policy string `json:"policy"` // Namespace/name of the ImagePolicy; empty for an entry of images in the policy file.
	File   string `json:"file"`   // Path of the file that says it, on the base.
	Line   int    `json:"line"`   // Line there, from 1.
	Order  string `json:"order"`  // What it says of tags, such as semver "~1.4"; or that it is not known here.
}
