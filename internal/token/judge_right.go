package token

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// account holds whose token it is against whose it should be. GitHub does not tell
// machine users from people: where nobody said which account it is, signs must do.
func (j *judge) account() {
	a := j.Observations.Account
	if a == nil {
		return
	}
	switch {
	case j.need.Account != "" && !strings.EqualFold(a.Login, j.need.Account):
		j.add("account", "the token belongs to %s, not to %s", a.Login, j.need.Account)
	case j.need.Account == "":
		signs := j.personal(*a)
		if len(signs) >= 2 && !machine(a.Login) {
			j.add("person", "the token seems to belong to a person's daily account: %s %s", a.Login, strings.Join(signs, ", "))
		}
	}
	for _, answer := range j.Answers {
		// Without a scope that shows members, GitHub hides that one is a member.
		if answer.Probe == AskMember && (answer.Class == NotFound || answer.Class == Elsewhere) && j.grants(answer.AcceptedScopes) {
			owner, _, _ := strings.Cut(answer.Repository, "/")
			j.add("member", "%s is not a member of %s", a.Login, owner)
		}
	}
}

// grants says whether the token has one of the scopes.
func (j *judge) grants(accepted string) bool {
	return slices.ContainsFunc(words(accepted), func(scope string) bool { return slices.Contains(j.granted(), scope) })
}

// granted are a classic token's scopes.
func (j *judge) granted() []string {
	if j.Scopes == nil {
		return nil
	}
	return words(*j.Scopes)
}

// words splits a header's list.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// personal lists what a machine user would hardly have.
func (j *judge) personal(a Account) []string {
	var signs []string
	for _, r := range j.Observations.Repositories {
		owner, _, _ := strings.Cut(r.Name, "/")
		switch {
		case strings.EqualFold(owner, a.Login):
			signs = append(signs, "owns "+r.Name)
		case r.Admin:
			signs = append(signs, "administers "+r.Name)
		}
	}
	for _, one := range []struct {
		n, from int
		what    string
	}{{a.Followers, 3, "followers"}, {a.PublicRepos, 3, "public repositories"}, {a.PublicGists, 1, "public gists"}} {
		if one.n >= one.from {
			signs = append(signs, fmt.Sprintf("has %d %s", one.n, one.what))
		}
	}
	if len(a.Profile) > 0 {
		signs = append(signs, "tells of itself ("+strings.Join(a.Profile, ", ")+")")
	}
	if a.SiteAdmin {
		signs = append(signs, "administers the whole server")
	}
	return signs
}

// machine says whether a login is one that people give machines.
func machine(login string) bool {
	for _, part := range strings.FieldsFunc(strings.ToLower(login), func(r rune) bool {
		return r == '-' || r == '_' || r == '[' ||
			r == ']'
	}) {
		if strings.HasSuffix(part, "bot") || slices.Contains([]string{"flux", "ci", "cd", "automation", "machine", "svc", "service", "deploy"},
			part) {
			return true
		}
	}
	return false
}

// repositories says which of the declared repositories the token does not see, or
// its account may not write.
func (j *judge) repositories() {
	for _, full := range j.need.Repositories {
		answer, asked := j.find(AskRepository, full)
		if asked && (answer.Class == NotFound || answer.Class == Lacks) {
			if j.scoped() && !j.grants("repo, public_repo") {
				continue // the missing scope is the reason, and said to be missing
			}
			j.add("repository", "the token does not see %s", full)
			continue
		}
		for _, r := range j.seen() {
			if strings.EqualFold(r.Name, full) {
				push, _ := j.find(AskPush, full)
				if !r.Push && push.Class != OK && j.Kind != Installation {
					j.add("role", "the token's account may only read %s, whatever the token may", full)
				}
				break
			}
		}
	}
}

// seen are the repositories that were asked for, and then those of the list.
func (j *judge) seen() []Repository {
	all := slices.Clone(j.Observations.Repositories)
	if j.Reach != nil {
		all = append(all, j.Reach.Repositories...)
	}
	return all
}

// reach says which repositories the token reaches and should not. Anybody can
// read public ones; they count where the token could write.
func (j *judge) reach() {
	if j.Reach == nil {
		return
	}
	var more, unproven []string
	for _, r := range j.Reach.Repositories {
		push, asked := j.find(AskPush, r.Name)
		switch {
		case j.need.declares(r.Name):
		case r.Private, r.Push && j.scoped(), j.Kind == Installation, asked && push.Class == OK:
			more = append(more, r.Name)
		case r.Push && !asked:
			unproven = append(unproven, r.Name)
		}
	}
	if len(more) > 0 {
		slices.Sort(more)
		j.add("repository-surplus", "the token reaches %s that it has nothing to do with: %s", text.Count(len(more), "repository"),
			text.Some(more, most))
	}
	if len(unproven) > 0 {
		slices.Sort(unproven)
		j.add("unproven", "whether the token may write to public repositories of its account was not asked: %s", text.Some(unproven, most))
	}
	if j.Reach.Partial {
		j.add("unproven", "GitHub lists more repositories than were looked at")
	}
}

// most is how many names a sentence has.
const most = 5

