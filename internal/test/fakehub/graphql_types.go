package fakehub

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// queryRoot is where queries start.
func (c *call) queryRoot() *node {
	return &node{"Query", map[string]any{
		"repository": func(args js) any {
			name := fmt.Sprintf("%v/%v", args["owner"], args["name"])
			r, ok := c.hub.repos[strings.ToLower(name)]
			at := *c
			at.repo = r
			if !ok || !at.sees() || c.token.Kind != Classic && !r.Public && len(c.token.Permissions) == 0 {
				return refusal{"NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", name)}
			}
			return at.repositoryNode(r)
		},
		"viewer": func(js) any { return c.hub.accountNode(c.token.actor(), true) },
		"rateLimit": func(js) any {
			return &node{"RateLimit", map[string]any{
				"cost": 1, "limit": 5000, "remaining": 4999, "used": 1, "nodeCount": 1,
				"resetAt": stamp(c.hub.now().Add(time.Hour)),
			}}
		},
	}}
}

// allowed wraps what needs a permission.
func (c *call) allowed(needs string, make func(js) any) func(js) any {
	return func(args js) any {
		switch {
		case c.token.Kind == Classic || c.repo.Public && !strings.Contains(needs, "write") || c.token.may(needs):
			return make(args)
		case c.token.app():
			return refusal{"FORBIDDEN", "Resource not accessible by integration"}
		}
		return refusal{"FORBIDDEN", "Resource not accessible by personal access token"}
	}
}

func (c *call) repositoryNode(r *repo) *node {
	return &node{"Repository", map[string]any{
		"id": nodeID("Repository", r.ID), "databaseId": int(r.ID), "name": r.Name, "nameWithOwner": r.FullName(), "url": r.htmlURL(""),
		"isFork": r.ForkOf != "", "isPrivate": !r.Public, "isArchived": false, "autoMergeAllowed": !r.NoAutoMerge,
		"owner": func(js) any { return c.hub.accountNode(r.Owner, false) },
		"object": c.allowed("contents=read", func(args js) any {
			rev, _ := args["oid"].(string)
			if expression, ok := args["expression"].(string); ok {
				rev = expression
			}
			return c.objectNode(r, rev)
		}),
		"ref": c.allowed("contents=read", func(args js) any {
			name, _ := args["qualifiedName"].(string)
			return c.refNode(r, name)
		}),
		"defaultBranchRef": c.allowed("contents=read", func(js) any { return c.refNode(r, r.DefaultBranch) }),
		"issues":           c.allowed("issues=read", func(args js) any { return c.issueNodes(r, args) }),
		"pullRequest": c.allowed("pull_requests=read", func(args js) any {
			p, ok := r.pulls[number(args["number"])]
			if !ok {
				return refusal{"NOT_FOUND", fmt.Sprintf("Could not resolve to a PullRequest with the number of %v.", args["number"])}
			}
			return c.pullNode(p)
		}),
	}}
}

// number reads an Int argument, which is a different Go type as a literal and
// as a variable.
func number(v any) int {
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		return 0
	}
	return n
}

// accountNode is an actor. Where GitHub's schema knows users alone, it shows a
// bot as one, and keeps the [bot] of its login, which actors lose.
func (h *Hub) accountNode(login string, asUser bool) *node {
	if login == "" {
		return nil
	}
	a := h.account(login)
	kind, shown := a.Type, strings.TrimSuffix(a.Login, "[bot]")
	if asUser {
		kind, shown = "User", a.Login
	}
	return &node{kind, map[string]any{
		"login": shown, "id": nodeID(a.Type, a.ID), "databaseId": int(a.ID), "fullDatabaseId": strconv.FormatInt(a.ID, 10),
		"url": site + "/" + a.Login, "resourcePath": "/" + a.Login, "avatarUrl": site + "/" + a.Login + ".png", "name": a.Login, "email": "",
	}}
}

func (c *call) refNode(r *repo, name string) *node {
	full := name
	if !strings.HasPrefix(full, "refs/") {
		full = "refs/heads/" + name
	}
	o, ok := r.git.read(full)
	if !ok {
		return nil
	}
	short := strings.TrimPrefix(strings.TrimPrefix(full, "refs/heads/"), "refs/tags/")
	return &node{"Ref", map[string]any{
		"id": nodeID("Ref", full), "name": short, "prefix": strings.TrimSuffix(full, short),
		"target": func(js) any { return c.objectNode(r, o.id) },
	}}
}

