package publish

import (
	"net/http"
	"testing"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// appToken is the token of an app that is not who opened the pull request.
func (l *life) appToken() string {
	l.AddToken("ghs_app", fakehub.Grant{Kind: fakehub.AppToken, Account: "keeper[bot]", Permissions: map[string]string{
		"contents": "write", "pull_requests": "write",
	}})
	return "ghs_app"
}

func (l *life) merging(number int) plan.Merging {
	return plan.Merging{
		Number: number, Bound: plan.Bound{SHA: l.head(fluxBranch), BaseRef: "main", BaseTip: l.head("main")}, Verdict: finding.Pass,
		Approve: true, When: plan.MergeNow, Method: "squash", DeleteBranch: true,
	}
}

func TestMerge(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
	_, err := c.Merge(t.Context(), m)
	must(t, err)
	l.wantWrites("pulls/create-review", "pulls/merge", "graphql/updateRefs")
	l.golden("merge")
	if len(l.OpenPulls(lifeRepo)) != 0 || l.git("", "log", "-1", "--format=%T", "main") != l.git("", "log", "-1", "--format=%T", m.SHA) {
		t.Error("it is not merged")
	}
	out, err := c.Merge(t.Context(), m)
	must(t, err)
	wantNote(t, out, "is merged")
}

// TestMergedByOthersKeepsItsBranch: a run can come late, when a person has merged what
// is not Flux's.
func TestMergedByOthersKeepsItsBranch(t *testing.T) {
	for _, verdict := range []finding.Verdict{finding.Fail, finding.Undecided, finding.NotApplicable, finding.Pass} {
		l := newLife(t, fakehub.Repo{})
		m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
		m.DeleteBranch = false
		_, err := c.Merge(t.Context(), m)
		must(t, err)
		l.ResetLog()
		m.DeleteBranch, m.Verdict = true, verdict
		_, err = c.Merge(t.Context(), m)
		must(t, err)
		if verdict == finding.Pass {
			l.wantWrites("graphql/updateRefs")
		} else {
			l.wantWrites()
		}
	}
}

func TestMergeOnlyWhatPassed(t *testing.T) {
	for _, verdict := range []finding.Verdict{finding.Fail, finding.Undecided, finding.NotApplicable, "odd"} {
		l := newLife(t, fakehub.Repo{})
		m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
		m.When = plan.MergeAuto
		_, err := c.Merge(t.Context(), m)
		must(t, err)
		l.wantWrites("pulls/create-review", "graphql/enablePullRequestAutoMerge")
		l.ResetLog()
		m.Verdict = verdict
		out, err := c.Merge(t.Context(), m)
		must(t, err)
		wantNote(t, out, "is not merged: the verdict is "+string(verdict))
		l.wantWrites("graphql/disablePullRequestAutoMerge", "pulls/dismiss-review")
	}
}

func TestAutoMergeIsArmedOnceAndForAPersonKept(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
	m.When, m.Approve = plan.MergeAuto, false
	_, err := l.client(fakehub.Token).Merge(t.Context(), m) // somebody else arms it
	must(t, err)
	l.ResetLog()
	out, err := c.Merge(t.Context(), m)
	must(t, err)
	wantNote(t, out, "armed already")
	m.Verdict = finding.Fail
	_, err = c.Merge(t.Context(), m)
	must(t, err)
	l.wantWrites()
}

// TestMergeRaces: whenever the head moves, nothing but the judged commit is
// merged, and neither approval nor auto-merge of ours is left for another.
func TestMergeRaces(t *testing.T) {
	tests := []struct {
		name, method, path string
		when               plan.When
		want               []string
	}{
		{"before", "", "", plan.MergeNow, nil},
		{"before the approval", "POST", "/reviews", plan.MergeNow, []string{"pulls/create-review", "pulls/dismiss-review"}},
		{"before the merge", "PUT", "/merge", plan.MergeNow, []string{"pulls/create-review", "pulls/merge", "pulls/dismiss-review"}},
		{"before auto-merge is armed", "POST", "/reviews", plan.MergeAuto, []string{"pulls/create-review", "pulls/dismiss-review"}},
		{"before only an approval", "POST", "/reviews", plan.MergeNever, []string{"pulls/create-review", "pulls/dismiss-review"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLife(t, fakehub.Repo{})
			m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
			m.When = tt.when
			if tt.method == "" {
				l.push()
			} else {
				l.before(tt.method, tt.path, func() { l.push() })
			}
			out, err := c.Merge(t.Context(), m)
			must(t, err)
			if !out.Moved || len(l.OpenPulls(lifeRepo)) != 1 {
				t.Errorf("got %+v", out)
			}
			l.wantWrites(tt.want...)
		})
	}
}

// TestManyApprovals: anybody can approve, as often as they like. Ours is found
// among them and taken back, and what is known is taken back where some are not.
func TestManyApprovals(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	number := l.open(fakehub.Pull{})
	m, c := l.merging(number), l.client(l.appToken())
	m.When = plan.MergeAuto
	_, err := c.Merge(t.Context(), m)
	must(t, err)
	l.AddToken("ghs_other", fakehub.Grant{Kind: fakehub.AppToken, Account: "stranger[bot]",
		Permissions: map[string]string{"pull_requests": "write"}})
	stranger := l.client("ghs_other")
	for range 101 {
		_, _, err := stranger.API.PullRequests.CreateReview(t.Context(), stranger.Owner, stranger.Name, number,
			&gh.PullRequestReviewRequest{CommitID: gh.String(m.SHA), Event: gh.String("APPROVE")})
		must(t, err)
	}
	m.Verdict = finding.Fail
	l.ResetLog()
	l.AddFault(fakehub.Fault{On: "graphql", Skip: 1, GraphQLError: "FORBIDDEN", Message: "no more reviews"})
	if _, err := c.Merge(t.Context(), m); err == nil {
		t.Error("does not say that an approval may be left")
	}
	l.wantWrites("graphql/disablePullRequestAutoMerge")
	l.ResetLog()
	_, err = c.Merge(t.Context(), m)
	must(t, err)
	l.wantWrites("pulls/dismiss-review")
}

// TestTakesBackWhatItCan: one refusal does not keep the rest from being taken back.
func TestTakesBackWhatItCan(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
	m.When = plan.MergeAuto
	_, err := c.Merge(t.Context(), m)
	must(t, err)
	m.Verdict = finding.Fail
	l.ResetLog()
	l.AddFault(fakehub.Fault{On: "graphql/disablePullRequestAutoMerge", GraphQLError: "FORBIDDEN", Message: "not now"})
	if _, err := c.Merge(t.Context(), m); err == nil {
		t.Error("does not say that auto-merge is still armed")
	}
	l.wantWrites("graphql/disablePullRequestAutoMerge", "pulls/dismiss-review")
}

// TestAutoMergeIsDisarmedWhenTheHeadMoves: a push does not disarm it by itself.
func TestAutoMergeIsDisarmedWhenTheHeadMoves(t *testing.T) {
	t.Run("seen by a later run", func(t *testing.T) {
		l := newLife(t, fakehub.Repo{})
		m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
		m.When = plan.MergeAuto
		_, err := c.Merge(t.Context(), m)
		must(t, err)
		l.push()
		l.ResetLog()
		out, err := c.Merge(t.Context(), m)
		must(t, err)
		if !out.Moved {
			t.Errorf("got %+v", out)
		}
		l.wantWrites("graphql/disablePullRequestAutoMerge", "pulls/dismiss-review")
	})
	t.Run("seen by the run that armed it", func(t *testing.T) {
		l := newLife(t, fakehub.Repo{})
		m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
		m.When, m.Approve, m.DeleteBranch = plan.MergeAuto, false, false
		queries := 0
		l.hook = func(r *http.Request) {
			if queries++; queries == 4 { // the state, the ends, the arming, the second look
				l.push()
			}
		}
		out, err := c.Merge(t.Context(), m)
		must(t, err)
		if !out.Moved {
			t.Errorf("got %+v", out)
		}
		l.wantWrites("graphql/enablePullRequestAutoMerge", "graphql/disablePullRequestAutoMerge")
	})
}

func TestMergeNotes(t *testing.T) {
	tests := []struct {
		name  string
		repo  fakehub.Repo
		pull  fakehub.Pull
		fault fakehub.Fault
		token string
		when  plan.When
		note  string
	}{
		{"a draft", fakehub.Repo{}, fakehub.Pull{Draft: true}, fakehub.Fault{}, "", plan.MergeNow, "is a draft"},
		{"our own", fakehub.Repo{}, fakehub.Pull{Author: "keeper[bot]"}, fakehub.Fault{}, "", plan.MergeNever, "nobody can approve their own"},
		{"rules not met", fakehub.Repo{}, fakehub.Pull{},
			fakehub.Fault{On: "pulls/merge", Status: 405, Message: "At least 1 approving review is required"}, "", plan.MergeNow,
			"At least 1 approving review"},
		{"no auto-merge", fakehub.Repo{NoAutoMerge: true}, fakehub.Pull{}, fakehub.Fault{}, "", plan.MergeAuto, "Auto merge is not allowed"},
		{"Actions may not approve", fakehub.Repo{}, fakehub.Pull{}, fakehub.Fault{}, fakehub.Token, plan.MergeNever, "not permitted to approve"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLife(t, tt.repo)
			m := l.merging(l.open(tt.pull))
			m.When = tt.when
			token := tt.token
			if token == "" {
				token = l.appToken()
			}
			if tt.fault.On != "" {
				l.AddFault(tt.fault)
			}
			out, err := l.client(token).Merge(t.Context(), m)
			must(t, err)
			wantNote(t, out, tt.note)
			if len(l.OpenPulls(lifeRepo)) != 1 {
				t.Error("it was merged")
			}
		})
	}
}

func TestMergeWhenReady(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	m, c := l.merging(l.open(fakehub.Pull{CleanStatus: true})), l.client(l.appToken())
	m.When, m.DeleteBranch = plan.MergeAuto, false
	_, err := c.Merge(t.Context(), m)
	must(t, err)
	l.wantWrites("pulls/create-review", "pulls/merge")
}

func TestMergeWithLostAnswer(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
	l.AddFault(fakehub.Fault{On: "pulls/merge", Cut: true})
	out, err := c.Merge(t.Context(), m)
	must(t, err)
	wantNote(t, out, "is merged")
	l.wantWrites("pulls/create-review", "pulls/merge", "graphql/updateRefs")
}
