package token

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Link is the page where a fine-grained token for the need is made, with all
// filled in that GitHub lets a link fill in: everything but the repositories
// (https://docs.github.com/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens).
// GitHub took the description out of its documentation in May 2026, as broken
// (github/docs#44419), so that each field has to be looked at: Settings lists them.
// web is the server, such as https://github.com.
func (n Need) Link(web string) string {
	q := url.Values{}
	for name, level := range n.Permissions {
		q.Set(name, string(level))
	}
	if names := n.Names(); len(names) > 0 {
		owner, _, _ := strings.Cut(n.Repositories[0], "/")
		q.Set("name", names[0])
		q.Set("target_name", owner)
		q.Set("description", "Flux's image updates of "+strings.Join(n.Repositories, ", "))
	}
	if n.MaxDays > 0 {
		q.Set("expires_in", strconv.Itoa(n.MaxDays))
	}
	return strings.TrimSuffix(web, "/") + "/settings/personal-access-tokens/new?" + q.Encode()
}

// Listed are the permissions in words, as "Contents: write", sorted.
func (n Need) Listed() []string {
	return text.Each(n.needed(), func(name string) string { return title(name) + ": " + string(n.Permissions[name]) })
}

// Owner is whose repositories the token is for: a fine-grained token has one owner
// only. Empty where there are none or several.
func (n Need) Owner() string {
	owner := ""
	for _, full := range n.Repositories {
		one, _, _ := strings.Cut(full, "/")
		if owner != "" && one != owner {
			return ""
		}
		owner = one
	}
	return owner
}

// Settings lists what to choose on the page of Link, line by line.
func (n Need) Settings() []string {
	lines := []string{
		"Token name: " + first(n.Names()),
		"Resource owner: " + n.Owner(),
		fmt.Sprintf("Expiration: %d days", n.MaxDays),
		"Repository access: Only select repositories: " + text.Some(n.Repositories, most),
	}
	for _, name := range n.needed() {
		level := map[Level]string{Read: "Read-only", Write: "Read and write"}[n.Permissions[name]]
		lines = append(lines, "Permissions: "+title(name)+": "+level)
	}
	return lines
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// Instructions say how a person makes the token, for GitHub's API there; empty is
// github.com's.
func (n Need) Instructions(api string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Log in to GitHub as the machine user, and make a fine-grained token at\n\n  %s\n\n", text.Line(n.Link(site(api))))
	out.WriteString("GitHub may leave fields of the address out, so look at each:\n\n")
	for _, line := range n.Settings() {
		fmt.Fprintf(&out, "  %s\n", text.Line(line))
	}
	out.WriteString("\nThen give the token to this command on standard input.\n")
	return out.String()
}

// site is GitHub's web site for its API's address.
func site(api string) string {
	u, err := url.Parse(api)
	if api == "" || err != nil || u.Host == "" {
		return "https://github.com"
	}
	return u.Scheme + "://" + strings.TrimPrefix(u.Host, "api.")
}
