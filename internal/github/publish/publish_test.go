package publish

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	gh "github.com/google/go-github/v66/github"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// publication is a passed pull request, to be said as check run.
func (l *life) publication(number int) plan.Publication {
	return plan.Publication{
		Name: "fluxkeeper", SHA: l.head(fluxBranch), BaseRef: "main", BaseTip: l.head("main"), Number: number, Verdict: finding.Pass,
		Via:   plan.ViaAuto,
		Title: "PASS: 1 update, reproduced byte for byte", Summary: "## Fluxkeeper: pass\n\nGood.\n",
		Link: "https://github.com/goldfish-inc/oceanid/actions/runs/5",
	}
}

// checks reads the check runs of a commit as GitHub shows them.
func (l *life) checks(sha string) []*gh.CheckRun {
	l.t.Helper()
	c := l.client(fakehub.Token)
	list, _, err := c.API.Checks.ListCheckRunsForRef(l.t.Context(), c.Owner, c.Name, sha, nil)
	must(l.t, err)
	return list.CheckRuns
}

func (l *life) conclusions(sha string) []string {
	l.t.Helper()
	var all []string
	for _, run := range l.checks(sha) {
		all = append(all, run.GetConclusion())
	}
	return all
}

func findings(n int) []finding.Finding {
	var all []finding.Finding
	for i := range n {
		all = append(all, finding.Finding{
			Rule: "scope/residue", Severity: finding.Error, Message: fmt.Sprintf("change %d\n::error::x", i), Hint: "take it out",
			Place: finding.Place{File: "app.yaml", Line: i + 1, Column: 3},
		})
	}
	return all
}

func TestPublishTwiceIsPublishedOnce(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{Labels: []string{"fluxkeeper/fail", "team"}}))
	p.Comment, p.LabelPrefix, p.Labels = true, "fluxkeeper/", []string{"fluxkeeper/pass"}
	p.Findings = findings(1)
	c := l.client(fakehub.Token)
	out, err := c.Publish(t.Context(), p)
	must(t, err)
	l.wantWrites("checks/create", "issues/create-comment", "issues/remove-label", "issues/add-labels")
	if len(out.Actions) != 4 || out.Moved || len(out.Notes) > 0 {
		t.Errorf("got %+v", out)
	}
	l.golden("publish")
	l.ResetLog()
	if _, err := c.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	l.wantWrites()

	p.Link, p.Verdict, p.Title = "https://github.com/goldfish-inc/oceanid/actions/runs/6", finding.Fail, "FAIL: 2 errors"
	p.Summary, p.Findings, p.Labels = "## Fluxkeeper: fail\n", findings(2), []string{"fluxkeeper/fail"}
	if _, err := c.Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	l.wantWrites("checks/update", "issues/update-comment", "issues/remove-label", "issues/add-labels")
	runs := l.checks(p.SHA)
	if len(runs) != 1 || runs[0].GetConclusion() != "failure" || runs[0].GetOutput().GetAnnotationsCount() != 2 {
		t.Errorf("got %v", runs)
	}
	comments := l.Comments(lifeRepo, p.Number)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "pass -->\n") && !strings.HasSuffix(comments[0].Body, "fail") {
		t.Errorf("got %v", comments)
	}
}

func TestAnnotationsInBatches(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	p.Verdict, p.Findings = finding.Fail, findings(120)
	p.Summary = strings.Repeat("a line of the report\n", 5_000)
	c := l.client(fakehub.Token)
	for range 2 { // what a run has is not added once more
		_, err := c.Publish(t.Context(), p)
		must(t, err)
		l.wantWrites("checks/create", "checks/update", "checks/update")
	}
	out := l.checks(p.SHA)[0].GetOutput()
	if out.GetAnnotationsCount() != 120 || len(out.GetSummary()) > 65_535 || !strings.Contains(out.GetSummary(), "longer than GitHub shows") {
		t.Errorf("%d annotations, a summary of %d bytes", out.GetAnnotationsCount(), len(out.GetSummary()))
	}
	p.Findings = findings(600)
	l.ResetLog()
	_, err := c.Publish(t.Context(), p)
	must(t, err)
	if out := l.checks(p.SHA)[0].GetOutput(); out.GetAnnotationsCount() != 500 || !strings.Contains(out.GetSummary(), "100 more findings") {
		t.Errorf("%d annotations, %q", out.GetAnnotationsCount(), out.GetSummary()[len(out.GetSummary())-200:])
	}
}

