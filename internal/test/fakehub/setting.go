package fakehub

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// Ruleset is a set of rules for branches.
type Ruleset struct {
	// ID is GitHub's number for it; one is made up when it is 0.
	ID   int64
	Name string
	// On is the full name of a repository, or the login of an organization.
	On string
	// Branches are patterns of names, ~ALL or ~DEFAULT_BRANCH; all when empty.
	Branches []string
	Rules    []Rule
	Bypass   []Bypass
	// Evaluate tells that it is only tried out, and Disabled that it is not.
	Evaluate, Disabled bool
}

// Rule is a rule in GitHub's words.
type Rule struct {
	Type       string
	Parameters map[string]any
}

// Bypass is somebody who need not keep a ruleset; Mode is always when empty.
type Bypass struct {
	Kind string
	ID   int64
	Mode string
}

// RequireCheck is the rule that a check must pass, from an app unless that is 0, on a
// branch that is up to date.
func RequireCheck(name string, app int64) Rule {
	check := js{"context": name}
	if app != 0 {
		check["integration_id"] = app
	}
	return Rule{"required_status_checks", js{"strict_required_status_checks_policy": true, "required_status_checks": []any{check}}}
}

// RequirePull is the rule that changes come by pull request.
func RequirePull() Rule {
	return Rule{"pull_request", js{
		"dismiss_stale_reviews_on_push": false, "require_code_owner_review": false, "require_last_push_approval": false,
		"required_approving_review_count": 0, "required_review_thread_resolution": false,
	}}
}

// RequireQueue is the rule that changes go through a merge queue.
func RequireQueue() Rule {
	return Rule{"merge_queue", js{
		"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5,
		"merge_method": "MERGE", "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5,
	}}
}

// Protection is the classic protection of a branch.
type Protection struct {
	// Checks must pass, from the apps of that number unless that is 0.
	Checks map[string]int64
	// Strict demands that a branch is up to date.
	Strict bool
	// PullRequest demands one of all but Bypassers, who are logins.
	PullRequest bool
	Bypassers   []string
	// Restricted lets nobody push but Pushers, who are logins, and Teams.
	Restricted     bool
	Pushers, Teams []string

	Signatures, ForcePushes, Deletions, Locked bool
}

// ActionsSettings are those of a repository or an organization. Its right to
// open pull requests is a repository's ActionsMayOpen.
type ActionsSettings struct {
	Disabled bool
	// Allowed is all when empty; otherwise local_only or selected.
	Allowed string
	Pinned  bool
	// WriteToken makes GITHUB_TOKEN write by default.
	WriteToken bool
	// MayOpen is an organization's; a repository has its own.
	MayOpen bool
}

// AddRuleset sets rules, and gives the ruleset's number.
func (h *Hub) AddRuleset(r Ruleset) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.ID == 0 {
		r.ID = h.id()
	}
	h.rulesets = append(h.rulesets, r)
	return r.ID
}

// Protect protects a branch the classic way.
func (h *Hub) Protect(fullName, branch string, p Protection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, login := range slices.Concat(p.Bypassers, p.Pushers) {
		h.account(login)
	}
	h.protections[strings.ToLower(fullName)+" "+branch] = p
}

// SetActions sets what workflows may do in a repository or an organization.
func (h *Hub) SetActions(on string, a ActionsSettings) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.actions[strings.ToLower(on)] = a
}

func settingOperations() map[string]operation {
	return map[string]operation{
		"repos/get-branch-rules":                                               {"metadata=read", planned(getBranchRules)},
		"repos/get-repo-ruleset":                                               {"metadata=read", planned(getRuleset)},
		"repos/get-branch-protection":                                          {"administration=read", planned(getProtection)},
		"actions/get-github-actions-permissions-repository":                    {"administration=read", getActions},
		"actions/get-github-actions-default-workflow-permissions-repository":   {"administration=read", getDefaultToken},
		"actions/get-github-actions-default-workflow-permissions-organization": {"organization_administration=read", getOrganizationToken},
	}
}

