package fakehub

import (
	"path"
	"slices"
	"strings"
)

// maxContent is the size up to which contents are sent whole.
const maxContent = 1 << 20

func getContent(c *call) answer {
	name := strings.Trim(c.params["path"], "/")
	rev := c.query.Get("ref")
	if rev == "" {
		rev = c.repo.DefaultBranch
	}
	id, ok := c.repo.git.resolve(rev)
	if !ok {
		return answer{404, message("No commit found for the ref " + rev)}
	}
	o, ok := c.followed(id, name)
	if !ok {
		return notFound()
	}
	if o.kind == "tree" {
		entries, err := c.repo.git.list(o.id, name, false)
		if err != nil {
			c.hub.problem("list contents: %v", err)
		}
		shown := []any{}
		for _, e := range entries[:min(len(entries), 1000)] {
			kind := map[string]string{"blob": "file", "tree": "dir", "commit": "file"}[e.kind]
			if e.mode == "120000" {
				kind = "symlink"
			}
			blob, _ := c.repo.git.read(e.id)
			shown = append(shown, c.showContent(e.path, e.id, rev, kind, len(blob.data)))
		}
		return answer{200, shown}
	}
	if c.raw() {
		c.header.Set("Content-Type", "application/vnd.github.raw; charset=utf-8")
		return answer{200, o.data}
	}
	shown := with(c.showContent(name, o.id, rev, "file", len(o.data)), js{"content": wrap64(o.data), "encoding": "base64"})
	if len(o.data) > maxContent {
		shown["content"], shown["encoding"] = "", "none"
	}
	return answer{200, shown}
}

// followed reads what stands at a path. Symbolic links within the repository
// are followed unseen, as GitHub does.
func (c *call) followed(commit, name string) (object, bool) {
	for range 10 {
		o, ok := c.repo.served(commit + ":" + name)
		if !ok || o.kind != "blob" {
			return o, ok
		}
		entries, err := c.repo.git.list(c.folder(commit, path.Dir(name)), "", false)
		link := slices.ContainsFunc(entries, func(e entry) bool { return e.path == path.Base(name) && e.mode == "120000" })
		if err != nil || !link {
			return o, ok
		}
		name = path.Join(path.Dir(name), string(o.data))
	}
	return object{}, false
}

// folder gives the id of a tree at a path of a commit.
func (c *call) folder(commit, name string) string {
	if name == "." {
		name = ""
	}
	o, _ := c.repo.git.read(commit + ":" + name)
	return o.id
}

func (c *call) showContent(name, id, rev, kind string, size int) js {
	self, html, git := c.repo.url("/contents/%s?ref=%s", name, rev), c.repo.htmlURL("/blob/%s/%s", rev, name), c.repo.url("/git/blobs/%s", id)
	if kind == "dir" {
		size, git = 0, c.repo.url("/git/trees/%s", id)
	}
	return js{
		"type": kind, "name": path.Base(name), "path": name, "sha": id, "size": size, "url": self, "html_url": html, "git_url": git,
		"download_url": c.repo.htmlURL("/raw/%s/%s", rev, name), "_links": js{"self": self, "git": git, "html": html},
	}
}
