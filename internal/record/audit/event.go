package audit

import "slices"

// eventKind is all that is known of one kind of event. What is not in the table is
// believed by its header, and takes no permission that is known.
type eventKind struct {
	name string
	// about gives the object that the event is about, if it has one.
	about func(*payload) *object
	// is tells whether a body has the event's shape, by the keys that GitHub's
	// schemas require; where it is nil, every body that has the object does. An
	// event with neither is known by its header alone.
	is func(*payload) bool
	// shared are the events without a shape of their own here whose bodies have this
	// one. Under any other header such a body is a contradiction.
	shared []string
	// fill takes out of the body what no other event has.
	fill func(*payload, *Body)
	// takes is the permission to write without which a token cannot cause the event,
	// by its name in GitHub's API; empty for what anybody may do or no such token can
	// (https://docs.github.com/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens).
	takes string
	// branched says that the bot itself has chosen the ref. (The runs and checks that
	// follow from a push have the branch that the workflow chose.)
	branched bool
	// clocked tells whether the body's time is that of the event itself. Other objects
	// can be older than what is said of them.
	clocked func(Body) bool
	// follows tells whether GitHub itself began it, because of a push or a pull
	// request that has a delivery of its own. Runs that somebody dispatched or began
	// again, and checks that somebody asked for, do not follow.
	follows func(*judge, Body) bool
	// misuse is the rule that speaks of the event where the bot may not cause it; where it
	// is nil or gives none, use/unexpected-event does.
	misuse func(*judge, Body) string
	// guard says that the record's webhook has to be told of it: of who loosens what
	// keeps the repository safe, who takes the webhook away, who reports on commits.
	guard bool
	// apart says why no more is read of the event than who did what, and where: it is not
	// ours. What the bot does there is a use all the same.
	apart string
	// alarm reports what weakens the watch itself, or tells of a leak.
	alarm func(j *judge, r Reading, by, where string)
}

