package report

import "github.com/goldfish-inc/fluxkeeper/internal/finding"

// Scan is what a search for tokens found. Nothing in it is secret.
type Scan struct {
	finding.Answer
	Version string
}

// scanDocument is the JSON form. docs/scan.schema.json is made from it.
type scanDocument struct{ Envelope }

// Report is the scan for every format.
func (s Scan) Report() Report {
	r := Report{Answer: s.Answer, Version: s.Version, Document: scanDocument{EnvelopeOf(s.Answer)}}
	if v := s.Verdict(); v == finding.Pass || v == finding.Undecided {
		r.Phrase = "no token was found"
	}
	return r
}
