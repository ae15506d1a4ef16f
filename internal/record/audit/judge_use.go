package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// act attributes what the delivery shows: a use of the bot's, or somebody
// else's doing on the bot's branch.
func (j *judge) act(r Reading) {
	b := r.Body
	who, ok := j.who(b)
	if !ok {
		if b.Sender.ID == 0 && (b.Malformed != "" || kindOf(b.Event).branched || j.contract.namesake(b.Sender)) {
			j.nameless++
		}
		j.stranger(r)
		return
	}
	kind := kindOf(b.Event)
	if kind.follows != nil && kind.follows(j, b) && (j.contract.repository(b.Repository) || j.began[b.Repository.ID]) {
		j.timeline.Followed++
		j.ran(r)
		return
	}
	key := useKey{r.Record.ID, b}
	if b.Run != 0 && strings.HasPrefix(b.Event, "workflow_") { // requested, in progress, completed: one use of each attempt
		key = useKey{body: Body{Repository: b.Repository, Run: b.Run, Attempt: b.Attempt, Cause: b.Cause, Sender: b.Sender}}
	}
	if at, seen := j.uses[key]; seen {
		j.timeline.Uses[at].Also = append(j.timeline.Uses[at].Also, r.Record.Index)
		return
	}
	u := Use{
		Index: r.Record.Index, Time: cmp.Or(b.Time, r.Record.Time).UTC(), Event: b.Event, Action: b.Action,
		Repository: b.Repository, Ref: b.Ref, Commit: b.After, Number: b.Number, Subject: b.Subject, Who: who,
		Default:     b.Default != "" && b.Ref == "refs/heads/"+b.Default,
		Attribution: Expected,
	}
	if u.Why = j.unexpected(r); len(u.Why) > 0 {
		u.Attribution = Unexpected
	}
	j.habit(r, who)
	if kind.branched {
		j.began[b.Repository.ID] = true // which is a use already, and an unexpected one elsewhere
	}
	j.uses[key] = len(j.timeline.Uses)
	j.timeline.Uses = append(j.timeline.Uses, u)
}

// who is the account of the bot's that acted. The actor of a workflow run is
// only who began its first attempt.
func (j *judge) who(b Body) (Account, bool) {
	for _, a := range []Account{b.Sender, b.Triggering} {
		if j.contract.bot(a) {
			return a, true
		}
	}
	if own := j.contract.app(b.App); own && b.Event == "check_run" && (b.Action == "created" || b.Action == "completed") {
		i := slices.IndexFunc(j.contract.Accounts, func(a Account) bool { return Contract{Accounts: []Account{a}}.app(b.App) })
		return j.contract.Accounts[i], true
	}
	if b.Sender.ID == 0 && b.Triggering.ID == 0 && j.contract.bot(b.Actor) {
		return b.Actor, true
	}
	return Account{}, false
}

// stranger reports who is not the bot and pushes its branch, or has its name.
func (j *judge) stranger(r Reading) {
	b := r.Body
	namesake := b.Sender.ID != 0 && j.contract.namesake(b.Sender)
	// A branch is deleted by whoever merges, and that brings nothing in.
	foreign := b.Event == "push" && !b.Deleted && j.contract.repository(b.Repository) && j.contract.branch(b.Ref)
	key := useKey{r.Record.ID, b}
	if _, told := j.uses[key]; told || !j.contract.known() || !namesake && !foreign {
		return
	}
	j.uses[key] = -1
	if namesake {
		j.tell(r, "use/unknown-account", "find out who has the login now: gh api users/LOGIN --jq .id",
			"an account with the bot's login %s has another id, %d", b.Sender.Login, b.Sender.ID)
		return
	}
	if b.Pusher == deployKey {
		j.tell(r, "use/deploy-key", "find the key under Settings, Deploy keys, and ask who holds it",
			"a deploy key pushed the bot's branch %s", short(b.Ref))
		return
	}
	who := "somebody whom GitHub does not name"
	if b.Sender.ID != 0 {
		who = fmt.Sprintf("%s (%d)", b.Sender.Login, b.Sender.ID)
	} else if b.Pusher != "" {
		who = fmt.Sprintf("%s, without an id,", b.Pusher)
	}
	j.tell(r, "use/unknown-account", "ask what was pushed; a ruleset can keep the branch to the bot",
		"%s pushed the bot's branch %s of %s", who, short(b.Ref), b.Repository.Name)
}

