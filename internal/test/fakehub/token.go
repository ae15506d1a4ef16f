package fakehub

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// Token is a GITHUB_TOKEN that every hub takes; it may do what the Action and
// its propose, sweep and merge need.
const Token = "ghs_" + leaktest.Secret

// Kind is a kind of token.
type Kind string

// The kinds of tokens, as far as GitHub answers them differently.
const (
	ActionsToken Kind = "actions"      // GITHUB_TOKEN: an app's installation token
	FineGrained  Kind = "fine-grained" // a personal access token with permissions
	Classic      Kind = "classic"      // a personal access token with scopes
	AppToken     Kind = "app"          // another app's installation token
	OAuthToken   Kind = "oauth"        // an OAuth app's token, with scopes
)

// Grant is what a token may do, and whose it is.
type Grant struct {
	Kind Kind
	// Account is the login that a personal token belongs to, or that an app acts as.
	Account string
	// Permissions are read or write by name, as in "pull_requests": "write".
	// Metadata is always readable. Not for tokens with scopes.
	Permissions map[string]string
	// Scopes are a classic or an OAuth app's token's.
	Scopes []string
	// Expires is sent with every answer when set. A token that has expired gets
	// what a wrong one gets.
	Expires time.Time
	// ExpiryHeader is sent instead of the usual one when set.
	ExpiryHeader string
	// Revoked tokens get what wrong ones get.
	Revoked bool
	// Refusal is what GitHub refuses the token for, whatever it may do.
	Refusal Refusal
	// Role is what the account may do in repositories: admin, write (the default) or read.
	Role string
	// Outsider says that the account is a member of no organization.
	Outsider bool
	// Remaining is what is left of the hourly limit, when it is not 0.
	Remaining int
	// Repos are the full names that the token sees; all when empty.
	Repos []string
	// Member says that the account is no administrator, neither of repositories
	// nor of organizations, whatever the token itself may do.
	Member bool
}

// appJWTOnly is what an operation needs that only an app itself may ask for.
const appJWTOnly = "app=jwt"

// nobody is what an operation needs that is asked without a token.
const nobody = "nobody"

type token struct {
	Grant
	uses  int
	quiet bool // need not be used
}

// AddToken makes a secret known to the hub. It must have a look that leaktest
// knows: what else could be said of an output that holds it?
func (h *Hub) AddToken(secret string, g Grant) {
	h.known("a token", secret)
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.Account != "" {
		h.account(g.Account)
	}
	h.tokens[secret] = &token{Grant: g}
}

func (t *token) app() bool { return t.Kind == ActionsToken || t.Kind == AppToken }

// scoped says whether the token has scopes rather than permissions.
func (t *token) scoped() bool { return t.Kind == Classic || t.Kind == OAuthToken }

// over says whether the token works no more.
func (t *token) over(now time.Time) bool {
	return t.Revoked || !t.Expires.IsZero() && t.Expires.Before(now)
}

// actor is who acts when the token is used.
func (t *token) actor() string {
	if t.Account == "" && t.app() {
		return "github-actions[bot]"
	}
	return t.Account
}

