package report

import (
	"io"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// document is the JSON report, version 1. docs/verdict.schema.json is made
// from it. Within a version, keys may be added at the end of an object and
// nothing else changes.
type document struct {
	Version      int               `json:"version" jsonschema:"enum=1,description=Version of this format. Keys may be added within a version."`
	Verdict      finding.Verdict   `json:"verdict" jsonschema:"enum=pass,enum=fail,enum=not-applicable,enum=undecided,description=Undecided means that not all facts could be established: it is never a pass."`
	Base         string            `json:"base" jsonschema:"description=Commit id of the base. Empty where unknown."`
	Head         string            `json:"head" jsonschema:"description=Commit id of the head. Empty where unknown."`
	Reproduction manifest.Outcome  `json:"reproduction" jsonschema:"enum=reproduced,enum=equivalent,enum=residue,enum=none,description=How near re-executing Flux's update on the base comes to the head: every byte is equal; equal but for marked values and layout; something else changed; nothing to reproduce."`
	Updates      []documentUpdate  `json:"updates" jsonschema:"description=Changed marked places in the order of their places."`
	Findings     []documentFinding `json:"findings" jsonschema:"description=Findings gravest first."`
	Evidence     gate.Evidence     `json:"evidence" jsonschema:"enum=none,enum=text,enum=account,enum=signature,enum=key,enum=pusher,enum=witness,description=Proof of who made the change: the step of the ladder that the facts reach."`
	Files        []documentFile    `json:"files" jsonschema:"description=Outcome of every changed file."`
	Gaps         []string          `json:"gaps" jsonschema:"description=What could not be established: why the verdict is undecided; else empty. May quote outside text: escape it before showing it."`
}

type documentUpdate struct {
	File   string `json:"file" jsonschema:"description=Path from the root of the repository. Bytes that are not UTF-8 are written as a backslash and xNN."`
	Line   int    `json:"line" jsonschema:"minimum=0,description=Line in the head from 1. 0 where unknown."`
	Column int    `json:"column" jsonschema:"minimum=0,description=Column in characters from 1. 0 where unknown."`
	Path   string `json:"path" jsonschema:"description=YAML path of the value."`
	Policy string `json:"policy" jsonschema:"description=The marker's ImagePolicy as namespace:name."`
	Image  string `json:"image" jsonschema:"description=Name of the image without tag and digest as written."`
	From   string `json:"from" jsonschema:"description=Tag before; the digest where only the digest moved."`
	To     string `json:"to" jsonschema:"description=Tag after; the digest where only the digest moved."`
	Step   string `json:"step" jsonschema:"description=What happened between the two such as patch or minor or major or downgrade."`
}

type documentFinding struct {
	Rule     string           `json:"rule" jsonschema:"description=Name of the rule as family/name."`
	Severity finding.Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	File     string           `json:"file" jsonschema:"description=Path from the root of the repository. Empty where the finding is about the change as a whole."`
	Line     int              `json:"line" jsonschema:"minimum=0,description=Line in the head from 1. 0 where unknown."`
	Column   int              `json:"column" jsonschema:"minimum=0,description=Column in characters from 1. 0 where unknown."`
	Message  string           `json:"message" jsonschema:"description=What is the matter. May quote outside text: escape it before showing it."`
	Hint     string           `json:"hint" jsonschema:"description=How to mend it. May be empty."`
	Path     string           `json:"path" jsonschema:"description=YAML path of the value."`
	Was      finding.Severity `json:"was" jsonschema:"enum=,enum=error,enum=warning,enum=note,enum=off,description=The rule's own severity where the policy file changed it; else empty."`
}

type documentFile struct {
	File         string           `json:"file"`
	Reproduction manifest.Outcome `json:"reproduction" jsonschema:"enum=reproduced,enum=equivalent,enum=residue,enum=none"`
}

// JSON writes the report for programs, in the form of docs/verdict.schema.json.
func JSON(w io.Writer, r Report) error { return text.JSON(w, r.sorted().document()) }

func (r Report) document() document {
	res := r.Result
	d := document{
		Version: 1, Verdict: res.Verdict, Base: res.Base.Commit, Head: res.Head.Commit,
		Reproduction: res.Reproduction, Evidence: res.Evidence,
		Updates: []documentUpdate{}, Findings: documentFindings(res.Findings), Files: []documentFile{}, Gaps: []string{},
	}
	if d.Reproduction == "" {
		d.Reproduction = manifest.None
	}
	if d.Evidence == "" {
		d.Evidence = gate.EvidenceNone
	}
	for _, u := range res.Updates {
		d.Updates = append(d.Updates, documentUpdate{
			text.UTF8(u.File), u.Line, u.Column, text.UTF8(u.Path), text.UTF8(u.Policy), text.UTF8(u.Image), text.UTF8(u.From), text.UTF8(u.To), u.Step})
	}
	for _, f := range res.Files {
		d.Files = append(d.Files, documentFile{text.UTF8(f.Path), f.Reproduction})
	}
	for _, gap := range res.Gaps {
		d.Gaps = append(d.Gaps, text.UTF8(gap))
	}
	return d
}

func documentFindings(findings []finding.Finding) []documentFinding {
	all := make([]documentFinding, len(findings))
	for i, f := range findings {
		all[i] = documentFinding{f.Rule, f.Severity, text.UTF8(f.File), f.Line, f.Column, text.UTF8(f.Message), text.UTF8(f.Hint), text.UTF8(f.Path), f.Was}
	}
	return all
}
