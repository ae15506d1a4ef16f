package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// token checks the token that Flux pushes with, and keeps one issue open as long
// as somebody has to do something about it.
func (s *step) token() error {
	switch s.event.Name {
	case "schedule", "workflow_dispatch", "push":
	default: // a pull request must not see the token, nor write about it
		return s.wrongEvent("schedule, workflow_dispatch or push")
	}
	checked := s.inputs.Secret("token")
	if checked.Empty() {
		return console.Fail(console.StatusUsage, errors.New("read input token: empty"),
			"give the token that Flux pushes with, as a secret: token: ${{ secrets.FLUX_TOKEN }}")
	}
	if err := s.runner.Mask(checked); err != nil {
		return console.Fail(console.StatusUndecided, err, "")
	}
	need := s.need()
	t, err := checkToken(s.Console, github.Options{Token: checked, APIURL: s.where.APIURL}, need, "")
	if err != nil {
		return err
	}
	r := t.Report()
	problems := []error{report.Text(s.Stdout, r, text.Style{}), s.tokenOutputs(t)}
	// an issue must not change with each run
	r.Facts = slices.DeleteFunc(r.Facts, func(f report.Fact) bool { return f.Name == report.RateLimit })
	var page bytes.Buffer
	problems = append(problems, report.Markdown(&page, r))
	if s.inputs.Flag("summary") {
		problems = append(problems, s.runner.Summary(page.String()))
	}
	if s.inputs.Flag("issue") {
		problems = append(problems, s.notify(t, page.String()))
	}
	return s.end(t.Verdict(), problems...)
}

// need is what the inputs say that the token is for, and the default branch's policy file
// of the workflows that Flux updates. While that cannot be read, their permission is
// neither asked for nor called too much.
func (s *step) need() token.Need {
	repositories := strings.FieldsFunc(s.inputs.Text("token-repositories"), func(r rune) bool {
		return r == ',' || r == ' ' || r == '\n' ||
			r == '\t'
	})
	if len(repositories) == 0 {
		repositories = []string{s.where.Repository}
	}
	workflows := s.inputs.Flag("token-workflows")
	rules, err := policy.Policy{}, error(nil)
	if !workflows {
		rules, err = s.basePolicy(s.event.DefaultBranch)
	}
	need := token.ForFlux(repositories, workflows || len(rules.Uses.Workflows) > 0)
	if err != nil {
		fmt.Fprintf(s.Stdout, "note: whether Flux updates workflows is not known: %s\n", console.OneLine(err.Error()))
		need.Optional[token.Workflows] = token.Write
	}
	need.Account, need.Name, need.MaxDays = s.inputs.Text("token-account"), s.inputs.Text("token-name"), s.inputs.Count("token-max-days")
	return need
}

// notify opens, refreshes or closes the issue about the token. While nobody can
// tell whether the token is good, the issue stays as it is.
func (s *step) notify(t report.Token, page string) error {
	name := strings.Join(t.Need.Names(), ", ")
	if t.Verdict() == finding.Undecided && !t.Attention() {
		fmt.Fprintln(s.Stdout, "note: the issue stays as it is, since it cannot be told whether the token is good")
		return nil
	}
	n := plan.Notice{
		Name: name, Needed: t.Attention(), DryRun: s.inputs.Flag("dry-run"),
		Title: fmt.Sprintf("Flux's token %s needs attention", name),
		Body:  page,
		Over:  "The token is as it should be again.",
	}
	if s.where.RunURL != "" {
		n.Body += fmt.Sprintf("\n[The run that found this](%s)\n", s.where.RunURL)
	}
	out, err := s.writer.Notify(s.Context, n)
	s.tell(out)
	return err
}

// tokenOutputs sets the step's outputs.
func (s *step) tokenOutputs(t report.Token) error {
	var whole bytes.Buffer
	err := report.JSON(&whole, t.Report())
	expires := ""
	if at, wrong := token.ParseExpiry(t.Seen.Expires); wrong == nil {
		expires = at.Format(time.RFC3339)
	}
	return errors.Join(err, s.setOutputs([2]string{"verdict", string(t.Verdict())}, [2]string{"token-expires", expires},
		[2]string{"report", whole.String()}))
}
