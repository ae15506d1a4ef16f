package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/plan"
)

const noRulesHere = "make the repository public or take a plan with rulesets for private repositories, and then require the check"

// refusals are the types of rules that refuse what Flux pushes, with the words
// for it and the remedy. Restrictions are looked at by themselves.
var refusals = map[string][2]string{
	"pull_request": {"takes changes by pull request only",
		"take the bot's branch out of the ruleset: only the base needs a pull request"},
	"required_status_checks": {"takes only commits that have passed checks",
		"take the bot's branch out of the ruleset: checks run on the pull request"},
	"required_deployments": {"takes only commits that were deployed", "take the bot's branch out of the ruleset"},
	"merge_queue": {"takes changes from its merge queue only",
		"take the bot's branch out of the ruleset: only the base needs a queue"},
	"required_signatures": {"takes signed commits only",
		"set spec.git.commit.signingKey of the ImageUpdateAutomation, or take the bot's branch out of the ruleset"},
}

// harmless are the types of rules that Flux's pushes keep anyhow, or that are
// looked at elsewhere.
var harmless = []string{"creation", "update", "deletion", "non_fast_forward", "required_linear_history", "max_file_size",
	"max_file_path_length", "copilot_code_review", "tag_name_pattern"}

// headBranch looks for what keeps Flux from pushing, and for who else may.
func (x *examiner) headBranch() {
	b := x.Head
	if b.Unavailable {
		x.Report("github/branch-open", "make the repository public or take a plan with rulesets for private repositories",
			"the owner's plan has no rules for branches, so that everybody with write access may push to branch %q", b.Name)
		return
	}
	if b.Name == "" {
		return
	}
	x.Evidence("%s", b.summary())
	restricted := false
	for _, r := range b.Rules {
		of := x.ruleset(r.Ruleset)
		if text, ok := refusals[r.Type]; ok && (r.Type != "required_signatures" || !x.intent.Signs) {
			x.barred(r.Type, of, text[0], text[1])
		} else if !ok && !slices.Contains(harmless, r.Type) {
			x.Gap("whether what Flux pushes keeps the rule %s of %s", r.Type, of)
		}
		if r.Type == "update" {
			restricted = true
		}
		if r.Type == "update" || r.Type == "creation" {
			what := map[string]string{"update": "lets nobody but those who may bypass it push",
				"creation": "lets nobody but those who may bypass it create the branch"}[r.Type]
			x.barred(r.Type, of, what, "add the bot's account to the ruleset's bypass list, and nobody else")
		}
		if r.Type == "update" && slices.ContainsFunc(of.Bypass, func(a Actor) bool { return a.Kind == "RepositoryRole" && a.ID == roleWrite }) {
			restricted = false
		}
		if r.Type == "deletion" {
			x.kept(of.String())
		}
		if r.Type == "non_fast_forward" {
			x.noForce(of.String(), x.bypasses(of, true))
		}
	}
	restricted = x.classicHead(b.Protection) || restricted
	if !restricted && !x.Lacks(CheckHead) {
		x.Report("github/branch-open", "add a ruleset for this branch with Restrict updates, and the bot's account alone on its bypass list",
			"everybody with write access may push to branch %q; the gate tells foreign commits by what evidence it has", b.Name)
	}
}

// barred reports a ruleset that keeps Flux out, unless the bot may bypass it.
func (x *examiner) barred(kind string, of Ruleset, what, fix string) {
	by := x.bypasses(of, true)
	switch {
	case by.yes:
		x.Evidence("the bot may bypass %s of %s", kind, of)
	case by.unknown != "":
		x.Gap("whether Flux can push: %s %s; %s", of, what, by.unknown)
	case kind == "required_signatures":
		x.Report("github/signatures", fix, "%s %s, and Flux does not sign", of, what)
	default:
		x.Report("github/push-blocked", fix, "%s %s, which refuses what Flux pushes to branch %q (GH013)", of, what, x.Head.Name)
	}
}

func (x *examiner) noForce(of string, by answer) {
	switch {
	case by.yes:
	case by.unknown != "":
		x.Gap("whether Flux can replace its branch: %s", by.unknown)
	default:
		x.Report("github/force-push", "allow force pushes to this branch if image-automation-controller is started with "+
			"--feature-gates=GitAllBranchReferences=false", "%s refuses force pushes to branch %q, by which Flux makes it anew where that gate "+
			"is off; by default it does not", of, x.Head.Name)
	}
}

