package secret

import (
	"regexp"
	"sync"
)

// Redact hides credentials in a text that somebody else wrote: of URLs, of Authorization headers, and
// whatever is shaped like one of GitHub's tokens
// (https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github).
func Redact(text string) string {
	for _, r := range credentials() {
		text = r.shape.ReplaceAllString(text, r.by)
	}
	return text
}

// credentials are what Redact hides.
var credentials = sync.OnceValue(func() []struct {
	shape *regexp.Regexp
	by    string
} {
	return []struct {
		shape *regexp.Regexp
		by    string
	}{
		{regexp.MustCompile(`://[^/@\s'"]+@`), "://***@"},
		{regexp.MustCompile(`(?i)\b(authorization: \w+|bearer) [a-z0-9._~+/=-]{8,}`), "$1 ***"},
		{regexp.MustCompile(`\b(gh[pousr]_|github_pat_|pul-)[A-Za-z0-9._-]+`), "$1***"},
	}
})
