package gate

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// judgeFile reports what is wrong with one changed path beside the versions in
// it, and how near re-executing Flux's update comes to it. A change that Flux
// cannot make at all is residue as a whole.
func (j *judge) judgeFile(v *fileView) FileResult {
	outcome := FileResult{Path: v.Path, Reproduction: manifest.Residue}
	if v.Stale {
		j.stale(v)
		outcome.Reproduction = manifest.None // of what is not known nothing can be said
		return outcome
	}
	if !j.judgePath(v) {
		return outcome
	}
	j.judgeContent(v)
	// Two equal files whose modes differ have nothing to reproduce.
	if v.Before.Mode == v.After.Mode && clean(v.comparison) {
		outcome.Reproduction = v.comparison.Outcome
	}
	return outcome
}

// judgePath judges the tree entries, and tells whether the contents are to be
// judged as well.
func (j *judge) judgePath(v *fileView) bool {
	if !j.policy.MatchPath(v.Path) {
		j.at(v, "scope/path", "the policy does not let updates change this path",
			"take the file out of the branch, or add its path to paths in "+policy.File+", or that of a workflow to uses.workflows")
	}
	switch {
	case v.Before.Mode == change.Symlink || v.After.Mode == change.Symlink:
		j.at(v, "scope/symlink",
			fmt.Sprintf("a symbolic link is involved: the mode was %s and is %s", modeName(v.Before.Mode), modeName(v.After.Mode)),
			"take it out of the branch: Flux writes regular files only")
	case v.Before.Mode == change.Submodule || v.After.Mode == change.Submodule:
		j.at(v, "scope/submodule",
			fmt.Sprintf("a submodule is involved: the mode was %s and is %s", modeName(v.Before.Mode), modeName(v.After.Mode)),
			"take it out of the branch: Flux never moves a submodule")
	case v.Before.Mode == change.Absent || v.After.Mode == change.Absent:
		// Told by renames, which sees all files.
		return false
	case v.Before.Mode != v.After.Mode:
		j.at(v, "scope/mode-changed", fmt.Sprintf("the file's mode was %s and is %s", v.Before.Mode, v.After.Mode),
			"restore the mode: Flux keeps it as it is")
	}
	if v.Before.IsFile() && v.After.IsFile() && !v.compared {
		message := "Flux does not write files of this name"
		if manifest.Named(v.Path) {
			message = "Flux does not write this file: on the base it holds no marker"
		}
		j.at(v, "scope/not-flux-file", message, "take the file out of the branch and propose its change by itself")
	}
	return v.compared
}

// stale reports a path of which it is not known what a merge gives.
func (j *judge) stale(v *fileView) {
	message := "the base has changed this file too since the branch was made, so that it is not known what a merge gives"
	switch {
	case v.Before.Mode == change.Absent && v.Old.Mode == change.Absent:
		message = "the base has moved, removed or replaced the folder of this new file since the branch was made"
	case v.Before.Mode == change.Absent:
		message = "the base has removed or renamed this file since the branch was made; a merge could bring it back, or change another file"
	case v.Old.Same(v.Before) || v.Old.Same(v.After) || v.Before.Same(v.After):
		message = "several commits change this file, and one by one upon the base, as a rebase puts them, they may give something else"
	}
	j.at(v, "scope/stale", message, j.afresh())
}

// crosswise reports a change whose merge has no one starting point.
func (j *judge) crosswise() {
	if j.facts.Crosswise {
		j.report(finding.Finding{Rule: "scope/stale",
			Message: "the base and the branch were merged into each other, and have several merge bases",
			Hint:    j.afresh()})
	}
}

// afresh says how to come to a branch that begins at the base's tip.
func (j *judge) afresh() string {
	head := j.facts.HeadRef
	if head == "" || !j.policy.MatchHead(head) {
		return "bring the branch up to date with the base"
	}
	sha := j.facts.Head.Commit
	return fmt.Sprintf("delete the branch %q while it is at commit %s: Flux pushes it afresh from the base", head, sha[:min(len(sha), 12)])
}

