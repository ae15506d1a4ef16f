package token

import (
	"net/url"
	"slices"
	"strings"
)

// Class is what an answer means, as far as this package looks.
type Class string

// The classes.
const (
	OK               Class = "ok"
	BadCredentials   Class = "bad-credentials"   // GitHub's own 401: wrong, expired or revoked; it does not tell which
	LockedOut        Class = "locked-out"        // 403: too many bad credentials; for a while no token is taken
	Lacks            Class = "lacks-permission"  // 403
	NotFound         Class = "not-found"         // 404: not there, or not to be seen by this token
	Invalid          Class = "invalid"           // 400, 422: allowed, had the request made sense
	Elsewhere        Class = "elsewhere"         // 3xx
	Disabled         Class = "disabled"          // 410: the repository has no such thing
	SSO              Class = "sso"               // 403: not authorized for single sign-on
	AddressRefused   Class = "address-refused"   // 403: the organization's IP allow list
	Suspended        Class = "suspended"         // 403: the account is
	ClassicForbidden Class = "classic-forbidden" // 403: the owner takes no classic tokens
	LifetimeRefused  Class = "lifetime-refused"  // 403: the owner takes no tokens that live so long
	Limited          Class = "limited"           // 403, 429: the hourly limit is used up
	TooFast          Class = "too-fast"          // 403, 429: too much at once
	Trouble          Class = "trouble"           // 5xx, an answer that nobody should give, or one that may be another server's
	Unreached        Class = "unreached"         // no answer
)

// Header gives one header of an answer.
type Header func(name string) string

// Classify says what an answer means. What one status has many meanings for, only
// GitHub's headers and words tell apart
// (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api).
func Classify(status int, message string, header Header) Class {
	switch {
	case status == 0:
		return Unreached
	case status < 300 || status == 409: // 409: an empty repository
		return OK
	case status < 400:
		return Elsewhere
	case status == 401 && strings.EqualFold(message, "Bad credentials") && header("X-GitHub-Request-Id") != "":
		return BadCredentials // any other 401 may be a gateway's, or about something else
	case (status == 403 || status == 404) && strings.HasPrefix(header("X-GitHub-SSO"), "required"):
		return SSO
	case status == 403 || status == 429:
		return refused(status, strings.ToLower(message), header)
	case status == 404:
		return NotFound
	case status == 400 || status == 422:
		return Invalid
	case status == 410:
		return Disabled
	}
	return Trouble
}

func refused(status int, message string, header Header) Class {
	says := func(parts ...string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(message, p) })
	}
	switch {
	case says("secondary rate limit"), header("Retry-After") != "":
		return TooFast
	case header("X-RateLimit-Remaining") == "0", says("api rate limit exceeded"):
		return Limited
	case status == 429:
		return TooFast
	case says("ip allow list"):
		return AddressRefused
	case says("login attempts"):
		return LockedOut
	case says("account was suspended"), says("account is suspended"):
		return Suspended
	case says("forbids access via a", "token", "lifetime"):
		return LifetimeRefused
	case says("forbids access via a personal access token", "classic"):
		return ClassicForbidden
	case says("saml"):
		return SSO
	case says("not accessible by"), says("must have"), says("must authenticate"), says("must be an"), says("not granted"), says("permission"):
		return Lacks
	}
	return Trouble // a refusal that nobody knows says nothing of the token
}

// SSOPage is the page of X-GitHub-SSO where the token can be authorized, without
// the part that lets its reader do so; empty where there is none.
func SSOPage(header string) string {
	_, address, ok := strings.Cut(header, "url=")
	u, err := url.Parse(strings.TrimSpace(address))
	if !ok || err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return "https://" + u.Host + u.EscapedPath()
}
