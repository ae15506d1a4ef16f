package fakehub

import (
	"slices"
	"strings"
	"time"
)

// Issue is an issue that is no pull request.
type Issue struct {
	Number              int
	Title, Body, Author string
	Labels              []string
	Closed              bool
	Created             time.Time
}

type ticket struct {
	Issue
	id              int64
	updated, closed time.Time
	reason          string
}

// AddIssue opens an issue, and gives its number.
func (h *Hub) AddIssue(fullName string, i Issue) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.account(i.Author)
	return h.repo(fullName).addTicket(i).Number
}

// Issues are the issues of a repository that are no pull requests, oldest first.
func (h *Hub) Issues(fullName string) []Issue {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Issue
	for _, t := range h.repo(fullName).tickets {
		all = append(all, t.Issue)
	}
	return all
}

func (r *repo) addTicket(i Issue) *ticket {
	r.lastNumber++
	now := r.hub.now()
	i.Number, i.Created = r.lastNumber, now
	t := &ticket{Issue: i, id: r.hub.id(), updated: now}
	if i.Closed {
		t.closed = now
	}
	r.tickets = append(r.tickets, t)
	return t
}

func ticketOperations() map[string]operation {
	return map[string]operation{
		"issues/list-for-repo": {"issues=read", listTickets},
		"issues/create":        {"issues=write", createTicket},
		"issues/get":           {"issues=read", withTicket(func(c *call, t *ticket) answer { return answer{200, c.repo.showTicket(t)} })},
		"issues/update":        {"issues=write", withTicket(updateTicket)},
	}
}

func withTicket(do func(*call, *ticket) answer) func(*call) answer {
	return func(c *call) answer {
		for _, t := range c.repo.tickets {
			if t.Number == c.number("issue_number") {
				return do(c, t)
			}
		}
		return notFound()
	}
}

func (r *repo) showTicket(t *ticket) js {
	state := "open"
	if t.Closed {
		state = "closed"
	}
	labels := []any{}
	for _, name := range t.Labels {
		labels = append(labels, r.showLabel(name))
	}
	n := t.Number
	return js{
		"id": t.id, "node_id": nodeID("Issue", t.id), "number": n, "title": t.Title, "body": orNull(t.Body), "state": state,
		"state_reason": orNull(t.reason),
		"user":         r.hub.user(t.Author), "labels": labels, "locked": false, "active_lock_reason": nil, "comments": 0, "milestone": nil,
		"assignee": nil, "assignees": []any{}, "closed_by": nil, "author_association": "NONE", "performed_via_github_app": nil,
		"created_at": stamp(t.Created), "updated_at": stamp(t.updated), "closed_at": stamp(t.closed),
		"url": r.url("/issues/%d", n), "repository_url": r.url(""), "html_url": r.htmlURL("/issues/%d", n),
		"labels_url":   r.url("/issues/%d/labels{/name}", n),
		"comments_url": r.url("/issues/%d/comments", n), "events_url": r.url("/issues/%d/events", n),
		"timeline_url": r.url("/issues/%d/timeline", n),
	}
}

// showAsIssue is a pull request in a list of issues, where GitHub has them too.
func (p *pull) showAsIssue() js {
	t := &ticket{Issue: Issue{Number: p.Number, Title: p.Title, Body: p.Body, Author: p.Author, Labels: p.Labels, Closed: !p.open(),
		Created: p.Created}, id: p.id, updated: p.updated, closed: p.closed}
	r := p.repo
	return with(r.showTicket(t), js{"draft": p.Draft, "pull_request": js{
		"url": r.url("/pulls/%d", p.Number), "html_url": r.htmlURL("/pull/%d", p.Number), "diff_url": r.htmlURL("/pull/%d.diff", p.Number),
		"patch_url": r.htmlURL("/pull/%d.patch", p.Number), "merged_at": stamp(p.merged),
	}})
}

// listTickets lists the newest first.
func listTickets(c *call) answer {
	var all []js
	for _, t := range c.repo.tickets {
		all = append(all, c.repo.showTicket(t))
	}
	for _, p := range c.repo.pulls {
		all = append(all, p.showAsIssue())
	}
	slices.SortFunc(all, func(a, b js) int { return b["number"].(int) - a["number"].(int) })
	state, creator := c.query.Get("state"), c.query.Get("creator")
	shown := []any{}
	for _, one := range all {
		user, _ := one["user"].(js)
		login, _ := user["login"].(string)
		if (state == "all" || one["state"] == state || state == "" && one["state"] == "open") &&
			(creator == "" || strings.EqualFold(creator, login)) {
			shown = append(shown, one)
		}
	}
	return answer{200, page(c, shown)}
}

func createTicket(c *call) answer {
	if strings.TrimSpace(c.text("title")) == "" {
		return invalid(js{"resource": "Issue", "code": "missing_field", "field": "title"})
	}
	if len(c.text("body")) > maxBody {
		return *tooLong(c.text("body"))
	}
	return answer{201, c.repo.showTicket(c.repo.addTicket(Issue{Title: c.text("title"), Body: c.text("body"), Author: c.token.actor()}))}
}

func updateTicket(c *call, t *ticket) answer {
	if title := c.text("title"); title != "" {
		t.Title = title
	}
	if body, ok := c.body["body"].(string); ok {
		t.Body = body
	}
	t.updated = c.hub.now()
	switch c.text("state") {
	case "closed":
		t.Closed, t.closed, t.reason = true, t.updated, "completed"
	case "open":
		t.Closed, t.closed, t.reason = false, time.Time{}, "reopened"
	}
	return answer{200, c.repo.showTicket(t)}
}

// issueNodes lists issues, the newest first where that is asked for.
func (c *call) issueNodes(r *repo, args js) any {
	states, _ := args["states"].([]any)
	nodes := []any{}
	for _, t := range r.tickets {
		state := map[bool]string{true: "CLOSED", false: "OPEN"}[t.Closed]
		if len(states) > 0 && !slices.Contains(states, any(state)) {
			continue
		}
		nodes = append(nodes, &node{"Issue", map[string]any{
			"id": nodeID("Issue", t.id), "number": t.Number, "title": t.Title, "body": t.Body, "state": state,
			"url":             r.htmlURL("/issues/%d", t.Number),
			"viewerDidAuthor": t.Author == c.token.actor(), "author": func(js) any { return c.hub.accountNode(t.Author, false) },
			"createdAt": stamp(t.Created), "updatedAt": stamp(t.updated), "closedAt": stamp(t.closed),
		}})
	}
	if order, _ := args["orderBy"].(js); order["direction"] == "DESC" {
		slices.Reverse(nodes)
	}
	return connection("IssueConnection", "issues", nodes, args)
}
