package settings

import (
	"fmt"
	"net/url"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// maxEnvironments bounds how many environments are looked at.
const maxEnvironments = 4

// secrets reads which branches may use the environments that the Action's jobs take secrets from, and which secrets
// every workflow can read.
func (g *gatherer) secrets() {
	names := g.s.EnvironmentsUsed()
	for i, name := range names {
		if i == maxEnvironments {
			g.note(settings.CheckSecrets, "all environments", fmt.Sprintf("%d more are not looked at", len(names)-i))
			break
		}
		g.environment(name)
	}
	if len(names) == 0 {
		return
	}
	g.exposed("the names of the repository's secrets", "/actions/secrets")
	if g.organization {
		g.exposed("the names of the organization's secrets", "/actions/organization-secrets")
	}
}

func (g *gatherer) environment(name string) {
	var shown struct {
		Policy *struct {
			Protected bool `json:"protected_branches"`
			Custom    bool `json:"custom_branch_policies"`
		} `json:"deployment_branch_policy"`
	}
	const needs = "the token needs Actions: read"
	what := fmt.Sprintf("environment %q", name)
	at := g.c.Place() + "/environments/" + url.PathEscape(name)
	e := settings.Environment{Name: name}
	if _, err := g.get("read "+what, at, &shown); github.KindOf(err) == github.NotFound {
		e.Missing = true
	} else if err != nil {
		g.unread(settings.CheckSecrets, what, err, needs)
		return
	}
	if shown.Policy != nil {
		e.Protected, e.Custom = shown.Policy.Protected, shown.Policy.Custom
	}
	if e.Custom {
		var list struct {
			Total    int `json:"total_count"`
			Policies []struct {
				Name string `json:"name"`
				Type string `json:"type"`
			} `json:"branch_policies"`
		}
		what := "the branches of " + what
		if !g.read(settings.CheckSecrets, what, fmt.Sprintf("%s/deployment-branch-policies?per_page=%d", at, github.PageSize), &list, needs) {
			return
		}
		if list.Total > len(list.Policies) {
			g.note(settings.CheckSecrets, what, "there are more than are read")
		}
		for _, p := range list.Policies {
			if p.Type == "tag" {
				e.Tags = append(e.Tags, p.Name)
			} else {
				e.Branches = append(e.Branches, p.Name)
			}
		}
	}
	g.s.Environments = append(g.s.Environments, e)
}

func (g *gatherer) exposed(what, at string) {
	var list struct {
		Total   int `json:"total_count"`
		Secrets []struct {
			Name string `json:"name"`
		} `json:"secrets"`
	}
	if !g.read(settings.CheckSecrets, what, fmt.Sprintf("%s%s?per_page=%d", g.c.Place(), at, github.PageSize), &list,
		"the token needs Secrets: read, which shows names alone") {
		return
	}
	if list.Total > len(list.Secrets) {
		g.note(settings.CheckSecrets, what, "there are more than are read")
	}
	for _, s := range list.Secrets {
		g.s.Exposed = append(g.s.Exposed, s.Name)
	}
}