func TestStatusWhereChecksCannotBeWritten(t *testing.T) {
	tokens := map[string]fakehub.Grant{
		"fine-grained": {Kind: fakehub.FineGrained, Account: "ann", Permissions: map[string]string{"contents": "read", "pull_requests": "read",
			"statuses": "write"}},
		"classic": {Kind: fakehub.Classic, Account: "ann", Scopes: []string{"repo"}},
		"workflow": {Kind: fakehub.ActionsToken, Permissions: map[string]string{"contents": "read", "pull_requests": "read",
			"statuses": "write"}},
	}
	for name, grant := range tokens {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, fakehub.Repo{})
			l.AddToken("ghs_tok", grant)
			p := l.publication(l.open(fakehub.Pull{}))
			p.Verdict, p.Title = finding.Undecided, "UNDECIDED: "+strings.Repeat("é", 200)
			for range 2 {
				out, err := l.client("ghs_tok").Publish(t.Context(), p)
				must(t, err)
				wantNote(t, out, "a commit status stands in")
			}
			c := l.client(fakehub.Token)
			list, _, err := c.API.Repositories.ListStatuses(t.Context(), c.Owner, c.Name, p.SHA, nil)
			must(t, err)
			if len(list) != 1 || list[0].GetState() != "error" || list[0].GetContext() != "fluxkeeper" ||
				!strings.HasSuffix(list[0].GetDescription(), "… (#1)") {
				t.Errorf("got %v", list)
			}
		})
	}
}

func TestReadOnlyTokenSaysWhatItCannot(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	l.AddToken("ghs_tok", fakehub.Grant{Kind: fakehub.ActionsToken,
		Permissions: map[string]string{"contents": "read", "pull_requests": "read"}})
	p := l.publication(l.open(fakehub.Pull{Labels: []string{"x"}}))
	p.Comment, p.LabelPrefix, p.Labels = true, "fluxkeeper/", []string{"fluxkeeper/pass"}
	out, err := l.client("ghs_tok").Publish(t.Context(), p)
	must(t, err)
	for _, words := range []string{"could not write statuses", "could not write comments", "could not write labels", "statuses: write"} {
		wantNote(t, out, words)
	}
	if len(out.Actions) != 0 || len(l.checks(p.SHA)) != 0 || len(l.Comments(lifeRepo, p.Number)) != 0 {
		t.Errorf("got %+v", out)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	p.DryRun = true
	out, err := l.client(fakehub.Token).Publish(t.Context(), p)
	must(t, err)
	if len(out.Actions) != 1 || !strings.HasPrefix(out.Actions[0].String(), "create check run fluxkeeper on ") {
		t.Errorf("got %v", out.Actions)
	}
	l.wantWrites()
}

// TestMovedHead: the head is read last, so that a push while the rest is read is seen.
func TestMovedHead(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	p.Comment = true
	l.before("GET", "/check-runs", func() { l.push() })
	out, err := l.client(fakehub.Token).Publish(t.Context(), p)
	must(t, err)
	if !out.Moved {
		t.Error("does not say that the head moved")
	}
	wantNote(t, out, "moved from")
	l.wantWrites()
}

// TestMovedHeadLater: what a look at what was made finds to do is not done once
// the head has moved, even if it moves while that is read.
func TestMovedHeadLater(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	p.Comment = true
	c := l.client(fakehub.Token)
	_, err := c.Publish(t.Context(), p)
	must(t, err)
	l.push()
	l.ResetLog()
	p.SHA, p.Summary = l.head(fluxBranch), "## Fluxkeeper: pass\n\nBetter.\n"
	l.before("POST", "/check-runs", func() {
		first := l.Comments(lifeRepo, p.Number)[0]
		l.AddComment(lifeRepo, p.Number, first.Author, first.Body)
		l.before("GET", "/check-runs", func() { l.push() })
	})
	_, err = c.Publish(t.Context(), p)
	must(t, err)
	l.wantWrites("checks/create", "issues/update-comment")
	if n := len(l.Comments(lifeRepo, p.Number)); n != 2 {
		t.Errorf("%d comments, the second is not there to be found", n)
	}
}

// TestUnclearFailure: a request without an answer may have been done.
func TestUnclearFailure(t *testing.T) {
	for name, f := range map[string]fakehub.Fault{
		"done, the answer is lost": {On: "checks/create", Cut: true}, "broken off": {On: "checks/create", Reset: true},
		"in trouble": {On: "checks/create", Status: 502}, "too much at once": fakehub.SecondaryLimit("checks/create", 403, 1),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, fakehub.Repo{})
			p := l.publication(l.open(fakehub.Pull{}))
			p.Findings = findings(3)
			l.AddFault(f)
			_, err := l.client(fakehub.Token).Publish(t.Context(), p)
			must(t, err)
			if runs := l.checks(p.SHA); len(runs) != 1 || runs[0].GetOutput().GetAnnotationsCount() != 3 {
				t.Errorf("got %v", runs)
			}
		})
	}
	t.Run("for good", func(t *testing.T) {
		l := newLife(t, fakehub.Repo{})
		p := l.publication(l.open(fakehub.Pull{}))
		l.AddFault(fakehub.Fault{On: "checks/create", Status: 502, Times: -1})
		if _, err := l.client(fakehub.Token).Publish(t.Context(), p); github.KindOf(err) != github.Server {
			t.Errorf("got %v", err)
		}
		if n := l.Count("checks/create"); n > 3 {
			t.Errorf("sent %d times", n)
		}
	})
}

