package fakehub

import (
	"cmp"
	"maps"
	"strings"
	"time"
	"unicode/utf8"
)

type status struct {
	id                           int64
	sha, state, context          string
	description, target, creator string
	created                      time.Time
}

type check struct {
	id          int64
	body        js // as it was sent, merged over all requests
	annotations []any
	started     time.Time
	completed   time.Time
}

func checkOperations() map[string]operation {
	return map[string]operation{
		"checks/create": {"checks=write", createCheck},
		"checks/update": {"checks=write", withCheck(updateCheck)},
		"checks/get": {"checks=read",
			withCheck(func(c *call, one *check) answer { return answer{200, c.repo.showCheck(one)} })},
		"checks/list-annotations":            {"checks=read", withCheck(listAnnotations)},
		"checks/list-for-ref":                {"checks=read", listChecks},
		"repos/create-commit-status":         {"statuses=write", createStatus},
		"repos/list-commit-statuses-for-ref": {"statuses=read", listStatuses},
	}
}

func withCheck(do func(*call, *check) answer) func(*call) answer {
	return func(c *call) answer {
		for _, one := range c.repo.checks {
			if one.id == int64(c.number("check_run_id")) {
				return do(c, one)
			}
		}
		return notFound()
	}
}

func createCheck(c *call) answer {
	if _, ok := c.repo.git.commit(c.text("head_sha")); !ok {
		return answer{422, with(message("No commit found for SHA: "+c.text("head_sha")), js{"errors": []any{}})}
	}
	if a := checkLimits(c.body); a != nil {
		return *a
	}
	one := &check{id: c.hub.id(), body: js{"status": "queued"}, started: c.hub.now()}
	one.update(c)
	c.repo.checks = append(c.repo.checks, one)
	return answer{201, c.repo.showCheck(one)}
}

func updateCheck(c *call, one *check) answer {
	if a := checkLimits(c.body); a != nil {
		return *a
	}
	one.update(c)
	return answer{200, c.repo.showCheck(one)}
}

// checkLimits refuses what GitHub refuses beyond its description.
func checkLimits(body js) *answer {
	refuse := func(text string) *answer {
		return &answer{422, with(message("Invalid request.\n\n"+text), js{"errors": []any{}})}
	}
	if body["status"] == "completed" && body["conclusion"] == nil {
		return refuse(`"conclusion" is required when "status" is "completed".`)
	}
	if body["conclusion"] == "stale" {
		return refuse(`"stale" is set by GitHub alone.`)
	}
	output, _ := body["output"].(js)
	list, _ := output["annotations"].([]any)
	if len(list) > 50 {
		return refuse(`No more than 50 items are allowed; "annotations".`)
	}
	for _, name := range []string{"summary", "text"} {
		if s, _ := output[name].(string); utf8.RuneCountInString(s) > 65_535 {
			return refuse(`Only 65535 characters are allowed; "` + name + `".`)
		}
	}
	for _, one := range list {
		if why := annotationLimits(one); why != "" {
			return refuse(why)
		}
	}
	return nil
}

func annotationLimits(one any) string {
	a, _ := one.(js)
	text := func(name string) string { s, _ := a[name].(string); return s }
	number := func(name string) float64 { n, _ := a[name].(float64); return n }
	switch {
	case utf8.RuneCountInString(text("title")) > 255:
		return "An annotation's title is longer than 255 characters."
	case len(text("message")) > 64<<10 || len(text("raw_details")) > 64<<10:
		return "An annotation's message is larger than 64 KB."
	case text("message") == "":
		return "An annotation's message is empty."
	case number("start_line") < 1 || number("end_line") < number("start_line"):
		return "An annotation's lines are not a range."
	case number("start_line") != number("end_line") && (a["start_column"] != nil || a["end_column"] != nil):
		return "An annotation over several lines has columns."
	}
	return ""
}

// update takes what a request sets. Annotations are added, never replaced.
func (one *check) update(c *call) {
	sent := maps.Clone(c.body)
	if output, ok := sent["output"].(js); ok {
		list, _ := output["annotations"].([]any)
		one.annotations = append(one.annotations, list...)
		kept, _ := one.body["output"].(js)
		merged := maps.Clone(output)
		delete(merged, "annotations")
		if kept != nil {
			merged = with(maps.Clone(kept), merged)
		}
		sent["output"] = merged
	}
	maps.Copy(one.body, sent)
	if one.body["conclusion"] != nil {
		one.body["status"] = "completed"
	}
	if one.body["status"] == "completed" && one.completed.IsZero() {
		one.completed = c.hub.now()
	}
}

