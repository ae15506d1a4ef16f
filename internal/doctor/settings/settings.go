package settings

import (
	"cmp"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Settings is what was read of a repository's settings on GitHub.
type Settings struct {
	Repository    string // owner/name
	Private       bool
	DefaultBranch string
	// Base is the branch that updates go to, Head the one that Flux pushes to.
	Base, Head Branch
	// Others are the other bases that the gate's checks speak for.
	Others []Branch
	// Rulesets are those that the rules of the two branches come from.
	Rulesets  []Ruleset
	Merging   Merging
	Actions   Actions
	Workflows []Workflow // of the default branch
	// Environments are those that jobs take secrets from, Exposed the names of secrets that every workflow can read.
	Environments []Environment
	Exposed      []string
	Hooks        []Webhook
	// Unread is what could not be read, by the names of the checks.
	Unread []doctor.Unread
}

// Branch is what holds for a branch.
type Branch struct {
	Name string
	// Missing branches are not there at the moment.
	Missing bool
	// Unavailable tells that the owner's plan has neither rulesets nor branch
	// protection for this repository.
	Unavailable bool
	// Rules are those of all active rulesets, of the organization as well.
	Rules []BranchRule
	// Protection is the classic branch protection; nil where there is none.
	Protection *Protection
}

// BranchRule is one rule of a ruleset
// (https://docs.github.com/rest/repos/rules#get-rules-for-a-branch).
type BranchRule struct {
	Type    string // GitHub's word, such as non_fast_forward
	Ruleset int64
	Checks  []RequiredCheck // of required_status_checks
	// Strict tells that a branch must hold the base's tip before it is merged.
	Strict bool
}

// RequiredCheck is a check that must pass.
type RequiredCheck struct {
	Name string
	// Source is the number of the app that must report it; 0: anybody may.
	Source int64
}

// Ruleset says who need not keep a set of rules.
type Ruleset struct {
	ID   int64
	Name string
	// Source is whose it is: the repository's or the organization's name.
	Source string
	// Hidden tells that GitHub does not show Bypass to who asked.
	Hidden bool
	Bypass []Actor
}

// Actor is somebody, or all of a kind, who may bypass rules.
type Actor struct {
	Kind string // Integration, OrganizationAdmin, RepositoryRole, Team, DeployKey or User
	ID   int64
	Mode string // always, pull_request or exempt
}

// Protection is the classic protection of a branch
// (https://docs.github.com/rest/branches/branch-protection).
type Protection struct {
	// Partial tells that no more than the checks could be read.
	Partial bool
	Checks  []RequiredCheck
	// Strict tells that a branch must hold the base's tip before it is merged.
	Strict      bool
	PullRequest bool // required
	// Bypassers need no pull request.
	Bypassers Pushers
	// Restricted tells that none but Pushers may push.
	Restricted bool
	Pushers    Pushers

	Signatures, ForcePushes, Deletions, Locked bool
}

// Pushers are users and teams.
type Pushers struct {
	Users []Account
	Teams []string
}

// Account is somebody on GitHub.
type Account struct {
	Login string
	ID    int64
}

// Merging is how pull requests may be merged; nil where it was not told.
type Merging struct {
	AutoMerge, DeleteBranch *bool
}

// Actions is what workflows may do; nil and empty where it could not be read.
type Actions struct {
	Enabled *bool
	Allowed string // all, local_only or selected
	Pinned  bool   // actions must be named by commit ids
	// Token is the default of GITHUB_TOKEN: read or write.
	Token string
	// MayOpen tells whether workflows may open and approve pull requests, here
	// and in the organization; nil there for an organization that was not asked.
	MayOpen, OrganizationMayOpen *bool
}

// Webhook is a webhook and what became of its last delivery; nil where none was
// sent, or GitHub has forgotten it.
type Webhook struct {
	audit.Hook
	Last *Delivery
}

// Delivery is how a delivery ended: OK, or GitHub's words for what went wrong.
type Delivery struct {
	Status string
	Code   int // of HTTP; 0 without an answer
}

// Intent is what the settings are held against.
type Intent struct {
	// Base and Head are the names of the branches; an empty Base is the default
	// branch, an empty Head that of the default policy.
	Base, Head string
	// Bases are those that the policy names; nil where there is no policy to see.
	Bases []string
	// Bot is the account whose token Flux uses; an ID of 0 is not known.
	Bot Account
	// Signs tells that Flux signs its commits.
	Signs bool
	// Hook is the receiver's address; empty: any that ends in its usual path.
	Hook string
	// Uses are the events of the policy file's contract.
	Uses []string
}

// NewIntent is what the gate's policy, nil for the default one, asks of the settings.
// Where Flux does not tell the branches, the policy does if it names single ones.
func NewIntent(p *policy.Policy, b doctor.Branches) Intent {
	policy := policy.Default()
	if p != nil {
		policy = *p
	}
	i := Intent{Uses: policy.Contract().Events, Base: single(policy.Base), Head: single(policy.Head)}
	if p != nil {
		i.Bases = append([]string{}, p.Base...)
	}
	if b.Head != "" {
		i.Head, i.Base, i.Signs = b.Head, b.Base, b.Signs
	}
	for _, bot := range policy.Bots {
		if bot.ID != 0 && i.Bot.ID == 0 {
			i.Bot = Account{Login: bot.Login, ID: bot.ID}
		}
	}
	return i
}

// single is the one name in a list of patterns; empty where it is none or
// several.
func single(patterns []string) string {
	if len(patterns) != 1 {
		return ""
	}
	if name, whole := pattern.Literal(patterns[0]); whole {
		return name
	}
	return ""
}

// Guarded are the bases that the gate's checks speak for: the default branch, and
// those that the policy names.
func (i Intent) Guarded(defaultBranch string) []string {
	all := append([]string{defaultBranch}, i.Bases...)
	slices.Sort(all)
	return slices.Compact(all)
}

const (
	// Action is the name of the Action, as workflows use it.
	Action     = "goldfish-inc/fluxkeeper"
	usualCheck = "fluxkeeper"
	// actionsApp is the number of the app GitHub Actions on github.com.
	actionsApp = 15368
)

// HeadBranch is the name of the branch that Flux pushes to.
func (i Intent) HeadBranch() string {
	return cmp.Or(i.Head, policy.Default().Head[0])
}
