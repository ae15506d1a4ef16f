package facts_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// Accounts of type Bot are told apart from people, whatever they are called,
// wherever they have a part in a change.
func TestApps(t *testing.T) {
	renovate := fakehub.Account{Login: "renovate[bot]", ID: 29139614, Type: "Bot"}
	ann := fakehub.Account{Login: "ann[bot]", ID: 12, Emails: []string{"ann@example.com"}}
	for name, part := range map[string]func(w *world, p *fakehub.Pull){
		"opener": func(_ *world, p *fakehub.Pull) { p.Author = renovate.Login },
		"pusher": func(w *world, _ *fakehub.Pull) {
			w.AddPush(fleet, fakehub.Push{Ref: "move", After: w.git("rev-parse", "move"), Actor: renovate.Login})
		},
		"author": func(w *world, _ *fakehub.Pull) {
			w.git("checkout", "-q", "move")
			w.git("commit", "-q", "--amend", "--no-edit", "--author", "R <29139614+renovate[bot]@users.noreply.github.com>")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := typical(t, 1)
			w.AddAccount(renovate)
			w.AddAccount(ann)
			w.branch("move")
			w.commit("Move it", "apps/app0/deployment.yaml", marked("1.4.1"))
			p := fakehub.Pull{Title: "Move it", Head: "move", Author: ann.Login}
			part(w, &p)
			facts := w.pullFacts(w.OpenPull(fleet, p))
			if diff := cmp.Diff([]change.Account{{Login: renovate.Login, ID: renovate.ID}}, facts.Apps); diff != "" || len(facts.Gaps) > 0 {
				t.Errorf("(-want +got):\n%s, gaps %q", diff, facts.Gaps)
			}
		})
	}
}

// Whoever merges a pull request into a branch does not answer for what was pushed
// there before.
func TestPusherBelowAMerge(t *testing.T) {
	w := newRepo(t)
	start := w.commit("start", "a.yaml", "1")
	w.branch("move")
	one := w.commit("one", "a.yaml", "2")
	two := w.commit("two", "a.yaml", "3")
	w.serve()
	w.AddAccount(fakehub.Account{Login: "ann", ID: 12})
	w.AddPush(fleet, fakehub.Push{Ref: "move", Before: start, After: one, Actor: bot})
	w.AddPush(fleet, fakehub.Push{Ref: "move", Before: one, After: two, Actor: "ann", Type: "pr_merge"})
	facts := w.pullFacts(w.open("move"))
	if p := facts.Pull; p.Pusher.ID != 12 || len(p.AlsoPushed) != 1 || p.AlsoPushed[0].ID != botID {
		t.Errorf("pushers %+v, %+v", p.Pusher, p.AlsoPushed)
	}
}

// A push that the list does not have yet is waited for, a list that cannot be read
// is not.
func TestActivityLags(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fakehub.Fault
		asked int
	}{
		{"late", fakehub.Fault{}, 3},
		{"forbidden", fakehub.Fault{On: "repos/list-activities", Status: 403, Message: "Resource not accessible by integration"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := typical(t, 1)
			w.branch("move")
			w.commit("Move it", "apps/app0/deployment.yaml", marked("1.4.1"))
			if tt.fault.On != "" {
				w.AddFault(tt.fault)
			}
			facts := w.pullFacts(w.open("move"))
			if n := w.Count("repos/list-activities"); n != tt.asked || facts.Pull.Pusher.ID != 0 || len(facts.Gaps) > 0 {
				t.Errorf("asked %d times, pusher %+v, gaps %q", n, facts.Pull.Pusher, facts.Gaps)
			}
		})
	}
}

// Who has a fork is told, and nobody where the branch lies in the repository itself.
func TestHeadOwner(t *testing.T) {
	w := typical(t, 1)
	fork := newRepo(t)
	fork.git("fetch", "-q", w.Dir, "flux:flux")
	if err := w.AddRepo(fakehub.Repo{Dir: fork.Dir + "/.git", Owner: bot, Name: "fleet", ID: 666, ForkOf: fleet}); err != nil {
		t.Fatal(err)
	}
	theirs := w.pullFacts(w.open("flux", func(p *fakehub.Pull) { p.HeadRepo = bot + "/fleet" }))
	ours := w.pullFacts(w.open("flux"))
	if theirs.Pull.HeadOwner.ID != botID || ours.Pull.HeadOwner.ID != 0 {
		t.Errorf("owners %+v, %+v", theirs.Pull.HeadOwner, ours.Pull.HeadOwner)
	}
}
