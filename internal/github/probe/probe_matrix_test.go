package probe_test

import (
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	pat "github.com/goldfish-inc/fluxkeeper/internal/token"
)

func days(n int) time.Time { return noon.AddDate(0, 0, n) }

// situations are the matrix of tokens.
func situations() []situation {
	var all []situation
	for _, list := range [][]situation{kinds(), lives(), rights(), classics(), reaches(), refusals(), accounts(), servers()} {
		all = append(all, list...)
	}
	return all
}

func kinds() []situation {
	return []situation{
		{name: "fine-grained, as it should be"},
		{name: "classic, as it should be", kind: pat.Classic, want: []string{"classic"}, asks: 5},
		{name: "classic of before 2021", kind: pat.Legacy, want: []string{"classic"}},
		{name: "OAuth app's", kind: pat.OAuth, want: []string{"kind person"}},
		{name: "app's installation", kind: pat.Installation, want: []string{"kind an hour"}},
		{name: "GITHUB_TOKEN of the old form", text: fakehub.Token,
			want: []string{"kind an hour", "surplus Issues", "repository-surplus acme/payroll"}},
		{name: "app user's", kind: pat.AppUser, want: []string{"kind app-user"}},
		{name: "refresh token", text: made(pat.Refresh), want: []string{"kind refresh"}, unsent: true},
		{name: "another service's secret", text: "AKIA" + "IOSFODNN7EXAMPLE", want: []string{"malformed prefix"}, unsent: true},
		{name: "with a newline", text: made(pat.FineGrained) + "\n", want: []string{"malformed no token has"}, unsent: true},
		{name: "nothing", text: " ", want: []string{"malformed"}, unsent: true},
	}
}

func lives() []situation {
	garbage := func(text string) func(*fakehub.Grant) {
		return func(g *fakehub.Grant) { g.ExpiryHeader = text }
	}
	return []situation{
		{name: "expired", grant: expires(days(-1)), want: []string{"rejected expired, revoked"}, asks: 1},
		{name: "revoked", grant: func(g *fakehub.Grant) { g.Revoked = true }, want: []string{"rejected expired, revoked"}, asks: 1},
		{name: "mistyped", text: made(pat.Classic)[:39] + "!", want: []string{"rejected cut or mistyped"}, asks: 1},
		{name: "no expiry", grant: expires(time.Time{}), want: []string{"no-expiry"}},
		{name: "classic without expiry", kind: pat.Classic, grant: expires(time.Time{}), want: []string{"classic", "no-expiry"}},
		{name: "expires in 29 days", grant: expires(days(29)), want: []string{"expires 29 days"}},
		{name: "expires in 14 days", grant: expires(days(14)), want: []string{"expires 14 days"}},
		{name: "expires in 7 days", grant: expires(days(7)), want: []string{"expires-soon 7 days"}},
		{name: "classic expires tomorrow", kind: pat.Classic, grant: expires(days(1)), want: []string{"classic", "expires-soon 1 day,"}},
		{name: "expires within hours", grant: expires(noon.Add(5 * time.Hour)), want: []string{"expires-soon less than a day"}},
		{name: "90 days", grant: expires(days(90))},
		{name: "longer than the rotation", grant: expires(days(365)), want: []string{"lifetime 365 days"}},
		{name: "the layout with an offset", grant: garbage("2027-01-19 14:00:00 +0200")},
		{name: "the layout of classic tokens", grant: garbage("2027-01-19 12:00:00 UTC")},
		{name: "an unknown layout", grant: garbage("19/01/27"), want: []string{"expiry-unreadable 19/01/27"}},
		{name: "another zone's letters", grant: garbage("2027-01-19 12:00:00 PST"), want: []string{"expiry-unreadable PST"}},
	}
}

