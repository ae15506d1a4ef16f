package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github/publish"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

// labelPrefix marks the labels that are the Action's own.
const labelPrefix = "fluxkeeper: "

// check judges what the event is about, says so everywhere that is asked for,
// and ends with the verdict's exit status.
func (s *step) check() error {
	if base, err := s.pushedBase(); err != nil {
		return s.cannot(err)
	} else if base != "" {
		return s.each(base, s.publish)
	}
	sub, err := s.subject()
	if err != nil {
		return err
	}
	if sub.nothing != "" {
		return s.finish(s.nothing(sub))
	}
	if sub.number == 0 {
		j := s.judgeSubject(sub)
		if s.Context.Err() != nil {
			return console.Fail(console.StatusUndecided, s.Context.Err(), "")
		}
		// A branch alone tells less than a pull request does. Were this published
		// under the same name, it could hide what is found of the pull request.
		fmt.Fprintln(s.Stdout, "note: no pull request is open, so nothing is published on the commit")
		return s.finish(j)
	}
	j, err := s.settle(sub, s.publish)
	switch {
	case s.Context.Err() != nil:
		return err
	case err != nil:
		j = doubt(j, err)
	}
	return s.finish(j)
}

// nothing is the answer where an event has no update to look at.
func (s *step) nothing(sub subject) judged {
	fmt.Fprintf(s.Stdout, "note: %s\n", console.OneLine(sub.nothing))
	return judged{Change: report.Change{Version: s.Version, Result: gate.Result{Answer: finding.Answer{Basis: finding.Foreign}}}}
}

// publish puts the verdict on GitHub.
func (s *step) publish(sub subject, j judged) (publish.Outcome, error) {
	var page bytes.Buffer
	r := j.Report()
	if j.unguarded && r.Verdict() == finding.NotApplicable {
		note := fmt.Sprintf("no check speaks for the branch %s, which takes no updates", text.Quote(sub.into))
		return publish.Outcome{Notes: []string{note}}, nil
	}
	if err := report.Markdown(&page, r); err != nil {
		return publish.Outcome{}, err
	}
	p := plan.Publication{
		Name: s.checkName(sub.into), SHA: j.Result.Head.Commit, Number: sub.number,
		Verdict: r.Verdict(),
		BaseRef: sub.into, BaseTip: j.Result.Base.Commit, DefaultBranch: s.event.DefaultBranch, Fork: fork(j.facts),
		Title: r.Headline() + ", into " + sub.into, Summary: page.String(), Link: s.where.RunURL, Findings: r.Findings,
		Via: s.via(), Comment: s.inputs.Flag("comment"), DryRun: s.inputs.Flag("dry-run"),
	}
	if s.inputs.Flag("labels") {
		p.LabelPrefix, p.Labels = labelPrefix, []string{labelPrefix + string(p.Verdict)}
		if step := report.GravestStep(j.Result.Updates); step != "" {
			p.Labels = append(p.Labels, labelPrefix+step)
		}
	}
	if sub.queued {
		p.Number = 0 // the queue's commit is not the pull request's head
	}
	return s.writer.Publish(s.Context, p)
}

// checkName is what the check is called that speaks for a base.
func (s *step) checkName(base string) string {
	return plan.CheckName(s.inputs.Text("check-name"), base, s.event.DefaultBranch)
}

// fork tells whether a pull request is not known to be of this repository's branch.
func fork(f change.Facts) bool {
	return f.Pull == nil || f.Pull.HeadRepoID == 0 || f.Pull.HeadRepoID != f.Pull.BaseRepoID
}

// doubt takes a verdict back.
func doubt(j judged, why error) judged {
	j.Result.Basis = finding.Whole
	j.Result.Gaps = append(slices.Clone(j.Result.Gaps), gaps(why)...)
	return j
}

// finish shows the answer in the log, the annotations, the summary, the outputs
// and a SARIF file.
func (s *step) finish(j judged) error {
	r := j.Report()
	problems := []error{s.show(j, r), s.outputs(j.Result, r)}
	if name := s.inputs.Text("sarif-file"); name != "" {
		problems = append(problems, s.sarif(name, r))
	}
	return s.end(r.Verdict(), problems...)
}

// show shows the answer in the log, the annotations and the summary.
func (s *step) show(j judged, r report.Report) error {
	problems := []error{report.Text(s.Stdout, r, text.Style{})}
	if s.inputs.Flag("annotations") {
		problems = append(problems, s.runner.Annotate(r.Findings))
	}
	if s.inputs.Flag("summary") {
		var page bytes.Buffer
		err := report.Markdown(&page, r)
		if base := j.facts.BaseRef; base != "" && !j.unguarded && s.via() != plan.ViaNone {
			fmt.Fprintf(&page, "\nFor the branch %s, require the check %s.\n", text.MarkdownCode(base), text.MarkdownCode(s.checkName(base)))
		}
		problems = append(problems, err, s.runner.Summary(page.String()))
	}
	return errors.Join(problems...)
}

// outputs sets the step's outputs.
func (s *step) outputs(result gate.Result, r report.Report) error {
	var whole bytes.Buffer
	if err := report.JSON(&whole, r); err != nil {
		return err
	}
	var part struct {
		Updates json.RawMessage `json:"updates"`
	}
	var updates bytes.Buffer
	err := errors.Join(json.Unmarshal(whole.Bytes(), &part), json.Compact(&updates, part.Updates))
	return errors.Join(err, s.setOutputs(
		[2]string{"verdict", string(r.Verdict())},
		[2]string{"step", report.GravestStep(result.Updates)},
		[2]string{"evidence", string(cmp.Or(result.Evidence, policy.EvidenceNone))},
		[2]string{"reproduction", string(cmp.Or(result.Reproduction, manifest.None))},
		[2]string{"head-sha", result.Head.Commit},
		[2]string{"updates", updates.String()},
		[2]string{"report", whole.String()},
	))
}

// sarif writes the findings to a file of the workspace, and never outside of it.
func (s *step) sarif(name string, r report.Report) error {
	workspace, _ := s.Environment("GITHUB_WORKSPACE")
	if workspace == "" {
		return errors.New("write SARIF: GITHUB_WORKSPACE is not set")
	}
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	defer root.Close()
	file, err := root.Create(name)
	if err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return errors.Join(report.SARIF(file, r), file.Close())
}