// maxText is where GitHub cuts the text of a blob, in bytes.
const maxText = 512_000

// objectNode is any Git object; nil when there is none.
func (c *call) objectNode(r *repo, rev string) any {
	o, ok := r.served(rev)
	if !ok {
		if id, found := r.git.resolve(rev); found {
			o, ok = r.served(id)
		}
	}
	if !ok {
		return nil
	}
	common := map[string]any{"oid": o.id, "abbreviatedOid": o.id[:7], "id": nodeID(o.kind, o.id)}
	switch o.kind {
	case "commit":
		return c.commitNode(r, parseCommit(o))
	case "tree":
		return &node{"Tree", with(common, map[string]any{"entries": func(js) any { return c.entryNodes(r, o.id) }})}
	case "blob":
		binary := bytes.IndexByte(o.data[:min(len(o.data), 8000)], 0) >= 0
		return &node{"Blob", with(common, map[string]any{
			"byteSize": len(o.data), "isBinary": binary, "isTruncated": len(o.data) > maxText, "text": blobText(o.data, binary),
		})}
	}
	return &node{"Tag", common}
}

func (c *call) entryNodes(r *repo, id string) any {
	entries, err := r.git.list(id, "", false)
	if err != nil {
		c.hub.problem("list tree: %v", err)
	}
	nodes := []any{}
	for _, e := range entries {
		mode, err := strconv.ParseInt(e.mode, 8, 32)
		if err != nil {
			c.hub.problem("list tree: %v", err)
		}
		nodes = append(nodes, &node{"TreeEntry", map[string]any{
			"name": e.path, "path": e.path, "mode": int(mode), "type": e.kind, "oid": e.id,
			"size": func(js) any {
				if e.kind != "blob" {
					return 0
				}
				o, _ := r.git.read(e.id)
				return len(o.data)
			},
			"object": func(js) any { return c.objectNode(r, e.id) },
		}})
	}
	return nodes
}

// blobText is a blob as text, with what is no UTF-8 replaced.
func blobText(data []byte, binary bool) any {
	if binary {
		return nil
	}
	if len(data) > maxText {
		data = data[:maxText]
		for range utf8.UTFMax - 1 {
			if r, size := utf8.DecodeLastRune(data); r != utf8.RuneError || size != 1 {
				break
			}
			data = data[:len(data)-1]
		}
	}
	return strings.ToValidUTF8(string(data), "\uFFFD")
}

func (c *call) commitNode(r *repo, one commit) *node {
	actor := func(p person) *node {
		return &node{"GitActor", map[string]any{
			"name": p.name, "email": p.email, "date": stamp(p.when),
			"user": func(js) any {
				if a, ok := c.hub.byEmail(p.email); ok {
					return c.hub.accountNode(a.Login, true)
				}
				return nil
			},
		}}
	}
	headline, _, _ := strings.Cut(one.message, "\n")
	return &node{"Commit", map[string]any{
		"oid": one.id, "abbreviatedOid": one.id[:7], "id": nodeID("Commit", one.id), "message": one.message, "messageHeadline": headline,
		"committedDate": stamp(one.committer.when), "authoredDate": stamp(one.author.when), "url": r.htmlURL("/commit/%s", one.id),
		"author": actor(one.author), "committer": actor(one.committer), "committedViaWeb": r.signature(one).ByGitHub,
		"authoredByCommitter": one.author.email == one.committer.email,
		"signature":           func(js) any { return c.signatureNode(r, one) },
		"tree":                func(js) any { return c.objectNode(r, one.tree) },
		"parents": func(args js) any {
			nodes := []any{}
			for _, id := range one.parents {
				nodes = append(nodes, c.objectNode(r, id))
			}
			return connection("CommitConnection", "parents", nodes, args)
		},
		"history": func(args js) any { return c.historyNode(r, one.id, args) },
		"file": func(args js) any {
			name, _ := args["path"].(string)
			return c.fileNode(r, one.tree, name)
		},
	}}
}

