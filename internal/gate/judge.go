package gate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

// Options say how to judge.
type Options struct {
	// Now is when: dated overrides end, and pinned keys expire.
	Now time.Time
	// IgnoreIdentity judges contents alone: neither who made the change nor the
	// pull request's words are looked at.
	IgnoreIdentity bool
}

// Judge says whether a change is only what Flux would write, and allowed. It
// looks at nothing but its arguments and leaves them as they are; the order of
// files, policies and bystanders makes no difference. What the facts do not
// prove counts against the change, and any gap in them makes it undecided.
func Judge(p policy.Policy, f change.Facts, o Options) Result {
	var unchecked []string
	f.Commits, unchecked = signature.Check(f.Commits, p.Keys(), o.Now)
	f.Gaps = slices.Concat(f.Gaps, unchecked)
	j := newJudge(p, f, o)
	result := Result{Base: f.Base, Head: f.Head, Reproduction: manifest.None, Evidence: policy.EvidenceNone}
	result.Basis, result.Gaps = finding.Whole, f.Gaps
	result.HeadIsBase = slices.Contains(p.Base, f.HeadRef)
	if !j.applies() {
		j.elsewhere()
		result.Findings, result.Gaps = j.findings, slices.Concat(f.Gaps, j.gaps)
		if len(result.Gaps) == 0 {
			result.Basis = finding.Foreign
		}
		result.Answer = result.Weighed(p.Severities())
		return result
	}
	j.crosswise()
	for i := range j.files {
		result.Files = append(result.Files, j.judgeFile(&j.files[i]))
	}
	j.renames()

	updates := j.joinUpdates()
	for i := range updates {
		j.judgeUpdate(&updates[i])
		result.Updates = append(result.Updates, updates[i].Update)
	}
	for i := range result.Files {
		if j.illegal[result.Files[i].Path] {
			result.Files[i].Reproduction = manifest.Residue
		}
	}
	result.Reproduction = worst(result.Files)
	j.judgeWhole(result.Updates)
	result.Reverts = j.past(updates)
	j.stragglers(updates)
	if !o.IgnoreIdentity {
		result.Evidence = j.identity()
		j.text(result.Updates)
	}
	result.Findings, result.Gaps = j.findings, slices.Concat(f.Gaps, j.gaps)
	result.Afresh = !o.IgnoreIdentity && len(result.Gaps) == 0 && !result.HeadIsBase && j.mayStartAfresh(result.Evidence)
	result.Answer = result.Weighed(p.Severities())
	return result
}

// judge is one run of Judge.
type judge struct {
	policy  policy.Policy
	facts   change.Facts
	options Options
	files   []fileView // sorted by path
	lookup  change.Lookup
	said    map[string]bool // what once has let through
	// illegal names files with a new value that Flux cannot write, since it
	// takes every reference apart before it uses it.
	illegal  map[string]bool
	old      map[*byte][]manifest.Field // of earlier versions, by their text
	around   map[string]func(f manifest.Field, keys ...string) string
	findings []finding.Finding
	gaps     []string // what of the facts is missing that matters
}

func newJudge(p policy.Policy, f change.Facts, o Options) *judge {
	j := &judge{
		policy: p, facts: f, options: o, lookup: f.Lookup(),
		said: map[string]bool{}, illegal: map[string]bool{}, old: map[*byte][]manifest.Field{},
		around: map[string]func(manifest.Field, ...string) string{},
	}
	changes := slices.DeleteFunc(slices.Clone(f.Files), func(c change.File) bool { return !c.Stale && !c.Differs() })
	slices.SortStableFunc(changes, func(a, b change.File) int { return cmp.Compare(a.Path, b.Path) })
	j.files = make([]fileView, len(changes))
	parallel(len(changes), func(i int) { j.files[i] = viewFile(changes[i]) })
	return j
}

// applies tells whether the change is ours to judge: it is on the bot's branch,
// whoever owns that, or it touches a place that Flux sets and is nobody else's.
func (j *judge) applies() bool {
	if j.options.IgnoreIdentity {
		return slices.ContainsFunc(j.files, fileView.touched)
	}
	return j.facts.HeadRef != "" && j.policy.MatchHead(j.facts.HeadRef) ||
		slices.ContainsFunc(j.files, fileView.touched) && !j.theirs()
}

// report adds a finding. Without a severity it has the catalogue's.
func (j *judge) report(f finding.Finding) {
	f.Severity = cmp.Or(f.Severity, finding.Natural(f.Rule))
	if strings.HasPrefix(f.File, ".github/") && f.File != policy.File {
		f.Hint = strings.TrimPrefix(f.Hint+"; ", "; ") +
			"files under .github/ can change what checks a pull request: review them by hand, in a change of their own"
	}
	j.findings = append(j.findings, f)
}

// once tells whether this is the first time that something is to be said.
func (j *judge) once(parts ...string) bool {
	key := strings.Join(parts, "\x00")
	first := !j.said[key]
	j.said[key] = true
	return first
}
