package audit

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// What is done to the bot, to the repository and to what guards it, whoever does it. What
// the bot itself does is a use, and judged as such.

// guard reports what is no use of the bot's.
func (j *judge) guard(r Reading, severity finding.Severity, rule, hint, format string, args ...any) {
	if j.contract.bot(r.Body.Sender) {
		return
	}
	j.tell(r, rule, hint, format, args...)
	if severity != "" {
		j.findings[len(j.findings)-1].Severity = severity
	}
}

func (j *judge) deaf(r Reading, by, where string) {
	j.tell(r, "delivery/meta", "set the webhook up again, and ask who deleted it: from then on nothing came in",
		"%s deleted the webhook %d of %s", by, r.Body.Hook, where)
}

// pinged reports a ping of a webhook that something was heard of before.
func (j *judge) pinged(r Reading, by, where string) {
	if j.hooks[r.Record.Source] {
		j.tell(r, "delivery/ping-unasked", "ask who set the webhook up or tried it: its address or secret may have been changed",
			"%s had webhook %d of %s tried", by, r.Body.Hook, where)
	}
}

func (j *judge) protectionOff(r Reading, by, where string) {
	if r.Body.Action == "disabled" {
		j.tell(r, "guard/protection-off", "switch it on again, and ask who pushed meanwhile",
			"%s switched off branch protection in %s", by, where)
	}
}

const compare = "compare what holds now with what should: gh api repos/OWNER/NAME/rulesets"

func (j *judge) protectionLoosened(r Reading, by, where string) {
	b := r.Body
	last := j.last(b)
	weak := looser(last, b.Was, b.State)
	if last == "" && b.Changes == "" { // GitHub does not say what of these was changed
		weak = open(b.State)
	}
	switch {
	case b.Action == "deleted":
		j.tell(r, "guard/protection-removed", compare, "%s deleted the protection of %s in %s", by, cmp.Or(b.Subject, "(no name)"), where)
	case b.Action == "edited" && weak != "":
		j.tell(r, "guard/protection-loosened", compare, "%s loosened the protection of %s in %s: %s", by, cmp.Or(b.Subject, "(no name)"),
			where, weak)
	default:
		j.edited(r, by, where)
	}
}

func (j *judge) rulesetLoosened(r Reading, by, where string) {
	b := r.Body
	last := j.last(b)
	weak := guardsLess(strings.Trim(last+"\n"+b.Was, "\n"), b.State)
	if last == "" && b.Changes == "" { // GitHub does not say who was let past it
		weak = strings.Join(slices.DeleteFunc(strings.Split(b.State, "\n"), func(line string) bool {
			return !strings.HasPrefix(line, "bypass ")
		}), ", ")
	}
	switch {
	case b.Action == "deleted":
		j.tell(r, "guard/ruleset", compare, "%s deleted the ruleset %s of %s", by, cmp.Or(b.Subject, "(no name)"), where)
	case b.Action == "edited" && weak != "":
		j.tell(r, "guard/ruleset", compare, "%s loosened the ruleset %s of %s: %s", by, cmp.Or(b.Subject, "(no name)"), where, weak)
	default:
		j.edited(r, by, where)
	}
}

// edited reports an edit of which it cannot be told whether it loosens anything.
func (j *judge) edited(r Reading, by, where string) {
	if b := r.Body; b.Action == "edited" {
		j.tell(r, "delivery/guard-loosened", compare, "%s edited %s %s of %s", by, strings.ReplaceAll(b.Event, "_", " "),
			strings.TrimSuffix(cmp.Or(b.Subject, "(no name)")+": "+b.Changes, ": "), where)
	}
}

// last gives what a protection or ruleset held when it was last seen, and remembers what
// it holds now.
func (j *judge) last(b Body) string {
	key := stateKey{b.Repository.ID, b.Event + " " + b.Subject}
	if b.Object != 0 {
		key.name = b.Event + " " + strconv.FormatInt(b.Object, 10)
	}
	last := j.states[key]
	j.states[key] = b.State
	return last
}

