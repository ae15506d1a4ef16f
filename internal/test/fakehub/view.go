package fakehub

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

const site = "https://github.com"

// nodeID is a global id that can be read back.
func nodeID(kind string, of any) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Append(nil, kind, ":", of))
}

// url is an address below a repository in the API.
func (r *repo) url(format string, args ...any) string {
	return r.hub.URL + "/repos/" + r.FullName() + fmt.Sprintf(format, args...)
}

func (r *repo) htmlURL(format string, args ...any) string {
	return site + "/" + r.FullName() + fmt.Sprintf(format, args...)
}

// user shows an account; null for an empty login, which is an account that is gone.
func (h *Hub) user(login string) any {
	if login == "" {
		return nil
	}
	return h.show(h.account(login))
}

func (h *Hub) show(a Account) js {
	api := h.URL + "/users/" + a.Login
	shown := js{
		"login": a.Login, "id": a.ID, "node_id": nodeID(a.Type, a.ID), "type": a.Type, "site_admin": false,
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", a.ID), "gravatar_id": "",
		"url": api, "html_url": site + "/" + a.Login, "user_view_type": "public",
	}
	for name, tail := range map[string]string{
		"followers_url": "/followers", "following_url": "/following{/other_user}", "gists_url": "/gists{/gist_id}",
		"starred_url": "/starred{/owner}{/repo}", "subscriptions_url": "/subscriptions", "organizations_url": "/orgs",
		"repos_url": "/repos", "events_url": "/events{/privacy}", "received_events_url": "/received_events",
	} {
		shown[name] = api + tail
	}
	return shown
}

