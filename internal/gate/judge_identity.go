package gate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// webFlow is the account with which GitHub commits for people in its web
// pages: "GitHub" <noreply@github.com>.
const (
	webFlowID    = 19864447
	webFlowName  = "GitHub"
	webFlowEmail = "noreply@github.com"
)

// identity judges who made the change and where it goes, and returns the step
// of the ladder of evidence that the facts reach.
func (j *judge) identity() policy.Evidence {
	j.branches()
	j.pull()
	if len(j.facts.Commits) == 0 && len(j.facts.Files) == 0 {
		return policy.EvidenceNone // a branch that holds nothing
	}
	j.history()
	made := j.authors()
	j.signatures(made)
	reached := j.reached(made)
	j.evidence(reached)
	return reached
}

func (j *judge) who(rule, message, hint string) {
	j.report(finding.Finding{Rule: rule, Message: message, Hint: hint})
}

func (j *judge) branches() {
	head, base := j.facts.HeadRef, j.facts.BaseRef
	switch {
	case head == "":
		j.who("identity/branch", "it is not known which branch the change comes from",
			"name it with --head-ref, or judge the contents alone with --ignore-identity")
	case !j.policy.MatchHead(head):
		j.who("identity/branch",
			fmt.Sprintf("the change comes from the branch %q, not from one that Flux pushes to (%s)", head, quoted(j.policy.Head)),
			fmt.Sprintf("let Flux make the change, or add its push branch to %s: branches: {head: [...]}", policy.File))
	}
	switch {
	case base == "" && len(j.policy.Base) > 0:
		j.who("identity/base", "it is not known which branch the change goes to", "name it with --base-ref")
	case !j.policy.MatchBase(base):
		j.who("identity/base", fmt.Sprintf("the change goes to the branch %q, not to one that takes updates (%s)", base, quoted(j.policy.Base)),
			fmt.Sprintf("propose it to the right branch, or add this one to %s: branches: {base: [...]}", policy.File))
	}
}

func quoted(words []string) string { return strings.Join(text.Each(words, strconv.Quote), ", ") }

// pull judges what GitHub says of the pull request.
func (j *judge) pull() {
	p := j.facts.Pull
	if p == nil {
		return
	}
	switch {
	case p.HeadRepoID == 0 || p.BaseRepoID == 0:
		j.who("identity/fork", "it is not known which repository the branch lies in; its fork may be gone",
			"close the pull request: Flux pushes to this repository only")
	case p.HeadRepoID != p.BaseRepoID:
		j.who("identity/fork", "the branch lies in a fork", "close the pull request: Flux pushes to this repository only")
	}
	j.pusher(p.Pusher, "the head")
	for _, a := range p.AlsoPushed {
		j.pusher(a, "commits below the head")
	}
	if len(j.policy.Openers) > 0 && !j.isOpener(p.Opener.ID) {
		j.who("identity/opener", fmt.Sprintf("%q (account %d) opened the pull request", p.Opener.Login, p.Opener.ID),
			fmt.Sprintf("close it and let the workflow open one, or add the account to openers in %s", policy.File))
	}
}

func (j *judge) pusher(a change.Account, what string) {
	if a.ID != 0 && j.knowsAccounts() && !j.isBot(a.ID) {
		j.who("identity/pusher", fmt.Sprintf("%q (account %d), not the bot, pushed %s", a.Login, a.ID, what),
			"ask that account what it pushed; a ruleset can let only the bot push to its branch")
	}
}

func (j *judge) knowsAccounts() bool {
	return slices.ContainsFunc(j.policy.Bots, func(b policy.Bot) bool { return b.ID != 0 })
}

func (j *judge) isBot(id int64) bool {
	return id != 0 && slices.ContainsFunc(j.policy.Bots, func(b policy.Bot) bool { return b.ID == id })
}

func (j *judge) isOpener(id int64) bool {
	return j.isBot(id) || id != 0 && slices.ContainsFunc(j.policy.Openers, func(a change.Account) bool { return a.ID == id })
}

// history demands one line of commits from the merge base to head.
func (j *judge) history() {
	commits := j.facts.Commits
	if len(commits) == 0 {
		j.who("identity/evidence", "files differ, but there is no commit that says who changed them",
			"compare the base branch with the bot's branch, not two trees")
		return
	}
	const hint = "delete the push branch, so that Flux starts anew from the base"
	var several tally
	parent := j.facts.MergeBase.Commit
	if slices.ContainsFunc(commits, func(c change.Commit) bool { return len(c.Parents) > 1 }) {
		parent = "" // that of a merge: the change begins somewhere below it
	}
	for _, c := range commits {
		switch {
		case c.Mechanical && c.Parents[0] == parent:
		case len(c.Parents) == 0:
			several.add("it has no parent, so it replaces the whole history", c.SHA)
		case len(c.Parents) > 1:
			several.add("it is a merge that does more than take in files of the base, and Flux never merges", c.SHA)
		case c.Parents[0] != parent && parent != "":
			several.add("it does not follow the commit before it: the history is not one line", c.SHA)
		}
		parent = c.SHA
	}
	if parent != j.facts.Head.Commit {
		several.add("it is the last commit, but not the head", parent)
	}
	j.tell("identity/merge-commit", several, hint)
}

