package fakehub

import (
	"strconv"
	"strings"
)

func (c *call) pullNode(p *pull) *node {
	r := p.repo
	state, mergeable := "OPEN", "UNKNOWN"
	if !p.open() {
		state = "CLOSED"
	}
	if !p.merged.IsZero() {
		state = "MERGED"
	}
	if !p.MergeableUnknown && p.open() {
		mergeable = "CONFLICTING"
		if _, clean := p.mergeTree(); clean {
			mergeable = "MERGEABLE"
		}
	}
	repository := func(of *repo) any {
		if of == nil {
			return nil
		}
		return c.repositoryNode(of)
	}
	return &node{"PullRequest", with(c.lifeFields(p), map[string]any{
		"id": nodeID("PullRequest", p.id), "databaseId": int(p.id), "fullDatabaseId": strconv.FormatInt(p.id, 10), "number": p.Number,
		"title": p.Title, "body": p.Body, "bodyText": p.Body, "url": r.htmlURL("/pull/%d", p.Number), "state": state, "isDraft": p.Draft,
		"closed": !p.open(), "merged": state == "MERGED", "locked": false, "mergeable": mergeable, "maintainerCanModify": false,
		"createdAt": stamp(p.Created), "updatedAt": stamp(p.updated), "closedAt": stamp(p.closed), "mergedAt": stamp(p.merged),
		"author":      func(js) any { return c.hub.accountNode(p.Author, false) },
		"headRefName": p.Head, "headRefOid": p.headSHA(), "baseRefName": p.Base, "baseRefOid": p.baseSHA(),
		"headRepository": func(js) any { return repository(p.headRepo()) }, "baseRepository": func(js) any { return repository(r) },
		"headRepositoryOwner": func(js) any {
			if of := p.headRepo(); of != nil {
				return c.hub.accountNode(of.Owner, false)
			}
			return nil
		},
		"headRef": func(js) any {
			if of := p.headRepo(); of != nil {
				return c.refNode(of, p.Head)
			}
			return nil
		},
		"baseRef":           func(js) any { return c.refNode(r, p.Base) },
		"isCrossRepository": p.headRepo() != r,
		"changedFiles": func(js) any {
			if p.ChangedFiles != 0 {
				return p.ChangedFiles
			}
			return len(p.diff())
		},
		"commits":          func(args js) any { return c.pullCommitNodes(p, args) },
		"labels":           func(args js) any { return c.labelNodes(p, args) },
		"autoMergeRequest": func(js) any { return c.autoMergeNode(p) },
	})}
}

func (c *call) pullCommitNodes(p *pull, args js) any {
	nodes := []any{}
	for _, id := range p.commits() {
		one, _ := p.repo.git.commit(id)
		nodes = append(nodes, &node{"PullRequestCommit",
			map[string]any{"id": nodeID("PullRequestCommit", id), "commit": c.commitNode(p.repo, one)}})
	}
	total := len(nodes)
	made := connection("PullRequestCommitConnection", "commits", nodes[:min(total, maxCommits)], args)
	if n, ok := made.(*node); ok {
		n.fields["totalCount"] = total
		if p.Commits != 0 {
			n.fields["totalCount"] = p.Commits
		}
	}
	return made
}

func (c *call) labelNodes(p *pull, args js) any {
	nodes := []any{}
	for _, name := range p.Labels {
		nodes = append(nodes, &node{"Label", map[string]any{"id": nodeID("Label", name), "name": name, "color": "ededed"}})
	}
	return connection("LabelConnection", "labels", nodes, args)
}

func (c *call) autoMergeNode(p *pull) *node {
	if p.autoMerge == nil {
		return nil
	}
	return &node{"AutoMergeRequest", map[string]any{
		"enabledAt": stamp(p.autoMerge.since), "mergeMethod": p.autoMerge.method,
		"enabledBy":      func(js) any { return c.hub.accountNode(p.autoMerge.by, false) },
		"commitHeadline": orNull(p.autoMerge.title), "commitBody": orNull(p.autoMerge.body),
	}}
}

// mutationRoot is where mutations start.
func (c *call) mutationRoot() *node {
	return &node{"Mutation", map[string]any{
		"enablePullRequestAutoMerge":  c.mutation("EnablePullRequestAutoMergePayload", c.enableAutoMerge),
		"disablePullRequestAutoMerge": c.mutation("DisablePullRequestAutoMergePayload", c.disableAutoMerge),
		"updateRefs":                  c.updateRefs,
	}}
}

// mutation finds the pull request of the input, and shows it when it is done.
func (c *call) mutation(kind string, do func(*pull, js) any) func(js) any {
	return func(args js) any {
		input, _ := args["input"].(js)
		id, _ := input["pullRequestId"].(string)
		p := c.pullByNode(id)
		if p == nil {
			return refusal{"NOT_FOUND", "Could not resolve to a node with the global id of '" + id + "'"}
		}
		at := *c
		at.repo = p.repo
		needs := "contents=write,pull_requests=write"
		return at.allowed(needs, func(js) any {
			if bad := do(p, input); bad != nil {
				return bad
			}
			return &node{kind, map[string]any{
				"pullRequest": func(js) any { return at.pullNode(p) }, "clientMutationId": input["clientMutationId"],
				"actor": func(js) any { return c.hub.accountNode(c.token.actor(), false) },
			}}
		})(nil)
	}
}

func (c *call) pullByNode(id string) *pull {
	for _, name := range sortedKeys(c.hub.repos) {
		for _, p := range c.hub.repos[name].pullsByNumber() {
			if nodeID("PullRequest", p.id) == id {
				return p
			}
		}
	}
	return nil
}

func (c *call) enableAutoMerge(p *pull, input js) any {
	refuse := func(why string) any { return refusal{"UNPROCESSABLE", why} }
	expected, _ := input["expectedHeadOid"].(string)
	method, _ := input["mergeMethod"].(string)
	if method == "" {
		method = "MERGE"
	}
	title, _ := input["commitHeadline"].(string)
	body, _ := input["commitBody"].(string)
	switch {
	case p.repo.NoAutoMerge:
		return refuse("Auto merge is not allowed for this repository")
	case !p.open():
		return refuse("Pull request is closed")
	case p.Draft:
		return refuse("Pull request is in draft state")
	case expected != "" && !strings.EqualFold(expected, p.headSHA()):
		return refuse("Head sha didn't match expected value")
	case p.CleanStatus:
		return refuse("Pull request is in clean status")
	}
	p.autoMerge = &autoMerge{method: method, by: c.token.actor(), title: title, body: body, since: c.hub.now()}
	return nil
}

func (c *call) disableAutoMerge(p *pull, _ js) any {
	if p.autoMerge == nil {
		return refusal{"UNPROCESSABLE", "Can't disable auto-merge for this pull request: it is not enabled"}
	}
	p.autoMerge = nil
	return nil
}
