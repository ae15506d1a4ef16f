package fakehub

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

func gitOperations() map[string]operation {
	return map[string]operation{
		"git/get-tree":                        {"contents=read", getTree},
		"git/get-blob":                        {"contents=read", getBlob},
		"git/get-commit":                      {"contents=read", getGitCommit},
		"git/get-ref":                         {"contents=read", getRef},
		"git/list-matching-refs":              {"contents=read", listMatchingRefs},
		"repos/list-commits":                  {"contents=read", listCommits},
		"repos/download-tarball-archive":      {"contents=read", getArchive},
		"repos/get-branch":                    {"contents=read", getBranch},
		"repos/compare-commits-with-basehead": {"contents=read", compareCommits},
	}
}

// raw says whether the caller asks for plain bytes.
func (c *call) raw() bool { return strings.Contains(c.r.Header.Get("Accept"), "raw") }

// maxTree is how many entries GitHub lists at once.
const maxTree = 100_000

func getTree(c *call) answer {
	g := c.repo.git
	rev := c.params["tree_sha"]
	if id, ok := g.resolve(rev); ok && !isID(rev) {
		rev = id
	}
	o, ok := g.read(rev + "^{tree}")
	if !ok || c.repo.flawed(o.id, func(f Flaw) bool { return f.Missing }) {
		return notFound()
	}
	_, recursive := c.query["recursive"]
	entries, err := g.list(o.id, "", recursive)
	if err != nil {
		c.hub.problem("list tree: %v", err)
	}
	truncated := len(entries) > maxTree
	if truncated {
		entries = entries[:maxTree]
	}
	if c.repo.flawed(o.id, func(f Flaw) bool { return f.Truncated }) {
		entries, truncated = entries[:len(entries)/2], true
	}
	shown := make([]any, len(entries))
	for i, e := range entries {
		one := js{"path": e.path, "mode": e.mode, "type": e.kind, "sha": e.id}
		switch e.kind {
		case "blob":
			blob, ok := g.read(e.id)
			if !ok {
				c.hub.problem("list tree: no blob %s", e.id)
			}
			one["size"], one["url"] = len(blob.data), c.repo.url("/git/blobs/%s", e.id)
		case "tree":
			one["url"] = c.repo.url("/git/trees/%s", e.id)
		}
		shown[i] = one
	}
	return answer{200, js{"sha": o.id, "url": c.repo.url("/git/trees/%s", o.id), "tree": shown, "truncated": truncated}}
}

func getBlob(c *call) answer {
	sha := c.params["file_sha"]
	if !isID(sha) {
		return answer{422, with(message("The sha parameter must be exactly 40 characters and contain only [0-9a-f]."), js{"errors": []any{}})}
	}
	o, ok := c.repo.served(sha)
	if !ok || o.kind != "blob" {
		return notFound()
	}
	if c.raw() {
		c.header.Set("Content-Type", "application/vnd.github.raw; charset=utf-8")
		return answer{200, o.data}
	}
	return answer{200, js{
		"sha": o.id, "node_id": nodeID("Blob", o.id), "url": c.repo.url("/git/blobs/%s", o.id), "size": len(o.data),
		"content": wrap64(o.data), "encoding": "base64",
	}}
}

// wrap64 is base64 in lines of 60, as GitHub sends it.
func wrap64(data []byte) string {
	var b strings.Builder
	for s := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(data)), 60) {
		b.Write(s)
		b.WriteByte('\n')
	}
	return b.String()
}

func getGitCommit(c *call) answer {
	one, ok := c.commitAt(c.params["commit_sha"])
	if !ok || one.id != c.params["commit_sha"] {
		return notFound()
	}
	return answer{200, c.repo.showGit(one)}
}

// commitAt reads the commit that a revision names, unless it is to be missing.
func (c *call) commitAt(rev string) (commit, bool) {
	id, ok := c.repo.git.resolve(rev)
	if !ok || c.repo.flawed(id, func(f Flaw) bool { return f.Missing }) {
		return commit{}, false
	}
	return c.repo.git.commit(id)
}

func listCommits(c *call) answer {
	rev := c.query.Get("sha")
	if rev == "" {
		rev = c.repo.DefaultBranch
	}
	id, ok := c.repo.git.resolve(rev)
	if !ok {
		return notFound()
	}
	args := []string{"rev-list", id}
	if p := c.query.Get("path"); p != "" {
		args = append(args, "--", p)
	}
	out, err := c.repo.git.run(true, args...)
	if err != nil {
		c.hub.problem("list commits: %v", err)
	}
	return answer{200, c.showCommits(page(c, strings.Fields(out)))}
}

