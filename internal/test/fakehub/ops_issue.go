package fakehub

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

type comment struct {
	id               int64
	issue            int
	user, body       string
	created, updated time.Time
}

func issueOperations() map[string]operation {
	const read, write = "issues=read; pull_requests=read", "issues=write; pull_requests=write"
	return map[string]operation{
		"issues/create-comment":       {write, withIssue(createComment)},
		"issues/get-comment":          {read, withComment(func(c *call, one *comment) answer { return answer{200, c.repo.showComment(one)} })},
		"issues/update-comment":       {write, withComment(updateComment)},
		"issues/delete-comment":       {write, withComment(deleteComment)},
		"issues/list-labels-on-issue": {read, withIssue(func(c *call, p *pull) answer { return answer{200, page(c, p.showLabels())} })},
		"issues/add-labels":           {write, withIssue(addLabels)},
		"issues/set-labels":           {write, withIssue(func(c *call, p *pull) answer { p.Labels = nil; return addLabels(c, p) })},
		"issues/remove-label":         {write, withIssue(removeLabel)},
	}
}

// withIssue looks up the pull request whose issue the path names.
func withIssue(do func(*call, *pull) answer) func(*call) answer {
	return func(c *call) answer {
		p, ok := c.repo.pulls[c.number("issue_number")]
		if !ok {
			return notFound()
		}
		return do(c, p)
	}
}

func withComment(do func(*call, *comment) answer) func(*call) answer {
	return func(c *call) answer {
		for _, one := range c.repo.comments {
			if one.id == int64(c.number("comment_id")) {
				return do(c, one)
			}
		}
		return notFound()
	}
}

func (r *repo) commentsOf(issue int) []*comment {
	var all []*comment
	for _, one := range r.comments {
		if one.issue == issue {
			all = append(all, one)
		}
	}
	return all
}

func (r *repo) showComment(one *comment) js {
	return js{
		"id": one.id, "node_id": nodeID("IssueComment", one.id), "url": r.url("/issues/comments/%d", one.id),
		"html_url": r.htmlURL("/pull/%d#issuecomment-%d", one.issue, one.id), "issue_url": r.url("/issues/%d", one.issue),
		"body": one.body, "user": r.hub.user(one.user), "created_at": stamp(one.created), "updated_at": stamp(one.updated),
		"author_association": "NONE", "performed_via_github_app": nil,
	}
}

// maxBody is the length of a comment that GitHub still takes, in characters.
const maxBody = 65_536

func tooLong(body string) *answer {
	switch {
	case strings.TrimSpace(body) == "":
		a := invalid(js{"resource": "IssueComment", "field": "data", "code": "unprocessable", "message": "Body cannot be blank"})
		return &a
	case utf8.RuneCountInString(body) > maxBody:
		a := invalid(js{"resource": "IssueComment", "field": "data", "code": "unprocessable",
			"message": "Body is too long (maximum is 65536 characters)"})
		return &a
	}
	return nil
}

func createComment(c *call, p *pull) answer {
	if a := tooLong(c.text("body")); a != nil {
		return *a
	}
	now := c.hub.now()
	one := &comment{c.hub.id(), p.Number, c.token.actor(), c.text("body"), now, now}
	c.repo.comments = append(c.repo.comments, one)
	return answer{201, c.repo.showComment(one)}
}

func updateComment(c *call, one *comment) answer {
	if a := tooLong(c.text("body")); a != nil {
		return *a
	}
	one.body, one.updated = c.text("body"), c.hub.now()
	return answer{200, c.repo.showComment(one)}
}

func deleteComment(c *call, one *comment) answer {
	c.repo.comments = slices.DeleteFunc(c.repo.comments, func(o *comment) bool { return o == one })
	return answer{204, nil}
}

func (p *pull) showLabels() []any {
	shown := []any{}
	for _, name := range p.Labels {
		shown = append(shown, p.repo.showLabel(name))
	}
	return shown
}

// addLabels makes the labels that are not there yet, as GitHub does. The body
// is a list, or an object that holds one.
func addLabels(c *call, p *pull) answer {
	list := c.list
	if l, ok := c.body["labels"].([]any); ok {
		list = l
	}
	for _, one := range list {
		name, _ := one.(string)
		if object, ok := one.(js); ok {
			name, _ = object["name"].(string)
		}
		if name == "" {
			return invalid(js{"resource": "Label", "code": "missing_field", "field": "name"})
		}
		if _, ok := c.repo.labels[name]; !ok {
			c.repo.labels[name] = ""
		}
		if !slices.Contains(p.Labels, name) {
			p.Labels = append(p.Labels, name)
		}
	}
	return answer{200, p.showLabels()}
}

func removeLabel(c *call, p *pull) answer {
	at := slices.Index(p.Labels, c.params["name"])
	if at < 0 {
		return answer{404, message("Label does not exist")}
	}
	p.Labels = slices.Delete(slices.Clone(p.Labels), at, at+1)
	return answer{200, p.showLabels()}
}

// Comment is a comment as it is on the hub.
type Comment struct {
	ID               int64
	Author, Body     string
	Created, Updated time.Time
}

// Comments gives the comments of a pull request, the oldest first.
func (h *Hub) Comments(fullName string, number int) []Comment {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Comment
	for _, one := range h.repo(fullName).commentsOf(number) {
		all = append(all, Comment{one.id, one.user, one.body, one.created, one.updated})
	}
	return all
}

// AddComment writes a comment on a pull request.
func (h *Hub) AddComment(fullName string, number int, author, body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, now := h.repo(fullName), h.now()
	h.account(author)
	r.comments = append(r.comments, &comment{h.id(), number, author, body, now, now})
}