// TestOtherRunsAreLeft: the job that runs this has a check run of its own,
// perhaps of the same name; and another app may have used our mark.
func TestOtherRunsAreLeft(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	c := l.client(fakehub.Token)
	for _, mark := range []string{"0b6f3a5c-job", plan.External(p.Number, "main")} {
		_, _, err := c.API.Checks.CreateCheckRun(t.Context(), c.Owner, c.Name, gh.CreateCheckRunOptions{
			Name: "fluxkeeper", HeadSHA: p.SHA, ExternalID: gh.String(mark), Status: gh.String("in_progress"),
		})
		must(t, err)
	}
	l.AddFault(fakehub.Fault{On: "checks/update", Status: 403,
		Message: "Invalid app_id `1` - check run can only be modified by the GitHub App that created it."})
	_, err := c.Publish(t.Context(), p)
	must(t, err)
	if diff := cmp.Diff([]string{"success", "", ""}, l.conclusions(p.SHA)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestStickyCommentIsOurOwn(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	p.Via, p.Comment = plan.ViaNone, true
	mark := plan.Mark("fluxkeeper")
	l.AddComment(lifeRepo, p.Number, "mallory", mark+"\nall is well")
	for range 120 { // ours is not on the first page
		l.AddComment(lifeRepo, p.Number, "ann", "nice")
	}
	l.AddComment(lifeRepo, p.Number, "github-actions[bot]", mark+"\nold")
	l.AddComment(lifeRepo, p.Number, "github-actions[bot]", "something else")
	l.AddComment(lifeRepo, p.Number, "github-actions[bot]", mark+"\nof a run at the same time")
	_, err := l.client(fakehub.Token).Publish(t.Context(), p)
	must(t, err)
	l.wantWrites("issues/update-comment", "issues/delete-comment")
	var marked []string
	for _, one := range l.Comments(lifeRepo, p.Number) {
		if strings.HasPrefix(one.Body, mark) {
			marked = append(marked, one.Author+": "+one.Body[len(mark)+1:])
		}
	}
	want := []string{"mallory: all is well", "github-actions[bot]: ## Fluxkeeper: pass\n\nGood."}
	if diff := cmp.Diff(want, marked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTwoRunsAtOnce: whichever way they interleave, one comment is left.
func TestTwoRunsAtOnce(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p := l.publication(l.open(fakehub.Pull{}))
	p.Comment = true
	clients := []*Writer{l.client(fakehub.Token), l.client(fakehub.Token)}
	var wait sync.WaitGroup
	for _, c := range clients {
		wait.Go(func() {
			if _, err := c.Publish(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := len(l.Comments(lifeRepo, p.Number)); n != 1 {
		t.Errorf("%d comments", n)
	}
}

// TestSecondPullRequestHidesNoFailure: checks belong to commits, and a second,
// harmless pull request can be opened from the same commit.
func TestSecondPullRequestHidesNoFailure(t *testing.T) {
	for _, via := range []plan.Via{plan.ViaCheck, plan.ViaStatus} {
		t.Run(string(via), func(t *testing.T) {
			l := newLife(t, fakehub.Repo{})
			bad := l.publication(l.open(fakehub.Pull{}))
			bad.Verdict, bad.Title, bad.Via = finding.Fail, "FAIL", via
			c := l.client(fakehub.Token)
			_, err := c.Publish(t.Context(), bad)
			must(t, err)
			l.git("", "update-ref", "refs/heads/harmless", bad.SHA)
			good := l.publication(l.open(fakehub.Pull{Head: "harmless"}))
			good.Verdict, good.Title, good.Via = finding.NotApplicable, "NOT APPLICABLE", via
			out, err := c.Publish(t.Context(), good)
			must(t, err)
			wantNote(t, out, "#1 has the same commit and did not pass")
			if color := l.color(via, bad.SHA); color != "action_required" && color != "pending" {
				t.Errorf("the commit shows %s", color)
			}
			if runs := l.conclusions(bad.SHA); via == plan.ViaCheck && !slices.Contains(runs, "failure") {
				t.Errorf("the other's check run was overwritten: %q", runs)
			}
			l.push() // the first pull request moves on
			l.ResetLog()
			_, err = c.Publish(t.Context(), good)
			must(t, err)
			if color := l.color(via, bad.SHA); color != "success" {
				t.Errorf("the commit still shows %s", color)
			}
		})
	}
}

// color is the newest word on a commit.
func (l *life) color(via plan.Via, sha string) string {
	l.t.Helper()
	if via == plan.ViaCheck {
		return l.conclusions(sha)[0]
	}
	c := l.client(fakehub.Token)
	list, _, err := c.API.Repositories.ListStatuses(l.t.Context(), c.Owner, c.Name, sha, nil)
	must(l.t, err)
	return list[0].GetState()
}
