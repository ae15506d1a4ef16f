package fakehub

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

func pullOperations() map[string]operation {
	return map[string]operation{
		"pulls/list":           {"pull_requests=read", listPulls},
		"pulls/get":            {"pull_requests=read", withPull(func(_ *call, p *pull) answer { return answer{200, p.show()} })},
		"pulls/create":         {"pull_requests=write", createPull},
		"pulls/update":         {"pull_requests=write", withPull(updatePull)},
		"pulls/create-review":  {"pull_requests=write", withPull(createReview)},
		"pulls/dismiss-review": {"pull_requests=write", withPull(dismissReview)},
		"pulls/merge":          {"contents=write", withPull(mergePull)},
		"repos/list-pull-requests-associated-with-commit": {"pull_requests=read", listPullsOfCommit},
	}
}

// withPull looks the pull request of the path up.
func withPull(do func(*call, *pull) answer) func(*call) answer {
	return func(c *call) answer {
		p, ok := c.repo.pulls[c.number("pull_number")]
		if !ok {
			return notFound()
		}
		return do(c, p)
	}
}

func listPulls(c *call) answer {
	state := cmp.Or(c.query.Get("state"), "open")
	head, base := c.query.Get("head"), c.query.Get("base")
	if !strings.Contains(head, ":") {
		head = "" // GitHub takes no notice of a branch without its owner
	}
	shown := []any{}
	for _, p := range c.repo.pullsByNumber() {
		if state == "open" && !p.open() || state == "closed" && p.open() || head != "" && p.label() != head || base != "" && p.Base != base {
			continue
		}
		shown = append(shown, p.showSimple())
	}
	if c.query.Get("direction") == "asc" {
		slices.Reverse(shown)
	}
	return answer{200, page(c, shown)}
}

func listPullsOfCommit(c *call) answer {
	shown := []any{}
	for _, p := range c.repo.pullsByNumber() {
		if p.headSHA() == c.params["commit_sha"] || slices.Contains(p.commits(), c.params["commit_sha"]) {
			shown = append(shown, p.showSimple())
		}
	}
	return answer{200, page(c, shown)}
}

func createPull(c *call) answer {
	r := c.repo
	if c.token.Kind == ActionsToken && !r.ActionsMayOpen {
		return answer{403, message("GitHub Actions is not permitted to create or approve pull requests.")}
	}
	base, label := c.text("base"), c.text("head")
	draft, _ := c.body["draft"].(bool)
	p := Pull{Title: c.text("title"), Body: c.text("body"), Head: label, Base: base, Author: c.token.actor(), Draft: draft}
	if owner, branch, ok := strings.Cut(label, ":"); ok {
		p.Head = branch
		if !strings.EqualFold(owner, r.Owner) {
			p.HeadRepo = owner + "/" + r.Name
			if _, ok := c.hub.repos[strings.ToLower(p.HeadRepo)]; !ok {
				return invalid(js{"resource": "PullRequest", "field": "head", "code": "invalid"})
			}
		}
	}
	from := r
	if p.HeadRepo != "" {
		from = c.hub.repo(p.HeadRepo)
	}
	head, ok := from.git.resolve("refs/heads/" + p.Head)
	if !ok {
		return invalid(js{"resource": "PullRequest", "field": "head", "code": "invalid"})
	}
	tip, ok := r.git.resolve("refs/heads/" + base)
	if !ok {
		return invalid(js{"resource": "PullRequest", "field": "base", "code": "invalid"})
	}
	if strings.TrimSpace(p.Title) == "" {
		return invalid(js{"resource": "PullRequest", "field": "title", "code": "missing_field"})
	}
	label = (&pull{Pull: p, repo: r}).label()
	for _, other := range r.pullsByNumber() {
		if other.open() && other.label() == label && other.Base == base {
			return invalid(js{"resource": "PullRequest", "code": "custom", "message": fmt.Sprintf("A pull request already exists for %s.", label)})
		}
	}
	if from == r {
		if ahead, err := r.git.between(tip, head); err == nil && len(ahead) == 0 {
			return invalid(js{"resource": "PullRequest", "code": "custom", "message": fmt.Sprintf("No commits between %s and %s", base, p.Head)})
		}
	}
	made, err := r.open(p)
	if err != nil {
		c.hub.problem("%v", err)
		return invalid()
	}
	return answer{201, made.show()}
}

func updatePull(c *call, p *pull) answer {
	if base := c.text("base"); base != "" {
		if _, ok := c.repo.git.resolve("refs/heads/" + base); !ok {
			return invalid(js{"resource": "PullRequest", "field": "base", "code": "invalid"})
		}
		p.Base = base
	}
	if title, ok := c.body["title"].(string); ok {
		p.Title = title
	}
	if body, ok := c.body["body"].(string); ok {
		p.Body = body
	}
	switch state := c.text("state"); {
	case state == "closed" && p.open():
		p.headSHA()
		p.closed, p.autoMerge = c.hub.now(), nil
	case state == "open" && !p.open():
		if _, ok := c.repo.git.resolve("refs/heads/" + p.Head); !ok || !p.merged.IsZero() {
			return invalid(js{"resource": "PullRequest", "field": "state", "code": "invalid", "message": "state cannot be changed."})
		}
		p.closed = p.merged
	}
	p.updated = c.hub.now()
	return answer{200, p.show()}
}

