package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github/facts"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// What the checks of scan are called, behind the input check-name: it never speaks
// for check, nor does a change without a token speak for a tree with one.
const (
	changeCheck = "/scan"
	treeCheck   = "/scan-tree"
)

// scan looks for tokens in what a pull request changes, or else in all files of
// the commit. It reads commits alone, by the ids that the event gives: so
// contents: read will do.
func (s *step) scan() error {
	name, read := treeCheck, func() (facts.Files, error) { return s.reader.AllFiles(s.Context, s.event.Head) }
	switch s.event.Name {
	case "pull_request", "pull_request_target", "merge_group":
		name, read = changeCheck, func() (facts.Files, error) {
			return s.reader.ChangedFiles(s.Context, s.event.Base, s.event.Head)
		}
	case "push", "schedule", "workflow_dispatch":
		if s.event.Deleted {
			fmt.Fprintln(s.Stdout, "note: the push took its branch away")
			return s.setOutputs([2]string{"verdict", string(finding.NotApplicable)})
		}
	default:
		return s.wrongEvent("pull_request, merge_group, push, schedule or workflow_dispatch")
	}
	if s.event.Head == "" {
		return console.Fail(console.StatusUndecided, errors.New("read event: it names no commit"), "")
	}
	files, err := read()
	if s.Context.Err() != nil {
		return console.Fail(console.StatusUndecided, s.Context.Err(), "")
	}
	var found token.Storage
	for _, f := range files.All {
		found.Add(s.where.Repository, f.Path, f.Data)
	}
	scan := report.Scan{Answer: finding.Answered(found.Findings(), files.Gaps...), Version: s.Version}
	if err != nil {
		scan.Gaps = append(scan.Gaps, gaps(err)...)
	}
	if err := s.publishScan(name, scan.Report()); err != nil {
		scan.Gaps = append(scan.Gaps, gaps(err)...)
	}
	return s.finishScan(scan.Report())
}

// publishScan puts what was found on the commit. It is of no pull request: the
// commit stays what it is when the head moves on.
func (s *step) publishScan(name string, r report.Report) error {
	if name = s.inputs.Text("check-name") + name; s.event.BaseRef != "" { // what a change brings hangs on its base
		name = plan.CheckName(name, s.event.BaseRef, s.event.DefaultBranch)
	}
	var page bytes.Buffer
	if err := report.Markdown(&page, r); err != nil {
		return err
	}
	out, err := s.writer.Publish(s.Context, plan.Publication{
		Name: name, SHA: s.event.Head, Verdict: r.Verdict(), Title: r.Headline(), Summary: page.String(),
		Link: s.where.RunURL, Findings: r.Findings, Via: s.via(), DryRun: s.inputs.Flag("dry-run"),
	})
	s.tell(out)
	return err
}

// finishScan shows what was found in the log, the annotations, the summary and the
// outputs.
func (s *step) finishScan(r report.Report) error {
	var whole, page bytes.Buffer
	problems := []error{report.Text(s.Stdout, r, text.Style{}), report.JSON(&whole, r)}
	if s.inputs.Flag("annotations") {
		problems = append(problems, s.runner.Annotate(r.Findings))
	}
	if s.inputs.Flag("summary") {
		problems = append(problems, report.Markdown(&page, r), s.runner.Summary(page.String()))
	}
	outputs := s.setOutputs([2]string{"verdict", string(r.Verdict())}, [2]string{"head-sha", s.event.Head},
		[2]string{"report", whole.String()})
	return s.end(r.Verdict(), errors.Join(problems...), outputs)
}
