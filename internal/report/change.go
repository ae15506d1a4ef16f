package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Change is the gate's answer to a change, with what is needed to show it.
type Change struct {
	Result gate.Result
	// BaseName and HeadName are the revisions as the user wrote them.
	BaseName, HeadName string
	// Source gives the head text of a changed file, for source lines.
	Source  func(file string) []byte
	Version string
}

// changeDocument is the JSON form. docs/verdict.schema.json is made from it.
type changeDocument struct {
	Envelope
	Base string `json:"base"` // Commit id of the base. Empty where unknown.
	Head string `json:"head"` // Commit id of the head. Empty where unknown.
	// How near re-executing Flux's update on the base comes to the head: every byte is equal;
	// equal but for marked values and layout; something else changed; nothing to reproduce.
	Reproduction manifest.Outcome `json:"reproduction" jsonschema:"enum=reproduced,enum=equivalent,enum=residue,enum=none"`
	// Proof of who made the change: the step of the ladder that the facts reach.
	Evidence policy.Evidence `json:"evidence" jsonschema:"enum=none,enum=text,enum=account,enum=signature,enum=key,enum=pusher"`
	// How far back the base's own line of commits was looked at for versions that were taken back.
	Reverts gate.Lookback     `json:"reverts"`
	Updates []gate.Update     `json:"updates"` // Changed marked places in the order of their places.
	Files   []gate.FileResult `json:"files"`   // Outcome of every changed file.
}

// maxUpdates is how many updates are shown as text.
const maxUpdates = 100

// Report is the change for every format.
func (c Change) Report() Report {
	res := redacted(c.Result)
	res.Reproduction = cmp.Or(res.Reproduction, manifest.None)
	res.Evidence = cmp.Or(res.Evidence, policy.EvidenceNone)
	res.Findings = finding.Sort(slices.Clone(res.Findings))
	r := Report{
		Answer: res.Answer, Phrase: phrase(res), Tables: []Table{updates(res)},
		Closing: []string{
			orDash(revision(c.BaseName, res.Base)) + " → " + orDash(revision(c.HeadName, res.Head)),
			outcome(res.Reproduction), "evidence: " + string(res.Evidence),
		},
		Source: redactedSource(c.Source), Version: c.Version, Somewhere: policy.File,
		Properties: map[string]string{
			"base": res.Base.Commit, "head": res.Head.Commit, "reproduction": string(res.Reproduction), "evidence": string(res.Evidence),
		},
	}
	if len(res.Updates) > 0 {
		r.Closing = append(r.Closing, lookback(res.Reverts))
	}
	if moved := moves(res.Findings); moved != "" {
		r.Closing = append(r.Closing, moved)
	}
	if len(res.Files) > 0 {
		r.Somewhere = res.Files[0].Path
	}
	inOrder := append([]gate.Update{}, res.Updates...)
	slices.SortStableFunc(inOrder, byPlace)
	r.Document = changeDocument{
		EnvelopeOf(r.Answer), res.Base.Commit, res.Head.Commit, res.Reproduction, res.Evidence, res.Reverts, inOrder,
		append([]gate.FileResult{}, res.Files...),
	}
	return r
}

// lookback says how far back reverts were looked for.
func lookback(l gate.Lookback) string {
	day, _, looked := strings.Cut(l.Since, "T")
	if !looked {
		return "reverts: not looked for"
	}
	return fmt.Sprintf("reverts: looked for since %s (%s)", day, text.Count(l.Commits, "commit"))
}

// phrase says what the verdict means.
func phrase(res gate.Result) string {
	switch res.Verdict() {
	case finding.Pass:
		n := text.Count(len(res.Updates), "update")
		if len(res.Updates) > 0 || res.Reproduction != manifest.None {
			n += ", " + outcome(res.Reproduction)
		}
		return n
	case finding.Fail:
		return ""
	case finding.NotApplicable:
		if res.Base.Commit != "" && res.Base.Commit == res.Head.Commit {
			return "base and head are the same commit, so there is nothing to judge"
		}
		if len(res.Findings) > 0 {
			return "somebody else than Flux moves what Flux sets, and that is not judged"
		}
		return "not a Flux image update, so there is nothing to judge"
	}
	return "not all facts could be established"
}