// eventKinds is the one table of events. X-GitHub-Event is not signed, so a body is
// also known by its shape: the first that fits, the more special before the others.
var eventKinds = [...]eventKind{
	{
		name: "push", is: (*payload).isPush, fill: (*payload).fillPush, takes: "contents", branched: true, clocked: always,
		alarm: (*judge).pushedToBase,
	},
	{name: "create", is: (*payload).isCreate, fill: (*payload).fillRef, takes: "contents", branched: true},
	{name: "delete", is: (*payload).isDelete, fill: (*payload).fillRef, takes: "contents", branched: true},
	{
		name: "status", is: func(p *payload) bool { return p.SHA != "" && p.State != "" && p.Context != "" },
		fill:  func(p *payload, b *Body) { b.Subject, b.State, b.Time = p.Context, p.State, p.UpdatedAt.Time },
		takes: "statuses", clocked: always, misuse: overwrites, alarm: (*judge).verdict,
	},
	{
		name: "meta", is: func(p *payload) bool { return p.Hook != nil && p.HookID != 0 && p.Action == "deleted" },
		fill: (*payload).fillHook, guard: true, alarm: (*judge).deaf,
	},
	{
		name: "ping", is: func(p *payload) bool { return p.Zen != "" || p.Hook != nil && p.Action == "" },
		fill: (*payload).fillHook, alarm: (*judge).pinged,
	},
	{
		name: "pull_request_review", about: func(p *payload) *object { return p.Review },
		is:    func(p *payload) bool { return p.PullRequest != nil && p.Review != nil },
		takes: "pull_requests", branched: true, fill: (*payload).fillReview, follows: (*judge).stale, misuse: approves,
	},
	{
		name: "pull_request_review_comment", about: func(p *payload) *object { return p.Comment.object },
		is:    func(p *payload) bool { return p.PullRequest != nil && p.Comment.object != nil },
		takes: "pull_requests", branched: true, fill: (*payload).fillComment,
	},
	{
		name: "pull_request",
		is: func(p *payload) bool {
			return p.PullRequest != nil && p.Number != 0 && p.Review == nil && p.Comment.object == nil
		},
		takes: "pull_requests", branched: true, clocked: moved, fill: (*payload).fillPull,
		misuse: func(_ *judge, b Body) string { return map[string]string{"merged": "use/merged"}[b.Subject] },
		alarm:  (*judge).merged,
	},
	{name: "pull_request_review_thread", takes: "pull_requests"},
	{
		name: "issue_comment", about: func(p *payload) *object { return p.Comment.object },
		is:    func(p *payload) bool { return p.Comment.object != nil && p.Issue != nil },
		takes: "issues", fill: (*payload).fillComment,
	},
	{name: "issues", takes: "issues"},
	{name: "milestone", takes: "issues"},
	{
		name: "check_run", about: func(p *payload) *object { return p.CheckRun }, fill: (*payload).fillCheck,
		follows: (*judge).unasked, guard: true, takes: "checks", misuse: overwrites, alarm: (*judge).verdict,
	},
	{
		name: "check_suite", about: func(p *payload) *object { return p.CheckSuite }, fill: (*payload).fillCheck,
		is: func(p *payload) bool { return p.CheckSuite != nil && p.CheckRun == nil }, follows: (*judge).unasked,
	},
	{
		name: "workflow_job", about: func(p *payload) *object { return p.WorkflowJob }, fill: (*payload).fillJob,
		follows: func(j *judge, b Body) bool { return j.runs[b.Run] },
	},
	{
		name: "deployment_status", about: func(p *payload) *object { return p.DeploymentStatus }, takes: "deployments",
		fill: (*payload).fillDeployment, follows: func(j *judge, b Body) bool { return j.runs[b.Run] },
	},
	{
		name: "deployment", about: func(p *payload) *object { return p.Deployment },
		is:     func(p *payload) bool { return p.Deployment != nil && p.DeploymentStatus == nil },
		shared: []string{"deployment_protection_rule"}, takes: "deployments",
		fill: (*payload).fillDeployment, follows: func(j *judge, b Body) bool { return j.runs[b.Run] },
	},
	{
		name: "workflow_run", about: func(p *payload) *object { return p.WorkflowRun }, fill: (*payload).fillRun,
		follows: (*judge).runFollows, misuse: dispatches, guard: true, shared: []string{"deployment_review"},
	},
	{
		name: "workflow_dispatch", takes: "actions", misuse: dispatches,
		fill: func(p *payload, b *Body) { b.Subject, b.Ref = string(p.Workflow), p.Ref },
	},
	{name: "repository_dispatch", takes: "contents", misuse: dispatches},
	{
		name: "secret_scanning_alert", about: func(p *payload) *object { return p.Alert }, fill: (*payload).fillAlert,
		shared: alerts, guard: true, alarm: (*judge).leak,
	},
	{name: "secret_scanning_alert_location", about: func(p *payload) *object { return p.Alert }, shared: alerts},
	{
		name: "personal_access_token_request", about: func(p *payload) *object { return p.TokenRequest }, fill: (*payload).fillToken,
		misuse: says("token/requested"), alarm: (*judge).tokenRequested,
	},
	{
		name: "repository_ruleset", about: func(p *payload) *object { return &p.Ruleset.object },
		is: func(p *payload) bool { return p.Ruleset != nil }, fill: (*payload).fillRuleset,
		takes: "administration", guard: true, alarm: (*judge).rulesetLoosened,
	},
	{
		name: "branch_protection_rule", about: func(p *payload) *object { return &p.Rule.object },
		is: func(p *payload) bool { return p.Rule != nil }, fill: (*payload).fillProtection,
		takes: "administration", guard: true, alarm: (*judge).protectionLoosened,
	},
	{name: "branch_protection_configuration", guard: true, alarm: (*judge).protectionOff},
	{name: "security_and_analysis", guard: true, fill: (*payload).fillAnalysis, alarm: (*judge).scanningOff},
	{
		name: "deploy_key", about: func(p *payload) *object { return p.Key }, takes: "administration", fill: (*payload).fillKey,
		misuse: on("use/key-added", "created"), alarm: (*judge).keyAdded,
	},
	{
		name: "membership", about: func(p *payload) *object { return p.Team },
		is:   func(p *payload) bool { return p.Member != nil && p.Team != nil },
		fill: (*payload).fillMember, misuse: on("use/access-widened", "added"), alarm: (*judge).accessGiven,
	},
	{
		name: "member", about: func(p *payload) *object { return p.Member }, takes: "administration",
		fill: (*payload).fillMember, misuse: on("use/access-widened", "added", "edited"), alarm: (*judge).accessGiven,
	},
	{
		name: "organization", fill: (*payload).fillOrganization, alarm: (*judge).organizationChanged,
		misuse: on("use/access-widened", "member_added", "member_invited"),
	},
	{
		name: "team", misuse: on("use/access-widened", "created", "edited", "added_to_repository"), fill: (*payload).fillTeam,
		alarm: (*judge).accessGiven,
	},
	{name: "team_add", misuse: says("use/access-widened"), fill: (*payload).fillTeam, alarm: (*judge).accessGiven},
	{
		name: "repository", takes: "administration", fill: (*payload).fillRepository, alarm: (*judge).repositoryChanged,
		misuse: func(_ *judge, b Body) string {
			if b.Action == "publicized" || b.Action == "privatized" {
				return "use/visibility"
			}
			return "use/repository"
		},
	},
	{name: "public", takes: "administration", misuse: says("use/visibility"), alarm: (*judge).repositoryChanged},
	{
		name: "release", about: func(p *payload) *object { return p.Release }, takes: "contents",
		misuse: on("use/published", "published", "released", "prereleased", "created"),
	},
	{name: "package", about: func(p *payload) *object { return p.Package }, takes: "packages", misuse: says("use/published")},
	{name: "registry_package", misuse: says("use/published")},
	{name: "installation", fill: (*payload).fillApp, alarm: (*judge).appChanged},
	{name: "installation_repositories", fill: (*payload).fillApp, alarm: (*judge).appChanged},
	{name: "fork", about: func(p *payload) *object { return p.Forkee }},
	{
		name: "label", about: func(p *payload) *object { return p.Label },
		is:     func(p *payload) bool { return p.Label != nil && p.PullRequest == nil && p.Issue == nil },
		shared: []string{"discussion"}, takes: "issues",
	},
	{name: "custom_property", fill: (*payload).fillProperty, alarm: (*judge).propertyChanged},
	{name: "custom_property_values", fill: (*payload).fillProperty, alarm: (*judge).propertyChanged},
	{name: "organization_custom_property", fill: (*payload).fillProperty, alarm: (*judge).propertyChanged},
	{name: "organization_custom_property_values", fill: (*payload).fillProperty, alarm: (*judge).propertyChanged},
	{name: "bypass_request_secret_scanning", fill: (*payload).fillExemption, alarm: letPast("guard/push-protection-bypassed")},
	{name: "bypass_request_push_ruleset", fill: (*payload).fillExemption, alarm: letPast("guard/ruleset")},
	{name: "exemption_request_push_ruleset", fill: (*payload).fillExemption, alarm: letPast("guard/ruleset")},
	{name: "dismissal_request_secret_scanning", fill: (*payload).fillExemption, alarm: letPast("guard/alert-resolved")},
	{name: "installation_target", fill: (*payload).fillOrganization, alarm: (*judge).organizationChanged},

	{name: "cache_sync", apart: "it is of a server and its caches, and comes to no repository's webhook"},
	{name: "code_scanning_alert", apart: "it tells of a weakness of the code, and of no way past the gate"},
	{name: "commit_comment", apart: "nothing merges because of a comment on a commit"},
	{name: "content_reference", apart: "it asks an App what a link shows"},
	{name: "dependabot_alert", apart: "it tells of a weakness of a dependency"},
	{name: "deployment_protection_rule", apart: "it asks an App; what becomes of that is deployment_review and deployment_status"},
	{name: "deployment_review", apart: "who approves is who acts"},
	{name: "discussion", apart: "nothing merges because of what is said there"},
	{name: "discussion_comment", apart: "nothing merges because of what is said there"},
	{name: "dismissal_request_code_scanning", apart: "it is about a weakness of the code"},
	{name: "enterprise", apart: "it is a server's own, and comes to no repository's webhook"},
	{name: "github_app_authorization", apart: "somebody takes back what an App may do for them"},
	{name: "gollum", apart: "a wiki is no part of the repository"},
	{name: "issue_dependencies", apart: "it is about plans"},
	{name: "marketplace_purchase", apart: "it is about money"},
	{name: "merge_group", apart: "the queue's commits have pushes and checks of their own"},
	{name: "org_block", apart: "who is kept out can do less"},
	{name: "page_build", apart: "it follows a push, which is read"},
	{name: "project", apart: "it is about plans"},
	{name: "project_card", apart: "it is about plans"},
	{name: "project_column", apart: "it is about plans"},
	{name: "projects_v2", apart: "it is about plans"},
	{name: "projects_v2_item", apart: "it is about plans"},
	{name: "projects_v2_status_update", apart: "it is about plans"},
	{name: "repository_advisory", apart: "it is a text, and changes nothing that is guarded"},
	{name: "repository_import", apart: "it fills a repository that was made, which is read"},
	{name: "repository_vulnerability_alert", apart: "it tells of a weakness of a dependency"},
	{name: "secret_scanning_scan", apart: "what a scan finds is an alert, which is read"},
	{name: "security_advisory", apart: "it is a text about others' code"},
	{name: "sponsorship", apart: "it is about money"},
	{name: "star", apart: "it says who likes the repository"},
	{name: "sub_issues", apart: "it is about plans"},
	{name: "user", apart: "it is a server's own, and comes to no repository's webhook"},
	{name: "watch", apart: "it says who likes the repository"},
}

