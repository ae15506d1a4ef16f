package fakehub

import "maps"

// operations is what the hub can answer, by GitHub's own names. GitHub's
// description does not say what permissions each needs: these are as its
// documentation groups them, and were not tried on GitHub itself.
func operations() map[string]operation {
	all := map[string]operation{
		"repos/get":               {"metadata=read", func(c *call) answer { return answer{200, c.showRepo()} }},
		"repos/list-activities":   {"contents=read", listActivities},
		"meta/get":                {"", getMeta},
		"rate-limit/get":          {"", getRateLimit},
		"users/get-authenticated": {"", getUser},
	}
	maps.Copy(all, gitOperations())
	maps.Copy(all, pullOperations())
	maps.Copy(all, issueOperations())
	maps.Copy(all, checkOperations())
	maps.Copy(all, hookOperations())
	maps.Copy(all, probeOperations())
	maps.Copy(all, ticketOperations())
	maps.Copy(all, settingOperations())
	maps.Copy(all, environmentOperations())
	return all
}

func notFound() answer { return answer{404, message("Not Found")} }

// invalid is GitHub's refusal of a well-formed request.
func invalid(errors ...js) answer {
	body := message("Validation Failed")
	if errors != nil {
		list := []any{}
		for _, e := range errors {
			list = append(list, e)
		}
		body["errors"] = list
	}
	return answer{422, body}
}

func listActivities(c *call) answer {
	ref, actor := c.query.Get("ref"), c.query.Get("actor")
	shown := []any{}
	for i := len(c.repo.activity) - 1; i >= 0; i-- {
		p := c.repo.activity[i]
		short := p.Ref[len("refs/heads/"):]
		switch {
		case ref != "" && ref != p.Ref && ref != short,
			actor != "" && actor != p.Actor,
			c.query.Get("activity_type") != "" && c.query.Get("activity_type") != p.Type:
			continue
		}
		id := c.repo.ID*1000 + int64(i)
		shown = append(shown, js{
			"id": id, "node_id": nodeID("PUSH", id), "before": p.Before, "after": p.After, "ref": p.Ref,
			"timestamp": stamp(p.Time), "activity_type": p.Type, "actor": c.hub.user(p.Actor),
		})
	}
	if c.query.Get("direction") == "asc" {
		for i, j := 0, len(shown)-1; i < j; i, j = i+1, j-1 {
			shown[i], shown[j] = shown[j], shown[i]
		}
	}
	return answer{200, cursorPage(c, shown)}
}

func getMeta(*call) answer {
	return answer{200, js{"verifiable_password_authentication": false, "hooks": []string{"192.0.2.0/24", "2001:db8::/29"}}}
}

func getRateLimit(c *call) answer {
	limit := js{"limit": 5000, "used": 1, "remaining": 4999, "reset": c.hub.now().Unix() + 3600}
	return answer{200, js{"rate": limit, "resources": js{"core": limit, "search": limit, "graphql": limit}}}
}

func getUser(c *call) answer {
	if c.token == nil {
		return answer{401, message("Requires authentication")}
	}
	if c.token.app() {
		return answer{403, message("Resource not accessible by integration")}
	}
	return answer{200, c.hub.profile(c.hub.account(c.token.actor()))}
}

// profile is an account's own page.
func (h *Hub) profile(a Account) js {
	return with(h.show(a), js{
		"name": a.Login, "bio": orNull(a.Bio), "blog": nil, "company": nil, "email": nil, "hireable": nil, "location": nil,
		"twitter_username": nil,
		"followers":        a.Followers, "following": 0, "public_gists": 0, "public_repos": a.PublicRepos,
		"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
	})
}

// showRepo is the repository's own page, whose settings not everybody sees.
func (c *call) showRepo() js {
	shown := with(c.repo.showFull(), js{"permissions": c.role()})
	if c.token == nil || c.token.Member {
		for _, name := range []string{"allow_auto_merge", "allow_merge_commit", "allow_squash_merge", "allow_rebase_merge",
			"delete_branch_on_merge"} {
			delete(shown, name)
		}
	}
	return shown
}
