package publish

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

func (l *life) proposal() plan.Proposal {
	return plan.Proposal{
		Branch: fluxBranch, Base: "main", SHA: l.head(fluxBranch),
		Updates: []proposal.Update{{Image: "ghcr.io/acme/app", From: "1.0.0", To: "1.0.1", Step: "patch"}},
	}
}

// pull reads one pull request as GitHub lists it.
func (l *life) pull(number int) plan.Pull {
	l.t.Helper()
	pulls, err := l.client(fakehub.Token).OpenPulls(l.t.Context())
	must(l.t, err)
	for _, p := range pulls {
		if p.Number == number {
			return p
		}
	}
	l.t.Fatalf("#%d is not open", number)
	return plan.Pull{}
}

func TestPropose(t *testing.T) {
	l := newLife(t, fakehub.Repo{ActionsMayOpen: true})
	p, c := l.proposal(), l.client(fakehub.Token)
	out, err := c.Propose(t.Context(), p)
	must(t, err)
	if out.Number != 1 || out.Link == "" {
		t.Errorf("got %+v", out)
	}
	wantNote(t, out, "checks wait until a person approves")
	l.golden("propose")
	const list = "- ghcr.io/acme/app: 1.0.0 → 1.0.1\n"
	first := l.pull(1)
	if first.Title != proposal.DefaultTitle || !strings.Contains(first.Body, "\n"+list) {
		t.Errorf("%q\n%s", first.Title, first.Body)
	}

	l.ResetLog()
	out, err = c.Propose(t.Context(), p)
	must(t, err)
	wantNote(t, out, "#1 is up to date")
	l.wantWrites()

	// A person writes around the list; Flux pushes once more.
	body := strings.ReplaceAll("Mind the migration.\n\n"+first.Body+"\nApproved by ops.", "\n", "\r\n")
	_, _, err = c.API.PullRequests.Edit(t.Context(), c.Owner, c.Name, 1, editBody(body))
	must(t, err)
	l.push()
	p = l.proposal()
	p.Updates[0].To = "6.6.6"
	l.ResetLog()
	_, err = c.Propose(t.Context(), p)
	must(t, err)
	l.wantWrites("pulls/update")
	got := l.pull(1).Body
	for _, want := range []string{"Mind the migration.", "1.0.0 → 6.6.6", "Approved by ops."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "1.0.1") {
		t.Errorf("the old list is still in\n%s", got)
	}
}

func TestProposeLeaves(t *testing.T) {
	tests := []struct {
		name  string
		setup func(*life, *plan.Proposal)
		note  string
		moved bool
	}{
		{"a person's words", func(l *life, _ *plan.Proposal) { l.open(fakehub.Pull{Body: "mine"}) }, "words of a person", false},
		{"what was closed at this commit", func(l *life, _ *plan.Proposal) { l.open(fakehub.Pull{Closed: true}) }, "not opened again", false},
		{"a branch that moved", func(l *life, _ *plan.Proposal) { l.push() }, "moved on", true},
		{"a branch that moves", func(l *life, _ *plan.Proposal) { l.before("GET", "/pulls", func() { l.push() }) }, "moved on", true},
		{"a branch that is gone", func(l *life, _ *plan.Proposal) { l.git("", "update-ref", "-d", "refs/heads/"+fluxBranch) }, "is gone", false},
		{"no update", func(_ *life, p *plan.Proposal) { p.Updates = nil }, "updates no image", false},
		{"no commit", func(l *life, _ *plan.Proposal) {
			l.before("POST", "/pulls", func() { l.git("", "update-ref", "refs/heads/main", l.head(fluxBranch)) })
		}, "holds nothing that the base does not", false},
		{"a dry run", func(_ *life, p *plan.Proposal) { p.DryRun = true }, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLife(t, fakehub.Repo{ActionsMayOpen: true})
			p := l.proposal()
			tt.setup(l, &p)
			before := l.OpenPulls(lifeRepo)
			out, err := l.client(fakehub.Token).Propose(t.Context(), p)
			must(t, err)
			if tt.note != "" {
				wantNote(t, out, tt.note)
			}
			if out.Moved != tt.moved {
				t.Errorf("moved: %v", out.Moved)
			}
			if diff := cmp.Diff(before, l.OpenPulls(lifeRepo)); diff != "" {
				t.Errorf("open pull requests, -want +got:\n%s", diff)
			}
			for _, w := range l.writes() {
				if w != "pulls/create" {
					t.Errorf("wrote %s", w)
				}
			}
		})
	}
}