// alerts are events about an alert of another kind, which is not looked at here.
var alerts = []string{"code_scanning_alert", "dependabot_alert", "repository_vulnerability_alert"}

// Permission is the permission to write without which a token cannot cause the event,
// by its name in GitHub's API; empty where none is known.
func Permission(event string) string { return kindOf(event).takes }

// Guards are the events that tell when somebody loosens what keeps the repository
// safe, takes the record's own webhook away, or reports on commits, sorted.
func Guards() []string {
	var all []string
	for _, k := range eventKinds {
		if k.guard {
			all = append(all, k.name)
		}
	}
	slices.Sort(all)
	return all
}

// kindOf looks an event up; where it is not in the table, nothing is known of it.
func kindOf(name string) *eventKind {
	for i := range eventKinds {
		if eventKinds[i].name == name {
			return &eventKinds[i]
		}
	}
	return &eventKind{name: name}
}

// shaped says whether bodies of this kind are known by their shape.
func (k *eventKind) shaped() bool { return k.is != nil || k.about != nil }

// fits tells whether the body has the shape of the kind.
func (k *eventKind) fits(p *payload) bool {
	if k.is != nil {
		return k.is(p)
	}
	return k.about != nil && k.about(p) != nil
}

// kind tells what the body is; nothing's kind where it is none of the known. The
// header's word holds where the body has its shape, or where no shape is known for
// it and the body has none that is.
func (p *payload) kind(header string) *eventKind {
	said := kindOf(header)
	if said.fits(p) {
		return said
	}
	for i := range eventKinds {
		if k := &eventKinds[i]; k.fits(p) && (said.shaped() || !slices.Contains(k.shared, header)) {
			return k
		}
	}
	if said.shaped() {
		return &eventKind{}
	}
	return said
}