// planned answers as GitHub does where the owner's plan has no such thing.
func planned(do func(*call) answer) func(*call) answer {
	return func(c *call) answer {
		if c.repo.NoRules && !c.repo.Public {
			return answer{403, message("Upgrade to GitHub Pro or make this repository public to enable this feature.")}
		}
		return do(c)
	}
}

// applies tells whether a ruleset is in force for a branch.
func (r Ruleset) applies(to *repo, branch string) bool {
	if r.Evaluate || r.Disabled || !r.covers(to) {
		return false
	}
	return len(r.Branches) == 0 || slices.ContainsFunc(r.Branches, func(pattern string) bool {
		ok, err := path.Match(pattern, branch)
		return err == nil && ok || pattern == "~ALL" || pattern == "~DEFAULT_BRANCH" && branch == to.DefaultBranch
	})
}

func (r Ruleset) covers(to *repo) bool {
	return strings.EqualFold(r.On, to.FullName()) || strings.EqualFold(r.On, to.Owner)
}

func (r Ruleset) sourceType() string {
	if strings.Contains(r.On, "/") {
		return "Repository"
	}
	return "Organization"
}

func (r Rule) show() js {
	shown := js{"type": r.Type}
	if r.Parameters != nil {
		shown["parameters"] = r.Parameters
	}
	return shown
}

func getBranchRules(c *call) answer {
	shown := []any{}
	for _, set := range c.hub.rulesets {
		if !set.applies(c.repo, c.params["branch"]) {
			continue
		}
		for _, rule := range set.Rules {
			shown = append(shown, with(rule.show(), js{"ruleset_source_type": set.sourceType(), "ruleset_source": set.On, "ruleset_id": set.ID}))
		}
	}
	return answer{200, page(c, shown)}
}

// getRuleset shows who may bypass the rules to whoever may change them.
func getRuleset(c *call) answer {
	i := slices.IndexFunc(c.hub.rulesets, func(r Ruleset) bool {
		return r.covers(c.repo) && c.number("ruleset_id") == int(r.ID)
	})
	if i < 0 {
		return notFound()
	}
	set := c.hub.rulesets[i]
	enforcement := "active"
	if set.Evaluate || set.Disabled {
		enforcement = map[bool]string{true: "disabled", false: "evaluate"}[set.Disabled]
	}
	rules := []any{}
	for _, rule := range set.Rules {
		rules = append(rules, rule.show())
	}
	shown := js{
		"id": set.ID, "name": set.Name, "target": "branch", "source_type": set.sourceType(), "source": set.On, "enforcement": enforcement,
		"node_id": nodeID("RRS", set.ID), "conditions": js{"ref_name": js{"include": []any{}, "exclude": []any{}}}, "rules": rules,
		"current_user_can_bypass": "never",
		"_links": js{"self": js{"href": c.repo.url("/rulesets/%d", set.ID)},
			"html": js{"href": c.repo.htmlURL("/rules/%d", set.ID)}},
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
	}
	if c.administers() {
		actors := []any{}
		for _, b := range set.Bypass {
			var id any = b.ID
			if b.Kind == "DeployKey" {
				id = nil
			}
			actors = append(actors, js{"actor_type": b.Kind, "actor_id": id, "bypass_mode": cmp.Or(b.Mode, "always")})
		}
		shown["bypass_actors"] = actors
	}
	return answer{200, shown}
}

// administers tells whether the caller may change the repository's settings.
func (c *call) administers() bool {
	t := c.token
	switch {
	case t == nil || t.Member:
		return false
	case t.scoped():
		return slices.Contains(t.Scopes, "repo")
	}
	return t.Permissions["administration"] == "write"
}

func (c *call) protection() (Protection, bool) {
	p, ok := c.hub.protections[strings.ToLower(c.repo.FullName())+" "+c.params["branch"]]
	return p, ok
}

// required is the part about checks, which everybody sees who sees the branch.
func (p Protection) required() js {
	contexts, checks := []any{}, []any{}
	for _, name := range sortedKeys(p.Checks) {
		var app any
		if n := p.Checks[name]; n != 0 {
			app = n
		}
		contexts, checks = append(contexts, name), append(checks, js{"context": name, "app_id": app})
	}
	return js{"contexts": contexts, "checks": checks}
}