// open names what a protection allows though it need not.
func open(state string) string {
	is := map[string]json.RawMessage{}
	_ = json.Unmarshal([]byte(state), &is)
	var all []string
	for key, raw := range is {
		if strict, ok := strictness(raw); ok && strict > 0 && strings.HasPrefix(key, "allow_") {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// guardsLess says what a ruleset lost, or who may pass it now.
func guardsLess(was, is string) string {
	if was == "" {
		return ""
	}
	old, now := strings.Split(was, "\n"), strings.Split(is, "\n")
	var all []string
	for _, line := range old {
		if !slices.Contains(now, line) && !strings.HasPrefix(line, "bypass ") && (line == "enforcement active" ||
			!strings.HasPrefix(line, "enforcement ")) {
			all = append(all, "no more "+line)
		}
	}
	for _, line := range now {
		if len(old) > 1 && strings.HasPrefix(line, "bypass ") && !slices.Contains(old, line) {
			all = append(all, line)
		}
	}
	return strings.Join(all, ", ")
}

func (j *judge) scanningOff(r Reading, by, where string) {
	if off := r.Body.Subject; off != "" {
		j.guard(r, "", "guard/scanning-off", "switch it on again under Settings, Advanced Security, and ask why",
			"%s switched off %s in %s", by, strings.ReplaceAll(off, "_", " "), where)
	}
}

func (j *judge) leak(r Reading, by, where string) {
	b := r.Body
	kind := cmp.Or(b.Subject, "unknown")
	switch b.Action {
	case "created", "publicly_leaked", "reopened":
		if b.Was == "bypassed" {
			j.tell(r, "guard/push-protection-bypassed", "revoke the secret, and ask why it had to be pushed",
				"a secret of the kind %s was pushed to %s past push protection", kind, where)
			return
		}
		j.tell(r, "delivery/secret-leaked", "revoke it first, then ask where it came from",
			"GitHub found a secret of the kind %s in %s", kind, where)
	case "resolved":
		if b.State != "" && b.State != "revoked" {
			j.guard(r, "", "guard/alert-resolved", "see that the secret is dead, whatever the alert says",
				"%s closed the alert of a secret of the kind %s in %s as %s", by, kind, where,
				strings.ReplaceAll(b.State, "_", " "))
		}
	}
}

// tokenRequested tells of a token for the bot. One that may do no more than Flux and the
// Action need can be a planned one.
func (j *judge) tokenRequested(r Reading, by, _ string) {
	b := r.Body
	if !j.contract.bot(b.Whom) || b.Action != "created" && b.Action != "approved" {
		return
	}
	severity := finding.Severity("")
	plain := func(s string) bool {
		return slices.Contains([]string{"", "contents", "pull_requests", "statuses", "issues", "metadata"}, s)
	}
	if b.State != "" && !slices.ContainsFunc(strings.Split(b.State, ", "), func(s string) bool { return !plain(s) }) {
		severity = finding.Warning
	}
	j.guard(r, severity, "token/requested", "if nobody planned it, revoke it: it is a second way in",
		"%s %s a token %q for the bot, which may write: %s", by, map[string]string{"created": "asked for", "approved": "approved"}[b.Action],
		b.Subject, cmp.Or(b.State, "nothing that is told"))
}

// accessGiven tells who got in: the bot itself, or somebody into a repository of its.
func (j *judge) accessGiven(r Reading, by, where string) {
	b := r.Body
	switch b.Action {
	case "added", "edited", "member_added", "member_invited", "added_to_repository", "":
	case "removed_from_repository", "deleted":
		if b.Event == "team" && (b.Repository == Repository{} || j.contract.repository(b.Repository)) {
			j.guard(r, "", "delivery/guard-loosened", "see that CODEOWNERS and rulesets name nobody who is gone: their reviews count no more",
				"%s took the team %s away from %s", by, cmp.Or(b.Subject, "(no name)"), where)
		}
		return
	default:
		return
	}
	if j.contract.bot(b.Whom) {
		j.guard(r, "", "guard/bot-access", "take it back unless it was planned: Flux needs one repository, and no more",
			"%s gave the bot's account more: %s %s in %s", by, act(b), b.State, where)
	} else if b.Repository.ID != 0 && j.contract.repository(b.Repository) {
		severity := finding.Severity("")
		if b.State == "admin" { // who is one can undo every rule of the repository
			severity = finding.Warning
		}
		j.guard(r, severity, "guard/access", "see that they need it", "%s gave access to %s: %s", by,
			cmp.Or(b.Whom.Login, b.Subject, "somebody"), strings.TrimSpace(act(b)+" "+b.State))
	}
}

func (j *judge) keyAdded(r Reading, by, _ string) {
	b := r.Body
	if b.Action != "created" || !j.contract.repository(b.Repository) {
		return
	}
	if j.contract.namesake(b.Whom) { // GitHub says the login alone
		j.guard(r, "", "use/key-added", "take the key away unless it was planned: it does not expire with the token",
			"a deploy key of the bot's that may %s: %s", b.State, cmp.Or(b.Subject, "(no title)"))
		return
	}
	severity := finding.Severity("")
	if b.State == "read" {
		severity = finding.Note
	}
	j.guard(r, severity, "guard/deploy-key", "ask who holds the private half: a deploy key does not expire",
		"%s added a deploy key that may %s: %s", by, b.State, cmp.Or(b.Subject, "(no title)"))
}

// repositoryChanged tells of what changes what the policy's names and ids mean, or who
// may read the repository.
func (j *judge) repositoryChanged(r Reading, by, where string) {
	b := r.Body
	if !j.contract.repository(b.Repository) && (b.Former == "" || !j.contract.repository(Repository{Name: b.Former})) {
		return
	}
	severity, what := finding.Warning, b.Action
	switch b.Action {
	case "renamed", "transferred":
		what = strings.TrimSuffix(b.Action+" from "+b.Former, " from ")
	case "publicized", "":
		severity, what = "", "made public"
	case "deleted", "archived":
	case "edited":
		if !strings.Contains(b.Changes, "default_branch") {
			return
		}
		what = "given another default branch"
	default:
		return
	}
	j.guard(r, severity, "guard/repository", "ask why, and bring the policy file up to date", "%s was %s by %s", where, what, by)
}

func (j *judge) appChanged(r Reading, by, _ string) {
	if b := r.Body; slices.Contains([]string{"deleted", "suspend", "new_permissions_accepted", "removed"}, b.Action) {
		j.tell(r, "guard/app", "ask why: without the App nothing is heard or judged", "%s: %s of the App %s", by, dotted(b.Event, b.Action),
			cmp.Or(b.Subject, "(no name)"))
	}
}

// verdict tells of a second giver of the gate's verdict. What the bot gives is a use.
func (j *judge) verdict(r Reading, _, _ string) {
	b := r.Body
	giver := strings.ToLower(b.App)
	if b.Event == "status" && b.Sender.ID != 0 {
		giver = strings.ToLower(strings.TrimSuffix(b.Sender.Login, "[bot]"))
		if b.Sender.Type == "User" {
			giver = strconv.FormatInt(b.Sender.ID, 10)
		}
	}
	key := stateKey{b.Repository.ID, strings.ToLower(strings.TrimSpace(b.Subject))}
	_, bot := j.who(b)
	if bot && (b.Event == "status" || !j.unasked(b)) || giver == "" || !gateName(b.Subject) || slices.Contains(j.verdicts[key], giver) {
		return
	}
	j.verdicts[key] = append(j.verdicts[key], giver)
	if others := j.verdicts[key]; len(others) > 1 {
		j.tell(r, "gate/check-overwritten", "name the App whose check counts in the branch's ruleset, and ask who gave this one",
			"%s gave the verdict %s, which %s gave before", giver, b.Subject, others[0])
	}
}
