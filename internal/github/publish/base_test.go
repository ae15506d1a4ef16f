package publish

import (
	"testing"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// retarget gives a pull request another base, as its author can at any time.
func (l *life) retarget(number int, base string) {
	l.t.Helper()
	c, err := github.New(github.Options{Token: secret.New(fakehub.Token), APIURL: l.URL, GraphQLURL: l.GraphQLURL, Repository: lifeRepo})
	must(l.t, err)
	_, _, err = c.API.PullRequests.Edit(l.t.Context(), c.Owner, c.Name, number,
		&gh.PullRequest{Base: &gh.PullRequestBranch{Ref: gh.String(base)}})
	must(l.t, err)
}

// TestBaseRaces: what was judged against one branch is neither approved, merged
// nor armed for another, nor for other commits of the same one.
func TestBaseRaces(t *testing.T) {
	for _, when := range []plan.When{plan.MergeNow, plan.MergeAuto} {
		for _, moment := range []string{"before", "meanwhile"} {
			t.Run(string(when)+" another branch "+moment, func(t *testing.T) {
				l := newLife(t, fakehub.Repo{})
				l.commit("other", l.head("main"), "3.0.0")
				number := l.open(fakehub.Pull{})
				m, c := l.merging(number), l.client(l.appToken())
				m.When = when
				want := []string{"pulls/create-review", "pulls/dismiss-review"}
				if moment == "before" {
					l.retarget(number, "other")
					l.ResetLog()
					want = nil
				} else {
					l.before("POST", "/reviews", func() { l.retarget(number, "other"); l.ResetLog() })
				}
				out, err := c.Merge(t.Context(), m)
				must(t, err)
				if !out.Moved || len(l.OpenPulls(lifeRepo)) != 1 {
					t.Errorf("got %+v", out)
				}
				l.wantWrites(want...)
			})
			t.Run(string(when)+" another commit "+moment, func(t *testing.T) {
				l := newLife(t, fakehub.Repo{})
				m, c := l.merging(l.open(fakehub.Pull{})), l.client(l.appToken())
				m.When = when
				want := []string{"pulls/create-review"}
				push := func() { l.commit("main", l.head("main"), "0.9.0") }
				if moment == "before" {
					push()
					want = nil
				} else {
					l.before("POST", "/reviews", push)
				}
				out, err := c.Merge(t.Context(), m)
				must(t, err)
				if !out.Outdated || len(l.OpenPulls(lifeRepo)) != 1 {
					t.Errorf("got %+v", out)
				}
				l.wantWrites(want...)
			})
		}
	}
}

// TestAnotherBaseTakesBack: what was approved and armed for one branch is not
// left to the next, even where the verdict is a pass.
func TestAnotherBaseTakesBack(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	l.commit("other", l.head("main"), "3.0.0")
	number := l.open(fakehub.Pull{})
	m, c := l.merging(number), l.client(l.appToken())
	m.When = plan.MergeAuto
	_, err := c.Merge(t.Context(), m)
	must(t, err)
	l.retarget(number, "other")
	l.ResetLog()
	out, err := c.Merge(t.Context(), m)
	must(t, err)
	if !out.Moved {
		t.Errorf("got %+v", out)
	}
	l.wantWrites("graphql/disablePullRequestAutoMerge", "pulls/dismiss-review")
}

// TestApprovalCarriesTheBase: an approval for one branch is none for the next, where
// the same commit passes too; and nothing is said twice.
func TestApprovalCarriesTheBase(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	l.commit("other", l.head("main"), "3.0.0")
	number := l.open(fakehub.Pull{})
	m, c := l.merging(number), l.client(l.appToken())
	m.When = plan.MergeNever
	_, err := c.Merge(t.Context(), m)
	must(t, err)
	l.retarget(number, "other")
	m.BaseRef, m.BaseTip = "other", l.head("other")
	for _, writes := range [][]string{{"pulls/dismiss-review", "pulls/create-review"}, nil} {
		l.ResetLog()
		_, err = c.Merge(t.Context(), m)
		must(t, err)
		l.wantWrites(writes...)
	}
}

// TestPublishedForTheJudgedBase: the base is read last, as the head is.
func TestPublishedForTheJudgedBase(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	l.commit("other", l.head("main"), "3.0.0")
	number := l.open(fakehub.Pull{})
	p, c := l.publication(number), l.client(fakehub.Token)
	l.before("GET", "/check-runs", func() { l.commit("main", l.head("main"), "0.9.0") })
	out, err := c.Publish(t.Context(), p)
	must(t, err)
	if !out.Outdated || out.Moved || len(l.checks(p.SHA)) > 0 {
		t.Errorf("the base has other commits: got %+v", out)
	}
	p.BaseTip = l.head("main")
	l.before("GET", "/check-runs", func() { l.retarget(number, "other") })
	out, err = c.Publish(t.Context(), p)
	must(t, err)
	if !out.Moved || len(l.checks(p.SHA)) > 0 {
		t.Errorf("another base: got %+v", out)
	}
}

// TestLateVerdict: a verdict that was written after the base moved may hide one of a
// run that knew. It is to be judged anew, whether it was the first or replaced another.
func TestLateVerdict(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	p, c := l.publication(l.open(fakehub.Pull{})), l.client(fakehub.Token)
	for _, method := range []string{"POST", "PATCH"} {
		p.Title += "again" // something to write
		p.BaseTip = l.head("main")
		l.on(method, "/check-runs", func() { l.commit("main", l.head("main"), "0.9.0") })
		out, err := c.Publish(t.Context(), p)
		must(t, err)
		if !out.Outdated || len(out.Actions) != 1 {
			t.Errorf("%s: got %+v", method, out)
		}
	}
}