func (x *examiner) kept(of string) {
	x.Report("github/branch-kept", "allow the deletion of this branch",
		"%s keeps branch %q from being deleted after the merge, and Flux goes on adding to it", of, x.Head.Name)
}

// classicHead looks at the classic protection of the bot's branch, and tells
// whether it keeps others from pushing.
func (x *examiner) classicHead(p *Protection) bool {
	if p == nil {
		return false
	}
	blocked := func(what, fix string) {
		x.Report("github/push-blocked", fix, "branch protection %s, which refuses what Flux pushes to branch %q (GH006)", what, x.Head.Name)
	}
	const narrow = "narrow the protection's pattern so that it does not match this branch"
	if len(p.Checks) > 0 {
		blocked("takes only commits that have passed checks", narrow)
	}
	if p.Partial {
		return false
	}
	if p.Locked {
		blocked("has made it read-only", "switch off Lock branch")
	}
	if p.PullRequest {
		if by := x.includes(p.Bypassers, "may push without a pull request"); by.unknown != "" {
			x.Gap("%s", by.unknown)
		} else if !by.yes {
			blocked("takes changes by pull request only", narrow)
		}
	}
	if p.Restricted {
		if by := x.includes(p.Pushers, "may push"); by.unknown != "" {
			x.Gap("%s", by.unknown)
		} else if !by.yes {
			blocked("does not name the bot among those who may push", "add the bot's account under Restrict who can push to matching branches")
		}
	}
	if p.Signatures && !x.intent.Signs {
		x.Report("github/signatures", refusals["required_signatures"][1],
			"branch protection takes signed commits only on branch %q, and Flux does not sign", x.Head.Name)
	}
	if !p.ForcePushes {
		x.noForce("branch protection", answer{})
	}
	if !p.Deletions {
		x.kept("branch protection")
	}
	return p.Restricted
}

// baseBranch looks at what keeps changes out that the gate has not passed.
func (x *examiner) baseBranch() {
	b := x.Base
	if b.Unavailable {
		x.Report("github/check-missing", noRulesHere,
			"the owner's plan has no rules for branches of a private repository: nothing keeps a change that fails out of branch %q", b.Name)
		return
	}
	if b.Name == "" {
		return
	}
	x.Evidence("%s", b.summary())
	x.requiredCheck(b)
	x.unpublished(b)
	x.behind(b)
	partial := x.Lacks(CheckBase)
	p := b.Protection
	closed := b.has("pull_request", "update", "merge_queue") || p != nil && (p.PullRequest || p.Locked)
	if p != nil && p.Restricted {
		by := x.includes(p.Pushers, fmt.Sprintf("may push to branch %q", b.Name))
		if by.unknown != "" {
			x.Gap("%s", by.unknown)
		}
		closed = closed || !by.yes
	}
	if !closed && !partial {
		x.Report("github/base-open", "require a pull request before merging, in a ruleset for the base",
			"the token that pushes the bot's branch can also push to branch %q itself: no pull request is required", b.Name)
	}
	x.rewritable(b, partial)
	x.exempt(b)
	if !x.intent.Signs && (b.has("required_signatures") || p != nil && p.Signatures) {
		x.Add("github/signatures", "warning",
			"set spec.git.commit.signingKey of the ImageUpdateAutomation; until then only a squash, which GitHub signs, can be merged",
			"branch %q takes signed commits only, and Flux does not sign", b.Name)
	}
}

// rewritable reports a base whose history can be replaced.
func (x *examiner) rewritable(b Branch, partial bool) {
	p := b.Protection
	var open []string
	if !b.has("non_fast_forward") && (p == nil || p.ForcePushes) {
		open = append(open, "rewritten by a force push")
	}
	if b.Name != x.DefaultBranch && !b.has("deletion") && (p == nil || p.Deletions) { // GitHub keeps the default branch
		open = append(open, "deleted")
	}
	if len(open) > 0 && !partial {
		x.Report("github/base-rewritable", "block force pushes and restrict deletions, in a ruleset for the base",
			"branch %q can be %s, whereby what was judged is lost", b.Name, strings.Join(open, " and "))
	}
}

