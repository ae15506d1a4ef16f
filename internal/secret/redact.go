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
	for _, r := range credentials() {
		if r.by == "" {
			text = r.shape.ReplaceAllStringFunc(text, hideUserinfo)
		} else {
			text = r.shape.ReplaceAllString(text, r.by)
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

// credentials are what Redact hides.
var credentials = sync.OnceValue(func() []struct {
	shape *regexp.Regexp
	by    string // empty: hideUserinfo
} {
	return []struct {
		shape *regexp.Regexp
		by    string
	}{
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), "***"},
		{regexp.MustCompile(`PRIVATE\+KEY\+\S+`), "PRIVATE+KEY+***"},
		{regexp.MustCompile(`://[^\s'"]*@(?:sha(?:256|512):)?`), ""}, // a password may hold / and @
		{regexp.MustCompile(`(?i)(authorization: \w+|bearer) [a-z0-9._~+/=-]{8,}`), "$1 ***"},
		{regexp.MustCompile(`(gh[pousr]_|github_pat_)[A-Za-z0-9._-]+`), "$1***"},
		{regexp.MustCompile(`(pul-)[0-9a-fA-F]{8,}[A-Za-z0-9._-]*`), "$1***"}, // images are called pul-so, too
		{regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`), "***"},
	}
})