// updates is the table of steps, what a reader should mind most first.
func updates(res gate.Result) Table {
	name := text.Reference
	t := Table{Noun: "update", Most: maxUpdates, Marked: 4, Columns: []Column{
		{Head: "image", Code: true}, {Head: "from", Code: true}, {}, {Head: "to", Code: true}, {Head: "step"}, {Head: "policy", Code: true},
		{Head: "place", Code: true, Most: 2 * maxMessage},
		{Head: "order", Code: true, Most: maxMessage},
	}}
	for _, u := range worstFirst(res.Updates) {
		from, to := shortDigests(name(u.From), name(u.To))
		t.Rows = append(t.Rows, Row{Paint: stepPaint(res, u), Cells: []string{
			name(u.Image), orDash(from), "→", orDash(to), name(u.Step), name(u.Policy), shownPlace(wholeLine(u.Place)),
			orDash(text.Some(text.Each(u.Orders, order), 2)),
		}})
	}
	return t
}

// order says by what a new version was judged, and which file says so.
func order(o gate.Order) string {
	where := shownPlace(finding.Place{File: o.File, Line: o.Line})
	if o.Policy == "" {
		where = "images: entry, " + where
	}
	return o.Order + " (" + where + ")"
}

// stepPaint is the colour of the gravest finding on the update's line, green
// for a small step without one.
func stepPaint(res gate.Result, u gate.Update) text.Paint {
	at := slices.IndexFunc(res.Findings, func(f finding.Finding) bool { return f.File == u.File && f.Line == u.Line })
	small := u.Step == string(image.Patch) || u.Step == string(image.Minor)
	switch {
	case at >= 0 && finding.Answered(res.Findings[at:at+1]).Attention():
		return severityPaint(res.Findings[at].Severity)
	case small:
		return text.Green
	}
	return ""
}

func byPlace(a, b gate.Update) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// worstFirst orders updates by how much a reader should mind their step.
func worstFirst(updates []gate.Update) []gate.Update {
	updates = slices.Clone(updates)
	slices.SortStableFunc(updates, func(a, b gate.Update) int {
		return cmp.Or(cmp.Compare(stepRank(a.Step), stepRank(b.Step)), byPlace(a, b))
	})
	return updates
}

// GravestStep is the step among the updates that a reader should mind most;
// empty where there is none.
func GravestStep(updates []gate.Update) string {
	if len(updates) == 0 {
		return ""
	}
	return worstFirst(updates)[0].Step
}

// stepRank puts steps that it does not know first.
func stepRank(step string) int {
	return 1 + slices.Index([]image.Kind{
		image.Incomparable, image.Downgrade, image.Major, image.Variant,
		image.Prerelease, image.Digest, image.Minor, image.Patch, image.Same,
	}, image.Kind(step))
}

// outcome says in words how near the re-executed update came to the head.
func outcome(o manifest.Outcome) string {
	switch o {
	case manifest.Reproduced:
		return "reproduced byte for byte"
	case manifest.Equivalent:
		return "equivalent but for layout"
	case manifest.Residue:
		return "more changed than Flux would write"
	case manifest.None, "":
		return "nothing to reproduce"
	}
	return string(o)
}

// shortDigests cuts two digests to their first twelve digits where that keeps
// them apart; other values stay as they are.
func shortDigests(from, to string) (string, string) {
	a, b := shortDigest(from), shortDigest(to)
	if a == b {
		return from, to
	}
	return a, b
}

func shortDigest(s string) string {
	algorithm, digits, ok := strings.Cut(s, ":")
	if !ok || len(digits) < 32 {
		return s
	}
	return algorithm + ":" + digits[:12] + "…"
}

// revision is a commit's short id with the name that the user gave it.
func revision(name string, r change.Revision) string {
	id := r.Commit
	if len(id) > 12 {
		id = id[:12]
	}
	if name == "" || strings.HasPrefix(r.Commit, name) {
		return id
	}
	if id == "" {
		return name
	}
	return text.Cut(name, maxCell) + " (" + id + ")"
}

// moves says how many findings the policy file raised and lowered.
func moves(findings []finding.Finding) string {
	raised, lowered := 0, 0
	for _, f := range findings {
		switch c := changed(f); {
		case strings.HasPrefix(c, "raised"):
			raised++
		case c != "":
			lowered++
		}
	}
	var parts []string
	if raised > 0 {
		parts = append(parts, "raised "+text.Count(raised, "finding"))
	}
	if lowered > 0 {
		parts = append(parts, "lowered "+text.Count(lowered, "finding"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "the policy " + strings.Join(parts, " and ")
}
