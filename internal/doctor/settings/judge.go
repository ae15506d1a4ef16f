package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// The names of the checks of GitHub's settings, in the order in which they are
// reported.
const (
	CheckHead     = "bot's branch"
	CheckBase     = "base branch"
	CheckOthers   = "other bases"
	CheckWorkflow = "workflow"
	CheckQueue    = "merge queue"
	CheckMerging  = "merging"
	CheckActions  = "GitHub Actions"
	CheckSecrets  = "secrets"
	CheckHook     = "webhook"
)

// Examine holds what was read of a repository's settings against what is intended:
// the findings by check, with the evidence and with what could not be told.
func Examine(s Settings, i Intent) []finding.Check {
	x := &examiner{Examiner: doctor.NewExaminer(s.Unread), Settings: s, intent: i}
	x.choose()
	return x.Run(
		doctor.Step{Name: CheckHead, Run: x.headBranch},
		doctor.Step{Name: CheckBase, Run: x.baseBranch},
		doctor.Step{Name: CheckOthers, Run: x.otherBases},
		doctor.Step{Name: CheckWorkflow, Run: x.workflows},
		doctor.Step{Name: CheckQueue, Run: x.queue},
		doctor.Step{Name: CheckMerging, Run: x.merging},
		doctor.Step{Name: CheckActions, Run: x.actions},
		doctor.Step{Name: CheckSecrets, Run: x.secrets},
		doctor.Step{Name: CheckHook, Run: x.hooks},
	)
}

// examiner runs the checks.
type examiner struct {
	doctor.Examiner
	Settings
	intent Intent
	// ours are the steps that use the Action.
	ours []use
}

// ruleset is the one with a number; where it was not read, all of it is hidden.
func (x *examiner) ruleset(id int64) Ruleset {
	i := slices.IndexFunc(x.Rulesets, func(r Ruleset) bool { return r.ID == id })
	if i < 0 {
		return Ruleset{ID: id, Name: fmt.Sprint(id), Hidden: true}
	}
	return x.Rulesets[i]
}

// String names the ruleset in a sentence, with who it was set up by where that is known.
func (r Ruleset) String() string {
	if r.Source == "" {
		return fmt.Sprintf("ruleset %q", r.Name)
	}
	return fmt.Sprintf("ruleset %q of %s", r.Name, r.Source)
}

// find gives the rules of a type.
func (b Branch) find(types ...string) []BranchRule {
	return slices.DeleteFunc(slices.Clone(b.Rules), func(r BranchRule) bool { return !slices.Contains(types, r.Type) })
}

func (b Branch) has(types ...string) bool { return len(b.find(types...)) > 0 }

// summary is what holds for a branch, in a line.
func (b Branch) summary() string {
	types := make([]string, 0, len(b.Rules))
	for _, r := range b.Rules {
		types = append(types, r.Type)
	}
	slices.Sort(types)
	text := "no rules"
	if types = slices.Compact(types); len(types) > 0 {
		text = "rules " + strings.Join(types, ", ")
	}
	if b.Protection != nil {
		text += ", branch protection"
	}
	return fmt.Sprintf("branch %q: %s", b.Name, text)
}

// answer is yes, no, or what keeps one from telling.
type answer struct {
	yes     bool
	unknown string
}

// The numbers of the repository roles that rulesets name; others are an
// organization's own.
const (
	roleMaintain = 2
	roleWrite    = 4
	roleAdmin    = 5
)

// bypasses tells whether the bot need not keep a ruleset: when it pushes, or
// when a pull request of its is merged.
func (x *examiner) bypasses(r Ruleset, pushing bool) answer {
	if r.Hidden {
		return answer{unknown: "who may bypass " + r.String() + ", which GitHub shows to tokens that may change it (Administration: write)"}
	}
	var unknown string
	for _, a := range r.Bypass {
		if pushing && a.Mode == "pull_request" {
			continue
		}
		switch {
		case a.Kind == "User" && x.intent.Bot.ID == 0:
			unknown = fmt.Sprintf("whether user %d, who may bypass %s, is the bot, whose id the policy file does not name", a.ID, r)
		case a.Kind == "User" && a.ID == x.intent.Bot.ID,
			a.Kind == "RepositoryRole" && a.ID == roleWrite: // which a token that pushes has
			return answer{yes: true}
		case a.Kind == "Team":
			unknown = fmt.Sprintf("whether the bot is in team %d, which may bypass %s", a.ID, r)
		case a.Kind == "RepositoryRole" && a.ID != roleMaintain && a.ID != roleAdmin:
			unknown = fmt.Sprintf("whether the bot has role %d, which may bypass %s", a.ID, r)
		}
	}
	return answer{unknown: unknown}
}