// mayStartAfresh tells whether the branch is Flux's and stale, and holds nobody's
// commit but the bots'. What a policy makes of the findings does not matter here:
// who lets a person's commit pass has not given it up.
func (j *judge) mayStartAfresh(reached policy.Evidence) bool {
	proven := reached.Reaches(policy.EvidenceText) && reached.Reaches(cmp.Or(j.policy.Evidence, policy.EvidenceText))
	foreign := slices.ContainsFunc(j.findings, func(f finding.Finding) bool {
		return strings.HasPrefix(f.Rule, "identity/") && f.Rule != "identity/base" && f.Rule != "identity/opener"
	})
	stale := slices.ContainsFunc(j.findings, func(f finding.Finding) bool { return f.Rule == "scope/stale" })
	flux := j.facts.HeadRef != "" && j.policy.MatchHead(j.facts.HeadRef)
	return stale && proven && !foreign && flux
}

func (j *judge) at(v *fileView, rule, message, hint string) {
	j.report(finding.Finding{Rule: rule, Place: finding.Place{File: v.Path}, Message: message, Hint: hint})
}

func modeName(m change.Mode) string { return cmp.Or(string(m), "none") }

// renames reports files that came or went, as one finding where a file of the
// same content went and came.
func (j *judge) renames() {
	gone := map[string][]*fileView{}
	for i := range j.files {
		if v := &j.files[i]; v.After.Mode == change.Absent && !v.Stale {
			gone[v.Before.ID] = append(gone[v.Before.ID], v)
		}
	}
	for i := range j.files {
		v := &j.files[i]
		if v.Before.Mode != change.Absent || v.After.Mode == change.Absent || v.Stale {
			continue
		}
		if from := gone[v.After.ID]; len(from) > 0 && v.After.ID != "" {
			gone[v.After.ID] = from[1:]
			j.at(v, "scope/file-renamed", fmt.Sprintf("the file was renamed from %q", from[0].Path), "restore its path: Flux never renames a file")
			continue
		}
		j.at(v, "scope/file-added", "the file was added", addedHint(v.Path))
	}
	for i := range j.files {
		if v := &j.files[i]; v.After.Mode == change.Absent && slices.Contains(gone[v.Before.ID], v) {
			j.at(v, "scope/file-removed", "the file was removed", "restore the file: Flux never removes one")
		}
	}
}

// listItem is what Flux names the file that it writes, by mistake, for an item
// of a List.
var listItem = pattern.Lazy(`^[a-z]+_[a-z0-9.-]+\.yaml$`)

func addedHint(file string) string {
	if listItem().MatchString(path.Base(file)) {
		return "Flux writes such a file by mistake when a kind: List holds a marker; give each object of the list a document of its own, and " +
			"remove this file"
	}
	return "take the file out of the branch: Flux never adds one"
}

// judgeContent reports what differs in a file beside marked values, and what
// could be read in two ways.
func (j *judge) judgeContent(v *fileView) {
	c := v.comparison
	before := len(j.findings)
	for _, d := range c.Residue {
		j.report(finding.Finding{Rule: cmp.Or(d.Rule, "scope/residue"), Place: place(v.Path, d.Position, d.Path), Message: d.Message,
			Hint: residueHint})
	}
	switch {
	case len(j.findings) > before:
	case c.Outcome == manifest.Residue:
		j.at(v, "scope/residue", "re-executing Flux's update does not give this file", residueHint)
	case v.Before.ID != v.After.ID && !slices.ContainsFunc(v.spots, spot.changed):
		j.at(v, "scope/residue", "the file was written anew, though no version in it changes: Flux leaves such a file alone", residueHint)
	}
	for _, d := range c.Losses {
		f := finding.Finding{Rule: "scope/writer-loss", Place: place(v.Path, d.Position, d.Path),
			Message: "Flux's writer changed data: " + d.Message,
			Hint:    "check that the new text does; to be rid of this, write the file so that Flux's writer keeps it"}
		if d.Was > 0 { // nothing became something, as where a template is taken for a mapping
			was, is := lineOf(v.Before.Data, d.Was), lineOf(v.After.Data, d.Line)
			if !j.once("destroyed", v.Path, was, is) {
				continue
			}
			f.Severity, f.Message = finding.Error, fmt.Sprintf("Flux's writer destroys the line %q: it is %q", was, is)
			f.Hint = "take the marker out of the file, or the template; a null is kept where it stands on a line of its own"
		}
		j.report(f)
	}
	for _, d := range c.Defects {
		j.defect(v, d)
	}
	for _, s := range v.spots {
		j.judgeSpot(s)
	}
}

