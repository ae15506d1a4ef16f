package fakehub

import (
	"net/url"
	"slices"
	"strings"
)

// Environment is one of a repository's. Whatever is pushed may use it, unless it is for protected branches, or for
// branches and tags of these patterns.
type Environment struct {
	Name           string
	Protected      bool
	Branches, Tags []string
}

// AddEnvironment gives a repository an environment.
func (h *Hub) AddEnvironment(fullName string, e Environment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.environments[strings.ToLower(fullName)+" "+e.Name] = e
}

// AddSecret gives every workflow of a repository, or of an organization's repositories, a secret of this name.
func (h *Hub) AddSecret(on, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	on = strings.ToLower(on)
	h.secrets[on] = append(h.secrets[on], name)
}

func environmentOperations() map[string]operation {
	return map[string]operation{
		"repos/get-environment":                  {"actions=read", getEnvironment},
		"repos/list-deployment-branch-policies":  {"actions=read", listBranchPolicies},
		"actions/list-repo-secrets":              {"secrets=read", func(c *call) answer { return c.listSecrets(c.repo.FullName()) }},
		"actions/list-repo-organization-secrets": {"secrets=read", func(c *call) answer { return c.listSecrets(c.repo.Owner) }},
	}
}

const then = "2026-01-01T00:00:00Z"

func (c *call) environment() (Environment, bool) {
	name, err := url.PathUnescape(c.params["environment_name"])
	e, ok := c.hub.environments[strings.ToLower(c.repo.FullName())+" "+name]
	return e, ok && err == nil
}

func getEnvironment(c *call) answer {
	e, ok := c.environment()
	if !ok {
		return notFound()
	}
	var policy any
	if custom := len(e.Branches)+len(e.Tags) > 0; custom || e.Protected {
		policy = js{"protected_branches": e.Protected, "custom_branch_policies": custom}
	}
	return answer{200, js{
		"id": 1, "node_id": nodeID("EN", 1), "name": e.Name, "url": c.repo.url("/environments/%s", url.PathEscape(e.Name)),
		"html_url": c.repo.htmlURL("/deployments"), "created_at": then, "updated_at": then,
		"protection_rules": []any{}, "deployment_branch_policy": policy,
	}}
}

func listBranchPolicies(c *call) answer {
	e, ok := c.environment()
	if !ok {
		return notFound()
	}
	shown := []any{}
	for i, name := range slices.Concat(e.Branches, e.Tags) {
		kind := "branch"
		if i >= len(e.Branches) {
			kind = "tag"
		}
		shown = append(shown, js{"id": i + 1, "node_id": nodeID("DBP", int64(i+1)), "name": name, "type": kind})
	}
	return answer{200, js{"total_count": len(shown), "branch_policies": page(c, shown)}}
}

func (c *call) listSecrets(on string) answer {
	shown := []any{}
	for _, name := range c.hub.secrets[strings.ToLower(on)] {
		shown = append(shown, js{"name": name, "created_at": then, "updated_at": then})
	}
	return answer{200, js{"total_count": len(shown), "secrets": page(c, shown)}}
}