func (p *payload) isPush() bool {
	return p.Before != "" && p.After != "" && p.Pusher != nil && p.Ref != ""
}

func (p *payload) isCreate() bool { return p.RefType != "" && p.Ref != "" && p.MasterBranch != "" }

func (p *payload) isDelete() bool {
	return p.RefType != "" && p.Ref != "" && p.MasterBranch == "" && p.PusherType != ""
}

func always(Body) bool { return true }

// moved says that the pull request itself is what changed.
func moved(b Body) bool {
	return b.Action == "opened" || b.Action == "closed" || b.Action == "reopened" || b.Action == "synchronize"
}

func dispatched(b Body) bool {
	return b.Cause == "workflow_dispatch" || b.Cause == "repository_dispatch"
}

// says gives one rule whatever the body.
func says(rule string) func(*judge, Body) string { return func(*judge, Body) string { return rule } }

// on gives a rule for some actions.
func on(rule string, actions ...string) func(*judge, Body) string {
	return func(_ *judge, b Body) string {
		if slices.Contains(actions, b.Action) {
			return rule
		}
		return ""
	}
}

func overwrites(_ *judge, b Body) string {
	if gateName(b.Subject) {
		return "gate/check-overwritten"
	}
	return ""
}

func dispatches(_ *judge, b Body) string {
	if dispatched(b) || b.Event != "workflow_run" {
		return "use/dispatched"
	}
	return ""
}

// approves speaks of who says yes to what is the bot's own.
func approves(j *judge, b Body) string {
	if b.Subject == "approved" && (j.contract.branch(b.Ref) || j.moved[b.After]) {
		return "use/self-approval"
	}
	return ""
}
