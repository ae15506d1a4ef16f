package gate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// hand is an account with a part in a change. Where nobody knows which, it has no id.
type hand struct {
	change.Account
	name string // for people; empty where there is nothing to show
	app  bool   // GitHub says that it is no person
}

// theirs tells whether the change is somebody else's than Flux's: neither is the
// branch, nor has a bot any part in it that the facts tell. A branch that nobody
// names, or without commits, is no proof of that.
func (j *judge) theirs() bool {
	return j.facts.HeadRef != "" && len(j.facts.Commits) > 0 && !j.policy.MatchHead(j.facts.HeadRef) &&
		!slices.ContainsFunc(j.facts.Commits, j.botHasPart) &&
		!slices.ContainsFunc(j.hands(), func(h hand) bool { return j.isBot(h.ID) })
}

// botHasPart tells whether a commit's author, committer or signature is a bot's.
// Accounts are hands. Whoever makes a merge that adds nothing has no part.
func (j *judge) botHasPart(c change.Commit) bool {
	if c.Mechanical {
		return false
	}
	committed := c
	committed.Author = c.Committer
	return slices.ContainsFunc(j.policy.Bots, func(b policy.Bot) bool {
		return wrote(&b, c) || wrote(&b, committed) || made{Commit: c, bot: &b}.pinned()
	})
}

// hands are all that have a part in the change, who made commits first, so that both
// programs call them the same. Who pushed to a fork is not told, so that its owner
// stands for them.
func (j *judge) hands() []hand {
	var all []hand
	seen := map[hand]bool{}
	add := func(a change.Account, name string) {
		h := hand{a, name, slices.ContainsFunc(j.facts.Apps, func(app change.Account) bool { return app.ID == a.ID })}
		switch {
		case a.ID == 0:
			h.ID, h.app = noreplyApp(name)
		case a.Login != "":
			h.name = a.Login
		}
		key := hand{Account: change.Account{ID: h.ID}}
		if h.ID == 0 {
			key.name = name
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, h)
		}
	}
	for _, c := range j.facts.Commits {
		if c.Mechanical {
			continue // whoever made it
		}
		add(change.Account{ID: c.Account}, address(c.Author))
		if c.CommitterAccount != webFlowID && (c.CommitterAccount != 0 || c.Committer.Email != webFlowEmail) {
			add(change.Account{ID: c.CommitterAccount}, address(c.Committer))
		}
	}
	if p := j.facts.Pull; p != nil {
		add(p.Opener, "")
		if p.HeadRepoID != p.BaseRepoID {
			add(p.HeadOwner, "")
		} else {
			add(p.Pusher, "")
		}
		for _, a := range p.AlsoPushed {
			add(a, "")
		}
	}
	return all
}

// noreply is the e-mail that GitHub gives an account of type Bot.
var noreply = pattern.Lazy(`<(?:(\d+)\+)?[^ <>@+]+\[bot\]@users\.noreply\.[^ <>@]+>$`)

// noreplyApp tells whether an author is an App by its e-mail, which is all that a
// local repository knows of accounts.
func noreplyApp(address string) (id int64, app bool) {
	m := noreply().FindStringSubmatch(address)
	if m == nil {
		return 0, false
	}
	id, _ = strconv.ParseInt(m[1], 10, 64) // 0 where the address has none
	return id, true
}

// elsewhere judges a change that is somebody else's than Flux's, for the places that
// Flux sets alone. It is not applicable at best.
func (j *judge) elsewhere() {
	if j.facts.Crosswise { // from another merge base it could touch others
		j.gaps = append(j.gaps, change.CrosswiseGap)
	}
	if !slices.ContainsFunc(j.files, fileView.touched) {
		return
	}
	f := finding.Finding{Rule: "identity/person", Hint: "review it as any other change: none of it was judged"}
	var people, refused, named []string
	for _, h := range j.hands() {
		switch other := slices.ContainsFunc(j.policy.Others, func(a change.Account) bool { return h.ID != 0 && a.ID == h.ID }); {
		case h.app && !other:
			refused = append(refused, strconv.Quote(h.name))
		case h.app:
			named = append(named, strconv.Quote(h.name))
		case h.name != "":
			people = append(people, strconv.Quote(h.name))
		}
	}
	who := slices.Concat(people, named)
	switch {
	case len(refused) > 0:
		f.Rule, who = "identity/other-bot", refused
		f.Hint = "close it, or add the account to others in " + policy.File
	case len(people) == 0:
		f.Rule, f.Severity = "identity/other-bot", finding.Warning
	case j.policy.People == policy.PeopleRefuse:
		f.Severity = finding.Error
		f.Hint = fmt.Sprintf("leave the place to Flux; %s refuses people who move it (people: refuse)", policy.File)
	}
	for i := range j.files {
		for _, m := range j.files[i].moves() {
			f.Place, f.Message = m.Place, fmt.Sprintf("%s, not Flux, %s", text.Some(who, 3), m.what)
			j.report(f)
		}
	}
	j.unknownHands()
}

// unknownHands are gaps: a part of the change that is told to be nobody's could be
// the bot's.
func (j *judge) unknownHands() {
	gap := func(format string, args ...any) { j.gaps = append(j.gaps, fmt.Sprintf(format, args...)) }
	p := j.facts.Pull
	zero := func(a change.Account) bool { return a.ID == 0 }
	switch {
	case p == nil:
	case p.HeadRepoID == 0:
		gap("whose branch moves what Flux sets is not known: its fork may be gone")
	case p.HeadRepoID == p.BaseRepoID && (zero(p.Pusher) || slices.ContainsFunc(p.AlsoPushed, zero)):
		gap("GitHub does not tell who pushed all of the branch %s, which moves what Flux sets: it could be the bot; "+
			"run this again, with a token that may read the repository", text.Quote(j.facts.HeadRef))
	}
	if !j.policy.Evidence.Reaches(policy.EvidenceAccount) {
		return
	}
	const hint = "who moves what Flux sets is known by name only, and the policy asks for %s: %s"
	nameless := slices.ContainsFunc(j.policy.Bots, func(b policy.Bot) bool { return b.ID == 0 })
	switch {
	case p == nil:
		gap(hint, j.policy.Evidence, "only the Action can ask GitHub for accounts")
	case nameless:
		gap(hint, j.policy.Evidence, "give each bot in "+policy.File+" its login and id, by which it can be told from people")
	case slices.ContainsFunc(j.hands(), func(h hand) bool { return h.ID == 0 }):
		gap(hint, j.policy.Evidence, "GitHub does not match everybody to an account")
	}
}
