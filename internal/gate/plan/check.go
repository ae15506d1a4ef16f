package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	maxTitle       = 255
	maxOutput      = 65_535 // GitHub's limit of a check run's summary, in characters
	maxDescription = 140
	maxComment     = 65_536
	maxMessage     = 16_000 // of 64 KB: escaped text grows
	maxAnnotations = 500    // ten requests; the report holds the others
)

func (p *Plan) check(pub Publication, now Published) {
	want := PutCheck{
		SHA: pub.SHA, Name: pub.Name, External: External(pub.Number, pub.BaseRef), Conclusion: conclusion(pub.Verdict),
		Title: text.CutUTF16(text.Plain(pub.Title), maxTitle), Link: pub.Link,
	}
	annotations, left := annotate(pub.Findings)
	note := ""
	if left > 0 {
		note = fmt.Sprintf("\n\n*%d more findings are not shown at their lines.*\n", left)
	}
	want.Summary = fit(pub.Summary, maxOutput-len(note)) + note
	found := false
	for _, run := range now.Runs {
		if pub.others(run) {
			p.recolour(pub, now, run, want)
			continue
		}
		if n, _, ok := ParseExternal(run.External); !ok || n != pub.Number {
			continue
		}
		found = true
		put := want
		put.ID, put.Annotations = run.ID, absent(annotations, run.Annotations)
		same := run.Conclusion == want.Conclusion && run.Title == want.Title && run.Summary == want.Summary && run.Link == want.Link
		if !same || len(put.Annotations) > 0 {
			p.do(put)
		}
	}
	if !found {
		want.Annotations = annotations
		p.do(want)
	}
}

// recolour plans to change the run of another pull request on the same commit:
// nobody says which of several runs of a name GitHub goes by. None stays a success
// beside something else, and beside a success none stays otherwise but that of an
// open pull request of equal standing.
func (p *Plan) recolour(pub Publication, now Published, run Run, want PutCheck) {
	n, _, _ := ParseExternal(run.External)
	put := want
	put.ID, put.External = run.ID, run.External
	switch success := want.Conclusion == "success"; {
	case success == (run.Conclusion == "success"), success && pub.peer(now, n):
		return
	case !success:
		put.Conclusion = conclusion(waiting)
	}
	put.Title = text.CutUTF16(text.Plain(fmt.Sprintf("#%d, of the same commit: %s", pub.Number, pub.Title)), maxTitle)
	p.do(put)
}

// annotate makes annotations of findings with a place, gravest first, and tells
// how many it left out.
func annotate(findings []finding.Finding) (all []Annotation, left int) {
	for _, f := range finding.Sort(slices.Clone(findings)) {
		if f.File == "" {
			continue // in the summary
		}
		if len(all) == maxAnnotations {
			left++
			continue
		}
		level := map[finding.Severity]string{finding.Warning: "warning", finding.Note: "notice"}[f.Severity]
		message := f.Message
		if f.Hint != "" {
			message += "\nhint: " + f.Hint
		}
		message = strings.Join(text.Each(strings.Split(message, "\n"), text.Plain), "\n")
		all = append(all, Annotation{
			Path: f.File, Line: max(f.Line, 1), Column: f.Column, Level: cmp.Or(level, "failure"),
			Title: text.CutUTF16(text.Plain(f.Rule), maxTitle), Message: text.CutUTF16(message, maxMessage),
		})
	}
	return all, left
}

// absent is the annotations that a run does not have yet.
func absent(want, have []Annotation) []Annotation {
	var out []Annotation
	for _, a := range want {
		if !slices.Contains(have, a) {
			out = append(out, a)
		}
	}
	return out
}

func (p *Plan) status(pub Publication, now Published) {
	if now.Denied[RightStatuses] != "" {
		p.denied(RightStatuses, now)
		return
	}
	suffix := ""
	if pub.Number != 0 {
		suffix = fmt.Sprintf(" (#%d)", pub.Number)
	}
	want := Status{state(pub.Verdict), text.CutUTF16(text.Plain(pub.Title), maxDescription-len(suffix)) + suffix, pub.Link}
	if len(now.Statuses) == 0 || now.Statuses[0] != want {
		p.do(SetStatus{pub.SHA, pub.Name, want.State, want.Description, want.Link})
	}
}

// describedNumber is the pull request's number at the end of a description.
func describedNumber(description string) (int, bool) {
	i := strings.LastIndex(description, " (#")
	if i < 0 {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSuffix(description[i+3:], ")"))
	return n, err == nil && n > 0
}