func getProtection(c *call) answer {
	name := c.params["branch"]
	if _, ok := c.repo.git.resolve("refs/heads/" + name); !ok {
		return answer{404, message("Branch not found")}
	}
	p, ok := c.protection()
	if !ok {
		return answer{404, message("Branch not protected")}
	}
	at := c.repo.url("/branches/%s/protection", name)
	on := func(v bool) js { return js{"enabled": v} }
	shown := js{
		"url": at, "enforce_admins": js{"url": at + "/enforce_admins", "enabled": true}, "required_linear_history": on(false),
		"allow_force_pushes": on(p.ForcePushes), "allow_deletions": on(p.Deletions), "block_creations": on(false), "lock_branch": on(p.Locked),
		"required_conversation_resolution": on(false), "allow_fork_syncing": on(false),
		"required_signatures": js{"url": at + "/required_signatures", "enabled": p.Signatures},
	}
	users := func(logins []string) []any {
		list := []any{}
		for _, login := range logins {
			list = append(list, c.hub.user(login))
		}
		return list
	}
	if len(p.Checks) > 0 {
		shown["required_status_checks"] = with(p.required(),
			js{"url": at + "/required_status_checks", "contexts_url": at + "/required_status_checks/contexts", "strict": p.Strict,
				"enforcement_level": "non_admins"})
	}
	if p.PullRequest {
		reviews := js{"url": at + "/required_pull_request_reviews", "dismiss_stale_reviews": false, "require_code_owner_reviews": false,
			"require_last_push_approval": false, "required_approving_review_count": 0}
		if len(p.Bypassers) > 0 {
			reviews["bypass_pull_request_allowances"] = js{"users": users(p.Bypassers), "teams": []any{}, "apps": []any{}}
		}
		shown["required_pull_request_reviews"] = reviews
	}
	if p.Restricted {
		teams := []any{}
		for _, slug := range p.Teams {
			teams = append(teams, c.showTeam(slug))
		}
		r := at + "/restrictions"
		shown["restrictions"] = js{"url": r, "users_url": r + "/users", "teams_url": r + "/teams", "apps_url": r + "/apps",
			"users": users(p.Pushers), "teams": teams, "apps": []any{}}
	}
	return answer{200, shown}
}

func (c *call) showTeam(slug string) js {
	id := int64(len(slug))
	api := c.hub.URL + "/organizations/1/team/1"
	return js{
		"id": id, "node_id": nodeID("Team", id), "name": slug, "slug": slug, "description": nil, "privacy": "closed", "permission": "push",
		"notification_setting": "notifications_enabled", "parent": nil, "type": "organization", "organization_id": 1,
		"url": api, "html_url": site + "/orgs/" + c.repo.Owner + "/teams/" + slug, "members_url": api + "/members{/member}",
		"repositories_url": api + "/repos",
	}
}

func getActions(c *call) answer {
	a := c.hub.actions[strings.ToLower(c.repo.FullName())]
	if a.Disabled {
		return answer{200, js{"enabled": false}}
	}
	return answer{200, js{"enabled": true, "allowed_actions": cmp.Or(a.Allowed, "all"), "sha_pinning_required": a.Pinned}}
}

func (a ActionsSettings) token(mayOpen bool) answer {
	return answer{200, js{
		"default_workflow_permissions": map[bool]string{true: "write", false: "read"}[a.WriteToken], "can_approve_pull_request_reviews": mayOpen,
	}}
}

func getDefaultToken(c *call) answer {
	return c.hub.actions[strings.ToLower(c.repo.FullName())].token(c.repo.ActionsMayOpen)
}

func getOrganizationToken(c *call) answer {
	a, ok := c.hub.accounts[c.params["org"]]
	if !ok || a.Type != "Organization" {
		return notFound()
	}
	set := c.hub.actions[strings.ToLower(c.params["org"])]
	return set.token(set.MayOpen)
}
