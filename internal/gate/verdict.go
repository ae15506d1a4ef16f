package gate

import (
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// Result is the whole answer to a change.
type Result struct {
	Verdict      finding.Verdict
	Base, Head   Revision
	Reproduction manifest.Outcome
	Files        []FileResult
	Updates      []Update
	Findings     []finding.Finding
	// Evidence is the step of the ladder that the facts reach.
	Evidence Evidence
	// Gaps say, one sentence each, what could not be established. Any makes the
	// verdict undecided. They may quote outside text: every printer escapes it.
	Gaps []string
}

// FileResult is the outcome of one changed file.
type FileResult struct {
	Path         string
	Reproduction manifest.Outcome
}

// Update is one changed marked place; the name, tag and digest fields of one
// image are one update.
type Update struct {
	finding.Place
	// Policy is the marker's namespace:name.
	Policy string
	// Image is the image's name without tag and digest, as written.
	Image string
	// From and To are tags, or digests where only the digest moved.
	From, To string
	Step     string
}
