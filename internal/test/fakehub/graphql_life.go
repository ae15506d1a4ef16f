package fakehub

import (
	"slices"
	"strconv"
	"strings"
)

// lifeFields are what a client needs to know of a pull request to act on it.
func (c *call) lifeFields(p *pull) js {
	return js{
		"viewerDidAuthor": p.Author == c.token.actor(),
		"mergeStateStatus": func(js) any {
			_, clean := p.mergeTree()
			switch {
			case p.MergeableUnknown || !p.open():
				return "UNKNOWN"
			case !clean:
				return "DIRTY"
			case p.CleanStatus:
				return "CLEAN"
			}
			return "BLOCKED"
		},
		"comments": func(args js) any {
			nodes := []any{}
			for _, one := range p.repo.commentsOf(p.Number) {
				nodes = append(nodes, c.ownNode("IssueComment", one.id, one.user, one.body, nil))
			}
			return connection("IssueCommentConnection", "comments", nodes, args)
		},
		"reviews": func(args js) any {
			states, _ := args["states"].([]any)
			nodes := []any{}
			for _, one := range p.reviews {
				if len(states) == 0 || slices.Contains(states, any(one.state)) {
					nodes = append(nodes, c.ownNode("PullRequestReview", one.id, one.user, one.body, js{
						"state":  one.state,
						"commit": func(js) any { return c.objectNode(p.repo, one.commit) },
					}))
				}
			}
			return connection("PullRequestReviewConnection", "reviews", nodes, args)
		},
	}
}

// ownNode is something that an account wrote.
func (c *call) ownNode(kind string, id int64, user, body string, more js) *node {
	return &node{kind, with(js{
		"id": nodeID(kind, id), "fullDatabaseId": strconv.FormatInt(id, 10), "databaseId": int(id), "body": body,
		"viewerDidAuthor": user == c.token.actor(), "author": func(js) any { return c.hub.accountNode(user, false) },
	}, more)}
}

// updateRefs moves, makes and deletes refs where they are as the caller says:
// all of them, or none.
func (c *call) updateRefs(args js) any {
	input, _ := args["input"].(js)
	id, _ := input["repositoryId"].(string)
	var r *repo
	for _, name := range sortedKeys(c.hub.repos) {
		if one := c.hub.repos[name]; nodeID("Repository", one.ID) == id {
			r = one
		}
	}
	if r == nil {
		return refusal{"NOT_FOUND", "Could not resolve to a node with the global id of '" + id + "'"}
	}
	at := *c
	at.repo = r
	return at.allowed("contents=write", func(js) any {
		updates, _ := input["refUpdates"].([]any)
		var commands [][]string
		for _, one := range updates {
			update, _ := one.(js)
			text := func(name string) string { s, _ := update[name].(string); return s }
			name, before, after := text("name"), text("beforeOid"), text("afterOid")
			if now, _ := r.git.resolve(name); before != "" && now != before {
				return refusal{"UNPROCESSABLE", "Reference cannot be updated: " + name + " is not at the expected object id"}
			}
			command := []string{"update-ref", name, after}
			if strings.Trim(after, "0") == "" {
				command = []string{"update-ref", "-d", name}
			}
			commands = append(commands, command)
		}
		for _, command := range commands {
			if _, err := r.git.run(false, command...); err != nil {
				return refusal{"UNPROCESSABLE", err.Error()}
			}
			if command[1] == "-d" {
				r.closePulls(strings.TrimPrefix(command[2], "refs/heads/"))
			}
		}
		return &node{"UpdateRefsPayload", js{"clientMutationId": input["clientMutationId"]}}
	})(nil)
}
