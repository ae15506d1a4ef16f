package settings

import (
	"cmp"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/settings"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
)

// actions reads what workflows may do, here and in the organization.
func (g *gatherer) actions() {
	const permissions, workflow = "/actions/permissions", "/actions/permissions/workflow"
	a := &g.s.Actions
	var on struct {
		Enabled bool   `json:"enabled"`
		Allowed string `json:"allowed_actions"`
		Pinned  bool   `json:"sha_pinning_required"`
	}
	if g.read(settings.CheckActions, "the settings of GitHub Actions", g.c.Place()+permissions, &on, administers) {
		a.Enabled, a.Allowed, a.Pinned = &on.Enabled, on.Allowed, on.Pinned
	}
	var token struct {
		Default string `json:"default_workflow_permissions"`
		MayOpen *bool  `json:"can_approve_pull_request_reviews"`
	}
	if !g.read(settings.CheckActions, "what GITHUB_TOKEN may do", g.c.Place()+workflow, &token, administers) {
		return
	}
	a.Token, a.MayOpen = token.Default, token.MayOpen
	if g.organization && a.MayOpen != nil && !*a.MayOpen {
		token.MayOpen = nil // without a right to it, the repository's answer must do
		if _, err := g.get("read what GITHUB_TOKEN may do in the organization", "orgs/"+g.c.Owner+workflow, &token); err == nil {
			a.OrganizationMayOpen = token.MayOpen
		}
	}
}

// hooks reads the repository's webhooks, and the organization's where none of
// those leads to the receiver.
func (g *gatherer) hooks() {
	of := hooks.Scope{Kind: hooks.RepositoryScope, Owner: g.c.Owner + "/" + g.c.Name}
	ours, failed := g.listHooks(of, g.c.Place())
	if ours || !g.organization {
		g.unreadHooks(of, failed)
		return
	}
	org := hooks.Scope{Kind: hooks.OrganizationScope, Owner: g.c.Owner}
	ours, failedToo := g.listHooks(org, "orgs/"+g.c.Owner)
	if !ours {
		g.unreadHooks(of, failed)
		g.unreadHooks(org, failedToo)
	}
	asked := 0
	for i := range g.s.Hooks {
		if h := &g.s.Hooks[i]; h.Scope == hooks.OrganizationScope && g.intent.LeadsHere(h.URL) && asked < maxOrganizationHooks {
			asked++
			h.Last = g.lastOf(h.ID)
		}
	}
}

func (g *gatherer) unreadHooks(of hooks.Scope, err error) {
	g.unread(settings.CheckHook, "the webhooks of "+of.String(), err, hooks.Hint(of, false))
}

// responseJSON is what became of a webhook's last delivery, which only a
// repository's tells.
type responseJSON struct {
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

// delivery is nil where there was none, or it is forgotten.
func (r *responseJSON) delivery() *settings.Delivery {
	if r == nil || r.Code == 0 && (r.Status == "" || r.Status == "unused") {
		return nil
	}
	return &settings.Delivery{Status: cmp.Or(r.Message, r.Status), Code: r.Code}
}

// listHooks tells whether one of the webhooks leads to the receiver. GitHub has
// room for 20 of an event; more than a page is more than are looked at.
func (g *gatherer) listHooks(of hooks.Scope, place string) (ours bool, failed error) {
	var list []struct {
		hooks.Described
		Last *responseJSON `json:"last_response"`
	}
	op := "read the webhooks of " + of.String()
	resp, err := g.get(op, fmt.Sprintf("%s/hooks?per_page=%d", place, github.PageSize), &list)
	if err != nil {
		return false, err
	}
	for _, one := range list {
		h := settings.Webhook{Hook: one.Hook(of), Last: one.Last.delivery()}
		ours = ours || g.intent.LeadsHere(h.URL)
		g.s.Hooks = append(g.s.Hooks, h)
	}
	if !ours && resp.NextPage != 0 {
		return false, github.Odd(op, "there are more than are read")
	}
	return ours, nil
}

// lastOf is the last delivery of an organization's webhook.
func (g *gatherer) lastOf(id int64) *settings.Delivery {
	var list []struct {
		Status     string `json:"status"`
		StatusCode int    `json:"status_code"`
	}
	at := fmt.Sprintf("orgs/%s/hooks/%d/deliveries?per_page=1", g.c.Owner, id)
	if _, err := g.get(fmt.Sprintf("read the deliveries of webhook %d", id), at, &list); err != nil || len(list) == 0 {
		return nil
	}
	return &settings.Delivery{Status: list[0].Status, Code: list[0].StatusCode}
}
