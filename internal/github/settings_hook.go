package github

import (
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor"
)

// actions reads what workflows may do, here and in the organization.
func (g *gatherer) actions() {
	a := &g.s.Actions
	var on struct {
		Enabled bool   `json:"enabled"`
		Allowed string `json:"allowed_actions"`
		Pinned  bool   `json:"sha_pinning_required"`
	}
	what, at := "the settings of GitHub Actions", "/actions/permissions"
	if _, e := g.get(what, g.place+at, &on); e != nil {
		g.unread(doctor.CheckActions, what, e, administers)
	} else {
		a.Enabled, a.Allowed, a.Pinned = &on.Enabled, on.Allowed, on.Pinned
	}
	var token struct {
		Default string `json:"default_workflow_permissions"`
		MayOpen *bool  `json:"can_approve_pull_request_reviews"`
	}
	what, at = "what GITHUB_TOKEN may do", at+"/workflow"
	if _, e := g.get(what, g.place+at, &token); e != nil {
		g.unread(doctor.CheckActions, what, e, administers)
		return
	}
	a.Token, a.MayOpen = token.Default, token.MayOpen
	if g.organization && a.MayOpen != nil && !*a.MayOpen {
		token.MayOpen = nil // without a right to it, the repository's answer must do
		if _, e := g.get("what GITHUB_TOKEN may do in the organization", "orgs/"+g.c.owner+at, &token); e == nil {
			a.OrganizationMayOpen = token.MayOpen
		}
	}
}

// hooks reads the repository's webhooks, and the organization's where none of
// those leads to the receiver.
func (g *gatherer) hooks() {
	of := Scope{RepositoryScope, g.c.owner + "/" + g.c.name}
	ours, failed := g.listHooks(of, g.place)
	if ours || !g.organization {
		g.unreadHooks(of, failed)
		return
	}
	org := Scope{OrganizationScope, g.c.owner}
	ours, failedToo := g.listHooks(org, "orgs/"+g.c.owner)
	if !ours {
		g.unreadHooks(of, failed)
		g.unreadHooks(org, failedToo)
	}
	asked := 0
	for i := range g.s.Hooks {
		if h := &g.s.Hooks[i]; h.Scope == OrganizationScope && g.intent.LeadsHere(h.URL) && asked < maxOrganizationHooks {
			asked++
			h.Last = g.lastOf(h.ID)
		}
	}
}

func (g *gatherer) unreadHooks(of Scope, e *Error) {
	if e != nil {
		g.unread(doctor.CheckHook, "the webhooks of "+of.String(), e, hookHint(of, false))
	}
}

// responseJSON is what became of a webhook's last delivery, which only a
// repository's tells.
type responseJSON struct {
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

// delivery is nil where there was none, or it is forgotten.
func (r *responseJSON) delivery() *doctor.Delivery {
	if r == nil || r.Code == 0 && (r.Status == "" || r.Status == "unused") {
		return nil
	}
	text := r.Message
	if text == "" {
		text = r.Status
	}
	return &doctor.Delivery{Status: text, Code: r.Code}
}

// listHooks tells whether one of the webhooks leads to the receiver. GitHub has
// room for 20 of an event; more than a page is more than are looked at.
func (g *gatherer) listHooks(of Scope, place string) (ours bool, failed *Error) {
	var list []struct {
		hookJSON
		Last *responseJSON `json:"last_response"`
	}
	resp, e := g.get("the webhooks of "+of.String(), fmt.Sprintf("%s/hooks?per_page=%d", place, pageSize), &list)
	if e != nil {
		return false, e
	}
	for _, one := range list {
		h := doctor.Webhook{Hook: one.hook(of), Last: one.Last.delivery()}
		ours = ours || g.intent.LeadsHere(h.URL)
		g.s.Hooks = append(g.s.Hooks, h)
	}
	if !ours && resp.NextPage != 0 {
		return false, odd("read the webhooks of "+of.String(), "there are more than are read")
	}
	return ours, nil
}

// lastOf is the last delivery of an organization's webhook.
func (g *gatherer) lastOf(id int64) *doctor.Delivery {
	var list []attemptJSON
	at := fmt.Sprintf("orgs/%s/hooks/%d/deliveries?per_page=1", g.c.owner, id)
	if _, e := g.get(fmt.Sprintf("the deliveries of webhook %d", id), at, &list); e != nil || len(list) == 0 {
		return nil
	}
	return &doctor.Delivery{Status: list[0].Status, Code: list[0].StatusCode, Time: list[0].DeliveredAt.UTC()}
}