// authenticate finds a request's token: nil with no answer when there is none,
// nil with an answer when GitHub refuses it.
func (h *Hub) authenticate(r *http.Request) (*token, *answer) {
	value := r.Header.Get("Authorization")
	if value == "" {
		return nil, nil
	}
	scheme, secret, _ := strings.Cut(value, " ")
	if strings.Count(secret, ".") == 2 && strings.HasPrefix(secret, "eyJ") {
		if refusal := h.app.checkJWT(secret); refusal != "" {
			return nil, &answer{401, message(refusal)}
		}
		return &token{Grant: Grant{Kind: appJWT}}, nil
	}
	t, ok := h.tokens[secret]
	switch {
	case !strings.EqualFold(scheme, "bearer") && !strings.EqualFold(scheme, "token"), !ok, t.over(h.now()):
		if ok {
			t.uses++
		}
		return nil, &answer{401, js{"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}}
	}
	t.uses++
	return t, nil
}

// enough says whether what is held suffices for what is needed.
func enough(held, needed string) bool {
	return held == "write" || held == "admin" || held == needed && held != ""
}

// may says whether a token meets one of the alternatives of an operation, such
// as "issues=write; pull_requests=write".
func (t *token) may(needs string) bool {
	for alternative := range strings.SplitSeq(needs, ";") {
		all := true
		for one := range strings.SplitSeq(alternative, ",") {
			name, level, _ := strings.Cut(strings.TrimSpace(one), "=")
			all = all && (name == "metadata" && level == "read" || enough(t.Permissions[name], level))
		}
		if all {
			return true
		}
	}
	return false
}

// refuse answers where the token may not do what the operation needs; nil
// where it may.
func (c *call) refuse(needs string) *answer {
	writes := strings.Contains(needs, "write")
	hooks := strings.Contains(needs, "_hooks=") // as are other things of administrators, no public matter
	hidden := hooks || strings.Contains(needs, "administration=") || strings.HasPrefix(needs, "secrets=")
	t := c.token
	switch {
	case needs == nobody:
		return nil
	case (needs == appJWTOnly) != (t != nil && t.Kind == appJWT):
		return &answer{401, message("A JSON web token could not be decoded")}
	case needs == appJWTOnly:
		return nil
	case t != nil && t.Refusal != "" && (c.repo != nil || t.Refusal == Suspended):
		return c.refuseWhole(t.Refusal)
	case c.repo != nil && !c.sees():
		return &answer{404, message("Not Found")}
	case t == nil && (writes || hidden || c.repo == nil):
		return &answer{401, message("Requires authentication")}
	case t == nil || needs == "" || c.repo != nil && c.repo.Public && !writes && !hidden:
		return nil
	case hidden && t.Member:
		return &answer{404, message("Not Found")}
	case t.scoped():
		return c.refuseClassic(needs, writes)
	case strings.HasPrefix(needs, "checks=write") && t.Kind == FineGrained, !t.may(needs), !c.selected():
		if t.app() {
			return &answer{403, message("Resource not accessible by integration")}
		}
		return &answer{403, message("Resource not accessible by personal access token")}
	}
	return nil
}

func (c *call) refuseClassic(needs string, writes bool) *answer {
	if strings.HasPrefix(needs, "checks=write") {
		return &answer{403, message("You must authenticate via a GitHub App.")}
	}
	for _, scope := range c.token.Scopes {
		if need := map[string]string{"organization_hooks": "admin:org_hook", "organization_administration": "admin:org"}[strings.Split(needs,
			"=")[0]]; need != "" {
			if scope == need {
				return nil
			}
			continue
		}
		if strings.HasPrefix(needs, "repository_hooks=") && (scope == "admin:repo_hook" || scope == "write:repo_hook" ||
			scope == "read:repo_hook" && !writes) {
			return nil
		}
		if scope == "repo" || scope == "public_repo" && c.repo != nil && c.repo.Public ||
			scope == "repo:status" && strings.HasPrefix(needs, "statuses=") {
			return nil
		}
	}
	if !writes {
		return &answer{404, message("Not Found")}
	}
	return &answer{403, message("Must have admin rights to Repository.")}
}

// sees says whether the caller knows of the repository at all.
func (c *call) sees() bool {
	if c.repo.Public {
		return true
	}
	if c.token == nil {
		return false
	}
	return c.token.picks(c.repo)
}

// selected says whether the repository is one that the token was made for: it
// reads other public ones as anybody does, and does nothing else there.
func (c *call) selected() bool {
	return c.repo == nil || c.token.scoped() || c.token.picks(c.repo)
}

// picks says whether a repository is among those of the token.
func (t *token) picks(r *repo) bool {
	return len(t.Repos) == 0 || slices.ContainsFunc(t.Repos, func(name string) bool { return strings.EqualFold(name, r.FullName()) })
}

func message(text string) js {
	return js{"message": text, "documentation_url": "https://docs.github.com/rest"}
}

// tokenHeaders tells of the token what GitHub tells.
func (c *call) tokenHeaders(needs string) {
	t := c.token
	if t == nil {
		return
	}
	if !t.Expires.IsZero() {
		layout := "2006-01-02 15:04:05 -0700"
		if t.Kind == Classic {
			layout = "2006-01-02 15:04:05 MST"
		}
		c.header.Set("github-authentication-token-expiration", t.Expires.UTC().Format(layout))
	}
	if t.ExpiryHeader != "" {
		c.header.Set("github-authentication-token-expiration", t.ExpiryHeader)
	}
	if t.scoped() {
		c.header.Set("X-OAuth-Scopes", strings.Join(t.Scopes, ", "))
		accepted := "repo"
		if needs == "members=read" {
			accepted = "admin:org, read:org, repo, user, write:org"
		}
		c.header.Set("X-Accepted-OAuth-Scopes", accepted)
		return
	}
	if needs != "" {
		c.header.Set("X-Accepted-GitHub-Permissions", needs)
	}
}