func (r *repo) showCheck(one *check) js {
	text := func(name string) any { s, _ := one.body[name].(string); return orNull(s) }
	output, _ := one.body["output"].(js)
	started := text("started_at")
	if started == nil {
		started = stamp(one.started)
	}
	completed := text("completed_at")
	if completed == nil {
		completed = stamp(one.completed)
	}
	return js{
		"id": one.id, "node_id": nodeID("CheckRun", one.id), "head_sha": one.body["head_sha"], "name": one.body["name"],
		"status": one.body["status"], "conclusion": one.body["conclusion"], "started_at": started, "completed_at": completed,
		"external_id": text("external_id"), "details_url": text("details_url"), "url": r.url("/check-runs/%d", one.id),
		"html_url": r.htmlURL("/runs/%d", one.id), "check_suite": js{"id": 1}, "pull_requests": []any{}, "app": showApp(r.hub),
		"output": js{
			"title": output["title"], "summary": output["summary"], "text": output["text"], "annotations_count": len(one.annotations),
			"annotations_url": r.url("/check-runs/%d/annotations", one.id),
		},
	}
}

func showApp(h *Hub) js {
	return js{
		"id": 15368, "slug": "github-actions", "node_id": nodeID("App", 15368), "name": "GitHub Actions", "description": "Automate your workflow",
		"owner": h.user("github-actions[bot]"), "external_url": "https://help.github.com/en/actions", "html_url": site + "/apps/github-actions",
		"created_at": "2018-07-30T09:30:17Z", "updated_at": "2018-07-30T09:30:17Z", "permissions": js{"checks": "write"}, "events": []any{},
	}
}

func listAnnotations(c *call, one *check) answer {
	shown := []any{}
	for _, a := range page(c, one.annotations) {
		sent, _ := a.(js)
		shown = append(shown, with(js{
			"blob_href": c.repo.url("/git/blobs/0"), "title": nil, "raw_details": nil, "start_column": nil, "end_column": nil,
		}, sent))
	}
	return answer{200, shown}
}

func listChecks(c *call) answer {
	id, ok := c.repo.git.resolve(strings.TrimPrefix(c.params["ref"], "heads/"))
	if !ok {
		return notFound()
	}
	shown := []any{}
	for i := len(c.repo.checks) - 1; i >= 0; i-- {
		one := c.repo.checks[i]
		name, state := c.query.Get("check_name"), c.query.Get("status")
		if one.body["head_sha"] == id && (name == "" || name == one.body["name"]) && (state == "" || state == one.body["status"]) {
			shown = append(shown, c.repo.showCheck(one))
		}
	}
	return answer{200, js{"total_count": len(shown), "check_runs": page(c, shown)}}
}

func createStatus(c *call) answer {
	sha := c.params["sha"]
	if _, ok := c.repo.git.commit(sha); !ok {
		return answer{422, with(message("No commit found for SHA: "+sha), js{"errors": []any{}})}
	}
	if utf8.RuneCountInString(c.text("description")) > 140 {
		return invalid(js{"resource": "Status", "code": "custom", "field": "description",
			"message": "description is too long (maximum is 140 characters)"})
	}
	one := &status{
		id: c.hub.id(), sha: sha, state: c.text("state"), context: cmp.Or(c.text("context"), "default"),
		description: c.text("description"), target: c.text("target_url"), creator: c.token.actor(), created: c.hub.now(),
	}
	c.repo.statuses = append(c.repo.statuses, one)
	return answer{201, c.repo.showStatus(one)}
}

func (r *repo) showStatus(one *status) js {
	return with(r.showSimpleStatus(one), js{"creator": r.hub.user(one.creator)})
}

func (r *repo) showSimpleStatus(one *status) js {
	return js{
		"id": one.id, "node_id": nodeID("StatusContext", one.id), "url": r.url("/statuses/%s", one.sha), "state": one.state,
		"context":     one.context,
		"description": orNull(one.description), "target_url": orNull(one.target), "created_at": stamp(one.created),
		"updated_at": stamp(one.created),
		"avatar_url": "https://avatars.githubusercontent.com/u/1?v=4",
	}
}

func (c *call) statusesOf() ([]*status, string, bool) {
	id, ok := c.repo.git.resolve(strings.TrimPrefix(c.params["ref"], "heads/"))
	var all []*status
	for i := len(c.repo.statuses) - 1; i >= 0; i-- {
		if c.repo.statuses[i].sha == id {
			all = append(all, c.repo.statuses[i])
		}
	}
	return all, id, ok
}

func listStatuses(c *call) answer {
	all, _, ok := c.statusesOf()
	if !ok {
		return notFound()
	}
	shown := []any{}
	for _, one := range page(c, all) {
		shown = append(shown, c.repo.showStatus(one))
	}
	return answer{200, shown}
}
