package token

import (
	"net/url"
	"strconv"
	"strings"
)

// Link is the page where a fine-grained token for the need is made, with all
// filled in that GitHub lets a link fill in: everything but the repositories
// (https://docs.github.com/authentication/keeping-your-account-and-data-secure/managing-your-personal-access-tokens#pre-filling-fine-grained-personal-access-token-details-using-url-parameters).
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
	var all []string
	for _, name := range n.needed() {
		all = append(all, title(name)+": "+string(n.Permissions[name]))
	}
	return all
}
