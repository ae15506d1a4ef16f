package fakehub

import (
	"fmt"
	"net/http"
	"strings"
)

// Refusal is what GitHub refuses every request of a token for.
type Refusal string

// The refusals.
const (
	SSORequired      Refusal = "sso"       // it is not authorized for the organization's single sign-on
	AddressForbidden Refusal = "address"   // the organization's IP allow list
	Suspended        Refusal = "suspended" // the account is
	ClassicForbidden Refusal = "classic"   // the organization takes no classic tokens
	LifetimeRefused  Refusal = "lifetime"  // the organization takes none that live so long
)

// pushOperation is the name of what a push asks first.
const pushOperation = "git/receive-pack"

// refuseWhole answers in GitHub's words.
func (c *call) refuseWhole(why Refusal) *answer {
	owner := ""
	if c.repo != nil {
		owner = c.repo.Owner
	}
	text := map[Refusal]string{
		SSORequired: "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this " +
			"organization.",
		AddressForbidden: "Although you appear to have the correct authorization credentials, the `" + owner +
			"` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.",
		Suspended: "Sorry. Your account was suspended.",
		ClassicForbidden: "`" + owner +
			"` forbids access via a personal access token (classic). Please use a GitHub App, OAuth App, or a personal access token with " +
			"fine-grained permissions.",
		LifetimeRefused: "The '" + owner +
			"' organization forbids access via a fine-grained personal access tokens if the token's lifetime is greater than 90 days. " +
			"Please adjust your token's lifetime at the following URL: https://github.com/settings/personal-access-tokens/1",
	}[why]
	if why == SSORequired {
		c.header.Set("X-GitHub-SSO", "required; url=https://github.com/orgs/"+owner+"/sso?authorization_request=AZSCKL")
	}
	return &answer{403, message(text)}
}

func probeOperations() map[string]operation {
	return map[string]operation{
		"repos/list-for-authenticated-user":          {"", listOwnRepos},
		"apps/list-repos-accessible-to-installation": {"", listInstalledRepos},
		"orgs/check-membership-for-user":             {"members=read", checkMember},
		"repos/create-or-update-file-contents":       {"contents=write", onlyProbed},
		"credentials/revoke":                         {nobody, revokeCredentials},
		"actions/list-artifacts-for-repo": {"actions=read",
			func(*call) answer { return answer{200, js{"total_count": 0, "artifacts": []any{}}} }},
	}
}

// onlyProbed is for what no program of ours does, but asks whether it may.
func onlyProbed(c *call) answer {
	c.hub.problem("%s %s: this is not simulated", c.r.Method, c.r.URL.Path)
	return notFound()
}

// role is what the caller's account may do in a repository.
func (c *call) role() js {
	name := "write"
	if c.token != nil && c.token.Role != "" {
		name = c.token.Role
	}
	return js{"admin": name == "admin", "maintain": name == "admin", "push": name != "read", "triage": name != "read", "pull": true}
}

// reached are the repositories that the token sees, and the public ones of its account.
func (c *call) reached() []any {
	shown := []any{}
	for _, name := range sortedKeys(c.hub.repos) {
		inner := *c
		inner.repo = c.hub.repos[name]
		if inner.sees() {
			shown = append(shown, with(inner.repo.show(), js{"permissions": c.role()}))
		}
	}
	return shown
}

func listOwnRepos(c *call) answer {
	switch {
	case c.token == nil:
		return answer{401, message("Requires authentication")}
	case c.token.app():
		return answer{403, message("Resource not accessible by integration")}
	}
	return answer{200, page(c, c.reached())}
}

func listInstalledRepos(c *call) answer {
	if c.token == nil || !c.token.app() {
		return answer{403, message("You must authenticate with an installation access token in order to list repositories for an installation.")}
	}
	all := c.reached()
	return answer{200, js{"total_count": len(all), "repositories": page(c, all), "repository_selection": "selected"}}
}

func checkMember(c *call) answer {
	switch {
	case c.token.Outsider:
		c.header.Set("Location", fmt.Sprintf("%s/orgs/%s/public_members/%s", c.hub.URL, c.params["org"], c.params["username"]))
		return answer{302, nil}
	case strings.EqualFold(c.params["username"], c.token.actor()):
		return answer{204, nil}
	}
	return notFound()
}

// replyProbe answers a request that would change something where it must be one
// that GitHub can only refuse, in GitHub's order: first for what the token may not
// do, then for what the request lacks.
func (h *Hub) replyProbe(c *call, m *match, wrong error, record *Request) (answer, Fault) {
	if wrong == nil {
		h.problem("%s %s: GitHub would have obeyed this request", c.r.Method, record.Path)
	}
	c.params = m.params
	op := h.ops[m.id()]
	op.do = func(*call) answer { return invalid() }
	h.mu.Lock()
	defer h.mu.Unlock()
	record.Vain = wrong != nil
	due := h.due(m.id())
	return h.operate(c, op, due), due
}

// pushed says of which repository a request asks what a push asks first.
func pushed(r *http.Request) (owner, name string, ok bool) {
	path, found := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".git/info/refs")
	if !found || r.Method != http.MethodGet || r.URL.Query().Get("service") != "git-receive-pack" {
		return "", "", false
	}
	owner, name, ok = strings.Cut(path, "/")
	return owner, name, ok
}

// replyGit answers as the Git server does, which speaks plain text.
func (h *Hub) replyGit(c *call, owner, name string, record *Request) (answer, Fault) {
	record.Operation = pushOperation
	h.mu.Lock()
	defer h.mu.Unlock()
	due := h.due(pushOperation)
	if due.Status != 0 {
		return answer{due.Status, []byte(due.Message)}, due
	}
	c.header.Set("Content-Type", "text/plain; charset=UTF-8")
	c.repo = h.repos[strings.ToLower(owner+"/"+name)]
	_, secret, _ := c.r.BasicAuth()
	t, ok := h.tokens[secret]
	if !ok || t.over(h.now()) {
		c.header.Set("WWW-Authenticate", `Basic realm="GitHub"`)
		return answer{401, []byte("Invalid username or token. Password authentication is not supported for Git operations.\n")}, due
	}
	t.uses++
	c.token = t
	switch {
	case c.repo == nil || !c.sees():
		return answer{404, []byte("Repository not found.\n")}, due
	case t.Refusal != "" || c.refuse("contents=write") != nil || t.Role == "read":
		return answer{403, []byte("Write access to repository not granted.\n")}, due
	}
	c.header.Set("Content-Type", "application/x-git-receive-pack-advertisement")
	const zero = "0000000000000000000000000000000000000000"
	line := zero + " capabilities^{}\x00report-status delete-refs\n"
	return answer{200, fmt.Appendf(nil, "001f# service=git-receive-pack\n0000%04x%s0000", len(line)+4, line)}, due
}

// revokeCredentials revokes whatever tokens it is told; nobody has to be logged in,
// and nobody may be.
func revokeCredentials(c *call) answer {
	if c.r.Header.Get("Authorization") != "" {
		return answer{403, message("This endpoint must be called without authentication.")}
	}
	texts, _ := c.body["credentials"].([]any)
	for _, text := range texts {
		name, _ := text.(string)
		if t := c.hub.tokens[name]; t != nil && !t.app() {
			t.Revoked = true
		}
	}
	return answer{202, js{}}
}