// show is the repository as its own page and pull requests show it.
func (r *repo) show() js {
	created := stamp(time.Unix(1_600_000_000, 0))
	shown := js{
		"id": r.ID, "node_id": nodeID("Repository", r.ID), "name": r.Name, "full_name": r.FullName(),
		"private": !r.Public, "visibility": map[bool]string{true: "public", false: "private"}[r.Public],
		"owner": r.hub.user(r.Owner), "html_url": r.htmlURL(""), "description": nil, "fork": r.ForkOf != "", "url": r.url(""),
		"clone_url": r.htmlURL(".git"), "git_url": "git://github.com/" + r.FullName() + ".git", "ssh_url": "git@github.com:" + r.FullName() +
			".git",
		"svn_url": r.htmlURL(""), "mirror_url": nil, "homepage": nil, "language": nil, "license": nil, "topics": []any{},
		"default_branch": r.DefaultBranch, "archived": false, "disabled": false, "is_template": false, "allow_forking": true,
		"web_commit_signoff_required": false,
		"has_issues":                  true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_discussions": false,
		"has_downloads":                true,
		"has_pull_requests":            true,
		"pull_request_creation_policy": "all", "permissions": js{"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
		"allow_auto_merge": !r.NoAutoMerge, "allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": true,
		"delete_branch_on_merge": r.DeleteMerged,
		"forks":                  0, "forks_count": 0, "open_issues": 0, "open_issues_count": 0, "stargazers_count": 0, "watchers": 0,
		"watchers_count": 0,
		"size":           1,
		"created_at":     created, "updated_at": created, "pushed_at": created,
	}
	for name, tail := range map[string]string{
		"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
		"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
		"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
		"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
		"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
		"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
		"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
		"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
		"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
		"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
		"trees_url": "/git/trees{/sha}",
	} {
		shown[name] = r.url("%s", tail)
	}
	return shown
}

// showFull is the repository as its own page shows it.
func (r *repo) showFull() js {
	return with(r.show(), js{"network_count": 0, "subscribers_count": 0})
}

func (p person) show() js { return js{"name": p.name, "email": p.email, "date": stamp(p.when)} }

func (r *repo) showVerification(c commit) js {
	s := r.signature(c)
	v := js{"verified": s.Reason == "valid", "reason": s.Reason, "signature": orNull(c.signature), "payload": orNull(c.payload),
		"verified_at": nil}
	if s.Reason == "valid" {
		v["verified_at"] = stamp(c.committer.when)
	}
	return v
}

// showGit is a commit of the Git database.
func (r *repo) showGit(c commit) js {
	parents := []any{}
	for _, id := range c.parents {
		parents = append(parents, js{"sha": id, "url": r.url("/git/commits/%s", id), "html_url": r.htmlURL("/commit/%s", id)})
	}
	return js{
		"sha": c.id, "node_id": nodeID("Commit", c.id), "url": r.url("/git/commits/%s", c.id), "html_url": r.htmlURL("/commit/%s", c.id),
		"author": c.author.show(), "committer": c.committer.show(), "message": c.message, "parents": parents,
		"tree": js{"sha": c.tree, "url": r.url("/git/trees/%s", c.tree)}, "verification": r.showVerification(c),
	}
}

// showCommit is a commit with the accounts that GitHub links to it.
func (r *repo) showCommit(c commit) js {
	linked := func(p person) any {
		if a, ok := r.hub.byEmail(p.email); ok {
			return r.hub.show(a)
		}
		return nil
	}
	parents := []any{}
	for _, id := range c.parents {
		parents = append(parents, js{"sha": id, "url": r.url("/commits/%s", id), "html_url": r.htmlURL("/commit/%s", id)})
	}
	return js{
		"sha": c.id, "node_id": nodeID("Commit", c.id), "url": r.url("/commits/%s", c.id), "html_url": r.htmlURL("/commit/%s", c.id),
		"comments_url": r.url("/commits/%s/comments", c.id), "author": linked(c.author), "committer": linked(c.committer), "parents": parents,
		"commit": js{
			"author": c.author.show(), "committer": c.committer.show(), "message": c.message, "comment_count": 0,
			"tree": js{"sha": c.tree, "url": r.url("/git/trees/%s", c.tree)}, "url": r.url("/git/commits/%s", c.id),
			"verification": r.showVerification(c),
		},
	}
}

// showSide is the head or base of a pull request.
func showSide(r *repo, label, ref, sha string) js {
	side := js{"label": label, "ref": ref, "sha": sha, "repo": nil, "user": nil}
	if r != nil {
		side["repo"], side["user"] = r.show(), r.hub.user(r.Owner)
	}
	return side
}

// showSimple is a pull request as lists show it.
func (p *pull) showSimple() js {
	r, n := p.repo, p.Number
	head := showSide(p.headRepo(), p.label(), p.Head, p.headSHA())
	if head["user"] == nil {
		head["user"] = r.hub.user(p.Author)
	}
	labels := []any{}
	for _, name := range p.Labels {
		labels = append(labels, r.showLabel(name))
	}
	state := "open"
	if !p.open() {
		state = "closed"
	}
	shown := js{
		"id": p.id, "node_id": nodeID("PullRequest", p.id), "number": n, "state": state, "locked": false, "active_lock_reason": nil,
		"draft": p.Draft,
		"title": p.Title, "body": orNull(p.Body), "user": r.hub.user(p.Author), "labels": labels,
		"created_at": stamp(p.Created), "updated_at": stamp(p.updated), "closed_at": stamp(p.closed), "merged_at": stamp(p.merged),
		"assignee": nil, "assignees": []any{}, "milestone": nil, "requested_reviewers": []any{}, "requested_teams": []any{},
		"head": head, "base": showSide(r, r.Owner+":"+p.Base, p.Base, p.baseSHA()),
		"merge_commit_sha": orNull(p.mergeCommit()), "author_association": "NONE", "auto_merge": p.showAutoMerge(),
		"url": r.url("/pulls/%d", n), "html_url": r.htmlURL("/pull/%d", n), "diff_url": r.htmlURL("/pull/%d.diff", n),
		"patch_url": r.htmlURL("/pull/%d.patch", n), "issue_url": r.url("/issues/%d", n), "commits_url": r.url("/pulls/%d/commits", n),
		"comments_url": r.url("/issues/%d/comments", n), "review_comments_url": r.url("/pulls/%d/comments", n),
		"review_comment_url": r.url("/pulls/comments{/number}"), "statuses_url": r.url("/statuses/%s", p.headSHA()),
	}
	links := js{}
	for name, of := range map[string]string{
		"self": "url", "html": "html_url", "issue": "issue_url", "comments": "comments_url", "commits": "commits_url",
		"review_comments": "review_comments_url", "review_comment": "review_comment_url", "statuses": "statuses_url",
	} {
		links[name] = js{"href": shown[of]}
	}
	shown["_links"] = links
	return shown
}

// show is a pull request in full.
func (p *pull) show() js {
	added, deleted, files := p.size()
	commits := len(p.commits())
	if p.Commits != 0 {
		commits = p.Commits
	}
	if p.ChangedFiles != 0 {
		files = p.ChangedFiles
	}
	var mergeable any
	state := "unknown"
	if !p.MergeableUnknown && p.open() {
		_, clean := p.mergeTree()
		mergeable, state = clean, map[bool]string{true: "clean", false: "dirty"}[clean]
		if clean && p.Blocked {
			state = "blocked"
		}
	}
	return with(p.showSimple(), js{
		"merged": !p.merged.IsZero(), "merged_by": p.repo.hub.user(p.mergedBy), "mergeable": mergeable, "mergeable_state": state,
		"rebaseable": mergeable,
		"comments":   len(p.repo.commentsOf(p.Number)), "review_comments": 0, "maintainer_can_modify": false,
		"commits": commits, "additions": added, "deletions": deleted, "changed_files": files,
	})
}

func (p *pull) showAutoMerge() any {
	if p.autoMerge == nil {
		return nil
	}
	return js{
		"enabled_by": p.repo.hub.user(p.autoMerge.by), "merge_method": strings.ToLower(p.autoMerge.method),
		"commit_title": p.autoMerge.title, "commit_message": p.autoMerge.body,
	}
}

// showLabel is a label of the repository.
func (r *repo) showLabel(name string) js {
	return js{
		"id": 700_000 + int64(len(name)), "node_id": nodeID("Label", name), "url": r.url("/labels/%s", name),
		"name": name, "description": r.labels[name], "color": "ededed", "default": false,
	}
}