// TestProposeTakesOverABotsPull: the stock recipe's workflow opened it.
func TestProposeTakesOverABotsPull(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	n := l.open(fakehub.Pull{Author: "github-actions[bot]", Body: "- app: 0.9.0 → 1.0.0"})
	_, err := l.client(fakehub.Token).Propose(t.Context(), l.proposal())
	must(t, err)
	if got := l.pull(n).Body; !proposal.Owned(got) || strings.Contains(got, "0.9.0") {
		t.Errorf("got %s", got)
	}
}

func TestActionsMayNotOpen(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	_, err := l.client(fakehub.Token).Propose(t.Context(), l.proposal())
	if github.KindOf(err) != github.Forbidden {
		t.Fatalf("got %v", err)
	}
	hint := github.Classify(t.Context(), "", err).Hint()
	for _, want := range []string{"Allow GitHub Actions to create and approve pull requests", "GitHub App"} {
		if !strings.Contains(hint, want) {
			t.Errorf("the hint %q does not say %q", hint, want)
		}
	}
	l.wantWrites("pulls/create")
}

// TestProposeAfterUnclearFailure: what may have been opened is not opened again.
func TestProposeAfterUnclearFailure(t *testing.T) {
	for name, f := range map[string]fakehub.Fault{
		"done": {On: "pulls/create", Cut: true}, "broken off": {On: "pulls/create", Reset: true}, "in trouble": {On: "pulls/create", Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, fakehub.Repo{ActionsMayOpen: true})
			l.AddFault(f)
			_, err := l.client(fakehub.Token).Propose(t.Context(), l.proposal())
			must(t, err)
			if open := l.OpenPulls(lifeRepo); len(open) != 1 {
				t.Errorf("open: %v", open)
			}
		})
	}
}

func TestTwoProposalsAtOnce(t *testing.T) {
	l := newLife(t, fakehub.Repo{ActionsMayOpen: true})
	p := l.proposal()
	var wait sync.WaitGroup
	for range 3 {
		c := l.client(fakehub.Token)
		wait.Go(func() {
			if _, err := c.Propose(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if open := l.OpenPulls(lifeRepo); len(open) != 1 {
		t.Errorf("open: %v", open)
	}
}

func (l *life) closing(number int) plan.Closing {
	return plan.Closing{
		Number: number, SHA: l.head(fluxBranch), BaseRef: "main", Branch: fluxBranch, Why: "Nothing was pushed to this pull request for 30 days.",
		DeleteBranch: true,
	}
}

func TestSweep(t *testing.T) {
	l := newLife(t, fakehub.Repo{})
	s, c := l.closing(l.open(fakehub.Pull{})), l.client(fakehub.Token)
	_, err := c.Sweep(t.Context(), s)
	must(t, err)
	l.wantWrites("issues/create-comment", "pulls/update", "graphql/updateRefs")
	l.golden("sweep")
	if len(l.OpenPulls(lifeRepo)) != 0 || l.git("", "for-each-ref", "refs/heads/"+fluxBranch) != "" {
		t.Error("it is still open, or its branch still there")
	}
	out, err := c.Sweep(t.Context(), s)
	must(t, err)
	wantNote(t, out, "closed already")
	if n := len(l.Comments(lifeRepo, s.Number)); n != 1 {
		t.Errorf("%d comments", n)
	}
}

func TestSweepRaces(t *testing.T) {
	t.Run("pushed before", func(t *testing.T) {
		l := newLife(t, fakehub.Repo{})
		s := l.closing(l.open(fakehub.Pull{}))
		l.push()
		out, err := l.client(fakehub.Token).Sweep(t.Context(), s)
		must(t, err)
		if !out.Moved {
			t.Errorf("got %+v", out)
		}
		l.wantWrites()
	})
	t.Run("pushed while the branch is deleted", func(t *testing.T) {
		l := newLife(t, fakehub.Repo{})
		s := l.closing(l.open(fakehub.Pull{}))
		var pushed string
		l.before("PATCH", "/pulls/1", func() { pushed = l.push() })
		out, err := l.client(fakehub.Token).Sweep(t.Context(), s)
		must(t, err)
		if got := l.head(fluxBranch); got != pushed {
			t.Errorf("the branch is at %s, not at %s, which was just pushed", got, pushed)
		}
		wantNote(t, out, "not at the expected object id")
	})
	t.Run("closing is refused for a while", func(t *testing.T) {
		l := newLife(t, fakehub.Repo{})
		s := l.closing(l.open(fakehub.Pull{}))
		l.AddFault(fakehub.Fault{On: "pulls/update", Status: 502})
		_, err := l.client(fakehub.Token).Sweep(t.Context(), s)
		must(t, err)
		if n := len(l.Comments(lifeRepo, s.Number)); n != 1 || len(l.OpenPulls(lifeRepo)) != 0 {
			t.Errorf("%d comments", n)
		}
	})
}