func rights() []situation {
	observed := func(name string, level pat.Level) func(*pat.Need) {
		return func(n *pat.Need) { n.Permissions[name] = level }
	}
	return []situation{
		{name: "contents missing", grant: permission("contents", ""), want: []string{"missing Contents: write is missing"}},
		{name: "contents read only", grant: permission("contents", "read"),
			want: []string{"missing Contents: write is missing; the token may only read"}},
		{name: "pull requests missing", grant: permission("pull_requests", ""), want: []string{"missing Pull requests: write is missing"}},
		{name: "pull requests read only", grant: permission("pull_requests", "read"),
			want: []string{"missing Pull requests: write is missing; the token may only read"}},
		{name: "nothing but metadata", grant: func(g *fakehub.Grant) { g.Permissions = nil },
			want: []string{"missing Contents", "missing Pull requests"}},
		{name: "statuses as allowed", grant: permission("statuses", "write")},
		{name: "statuses needed and missing", need: observed("statuses", pat.Write), want: []string{"missing Commit statuses: write"}, asks: 15},
		{name: "statuses needed and there", need: observed("statuses", pat.Write), grant: permission("statuses", "write")},
		{name: "workflows needed", need: observed("workflows", pat.Write), want: []string{"unproven Workflows"}},
		{name: "issues too many", grant: permission("issues", "read"), want: []string{"surplus Issues"}},
		{name: "webhooks too many", grant: permission("repository_hooks", "write"), want: []string{"surplus Webhooks"}},
		{name: "administration too many", grant: permission("administration", "read"), want: []string{"surplus Administration"}},
		{name: "actions instead of workflows, as the runbook had it", grant: permission("actions", "write"), want: []string{"surplus Actions"}},
		{name: "secrets too many", grant: permission("secrets", "read"), want: []string{"surplus Secrets"}},
		{name: "an app misses one and has one too many", kind: pat.Installation, grant: func(g *fakehub.Grant) {
			g.Permissions = map[string]string{"contents": "write", "issues": "write"}
		}, want: []string{"kind", "missing Pull requests", "surplus Issues"}},
		{name: "public repository, as it should be", hub: public},
		{name: "public repository, reading proves nothing", hub: public, grant: func(g *fakehub.Grant) { g.Permissions = nil },
			want: []string{"missing Contents: write is missing", "missing Pull requests: write is missing"}},
		{name: "public repository, secrets too many", hub: public, grant: permission("secrets", "write"), want: []string{"surplus Secrets"}},
	}
}

func classics() []situation {
	return []situation{
		{name: "classic without scopes", kind: pat.Classic, grant: scopes(), want: []string{"classic", "missing scope repo is missing"}},
		{name: "classic, statuses alone", kind: pat.Classic, grant: scopes("repo:status"),
			want: []string{"classic", "missing scope repo is missing"}},
		{name: "classic with too many scopes", kind: pat.Classic, grant: scopes("repo", "admin:org", "delete_repo", "workflow"),
			want: []string{"classic", "surplus admin:org", "surplus delete_repo", "surplus workflow"}},
		{name: "classic, workflows needed", kind: pat.Classic, need: func(n *pat.Need) { *n = pat.ForFlux(n.Repositories, true) },
			want: []string{"classic", "missing scope workflow"}},
		{name: "classic with workflow", kind: pat.Classic, grant: scopes("repo", "workflow"),
			need: func(n *pat.Need) { *n = pat.ForFlux(n.Repositories, true) }, want: []string{"classic"}},
		{name: "classic, public repository", kind: pat.Classic, hub: public, grant: scopes("public_repo"), want: []string{"classic"}},
		{name: "classic, more than a public repository needs", kind: pat.Classic, hub: public, want: []string{"classic", "surplus scope repo"}},
		{name: "classic of an account that may only read", kind: pat.Classic, grant: func(g *fakehub.Grant) { g.Role = "read" },
			want: []string{"classic", "role acme/fleet"}},
		{name: "classic of an outsider", kind: pat.Classic, grant: func(g *fakehub.Grant) { g.Outsider = true },
			want: []string{"classic", "member acme-flux"}},
	}
}

func reaches() []situation {
	two := func(n *pat.Need) { n.Repositories = append(n.Repositories, "acme/payroll") }
	site := func(o *fakehub.Options) {
		o.Repos = append(o.Repos, fakehub.Repo{Dir: o.Repos[0].Dir, Owner: "acme", Name: "site", Public: true})
	}
	return []situation{
		{name: "wrong repository", grant: func(g *fakehub.Grant) { g.Repos = []string{"acme/payroll"} },
			want: []string{"repository acme/fleet", "repository-surplus acme/payroll"}},
		{name: "approval pending", grant: func(g *fakehub.Grant) { g.Repos = []string{"acme/none"} }, want: []string{"repository acme/fleet"}},
		{name: "no such repository", need: func(n *pat.Need) { n.Repositories = []string{"acme/flet"} },
			want: []string{"repository acme/flet", "repository-surplus acme/fleet"}},
		{name: "two repositories", grant: func(g *fakehub.Grant) { g.Repos = append(g.Repos, "acme/payroll") },
			want: []string{"repository-surplus acme/payroll"}},
		{name: "two repositories, both declared", need: two, grant: func(g *fakehub.Grant) { g.Repos = append(g.Repos, "acme/payroll") }},
		{name: "two repositories declared, one there", need: two, want: []string{"repository acme/payroll"}},
		{name: "all repositories", grant: func(g *fakehub.Grant) { g.Repos = nil }, want: []string{"repository-surplus acme/payroll"}},
		{name: "all repositories, classic", kind: pat.Classic, grant: func(g *fakehub.Grant) { g.Repos = nil },
			want: []string{"classic", "repository-surplus acme/payroll"}},
		{name: "a public repository of the account", hub: site},
		{name: "a public repository that was selected", hub: site, grant: func(g *fakehub.Grant) { g.Repos = append(g.Repos, "acme/site") },
			want: []string{"repository-surplus acme/site"}},
		{name: "a public repository, classic", kind: pat.Classic, hub: site, want: []string{"classic", "repository-surplus acme/site"}},
	}
}