// lineOf is a line of a text, from 1, without what surrounds it.
func lineOf(data []byte, line int) string {
	lines := bytes.SplitN(data, []byte("\n"), line+1)
	if line > len(lines) {
		return ""
	}
	return string(bytes.TrimSpace(lines[line-1]))
}

const residueHint = "take the change out of the branch and propose it by itself"

// judgeSpot reports what concerns a place beside its new version.
func (j *judge) judgeSpot(s spot) {
	if s.changed() && len(s.Aliases) > 0 {
		var lines []string
		for _, at := range s.Aliases {
			lines = append(lines, fmt.Sprint(at.Line))
		}
		j.report(finding.Finding{Rule: "yaml/alias", Severity: finding.Warning, Place: s.place(),
			Message: "the new value also holds where its anchor is used, in line " + strings.Join(lines, ", "),
			Hint:    "write the value out at each place, with a marker of its own"})
	}
}

// defect reports what two readers could read differently. What the base has as
// well is not this change's doing; it is still an error where it hides what
// the file says.
func (j *judge) defect(v *fileView, d manifest.Defect) {
	f := finding.Finding{Rule: d.Rule, Place: place(v.Path, d.Position, d.Path), Message: d.Message}
	switch {
	case spelling(d.Rule) && v.changes(d.Path):
		f.Severity = finding.Error
		f.Hint = "quote the value on the base; Flux keeps the quotes"
	case d.Old && harmless(d.Rule) && finding.Warning.Below(finding.Natural(d.Rule)):
		f.Severity = finding.Warning
		f.Hint = "the base has it too; fix it there"
	}
	j.report(f)
}

// spelling tells whether a rule is about how a marked value is written.
func spelling(rule string) bool {
	return slices.Contains([]string{"yaml/not-string", "yaml/broken-tag", "yaml/tag", "yaml/escape"}, rule)
}

// harmless tells whether a rule is about something that hides nothing where
// the base has it as well.
func harmless(rule string) bool {
	return spelling(rule) || slices.Contains([]string{"yaml/invisible", "yaml/anchor", "yaml/alias", "yaml/merge-key", "policy/lookalike"},
		rule)
}

// changes tells whether the value of a marked place differs from the old one.
func (v *fileView) changes(path string) bool {
	return slices.ContainsFunc(v.comparison.Changes, func(c manifest.Change) bool { return c.New.Path == path })
}

func place(file string, at manifest.Position, path string) finding.Place {
	return finding.Place{File: file, Line: at.Line, Column: at.Column, Path: path}
}

func (s spot) place() finding.Place { return place(s.file, s.Position, s.Path) }

// worst is how near the whole change comes.
func worst(files []FileResult) manifest.Outcome {
	order := []manifest.Outcome{manifest.None, manifest.Reproduced, manifest.Equivalent, manifest.Residue}
	out := manifest.None
	for _, f := range files {
		if slices.Index(order, f.Reproduction) > slices.Index(order, out) {
			out = f.Reproduction
		}
	}
	return out
}