// within are the scopes that another scope brings with it
// (https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps).
var within = map[string]string{"public_repo": "repo", "repo:status": "repo", "repo_deployment": "repo", "repo:invite": "repo",
	"security_events": "repo"}

// scopes holds a classic token's scopes against the need.
func (j *judge) scopes() {
	if j.Scopes == nil {
		return
	}
	granted := j.granted()
	needed := j.neededScopes()
	for _, scope := range needed {
		if !slices.Contains(granted, scope) && !slices.Contains(granted, within[scope]) {
			j.hinted("missing", "give the token the scope on the page of its settings; better, make a fine-grained token", "the scope %s is missing",
				scope)
		}
	}
	slices.Sort(granted)
	for _, scope := range granted {
		allowed := slices.Contains(needed, scope) || within[scope] != "" && slices.Contains(needed, within[scope])
		if !allowed && !j.optionalScope(scope) {
			j.hinted("surplus", "take the scope away on the page of the token's settings", "the token has the scope %s, which nothing needs", scope)
		}
	}
}

// optionalScope tells whether a scope comes to what the need leaves open.
func (j *judge) optionalScope(scope string) bool {
	return scope == "repo:status" && j.need.Optional[Statuses] != "" || scope == "workflow" && j.need.Optional[Workflows] != ""
}

// neededScopes are the scopes that the need comes to.
func (j *judge) neededScopes() []string {
	needed := []string{j.repoScope()}
	if j.need.Permissions[Workflows] != "" {
		needed = append(needed, "workflow")
	}
	return needed
}

// repoScope is the scope that the need comes to: the smaller one where all its
// repositories are known to be public.
func (j *judge) repoScope() string {
	public := 0
	for _, full := range j.need.Repositories {
		for _, r := range j.seen() {
			if strings.EqualFold(r.Name, full) && !r.Private {
				public++
				break
			}
		}
	}
	if public > 0 && public == len(j.need.Repositories) {
		return "public_repo"
	}
	return "repo"
}

// permissions says which permissions are missing, as far as answers show it.
func (j *judge) permissions() {
	for _, name := range j.need.needed() {
		need := j.need.Permissions[name]
		have, known := j.held(name)
		switch {
		case name == Metadata:
		case !known && name == Workflows:
			j.add("unproven", "no question without an effect tells whether the token has %s: %s", title(name), need)
		case !known && j.asked(name):
		case !known && len(proofs(name)) == 0:
			j.add("unproven", "whether the token has %s: %s was not asked", title(name), need)
		case known && !have.covers(need):
			text := "the permission %[1]s: %[2]s is missing"
			if have == Read {
				text += "; the token may only read"
			}
			j.hinted("missing", fmt.Sprintf("give the token %s: %s, under Repository permissions on the page of its settings", title(name), need),
				text, title(name), need)
		}
	}
}

// asked says whether a permission was asked about at all; what became of that is
// among the gaps.
func (j *judge) asked(name string) bool {
	return slices.ContainsFunc(proofs(name), func(q Question) bool {
		_, ok := j.find(q.Probe, "")
		return ok
	})
}

// held is how far a permission goes, where the answers tell. That a public
// repository can be read shows nothing.
func (j *judge) held(name string) (Level, bool) {
	known := false
	for _, p := range proofs(name) {
		a, ok := j.find(p.Probe, "")
		switch {
		case !ok:
		case a.Class == p.Yes && !(a.Public && p.Shows == Read):
			return p.Shows, true
		case a.Class == p.Yes, a.Class == Lacks, a.Class == NotFound:
			known = true
		case j.settled(a):
		default:
			return None, false // what is below shows nothing of what is above
		}
	}
	return None, known
}

// settled says whether a question that got no clear answer was asked in another
// way, and answered.
func (j *judge) settled(a Answer) bool {
	second, asked := j.find(AskFileWrite, a.Repository)
	return a.Probe == AskPush && asked && slices.Contains([]Class{Invalid, Lacks, NotFound}, second.Class)
}

// surplus says which permissions nothing needs.
func (j *judge) surplus() {
	for _, i := range extras() {
		a, ok := j.find(i.Questions[0].Probe, "")
		if !ok || a.Class != OK {
			continue
		}
		if name := j.proven(i, a); name != "" {
			j.hinted("surplus", fmt.Sprintf("take %s away on the page of the token's settings", title(name)),
				"the token has the permission %s (read or more), which nothing needs", title(name))
		}
	}
}

// proven names the permission that an answer shows the token to have without a
// need; empty where it shows none.
func (j *judge) proven(i Inquiry, a Answer) string {
	if i.Public && a.Public {
		return ""
	}
	return j.proves(cmp.Or(a.Accepted, i.Permission+"=read"))
}

// proves names a permission that the token must have, by what its question needs,
// and that the need does not account for; empty where the need accounts for it.
func (j *judge) proves(needs string) string {
	var name string
	for alternative := range strings.SplitSeq(needs, ";") {
		accounted := true
		for one := range strings.SplitSeq(alternative, ",") {
			n, l, _ := strings.Cut(strings.TrimSpace(one), "=")
			if n == Metadata || j.need.allows(n, Level(l)) {
				continue
			}
			accounted, name = false, cmp.Or(name, n)
		}
		if accounted {
			return ""
		}
	}
	return name
}