func (c *call) showCommits(ids []string) []any {
	shown := []any{}
	for _, id := range ids {
		if one, ok := c.repo.git.commit(id); ok {
			shown = append(shown, c.repo.showCommit(one))
		}
	}
	return shown
}

func (c *call) showRef(name, id string) js {
	o, _ := c.repo.git.read(id)
	return js{
		"ref": name, "node_id": nodeID("Ref", name), "url": c.repo.url("/git/%s", name),
		"object": js{"type": o.kind, "sha": id, "url": c.repo.url("/git/%ss/%s", o.kind, id)},
	}
}

// refs lists names and ids of refs below a prefix.
func (c *call) refs(prefix string) [][2]string {
	out, err := c.repo.git.run(false, "for-each-ref", "--format=%(refname) %(objectname)")
	if err != nil {
		c.hub.problem("list refs: %v", err)
	}
	var all [][2]string
	for line := range strings.Lines(out) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(name, prefix) {
			all = append(all, [2]string{name, id})
		}
	}
	return all
}

func getRef(c *call) answer {
	name := "refs/" + strings.TrimPrefix(c.params["ref"], "refs/")
	for _, one := range c.refs(name) {
		if one[0] == name {
			return answer{200, c.showRef(one[0], one[1])}
		}
	}
	return notFound()
}

func listMatchingRefs(c *call) answer {
	shown := []any{}
	for _, one := range c.refs("refs/" + c.params["ref"]) {
		shown = append(shown, c.showRef(one[0], one[1]))
	}
	return answer{200, shown}
}

func getBranch(c *call) answer {
	name := c.params["branch"]
	id, ok := c.repo.git.resolve("refs/heads/" + name)
	if !ok {
		return answer{404, message("Branch not found")}
	}
	one, _ := c.repo.git.commit(id)
	p, protected := c.protection()
	ruled := slices.ContainsFunc(c.hub.rulesets, func(r Ruleset) bool { return r.applies(c.repo, name) && len(r.Rules) > 0 })
	level := map[bool]string{true: "non_admins", false: "off"}[len(p.Checks) > 0]
	return answer{200, js{
		"name": name, "commit": c.repo.showCommit(one), "protected": protected || ruled,
		"protection_url": c.repo.url("/branches/%s/protection", name),
		"protection":     js{"enabled": protected, "required_status_checks": with(p.required(), js{"enforcement_level": level})},
		"_links":         js{"self": c.repo.url("/branches/%s", name), "html": c.repo.htmlURL("/tree/%s", name)},
	}}
}

func compareCommits(c *call) answer {
	r := c.repo
	baseName, headName, ok := strings.Cut(c.params["basehead"], "...")
	side := func(name string) (string, bool) {
		if owner, branch, ok := strings.Cut(name, ":"); ok && strings.EqualFold(owner, r.Owner) {
			name = branch
		}
		return r.git.resolve(name)
	}
	base, ok1 := side(baseName)
	head, ok2 := side(headName)
	if !ok || !ok1 || !ok2 {
		return notFound()
	}
	from := r.git.mergeBase(base, head)
	if from == "" {
		return answer{404, message(fmt.Sprintf("No common ancestor between %s and %s.", baseName, headName))}
	}
	ahead, err := r.git.between(base, head)
	behind, err2 := r.git.between(head, base)
	changes, err3 := r.git.changes(from, head)
	if err != nil || err2 != nil || err3 != nil {
		c.hub.problem("compare: %v, %v, %v", err, err2, err3)
	}
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	listed := ahead
	if _, paged := c.query["page"]; paged || c.query.Has("per_page") {
		listed = page(c, ahead)
	} else if len(ahead) > 250 {
		listed = ahead[:250]
	}
	files := []any{}
	if p := c.query.Get("page"); p == "" || p == "1" {
		for _, f := range changes[:min(len(changes), 300)] {
			files = append(files, r.showChange(f, head))
		}
	}
	baseCommit, _ := r.git.commit(base)
	fromCommit, _ := r.git.commit(from)
	html := r.htmlURL("/compare/%s", c.params["basehead"])
	return answer{200, js{
		"url": r.url("/compare/%s", c.params["basehead"]), "html_url": html, "permalink_url": html, "diff_url": html + ".diff",
		"patch_url":   html + ".patch",
		"base_commit": r.showCommit(baseCommit), "merge_base_commit": r.showCommit(fromCommit), "status": status,
		"ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead), "commits": c.showCommits(listed), "files": files,
	}}
}
