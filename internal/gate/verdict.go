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
	Policy string `json:"policy" jsonschema:"description=The marker's ImagePolicy as namespace:name."`
	// Image is the image's name without tag and digest, as written.
	Image string `json:"image" jsonschema:"description=Name of the image without tag and digest as written."`
	// From and To are tags, or digests where only the digest moved.
	From string `json:"from" jsonschema:"description=Tag before; the digest where only the digest moved."`
	To   string `json:"to" jsonschema:"description=Tag after; the digest where only the digest moved."`
	Step string `json:"step" jsonschema:"description=What happened between the two such as patch or minor or major or downgrade."`
}