// unexpected reports each way in which the bot's doing is outside its contract,
// and gives the reasons in short.
func (j *judge) unexpected(r Reading) []string {
	b, c := r.Body, j.contract
	var why []string
	say := func(rule, reason, hint, format string, args ...any) {
		why = append(why, reason)
		j.tell(r, rule, hint, format, args...)
	}
	if b.Repository != (Repository{}) && !c.repository(b.Repository) { // what is of none is the organization's
		at := j.elsewhere[b.Repository.ID]
		if at == nil {
			at = &elsewhere{first: r}
			j.elsewhere[b.Repository.ID] = at
		}
		at.uses++
		why = append(why, "repository") // told once for each: a bot can be a person, too
	} else if id := j.names[strings.ToLower(b.Repository.Name)]; id != 0 && id != b.Repository.ID {
		say("use/unexpected-repository", "repository", "find out who made it: the former repository was renamed, moved or deleted",
			"the bot caused %s in %s, a name that was another repository's, %d, and is %d's now", act(b), b.Repository.Name, id, b.Repository.ID)
	} else {
		j.unexpectedEvent(r, say)
	}
	if b.Event == "push" {
		j.unexpectedFiles(r, len(why) == 0, say)
	}
	if at := cmp.Or(b.Time, r.Record.Time); !c.Hours.within(at) && c.repository(b.Repository) {
		say("use/outside-hours", "hours", "ask who was at work; uses.hours of the policy file says when the bot is",
			"the bot caused %s outside of its hours, on %s", act(b), at.In(c.Hours.Zone).Format("Monday at 15:04 MST"))
	}
	if b.Pusher == deployKey {
		say("use/deploy-key", "deploy key", "find the key under Settings, Deploy keys, and ask who holds it",
			"a deploy key of the bot's, and not its token, caused %s", act(b))
	}
	return why
}

type sayer func(rule, reason, hint, format string, args ...any)

// unexpectedEvent holds event, action, object and refs against the contract.
func (j *judge) unexpectedEvent(r Reading, say sayer) {
	b, c := r.Body, j.contract
	kind, action := b.Event, b.Action
	if dispatched(b) {
		kind, action = b.Cause, "" // started by hand, and not by a push or a pull request
	}
	if !c.event(kind, action, b.Subject) {
		rule := ""
		if misuse := kindOf(b.Event).misuse; misuse != nil {
			rule = misuse(j, b)
		}
		say(cmp.Or(rule, "use/unexpected-event"), "event",
			"if the bot may do that, add the event to uses.events of the policy file; else replace its token",
			"the bot caused %s, which it is not expected to", act(b))
	}
	const hint = "if the branch is the bot's, add it to uses.branches of the policy file; else replace its token"
	own := c.branch(b.Ref)
	switch {
	case !kindOf(b.Event).branched || b.Ref == "" || b.Event == "push" && j.merges[b.After]:
	case !own:
		say("use/unexpected-branch", "branch", hint, "the bot caused %s on %s, which is not one of its branches", act(b), short(b.Ref))
	case b.Event == "pull_request" && b.Subject != "base" && !c.base(b):
		say("use/unexpected-branch", "base", "if its updates may go there, add it to branches.base of the policy file",
			"the bot caused %s to %s, which is not where its updates go", act(b), b.Base)
	}
	switch {
	case !b.Forced || b.Event != "push":
	case !own:
		say("use/forced-push", "forced", "look for the commits that were cut off: git fetch origin COMMIT still finds them for some time",
			"the bot's push rewrote %s: %s is no longer part of it", short(b.Ref), cmp.Or(b.Before, "an unknown commit"))
	case b.Empty:
		say("use/forced-push", "forced", "compare the two commits: Flux never goes back to what it left behind",
			"the bot's push moved %s to %s, and brought no commit: it was in the repository before", short(b.Ref), b.After)
	case j.heads[refKey{b.Repository.ID, b.Ref}][b.After]:
		say("use/forced-push", "forced", "compare the two commits: Flux never goes back to what it left behind",
			"the bot's push moved %s back from %s to %s, where it was before", short(b.Ref), cmp.Or(b.Before, "an unknown commit"), b.After)
	}
}