// includes tells whether the bot is among those named by branch protection.
func (x *examiner) includes(p Pushers, whereTo string) answer {
	for _, u := range p.Users {
		if x.intent.Bot.ID != 0 && u.ID == x.intent.Bot.ID || x.intent.Bot.ID == 0 && x.intent.Bot.Login != "" &&
			strings.EqualFold(u.Login, x.intent.Bot.Login) {
			return answer{yes: true}
		}
	}
	switch {
	case len(p.Teams) > 0:
		return answer{unknown: fmt.Sprintf("whether the bot is in team %s, which %s", strings.Join(p.Teams, " or "), whereTo)}
	case len(p.Users) > 0 && x.intent.Bot == (Account{}):
		return answer{unknown: "whether the bot, which the policy file does not name, is among those who " + whereTo}
	}
	return answer{}
}

func (x *examiner) merging() {
	switch m := x.Merging.DeleteBranch; {
	case m == nil:
		if !x.Lacks(CheckMerging) {
			x.Gap("whether GitHub deletes branches after the merge: it tells that to tokens that may administer the repository")
		}
	case *m:
		x.Evidence("branches are deleted after the merge")
	default:
		if !slices.ContainsFunc(x.ours, func(u use) bool { return u.With["delete-branch"] == "true" }) {
			x.Report("github/branch-kept",
				"switch on Settings, General, Automatically delete head branches, or give the Action's merge `delete-branch: true`",
				"the bot's branch stays after its pull request was merged, and Flux goes on adding to it")
		}
	}
	for _, u := range x.ours {
		if u.command() != "merge" || cmp.Or(u.With["merge-when"], "auto") != "auto" {
			continue
		}
		switch {
		case x.Merging.AutoMerge == nil:
			if !x.Lacks(CheckMerging) {
				x.Gap("whether auto-merge is allowed: GitHub tells that to tokens that may administer the repository")
			}
		case *x.Merging.AutoMerge:
			x.Evidence("auto-merge is allowed")
		default:
			x.Report("github/auto-merge", "switch on Settings, General, Allow auto-merge, or give the Action `merge-when: now`",
				"%s arms auto-merge, which the repository does not allow", u.path)
		}
	}
}

// actions looks at what workflows may do.
func (x *examiner) actions() {
	a := x.Actions
	if a.Enabled != nil && !*a.Enabled {
		x.Report("github/actions-off", "switch them on under Settings, Actions, General",
			"GitHub Actions are switched off, so that nothing judges pull requests")
		return
	}
	switch a.Allowed {
	case "local_only":
		x.Report("github/actions-off", "allow "+Action+" under Settings, Actions, General",
			"only actions of the owner may run, which keeps %s out", Action)
	case "selected":
		x.Gap("whether %s is among the actions that are allowed: see Settings, Actions, General", Action)
	case "all":
		x.Evidence("all actions may run")
	}
	switch a.Token {
	case "write":
		x.Report("github/default-token", "choose Read repository contents under Settings, Actions, General, Workflow permissions",
			"GITHUB_TOKEN may write wherever a workflow does not say what it may do")
	case "read":
		x.Evidence("GITHUB_TOKEN reads by default")
	}
	x.opening()
}

// opening looks at the right of workflows to open pull requests, which only a
// workflow that proposes with its own token needs.
func (x *examiner) opening() {
	needed := slices.ContainsFunc(x.ours, func(u use) bool {
		return u.command() == "propose" && u.ownToken() || u.With["approve"] == "true" && u.ownToken()
	})
	const where = "Settings, Actions, General, Allow GitHub Actions to create and approve pull requests"
	switch may := x.Actions.MayOpen; {
	case may == nil:
	case needed && !*may && x.Actions.OrganizationMayOpen != nil && !*x.Actions.OrganizationMayOpen:
		x.Report("github/actions-open",
			"switch on "+where+", in the organization first and then in the repository; or give the Action the token of an app",
			"the organization lets no workflow open or approve pull requests, though one does")
	case needed && !*may:
		x.Report("github/actions-open", "switch on "+where+", or give the Action the token of an app",
			"workflows may not open or approve pull requests, though one does")
	case needed:
		x.Evidence("workflows may open pull requests, as one does")
	case *may && !x.Lacks(CheckWorkflow):
		x.Report("github/actions-approve", "switch off "+where,
			"workflows may open and approve pull requests, though no workflow with %s needs that", Action)
	case !*may:
		x.Evidence("workflows may not approve pull requests")
	}
}
