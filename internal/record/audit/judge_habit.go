package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// What no single act shows: how many there were, how they look, where they ran.

// maxRules is how many rules of the family use the bot's acts of an hour break before
// that is worth a finding of its own.
const maxRules = 3

// habit reports how a use looks that the contract has nothing against.
func (j *judge) habit(r Reading, who Account) {
	b := r.Body
	if app, isApp := strings.HasSuffix(j.login(who), "[bot]"), b.Sender.Type == "Bot"; b.Sender.ID == who.ID && b.Sender.Type != "" &&
		j.login(who) != "" && app != isApp && !j.odd[who.ID] {
		j.odd[who.ID] = true
		j.tell(r, "use/wrong-kind", "correct login and id under bots of the policy file: an App's login ends in [bot]",
			"the account %d is %s to GitHub, and the policy file calls it %s", who.ID, kindOfAccount(isApp), kindOfAccount(app))
	}
	if b.SkipsCI {
		j.tell(r, "use/skipped-ci", "take the words out of the message template (spec.git.commit.messageTemplate)",
			"the bot's push keeps workflows from starting by its message")
	}
	if b.Shell != "" {
		j.tell(r, "use/shell-text", "see that no workflow puts titles, messages or names into a script",
			"%s is a command to a shell", b.Shell)
	}
	if strings.ContainsAny(b.Ref, "`;|&<>") || strings.Contains(b.Ref, "$(") || strings.Contains(b.Ref, "${") {
		j.tell(r, "use/shell-text", "see that no workflow puts a branch's name into a script",
			"the name of the ref %s is a command to a shell", short(b.Ref))
	}
}

// login is what the policy file calls an account.
func (j *judge) login(who Account) string {
	i := slices.IndexFunc(j.contract.Accounts, func(a Account) bool { return a.ID == who.ID })
	return j.contract.Accounts[i].Login
}

func kindOfAccount(app bool) string {
	return map[bool]string{true: "an App", false: "a user"}[app]
}

// ran reports a job that follows from the bot's doing and runs on a machine of one's own.
func (j *judge) ran(r Reading) {
	if b := r.Body; b.State == "self-hosted" && b.Event == "workflow_job" && !j.hosts[b.Repository.ID] {
		j.hosts[b.Repository.ID] = true
		j.tell(r, "use/self-hosted", "let pull requests run on GitHub's runners, or on ones that are made anew for each job",
			"what the bot pushes is run on a runner of your own")
	}
}

// hours counts the uses of each hour against the contract's limits.
func (j *judge) hours() {
	type hour struct {
		account int64
		event   string
		at      time.Time
	}
	counts, rules := map[hour]int{}, map[hour]map[string]bool{}
	at := map[int64]Use{}
	for _, u := range j.timeline.Uses {
		at[u.Index] = u
		h := hour{u.Who.ID, u.Event, u.Time.Truncate(time.Hour)}
		counts[h]++
		rule := "use/burst"
		if u.Event == "create" || u.Event == "delete" {
			rule = "use/branch-flood"
		}
		if limit := j.contract.Limits[u.Event]; limit > 0 && counts[h] == limit+1 {
			j.many(u, rule, "see what set it off; uses.limits of the policy file says how many there may be",
				fmt.Sprintf("more than %d of %s by the bot within the hour of %s", limit, u.Event, clock(h.at)))
		}
	}
	for _, f := range slices.Clone(j.findings) {
		u, used := at[*f.Entry]
		if !used || !strings.HasPrefix(f.Rule, "use/") || f.Severity.Below(finding.Error) {
			continue
		}
		h := hour{u.Who.ID, "", u.Time.Truncate(time.Hour)}
		if rules[h] == nil {
			rules[h] = map[string]bool{}
		}
		if rules[h][f.Rule] = true; len(rules[h]) == maxRules+1 {
			rules[h]["told"] = true
			j.many(u, "use/many", "take the token for stolen: revoke it, then read all that it did",
				fmt.Sprintf("the bot broke more than %d rules of its contract within the hour of %s", maxRules, clock(h.at)))
		}
	}
}

func (j *judge) many(u Use, rule, hint, message string) {
	f := finding.New(rule, hint, "%s", message)
	f.Entry = new(u.Index)
	j.findings = append(j.findings, f)
}