// unexpectedFiles looks at what a push touches; others are so only where nothing else
// is wrong with it.
func (j *judge) unexpectedFiles(r Reading, others bool, say sayer) {
	b := r.Body
	steering, stray := j.contract.steering(b), j.contract.stray(b)
	switch {
	case steering != "":
		say("use/workflow-file", "workflow file", "read the push; what is below .github can run with the repository's secrets. Workflows "+
			"that Flux updates belong to uses.workflows of the policy file", "the bot pushed a change of %s", steering)
	case stray != "" && others:
		say("use/unexpected-path", "path", "read the push; if the bot may change that, add it to paths of the policy file",
			"the bot pushed a change of %s, which no image update changes", stray)
	case b.Made != "" && others && !j.merges[b.After]:
		say("use/unexpected-path", "path", "read the push: an image update changes files that are there, and no more",
			"the bot pushed a commit that adds or removes %s", b.Made)
	case others && !j.merges[b.After] && slices.ContainsFunc(strings.Fields(b.Authors), func(s string) bool { return !j.contract.wrote(s) }):
		say("use/other-author", "author", "read the push; if that is how Flux signs, add the name or email to bots of the policy file",
			"the bot pushed a commit to %s that says to be made by somebody else", short(b.Ref))
	}
	what := "the push of entry " + strconv.FormatInt(r.Record.Index, 10)
	if b.Cut {
		j.untold = append(j.untold, what+" may touch more than it says: GitHub lists 2,048 commits and 3,000 paths")
	}
	for id := range strings.FieldsSeq(b.Older) {
		if !j.fresh[id] {
			j.untold = append(j.untold, what+" brings commit "+id+", which changes a file that steers GitHub, and who pushed that first is not here")
			break
		}
	}
}

// actedElsewhere tells of each repository where the bot has no business.
func (j *judge) actedElsewhere() {
	for _, id := range slices.Sorted(maps.Keys(j.elsewhere)) {
		at := j.elsewhere[id]
		more := ""
		if at.uses > 1 {
			more = fmt.Sprintf(", and did %d things more there", at.uses-1)
		}
		j.tell(at.first, "use/unexpected-repository",
			"if the bot works there too, add it to uses.repositories of the policy file; else replace its token",
			"the bot caused %s in %s, where it has no business%s", act(at.first.Body),
			cmp.Or(at.first.Body.Repository.Name, "a repository without a name"), more)
	}
}

// runFollows says that GitHub began the run because of something with a delivery of its
// own. What runs on a push is the pushed branch's own workflow.
func (j *judge) runFollows(b Body) bool {
	if dispatched(b) || b.Attempt > 1 {
		return false
	}
	return b.Cause != "push" || b.Ref == "" || j.contract.branch(b.Ref) || j.moved[b.After] ||
		j.pushed[refKey{b.Repository.ID, b.Ref}]
}

// unasked says that nobody asked for a check: GitHub or another App began it.
func (j *judge) unasked(b Body) bool {
	if own := j.contract.app(b.App); own || b.App == "" && gateName(b.Subject) {
		return own && b.Event == "check_suite" && b.Action == "requested"
	}
	return b.Action == "created" || b.Action == "requested" || b.Action == "completed"
}

// stale says that GitHub dismissed a review since the bot pushed after it.
func (j *judge) stale(b Body) bool {
	return b.Action == "dismissed" && b.Before != b.After && j.moved[b.After] && j.contract.branch(b.Ref)
}

// act names what was done, and about what.
func act(b Body) string {
	kind, action := b.Event, b.Action
	if dispatched(b) {
		kind, action = b.Cause, ""
	}
	about := cmp.Or(b.Subject, b.Changes)
	if b.Number != 0 {
		about = strings.TrimSuffix(fmt.Sprintf("#%d, %s", b.Number, about), ", ")
	}
	if about == "" {
		return dotted(kind, action)
	}
	return dotted(kind, action) + " (" + about + ")"
}

// when says where, when and at which commit something was done.
func when(r Reading) string {
	b := r.Body
	parts := []string{cmp.Or(b.Repository.Name, b.Organization.Login, "no repository"), clock(cmp.Or(b.Time, r.Record.Time))}
	if b.After != "" {
		parts = append(parts, b.After[:min(len(b.After), 12)])
	}
	return strings.Join(parts, ", ")
}

func dotted(kind, action string) string { return strings.TrimSuffix(kind+"."+action, ".") }

func short(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