// maxCommits is where GitHub's lists of a pull request's commits end.
const maxCommits = 250

func (p *pull) showReview(one *review) js {
	html := p.repo.htmlURL("/pull/%d#pullrequestreview-%d", p.Number, one.id)
	self := p.repo.url("/pulls/%d", p.Number)
	return js{
		"id": one.id, "node_id": nodeID("PullRequestReview", one.id), "user": p.repo.hub.user(one.user), "body": one.body, "state": one.state,
		"commit_id": one.commit, "html_url": html, "pull_request_url": self, "submitted_at": stamp(one.submitted), "author_association": "MEMBER",
		"_links": js{"html": js{"href": html}, "pull_request": js{"href": self}},
	}
}

func createReview(c *call, p *pull) answer {
	event, user := c.text("event"), c.token.actor()
	states := map[string]string{"": "PENDING", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
	refuse := func(text string) answer {
		return answer{422, with(message("Unprocessable Entity"), js{"errors": []any{text}})}
	}
	switch {
	case event == "APPROVE" && c.token.Kind == ActionsToken && !c.repo.ActionsMayOpen:
		return refuse("GitHub Actions is not permitted to approve pull requests.")
	case event == "APPROVE" && user == p.Author:
		return refuse("Can not approve your own pull request")
	case event != "APPROVE" && event != "" && c.text("body") == "":
		return refuse("Body can't be blank")
	}
	at := cmp.Or(c.text("commit_id"), p.headSHA())
	if !slices.Contains(p.commits(), at) {
		return refuse("Commit is not part of the pull request")
	}
	one := &review{id: c.hub.id(), user: user, state: states[event], body: c.text("body"), commit: at, submitted: c.hub.now()}
	p.reviews = append(p.reviews, one)
	return answer{200, p.showReview(one)}
}

func dismissReview(c *call, p *pull) answer {
	for _, one := range p.reviews {
		if one.id == int64(c.number("review_id")) {
			if one.state != "APPROVED" && one.state != "CHANGES_REQUESTED" {
				return invalid()
			}
			one.state = "DISMISSED"
			return answer{200, p.showReview(one)}
		}
	}
	return notFound()
}

func mergePull(c *call, p *pull) answer {
	if sha := c.text("sha"); sha != "" && sha != p.headSHA() {
		return answer{409, message("Head branch was modified. Review and try the merge again.")}
	}
	if p.Blocked && p.open() {
		return answer{405, message("Required status check \"fluxkeeper\" is expected.")}
	}
	tree, clean := p.mergeTree()
	if !p.open() || p.Draft || !clean {
		return answer{405, message("Pull Request is not mergeable")}
	}
	if err := p.merge(tree, cmp.Or(c.text("merge_method"), "merge"), c.text("commit_title"), c.text("commit_message")); err != nil {
		c.hub.problem("%v", err)
		return answer{405, message("Pull Request is not mergeable")}
	}
	p.mergedBy = c.token.actor()
	return answer{200, js{"sha": p.mergeSHA, "merged": true, "message": "Pull Request successfully merged"}}
}

// merge makes the merge commit and moves the base branch to it. A rebase of
// several commits is not simulated.
func (p *pull) merge(tree, method, title, body string) error {
	r, base, head := p.repo, p.baseSHA(), p.headSHA()
	parents := []string{base, head}
	text := fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.Number, r.Owner, p.Head, p.Title)
	if method == "squash" || method == "rebase" {
		parents, text = parents[:1], fmt.Sprintf("%s (#%d)", p.Title, p.Number)
	}
	if method == "rebase" && len(p.commits()) != 1 {
		return fmt.Errorf("merge pull request %d: a rebase of several commits is not simulated", p.Number)
	}
	if title != "" {
		text = strings.TrimSpace(title + "\n\n" + body)
	}
	id, err := r.commitTree(tree, text, r.hub.now(), parents...)
	if err != nil {
		return fmt.Errorf("merge pull request %d: %w", p.Number, err)
	}
	if _, err := r.git.run(false, "update-ref", "refs/heads/"+p.Base, id, base); err != nil {
		return fmt.Errorf("merge pull request %d: %w", p.Number, err)
	}
	p.HeadSHA, p.BaseSHA, p.mergeSHA = head, base, id
	p.merged = r.hub.now()
	p.closed, p.updated, p.autoMerge = p.merged, p.merged, nil
	return nil
}