func refusals() []situation {
	return []situation{
		{name: "SSO", kind: pat.Classic, grant: refusal(fakehub.SSORequired), want: []string{"classic", "sso"}, asks: 2},
		{name: "classic forbidden", kind: pat.Classic, grant: refusal(fakehub.ClassicForbidden), want: []string{"classic", "classic-forbidden"},
			asks: 2},
		{name: "over the organization's cap", grant: refusal(fakehub.LifetimeRefused), want: []string{"lifetime-forbidden"}, asks: 2},
		{name: "IP allow list", grant: refusal(fakehub.AddressForbidden), want: []string{"address"}, asks: 2},
		{name: "suspended", grant: refusal(fakehub.Suspended), want: []string{"suspended"}, asks: 1},
		{name: "limit used up", fault: &fakehub.Fault{Status: 403, Message: "API rate limit exceeded for user ID 1.",
			Header: map[string]string{"x-ratelimit-remaining": "0"}}, want: []string{"rate-limit used up"}, gaps: 1, asks: 1},
		{name: "limit used up, 429", fault: &fakehub.Fault{Skip: 2, Status: 429, Message: "API rate limit exceeded for user ID 1.",
			Header: map[string]string{"x-ratelimit-remaining": "0"}}, want: []string{"rate-limit used up"}, gaps: 1, asks: 3},
		{name: "limit low", grant: func(g *fakehub.Grant) { g.Remaining = 40 }, want: []string{"rate-limit 40 of the 5000"}},
		{name: "too fast", fault: &fakehub.Fault{Skip: 1, Status: 403, Message: "You have exceeded a secondary rate limit.",
			Header: map[string]string{"retry-after": "60"}}, gaps: 1, asks: 2},
		{name: "server in trouble, once", fault: &fakehub.Fault{On: "repos/get", Status: 502}},
		{name: "server in trouble", fault: &fakehub.Fault{On: "repos/get", Status: 502, Times: 2}, gaps: 1},
		{name: "Git server in trouble", fault: &fakehub.Fault{On: "git/receive-pack", Status: 503, Times: 2}},
		{name: "no Git server", fault: &fakehub.Fault{On: "git/receive-pack", Status: 404}},
		{name: "no Git server, contents missing", fault: &fakehub.Fault{On: "git/receive-pack", Status: 404}, grant: permission("contents", ""),
			want: []string{"missing Contents: write is missing"}},
		{name: "no Git server, contents read only", fault: &fakehub.Fault{On: "git/receive-pack", Status: 404},
			grant: permission("contents", "read"), want: []string{"missing Contents: write is missing; the token may only read"}},
	}
}

func accounts() []situation {
	declared := func(login string) func(*pat.Need) { return func(n *pat.Need) { n.Account = login } }
	person := func(g *fakehub.Grant) { g.Account, g.Role = "ann", "admin" }
	mine := func(o *fakehub.Options) { o.Repos[0].Owner = "ann" }
	return []situation{
		{name: "declared account", need: declared("Acme-Flux")},
		{name: "another account than declared", grant: person, need: declared("acme-flux"), want: []string{"account belongs to ann"}},
		{name: "an administrator alone is no sign enough", grant: person},
		{name: "a person", grant: func(g *fakehub.Grant) { g.Account = "ann" },
			owner: fakehub.Account{Login: "ann", Followers: 41, PublicRepos: 17, Bio: "Keeps fish."},
			want:  []string{"person ann has 41 followers, has 17 public repositories, tells of itself (bio)"}},
		{name: "a machine that is followed", owner: fakehub.Account{Login: "acme-flux", Followers: 41, PublicRepos: 17}},
		{name: "a person's own repository", hub: mine, grant: func(g *fakehub.Grant) { g.Account, g.Repos = "ann", []string{"ann/fleet"} },
			owner: fakehub.Account{Login: "ann", Followers: 3}, need: func(n *pat.Need) { n.Repositories = []string{"ann/fleet"} },
			want: []string{"person ann owns ann/fleet"}},
		{name: "agreed name", name2: "flux-fleet-automation"},
		{name: "another name", name2: "ann's laptop", want: []string{"name ann's laptop"}},
	}
}

func servers() []situation {
	enterprise := func(o *fakehub.Options) { o.Enterprise = true }
	return []situation{
		{name: "Enterprise Server, fine-grained", hub: enterprise},
		{name: "Enterprise Server, classic without expiry", hub: enterprise, kind: pat.Classic, grant: expires(time.Time{}),
			want: []string{"classic", "no-expiry"}},
		{name: "Enterprise Server, contents missing", hub: enterprise, grant: permission("contents", "read"), want: []string{"missing Contents"}},
	}
}
