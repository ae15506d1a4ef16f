package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

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
func JSON(w io.Writer, r Report) error { return writeJSON(w, r.sorted().document()) }

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
			utf(u.File), u.Line, u.Column, utf(u.Path), utf(u.Policy), utf(u.Image), utf(u.From), utf(u.To), u.Step})
	}
	for _, f := range res.Files {
		d.Files = append(d.Files, documentFile{utf(f.Path), f.Reproduction})
	}
	for _, gap := range res.Gaps {
		d.Gaps = append(d.Gaps, utf(gap))
	}
	return d
}

func documentFindings(findings []finding.Finding) []documentFinding {
	all := make([]documentFinding, len(findings))
	for i, f := range findings {
		all[i] = documentFinding{f.Rule, f.Severity, utf(f.File), f.Line, f.Column, utf(f.Message), utf(f.Hint), utf(f.Path), f.Was}
	}
	return all
}

// utf writes bytes that are not UTF-8 as \xNN, so that two paths that differ
// in them stay apart.
func utf(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02X`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// writeJSON writes v, indented. It is often printed straight into a terminal
// or a workflow log, so what Plain would make visible is escaped the JSON way:
// same value, nothing that acts.
func writeJSON(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if _, err := io.WriteString(w, inert(buf.String())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// inert escapes characters of JSON text. None of them occurs outside strings.
func inert(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.SplitSeq(text, "\n") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if harmless(line) {
			b.WriteString(line)
		} else {
			inertLine(&b, line)
		}
	}
	return b.String()
}

func inertLine(b *strings.Builder, text string) {
	marks, hashes := noBase, 0
	for _, r := range text {
		switch {
		case r == '[' && hashes >= 2:
			b.WriteString(`\u005b`)
		case visible(r, &marks):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04x`, unit)
			}
		}
		if r == '#' {
			hashes++
		} else {
			hashes = 0
		}
	}
}