// made is a commit and the bot that made it; nil where none did.
type made struct {
	change.Commit
	bot *policy.Bot
	// self says that the committer is the author.
	self bool
}

// authors finds each commit's bot, and reports the commits that have none.
func (j *judge) authors() []made {
	var all []made
	var strangers, committers tally
	ours := 0
	for _, c := range j.facts.Commits {
		if c.Mechanical {
			continue // whoever made it
		}
		bot, why := j.botOf(c)
		fault := committerFault(c)
		if bot == nil {
			strangers.add(why, c.SHA)
		} else {
			ours++
		}
		if fault != "" {
			committers.add(fault, c.SHA)
		}
		all = append(all, made{c, bot, fault == ""})
	}
	if ours > 0 {
		j.tell("identity/foreign-commit", strangers, "take the commit out of the bot's branch, or delete the branch and let Flux write it anew")
	} else {
		j.tell("identity/author", strangers, fmt.Sprintf("let Flux make the change; if this is its identity, add it to bots in %s", policy.File))
	}
	j.tell("identity/committer", committers, "delete the push branch and let Flux write the commit again; where it is only to be brought "+
		"up to date, let GitHub's \"Update branch\" merge the base instead of rebasing")
	return all
}

// botOf finds the bot that a commit's author is. Where only the account
// differs, it says so.
func (j *judge) botOf(c change.Commit) (bot *policy.Bot, why string) {
	why = fmt.Sprintf("its author %q is not the bot", address(c.Author))
	for i := range j.policy.Bots {
		b := &j.policy.Bots[i]
		if !wrote(b, c) {
			continue
		}
		if b.ID == 0 || c.Account == 0 || c.Account == b.ID {
			return b, ""
		}
		why = fmt.Sprintf("its author %q is account %d, not the bot's account %d", address(c.Author), c.Account, b.ID)
	}
	return nil, why
}

// wrote compares what the policy says of a bot with a commit's author, byte by
// byte. A bot without name and e-mail is known by its account alone.
func wrote(b *policy.Bot, c change.Commit) bool {
	if b.Name == "" && b.Email == "" {
		return b.ID != 0 && b.ID == c.Account
	}
	return (b.Name == "" || b.Name == c.Author.Name) && (b.Email == "" || b.Email == c.Author.Email)
}

// committerFault says why a committer is not the author. Flux writes both with
// one name, e-mail and second; GitHub commits for people with its own, and signs.
func committerFault(c change.Commit) string {
	a, b := c.Author, c.Committer
	switch {
	case a.Name == b.Name && a.Email == b.Email && strangeCommitter(c):
		return fmt.Sprintf("its committer is account %d, its author account %d", c.CommitterAccount, c.Account)
	case a.Name == b.Name && a.Email == b.Email && !a.When.Equal(b.When):
		return "it was committed at another time than written, so it is not as Flux made it"
	case a.Name == b.Name && a.Email == b.Email, byWebFlow(c):
		return ""
	}
	return fmt.Sprintf("its committer %q is not its author %q, as where somebody amends it or rebases the branch", address(b), address(a))
}

func strangeCommitter(c change.Commit) bool {
	return c.Account != 0 && c.CommitterAccount != 0 && c.Account != c.CommitterAccount
}

func byWebFlow(c change.Commit) bool {
	return c.Committer.Name == webFlowName && c.Committer.Email == webFlowEmail && c.Verification.Verified &&
		(c.CommitterAccount == 0 || c.CommitterAccount == webFlowID)
}

func address(s change.Signature) string { return s.Name + " <" + s.Email + ">" }

// tally collects commits with one fault, so that a thousand of them are one finding.
type tally struct {
	faults []string
	shas   map[string][]string
}

func (t *tally) add(fault, sha string) {
	if t.shas == nil {
		t.shas = map[string][]string{}
	}
	if len(t.shas[fault]) == 0 {
		t.faults = append(t.faults, fault)
	}
	t.shas[fault] = append(t.shas[fault], sha)
}

func (j *judge) tell(rule string, t tally, hint string) {
	for _, fault := range t.faults {
		j.who(rule, commitNames(t.shas[fault])+": "+fault, hint)
	}
}

// commitNames names the first three commits and counts the rest.
func commitNames(shas []string) string {
	names := text.Each(shas, text.Commit)
	if len(shas) == 1 {
		return "commit " + names[0]
	}
	return "commits " + text.Some(names, 3)
}