// gates are the types of rules that keep out of the base what was not judged.
var gates = []string{"deletion", "merge_queue", "non_fast_forward", "pull_request", "required_status_checks", "update", "workflows"}

// exempt reports rules of the base that the bot need not keep.
func (x *examiner) exempt(b Branch) {
	var seen []int64
	for _, r := range b.find(gates...) {
		if slices.Contains(seen, r.Ruleset) {
			continue
		}
		seen = append(seen, r.Ruleset)
		of, holds := x.ruleset(r.Ruleset), b.held(r.Ruleset)
		if by := x.bypasses(of, false); by.yes {
			x.Report("github/bypass", "take the bot, the write role and deploy keys off the ruleset's bypass list",
				"the bot may bypass %s, which holds %s for branch %q", of, holds, b.Name)
		} else if by.unknown != "" {
			x.Gap("whether the bot keeps the rules of branch %q: %s", b.Name, by.unknown)
		}
		if slices.ContainsFunc(of.Bypass, func(a Actor) bool { return a.Kind == "DeployKey" }) {
			x.Report("github/bypass", "take deploy keys off the ruleset's bypass list: `flux bootstrap` makes one that may write",
				"every deploy key may bypass %s, which holds %s for branch %q", of, holds, b.Name)
		}
	}
	if p := b.Protection; p != nil && p.PullRequest {
		if by := x.includes(p.Bypassers, fmt.Sprintf("may push to branch %q without a pull request", b.Name)); by.yes {
			x.Report("github/bypass", "take the bot off the list of those who may bypass required pull requests",
				"branch protection lets the bot push to branch %q without a pull request", b.Name)
		} else if by.unknown != "" {
			x.Gap("%s", by.unknown)
		}
	}
}

// held are the gates among a ruleset's rules.
func (b Branch) held(ruleset int64) string {
	var types []string
	for _, r := range b.find(gates...) {
		if r.Ruleset == ruleset {
			types = append(types, r.Type)
		}
	}
	slices.Sort(types)
	return strings.Join(slices.Compact(types), ", ")
}

// requiredCheck looks for the gate's check among those that must pass.
func (x *examiner) requiredCheck(b Branch) {
	name, sure := x.checkName()
	name = plan.CheckName(name, b.Name, x.DefaultBranch)
	var found, others []RequiredCheck
	for _, c := range b.required() {
		if strings.EqualFold(c.Name, name) {
			found = append(found, c)
		} else {
			others = append(others, c)
		}
	}
	switch {
	case len(found) > 0:
		x.source(b, found)
	case x.Lacks(CheckBase):
	case b.has("workflows"):
		x.Gap("whether one of the workflows that must pass is the gate's; no check %q is required", name)
	case !sure && len(others) > 0:
		x.Gap("whether the gate's check, whose name the workflow works out, is among those that are required")
	default:
		x.Report("github/check-missing", fmt.Sprintf("require the check %q, expected from GitHub Actions, in a ruleset for the base", name),
			"the check %q is not required on branch %q: a change that fails can be merged", name, b.Name)
	}
}

// required are all checks that must pass on the branch.
func (b Branch) required() []RequiredCheck {
	var all []RequiredCheck
	for _, r := range b.find("required_status_checks") {
		all = append(all, r.Checks...)
	}
	if b.Protection != nil {
		all = append(all, b.Protection.Checks...)
	}
	return all
}

// otherBases looks at what other bases ask of the gate.
func (x *examiner) otherBases() {
	for _, b := range x.Others {
		x.Evidence("%s", b.summary())
		x.unpublished(b)
	}
}

