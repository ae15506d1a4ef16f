package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
)

func TestConclusions(t *testing.T) {
	for verdict, want := range map[finding.Verdict][2]string{
		finding.Pass: {"success", "success"}, finding.NotApplicable: {"success", "success"},
		finding.Fail: {"failure", "failure"}, finding.Undecided: {"failure", "error"}, "odd": {"failure", "error"},
	} {
		p := plan.Publication{Name: "fluxkeeper", SHA: "a", Verdict: verdict, Via: plan.ViaCheck}
		check, _ := plan.Publish(p, plan.Published{}).Actions[0].(plan.PutCheck)
		p.Via = plan.ViaStatus
		status, _ := plan.Publish(p, plan.Published{}).Actions[0].(plan.SetStatus)
		if got := [2]string{check.Conclusion, status.State}; got != want {
			t.Errorf("%s: got %v, want %v", verdict, got, want)
		}
	}
}

func TestStale(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	place := func(file, policy string) gate.Update {
		return gate.Update{Place: finding.Place{File: file, Path: "image"}, Policy: policy}
	}
	candidate := func(number int, branch string, days int, updates ...gate.Update) plan.Candidate {
		return plan.Candidate{
			Pull: plan.Pull{
				Number: number, Head: "h", HeadRef: branch, BaseRef: "main", SameRepository: true, Open: true, Body: proposal.Place("", "x"),
			},
			Passes: true, Updates: updates, Pushed: now.AddDate(0, 0, -days),
		}
	}
	a, b := place("a.yaml", "ns:a"), place("b.yaml", "ns:b")
	empty := candidate(3, "flux-3", 0)
	empty.Empty = true
	person := candidate(4, "flux-4", 90, a)
	person.Body = "by hand"
	fork := candidate(5, "flux-5", 90, a)
	fork.SameRepository = false
	bad := candidate(8, "flux-8", 0, a, b, place("d.yaml", "ns:d")) // closes nothing
	bad.Passes = false
	all := []plan.Candidate{
		candidate(1, "flux-1", 1, a), candidate(2, "flux-2", 1, b), empty, person, fork, candidate(6, "flux-6", 90, place("c.yaml", "ns:c")),
		candidate(7, "flux-7", -9, a, place("d.yaml", "ns:d")), bad,
	}
	open := []plan.Pull{{Number: 20, HeadRef: "flux-6", BaseRef: "staging", SameRepository: true, Open: true}}
	var got []string
	for _, c := range plan.Stale(all, open, plan.SweepOptions{MaxAge: 30 * 24 * time.Hour, Now: now, DeleteBranch: true}) {
		got = append(got, map[bool]string{true: "delete ", false: "keep "}[c.DeleteBranch]+c.Branch+": "+c.Why)
	}
	want := []string{
		"delete flux-1: #7 updates all of these images too, and is newer.",
		"delete flux-3: Everything in this pull request is on the base branch already.",
		"keep flux-6: Nothing was pushed to this pull request for 90 days.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEmpty(t *testing.T) {
	same, other := change.Blob{Mode: change.Regular, ID: "1"}, change.Blob{Mode: change.Executable, ID: "1"}
	squashed := change.Facts{Files: []change.File{{Before: same, After: same}}}
	if !plan.Empty(squashed) || plan.Empty(change.Facts{Files: []change.File{{Before: same, After: other}}}) {
		t.Error("what is on the base already is empty, and a change of mode is not")
	}
	squashed.Gaps = []string{"a list was cut"}
	if plan.Empty(squashed) {
		t.Error("what is not known whole is not empty")
	}
}

// TestWaitingPullRequestsDoNotHoldEachOtherUp: of two harmless pull requests
// that waited for a third, each would else see the other one red.
func TestWaitingPullRequestsDoNotHoldEachOtherUp(t *testing.T) {
	p := plan.Publication{Name: "fluxkeeper", SHA: "a", Number: 2, BaseRef: "main", Verdict: finding.Pass, Via: plan.ViaCheck}
	now := plan.Published{Head: "a", BaseRef: "main", Others: map[int]plan.Other{1: {BaseRef: "main"}, 3: {BaseRef: "main"}}, Runs: []plan.Run{
		{ID: 1, External: plan.External(1, "main"), Conclusion: "failure"},
	}}
	first := plan.Publish(p, now).Actions[0].(plan.PutCheck)
	if first.Conclusion == "success" || first.Conclusion == "failure" || first.Conclusion == "neutral" || first.Conclusion == "skipped" {
		t.Fatalf("waits as %s", first.Conclusion)
	}
	now.Runs = append(now.Runs, plan.Run{ID: 2, External: plan.External(3, "main"), Conclusion: first.Conclusion})
	now.Others = map[int]plan.Other{3: {BaseRef: "main"}} // the first was closed
	if got := plan.Publish(p, now).Actions[0].(plan.PutCheck); got.Conclusion != "success" {
		t.Errorf("still waits: %s", got.Title)
	}
}

// TestForksColourNothing: whoever proposes a commit of ours from a fork neither
// keeps it from turning green nor turns it green.
func TestForksColourNothing(t *testing.T) {
	honest := plan.Publication{Name: "fluxkeeper", SHA: "a", Number: 1, BaseRef: "main", Verdict: finding.Pass, Via: plan.ViaCheck}
	now := plan.Published{
		Head: "a", BaseRef: "main", Others: map[int]plan.Other{2: {BaseRef: "main", Fork: true}},
		Runs: []plan.Run{{ID: 9, External: plan.External(2, "main"), Conclusion: "failure"}},
	}
	conclusions := func(p plan.Plan) (all []string) {
		for _, a := range p.Actions {
			all = append(all, a.(plan.PutCheck).Conclusion)
		}
		return all
	}
	if got := conclusions(plan.Publish(honest, now)); !cmp.Equal(got, []string{"success", "success"}) {
		t.Errorf("the fork's run and the honest one become %q", got)
	}
	now.Runs[0].Conclusion, honest.Verdict = "success", finding.Fail
	if got := conclusions(plan.Publish(honest, now)); !cmp.Equal(got, []string{"action_required", "failure"}) {
		t.Errorf("beside a failure they become %q", got)
	}
	fork := honest
	fork.Number, fork.Fork = 2, true
	now.Others = map[int]plan.Other{1: {BaseRef: "main"}}
	for _, verdict := range []finding.Verdict{finding.Fail, finding.NotApplicable, finding.Undecided} {
		if fork.Verdict = verdict; len(plan.Publish(fork, now).Actions) > 0 {
			t.Errorf("the fork publishes %s on the honest commit", verdict)
		}
	}
	now.Others = map[int]plan.Other{1: {BaseRef: "dev"}}
	if len(plan.Publish(fork, now).Actions) == 0 {
		t.Error("the fork's own verdict is not published where nothing of ours goes to that base")
	}
}

func TestCheckNameSpeaksOfOneBase(t *testing.T) {
	for _, tt := range [][3]string{{"main", "main", "gate"}, {"dev", "main", "gate (dev)"}, {"dev", "", "gate (dev)"}, {"", "", "gate ()"}} {
		if got := plan.CheckName("gate", tt[0], tt[1]); got != tt[2] {
			t.Errorf("for %q, where %q is the default: %q", tt[0], tt[1], got)
		}
	}
	if number, base, ok := plan.ParseExternal(plan.External(7, "a/b")); number != 7 || base != "a/b" || !ok {
		t.Errorf("got %d, %q, %v", number, base, ok)
	}
}

func TestMark(t *testing.T) {
	for _, name := range []string{"fluxkeeper", "a --> b", "<!--", "é\n"} {
		mark := plan.Mark(name)
		if strings.Count(mark, "-->") != 1 || strings.Count(mark, "<!--") != 1 || strings.Contains(mark, "\n") {
			t.Errorf("%q has the mark %q", name, mark)
		}
	}
}

// TestActionsAreOneSafeLine: a dry run prints them, outside text and all.
func TestActionsAreOneSafeLine(t *testing.T) {
	const bad = "x\n::error::y ##[group]z"
	for _, a := range []plan.Action{
		plan.PutCheck{Name: bad, SHA: bad, Title: bad, Conclusion: "success"},
		plan.SetStatus{SHA: bad, Context: bad, State: "error", Description: bad},
		plan.PutComment{Number: 7, Body: bad}, plan.DeleteComment{Number: 7}, plan.AddLabels{Number: 7, Labels: []string{bad}},
		plan.RemoveLabel{Number: 7, Label: bad},
		plan.OpenPull{Branch: bad, Base: bad, Title: bad, Body: bad}, plan.EditPull{Number: 7, Title: bad}, plan.EditPull{Number: 7, Body: bad},
		plan.ClosePull{Number: 7, SHA: bad}, plan.DeleteBranch{Branch: bad, SHA: bad}, plan.Approve{Number: 7, Bound: plan.Bound{SHA: bad}},
		plan.DismissApproval{Number: 7, Why: bad},
		plan.MergePull{Number: 7, Bound: plan.Bound{SHA: bad}, Method: bad},
		plan.ArmAutoMerge{Number: 7, Bound: plan.Bound{SHA: bad}, Method: bad}, plan.DisarmAutoMerge{Number: 7},
	} {
		line := a.String()
		if strings.ContainsAny(line, "\n\r") || strings.Contains(line, "##[") || strings.HasPrefix(line, "::") || line == "" {
			t.Errorf("%T prints %q", a, line)
		}
		if a.Right() == "" || !strings.HasSuffix(a.Right().Permission(), ": write") {
			t.Errorf("%T needs %q", a, a.Right())
		}
	}
}

func TestDescriptionFits(t *testing.T) {
	p := plan.Publication{Name: "fluxkeeper", SHA: "a", Number: 12345, Title: strings.Repeat("😀", 200), Via: plan.ViaStatus}
	got := plan.Publish(p, plan.Published{Head: "a"}).Actions[0].(plan.SetStatus)
	if n := len([]rune(got.Description)); n > 140 || !strings.HasSuffix(got.Description, "… (#12345)") {
		t.Errorf("%d characters: %s", n, got.Description)
	}
}

func TestFailuresWithoutAPlaceAreInTheSummaryOnly(t *testing.T) {
	p := plan.Publication{Name: "fluxkeeper", SHA: "a", Verdict: finding.Fail, Via: plan.ViaCheck, Findings: []finding.Finding{
		{Rule: "identity/fork", Severity: finding.Error, Message: "from a fork"},
		{Rule: "scope/file-added", Severity: finding.Warning, Message: "added", Place: finding.Place{File: "new.yaml"}},
	}}
	got := plan.Publish(p, plan.Published{}).Actions[0].(plan.PutCheck).Annotations
	want := []plan.Annotation{{Path: "new.yaml", Line: 1, Level: "warning", Title: "scope/file-added", Message: "added"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
