package fakehub

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func hookOperations() map[string]operation {
	ops := map[string]operation{
		"apps/get-authenticated":          {appJWTOnly, getApp},
		"apps/get-webhook-config-for-app": {appJWTOnly, ofHook(func(_ *call, k *hook) answer { return answer{200, k.config()} })},
		"repos/list-webhooks":             {"repository_hooks=read", listHooks},
		"orgs/list-webhooks":              {"organization_hooks=read", listHooks},
	}
	for at, needs := range map[string]string{"repos": "repository_hooks=", "orgs": "organization_hooks=", "apps": ""} {
		read, write := needs+"read", needs+"write"
		if needs == "" {
			read, write = appJWTOnly, appJWTOnly
		}
		ops[at+"/list-webhook-deliveries"] = operation{read, ofHook(listDeliveries)}
		ops[at+"/get-webhook-delivery"] = operation{read, ofHook(ofAttempt(getDelivery))}
		ops[at+"/redeliver-webhook-delivery"] = operation{write, ofHook(ofAttempt(redeliver))}
	}
	return ops
}

func getApp(c *call) answer {
	h, events := c.hub, []string{"push"}
	for _, k := range h.hooks {
		if k.On == "" {
			events = k.Events
		}
	}
	page := site + "/apps/" + h.app.Slug
	return answer{200, js{
		"id": h.app.ID, "slug": h.app.Slug, "node_id": nodeID("Integration", h.app.ID), "client_id": "Iv1.ab1112223334445c",
		"owner": h.user(h.app.Slug + "-owner"), "name": h.app.Slug, "description": "", "external_url": page, "html_url": page,
		"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "events": events, "installations_count": 1,
		"permissions": js{"contents": "read", "metadata": "read", "issues": "write"},
	}}
}

// on is what the path names: a repository, an organization, or the app.
func (c *call) on() string {
	if c.repo != nil {
		return c.repo.FullName()
	}
	return c.params["org"]
}

func listHooks(c *call) answer {
	if org, ok := c.hub.accounts[c.params["org"]]; c.repo == nil && (!ok || org.Type != "Organization") {
		return notFound()
	}
	shown := []any{}
	for _, k := range c.hub.hooks {
		if strings.EqualFold(k.On, c.on()) {
			shown = append(shown, c.hub.showHook(k))
		}
	}
	return answer{200, page(c, shown)}
}

// ofHook finds the hook of a path. The app's has no number there.
func ofHook(do func(*call, *hook) answer) func(*call) answer {
	return func(c *call) answer {
		for _, k := range c.hub.hooks {
			if strings.EqualFold(k.On, c.on()) && (k.On == "" || strconv.FormatInt(k.ID, 10) == c.params["hook_id"]) {
				return do(c, k)
			}
		}
		return notFound()
	}
}

func (k *hook) config() js {
	shown := js{"url": k.URL, "content_type": k.ContentType, "insecure_ssl": map[bool]string{true: "1", false: "0"}[k.InsecureTLS]}
	if k.Secret != "" {
		shown["secret"] = "********"
	}
	return shown
}

func (h *Hub) showHook(k *hook) js {
	kind, api := "Organization", fmt.Sprintf("%s/orgs/%s/hooks/%d", h.URL, k.On, k.ID)
	shown := js{}
	if strings.Contains(k.On, "/") {
		kind, api = "Repository", fmt.Sprintf("%s/repos/%s/hooks/%d", h.URL, k.On, k.ID)
		shown["test_url"] = api + "/test"
		shown["last_response"] = js{"code": nil, "status": "unused", "message": nil}
		if n := len(k.attempts); n > 0 {
			shown["last_response"] = js{"code": k.attempts[n-1].code, "status": "active", "message": k.attempts[n-1].status}
		}
	}
	return with(shown, js{
		"type": kind, "id": k.ID, "name": "web", "active": !k.Inactive, "events": k.Events, "config": k.config(),
		"created_at": stamp(k.Created), "updated_at": stamp(k.Updated),
		"url": api, "ping_url": api + "/pings", "deliveries_url": api + "/deliveries",
	})
}