// historyNode is the history from a commit on: that one first, "in the same order as git
// log" (https://docs.github.com/en/graphql/reference/objects#commit).
func (c *call) historyNode(r *repo, id string, args js) any {
	for _, name := range sortedKeys(args) {
		if name != "first" && name != "after" && args[name] != nil {
			c.hub.problem("GraphQL: history(%s) is not simulated", name)
		}
	}
	out, err := r.git.run(true, "rev-list", id)
	if err != nil {
		c.hub.problem("list history: %v", err)
	}
	all := []any{}
	for _, id := range strings.Fields(out) {
		all = append(all, id)
	}
	page, ok := connection("CommitHistoryConnection", "history", all, args).(*node)
	if !ok {
		return connection("CommitHistoryConnection", "history", all, args)
	}
	nodes := []any{}
	for _, id := range page.fields["nodes"].([]any) {
		nodes = append(nodes, c.objectNode(r, id.(string)))
	}
	delete(page.fields, "edges")
	page.fields["nodes"] = nodes
	return page
}

// fileNode is the entry of a path below a tree; null where there is none.
func (c *call) fileNode(r *repo, tree, name string) any {
	dir, base := path.Split(name)
	if dir != "" {
		o, ok := r.git.read(tree + ":" + strings.TrimSuffix(dir, "/"))
		if !ok || o.kind != "tree" {
			return nil
		}
		tree = o.id
	}
	for _, one := range c.entryNodes(r, tree).([]any) {
		if n := one.(*node); n.fields["name"] == base {
			return n
		}
	}
	return nil
}

// signatureNode is null for a commit without a signature.
func (c *call) signatureNode(r *repo, one commit) *node {
	s := r.signature(one)
	if one.signature == "" && s.Reason == "unsigned" {
		return nil
	}
	kind := "GpgSignature"
	if strings.Contains(one.signature, "SSH SIGNATURE") {
		kind = "SshSignature"
	}
	return &node{kind, map[string]any{
		"isValid": s.Reason == "valid", "state": strings.ToUpper(s.Reason), "wasSignedByGitHub": s.ByGitHub, "email": one.committer.email,
		"signature": one.signature, "payload": one.payload, "verifiedAt": nil, "keyId": nil, "keyFingerprint": nil,
		"signer": c.hub.accountNode(s.Signer, true),
	}}
}

// connection is a page of a list, as its arguments ask for.
func connection(kind, field string, all []any, args js) any {
	first, last := args["first"], args["last"]
	if first == nil && last == nil {
		return refusal{"MISSING_PAGINATION_BOUNDARIES",
			fmt.Sprintf("You must provide a `first` or `last` value to properly paginate the `%s` connection.", field)}
	}
	from, to := 0, len(all)
	if after, _ := args["after"].(string); after != "" {
		from = min(number(after)+1, to)
	}
	if before, _ := args["before"].(string); before != "" {
		to = max(number(before), from)
	}
	for _, n := range []any{first, last} {
		if n != nil && (number(n) < 1 || number(n) > 100) {
			return refusal{"EXCESSIVE_PAGINATION",
				fmt.Sprintf("Requesting %v records on the `%s` connection exceeds the `first` limit of 100 records.", n, field)}
		}
	}
	start, end := from, to
	if first != nil {
		end = min(start+number(first), end)
	}
	if last != nil {
		start = max(end-number(last), start)
	}
	edges := []any{}
	for i, one := range all[start:end] {
		edges = append(edges, &node{strings.TrimSuffix(kind, "Connection") + "Edge",
			map[string]any{"node": one, "cursor": strconv.Itoa(start + i)}})
	}
	var startCursor, endCursor any
	if start < end {
		startCursor, endCursor = strconv.Itoa(start), strconv.Itoa(end-1)
	}
	return &node{kind, map[string]any{
		"totalCount": len(all), "nodes": all[start:end], "edges": edges,
		"pageInfo": &node{"PageInfo", map[string]any{
			"hasNextPage": end < len(all), "hasPreviousPage": start > 0, "startCursor": startCursor, "endCursor": endCursor,
		}},
	}}
}
