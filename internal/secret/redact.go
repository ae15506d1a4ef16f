package secret

import (
	"regexp"
	"strings"
	"sync"
)

// Redact hides credentials in a text that somebody else wrote, whatever stands before
// them: of URLs, of Authorization headers, private keys in PEM or of
// golang.org/x/mod/sumdb/note, JSON Web Tokens, and whatever is shaped like one of GitHub's tokens
// (https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github)
// or Pulumi's. It rather hides too much: of a URL with an @ all before the last one.
func Redact(text string) string {
	small := strings.ToLower(text)
	for _, c := range credentials() {
		switch {
		case !strings.Contains(small, c.sign):
		case c.by == "":
			text = c.shape().ReplaceAllStringFunc(text, hideUserinfo)
		default:
			text = c.shape().ReplaceAllString(text, c.by)
		}
	}
	return text
}

// hideUserinfo hides what stands before a URL's host, and leaves the @ of an image's
// digest alone.
func hideUserinfo(text string) string {
	kept := ""
	if strings.HasSuffix(text, ":") {
		digest := strings.LastIndexByte(text, '@')
		text, kept = text[:digest], text[digest:]
	}
	last := strings.LastIndexByte(text, '@')
	if last < 0 {
		return text + kept
	}
	return "://***" + text[last:] + kept
}

// credential is one of what Redact hides.
type credential struct {
	sign  string // what it always holds, in small letters
	shape func() *regexp.Regexp
	by    string // empty: hideUserinfo
}

var credentials = sync.OnceValue(func() []credential {
	lazy := func(expr string) func() *regexp.Regexp {
		return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
	}
	return []credential{
		{"private key-----", lazy(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), "***"},
		{"private+key+", lazy(`PRIVATE\+KEY\+\S+`), "PRIVATE+KEY+***"},
		{"://", lazy(`://[^\s'"]*@(?:sha(?:256|512):)?`), ""}, // a password may hold / and @
		{"authorization: ", lazy(`(?i)(authorization: \w+) [a-z0-9._~+/=-]{8,}`), "$1 ***"},
		{"bearer ", lazy(`(?i)(bearer) [a-z0-9._~+/=-]{8,}`), "$1 ***"},
		{"_", lazy(`(gh[pousr]_|github_pat_)[A-Za-z0-9._-]+`), "$1***"},
		{"pul-", lazy(`(pul-)[0-9a-fA-F]{8,}[A-Za-z0-9._-]*`), "$1***"}, // images are called pul-so, too
		{"eyj", lazy(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`), "***"},
	}
})