// kept says whether GitHub still lists an attempt.
func (a *attempt) kept(now time.Time) bool { return now.Sub(a.due) < keeps }

// listDeliveries lists the latest first. The cursor is opaque, and stays where
// it is while further deliveries come in on top.
func listDeliveries(c *call, k *hook) answer {
	var all []*attempt
	for _, a := range k.attempts {
		good := a.code >= 200 && a.code < 400
		bad := a.code >= 400 && a.code < 600 // what got no answer is neither
		status := c.query.Get("status")
		if a.kept(c.hub.now()) && (status == "" || status == "success" && good || status == "failure" && bad) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *attempt) int { return cmp.Or(b.due.Compare(a.due), cmp.Compare(b.id, a.id)) })
	if text := c.query.Get("cursor"); text != "" {
		id, err := readCursor(text)
		from := slices.IndexFunc(all, func(a *attempt) bool { return a.id == id })
		if err != nil || from < 0 {
			return answer{400, message("Invalid cursor")}
		}
		all = all[from:]
	}
	size := 30
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil {
		size = min(max(n, 1), 100)
	}
	if len(all) > size {
		query := c.r.URL.Query()
		query.Set("cursor", writeCursor(all[size].id))
		c.header.Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, c.r.Host, c.r.URL.EscapedPath(), query.Encode()))
	}
	shown := []any{}
	for _, a := range all[:min(size, len(all))] {
		shown = append(shown, c.hub.showAttempt(a))
	}
	return answer{200, shown}
}

func writeCursor(id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "v1:%d", id)) // with "=", which has to be escaped
}

func readCursor(text string) (int64, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimPrefix(string(data), "v1:"), 10, 64)
}

func (h *Hub) showAttempt(a *attempt) js {
	shown := js{
		"id": a.id, "guid": a.GUID, "delivered_at": stamp(a.due), "redelivery": a.redelivery, "duration": a.took.Seconds(),
		"status": a.status, "status_code": a.code, "event": a.Name, "action": orNull(a.Action),
		"installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if r, ok := h.repos[strings.ToLower(a.Repo)]; ok {
		shown["repository_id"] = r.ID
	}
	if a.hook.On == "" {
		shown["installation_id"] = 5_000_001
	}
	if a.fate.Throttled > 0 && !a.redelivery {
		shown["throttled_at"] = stamp(a.Time)
	}
	return shown
}

// ofAttempt finds the delivery of a path.
func ofAttempt(do func(*call, *attempt) answer) func(*call, *hook) answer {
	return func(c *call, k *hook) answer {
		for _, a := range k.attempts {
			if strconv.FormatInt(a.id, 10) == c.params["delivery_id"] && a.kept(c.hub.now()) {
				return do(c, a)
			}
		}
		return notFound()
	}
}

func getDelivery(c *call, a *attempt) answer {
	headers := js{}
	for name, values := range c.hub.hookHeaders(a) {
		headers[name] = values[0]
	}
	var payload js
	if err := json.Unmarshal(a.Body, &payload); err != nil {
		payload = nil
	}
	var got any // null where no answer came
	if a.answered != nil {
		all := js{}
		for name, values := range a.answered {
			all[name] = values[0]
		}
		got = all
	}
	return answer{200, with(c.hub.showAttempt(a), js{
		"url": a.hook.URL, "request": js{"headers": headers, "payload": payload},
		"response": js{"headers": got, "payload": orNull(a.response)},
	})}
}

// redeliver takes an order for a further attempt, under the same GUID.
func redeliver(c *call, a *attempt) answer {
	if a.fate.Refused != 0 {
		a.fate.refused++
		return answer{a.fate.Refused, message("The delivery cannot be sent again")}
	}
	c.hub.outbox = append(c.hub.outbox, &attempt{
		Event: a.Event, hook: a.hook, fate: a.fate, due: c.hub.now(), redelivery: true,
	})
	return answer{202, js{}}
}
