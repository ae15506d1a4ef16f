package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// Report is a result with what is needed to show it.
type Report struct {
	Result gate.Result
	// BaseName and HeadName are the revisions as the user wrote them.
	BaseName, HeadName string
	// Source gives the head text of a changed file, for source lines. It may
	// be nil, or return nil for a file that it does not have.
	Source func(file string) []byte
	// Version is that of the program.
	Version string
}

const rulesPage = "https://github.com/goldfish-inc/fluxkeeper/blob/main/docs/rules.md"

// RuleURL is the address of a rule's chapter in docs/rules.md, whose heading is
// the rule's name.
func RuleURL(rule string) string {
	return rulesPage + "#" + strings.ReplaceAll(rule, "/", "")
}

// sorted is the report in the one order that every format shows: findings
// gravest first, updates by place.
func (r Report) sorted() Report {
	r.Result.Findings = finding.Sort(slices.Clone(r.Result.Findings))
	r.Result.Updates = slices.Clone(r.Result.Updates)
	slices.SortStableFunc(r.Result.Updates, byPlace)
	return r
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

// Headline is the verdict as one line of text, escaped by Plain.
func Headline(r Report) string {
	title, phrase := r.headline()
	return text.Plain(title + ": " + phrase)
}

// stepRank puts steps that it does not know first.
func stepRank(step string) int {
	return 1 + slices.Index([]image.Kind{
		image.Incomparable, image.Downgrade, image.Major, image.Variant,
		image.Prerelease, image.Digest, image.Minor, image.Patch, image.Same,
	}, image.Kind(step))
}

// headline is the verdict as a title and a phrase.
func (r Report) headline() (title, phrase string) {
	res := r.Result
	var parts []string
	switch res.Verdict {
	case finding.Pass:
		title = "PASS"
		parts = append(parts, text.Count(len(res.Updates), "update"))
		if len(res.Updates) > 0 || res.Reproduction != manifest.None {
			parts = append(parts, outcome(res.Reproduction))
		}
	case finding.Fail:
		title = "FAIL"
	case finding.NotApplicable:
		title = "NOT APPLICABLE"
		reason := "not a Flux image update"
		if res.Base.Commit != "" && res.Base.Commit == res.Head.Commit {
			reason = "base and head are the same commit"
		}
		parts = append(parts, reason+", so there is nothing to judge")
	case finding.Undecided:
		title = "UNDECIDED"
		parts = append(parts, "not all facts could be established")
	default: // an unknown verdict is never text.Green
		return "UNDECIDED", fmt.Sprintf(`unknown verdict "%s"`, text.Plain(string(res.Verdict)))
	}
	for _, s := range []finding.Severity{finding.Error, finding.Warning, finding.Note} {
		if n := r.countOf(s); n > 0 {
			parts = append(parts, text.Count(n, string(s)))
		}
	}
	return title, strings.Join(parts, ", ")
}

func (r Report) countOf(s finding.Severity) int {
	n := 0
	for _, f := range r.Result.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
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
	return text.Plain(string(o))
}

// How many characters of outside text are shown. Paths in the text report may
// be as long as a message.
const (
	maxCell    = 200
	maxMessage = 1_000
)

func moreOf(n int, noun string) string {
	return strings.Replace(text.Count(n, noun), " ", " more ", 1)
}

// place is file:line:column as far as it is known.
func place(p finding.Place) string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// wholeLine is the place without its column.
func wholeLine(p finding.Place) finding.Place {
	p.Column = 0
	return p
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
func revision(name string, r gate.Revision) string {
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
	return name + " (" + id + ")"
}

// shift says which way the policy file moved a finding's severity: 1 raised,
// -1 lowered, 0 not at all.
func shift(f finding.Finding) int {
	if f.Was == "" || f.Was == f.Severity {
		return 0
	}
	rank := []finding.Severity{finding.Note, finding.Warning, finding.Error}
	if slices.Index(rank, f.Severity) > slices.Index(rank, f.Was) {
		return 1
	}
	return -1
}

// settings says how many findings the policy file raised and lowered.
func (r Report) settings() string {
	raised, lowered := 0, 0
	for _, f := range r.Result.Findings {
		switch shift(f) {
		case 1:
			raised++
		case -1:
			lowered++
		}
	}
	switch {
	case raised > 0 && lowered > 0:
		return fmt.Sprintf("the policy raised %s and lowered %d", text.Count(raised, "finding"), lowered)
	case raised > 0:
		return "the policy raised " + text.Count(raised, "finding")
	case lowered > 0:
		return "the policy lowered " + text.Count(lowered, "finding")
	}
	return ""
}

// changed says how the policy file moved a finding's severity.
func changed(f finding.Finding) string {
	switch shift(f) {
	case 1:
		return "raised from " + text.Reference(string(f.Was))
	case -1:
		return "lowered from " + text.Reference(string(f.Was))
	}
	return ""
}

// evidence is the step of the ladder that the facts reach.
func (r Report) evidence() string {
	return text.Reference(string(cmp.Or(r.Result.Evidence, gate.EvidenceNone)))
}

// byRule parts sorted findings into runs of one severity and rule, gravest
// first, rules in the order of their first finding.
func byRule(findings []finding.Finding) [][]finding.Finding {
	type key struct {
		finding.Severity
		rule string
	}
	at := map[key]int{}
	var groups [][]finding.Finding
	for _, f := range findings {
		k := key{f.Severity, f.Rule}
		i, ok := at[k]
		if !ok {
			i, at[k] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}