// unpublished reports checks of the gate that a branch requires, and that nobody
// publishes there: each base has a check of its own.
func (x *examiner) unpublished(b Branch) {
	name, _ := x.checkName()
	here := plan.CheckName(name, b.Name, x.DefaultBranch)
	guarded := x.intent.Bases == nil || slices.Contains(x.intent.Guarded(x.DefaultBranch), b.Name)
	for _, c := range b.required() {
		switch {
		case !called(c.Name, name):
		case !strings.EqualFold(c.Name, here):
			x.Report("github/check-unpublished", fmt.Sprintf("require %q there instead", here),
				"branch %q requires the check %q, which nobody publishes for it", b.Name, c.Name)
		case !guarded:
			x.Report("github/check-unpublished", fmt.Sprintf("add %q to branches.base of the policy file on branch %q", b.Name, x.DefaultBranch),
				"branch %q requires the check %q, which never passes: the policy does not name that base", b.Name, c.Name)
		case b.Name != x.Base.Name && len(x.ours) > 0 && !x.started(b.Name, "pull_request_target"): // of the base, the workflow's own check tells
			x.Report("github/check-unpublished", fmt.Sprintf("add %q to the branches of pull_request_target in the workflow", b.Name),
				"branch %q requires the check %q, and no workflow is started by pull requests to it", b.Name, c.Name)
		}
	}
}

// behind warns where a verdict can be about an older base than a merge goes into.
func (x *examiner) behind(b Branch) {
	strict := b.Protection != nil && b.Protection.Strict ||
		slices.ContainsFunc(b.Rules, func(r BranchRule) bool { return r.Strict || r.Type == "merge_queue" })
	if strict || len(b.required()) == 0 || x.Lacks(CheckBase) { // the gap is told
		return
	}
	until := "until the run that a push starts has ended"
	if len(x.ours) > 0 && !x.started(b.Name, "push") {
		until = "for good, since no workflow with the gate is started by pushes to it"
	}
	x.Report("github/base-behind",
		"require branches to be up to date before merging, or a merge queue; and start the gate's workflow on push, "+
			"as examples/check.yml does", "what is green for branch %q stays so when the base moves on, %s", b.Name, until)
}

// started tells whether an event of a branch starts a workflow that judges.
func (x *examiner) started(branch, event string) bool {
	return slices.ContainsFunc(x.ours, func(u use) bool {
		t := u.on(event)
		return u.command() == "check" && t != nil && t.starts(branch)
	})
}

// called tells whether a name is one that the gate's check can have, for any base.
func called(name, check string) bool {
	n := len(check)
	return len(name) >= n && strings.EqualFold(name[:n], check) && (len(name) == n || strings.HasPrefix(name[n:], " ("))
}

// source reports a check that others could report in the gate's name. One rule
// with the right source will do, since all must be met.
func (x *examiner) source(b Branch, found []RequiredCheck) {
	fix := "edit the required check and choose GitHub Actions as its source"
	switch i := slices.IndexFunc(found, func(c RequiredCheck) bool { return c.Source != 0 && c.Source != actionsApp }); {
	case i >= 0:
		x.Report("github/check-source", fix, "the check %q of branch %q is expected from app %d, which is not the one that reports it (%d)",
			found[i].Name, b.Name, found[i].Source, actionsApp)
	case slices.ContainsFunc(found, func(c RequiredCheck) bool { return c.Source == actionsApp }):
		x.Evidence("the check %q is required, from app %d", found[0].Name, actionsApp)
	case b.Protection != nil && b.Protection.Partial:
		x.Gap("who must report the check %q, which is required", found[0].Name)
	default:
		x.Report("github/check-source", fix,
			"the check %q of branch %q is taken from anybody: a token with Commit statuses: write can report a success", found[0].Name, b.Name)
	}
}

// queue looks whether the check is also made for a merge queue's commits.
func (x *examiner) queue() {
	fix := "add `merge_group:` with `types: [checks_requested]` to the workflow's `on:`"
	listens := slices.ContainsFunc(x.ours, func(u use) bool { return u.command() == "check" && u.on("merge_group") != nil })
	switch {
	case x.Base.has("merge_queue") && listens:
		x.Evidence("branch %q has a merge queue, and the workflow listens to merge_group", x.Base.Name)
	case x.Base.has("merge_queue") && len(x.ours) > 0:
		x.Report("github/merge-queue", fix,
			"branch %q has a merge queue, which waits for a check that no workflow makes: none with the Action listens to merge_group", x.Base.Name)
	case x.Base.has("merge_queue"):
		x.Gap("whether the check is made for the merge queue of branch %q", x.Base.Name)
	case x.Base.Protection != nil && !listens:
		x.Gap("whether branch protection asks for a merge queue, which GitHub's API does not tell; %s if it does", fix)
	}
}
