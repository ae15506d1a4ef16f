package probe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// run asks one question after the other: whose token it is, whether it sees the
// repositories, which ones it reaches, and what it may do there.
func (p *prober) run() {
	if p.seen.Kind == token.Refresh {
		p.stopped = true // GitHub takes it for nothing that can be asked here
	}
	if p.seen.Kind != token.Installation { // an app has no account
		p.user()
	}
	first := p.repository(p.need.Repositories[0])
	switch first.Class {
	case token.SSO, token.AddressRefused, token.ClassicForbidden, token.LifetimeRefused:
		return // as would be every answer about the repositories
	}
	p.reach()
	scoped := p.seen.Scopes != nil
	reserve := 1
	if !scoped {
		reserve = 0
		for _, list := range p.permissionQuestions(token.Repository{Private: true}) {
			for _, q := range list {
				if !q.Second {
					reserve++
				}
			}
		}
	}
	for _, full := range p.need.Repositories[1:] {
		if _, listed := p.find(full); !listed && p.sent < MaxRequests-reserve {
			p.repository(full)
		}
	}
	target, ok := p.target()
	switch {
	case !ok:
	case scoped:
		p.member(target)
	default:
		p.permissions(target)
		p.others()
	}
}

func (p *prober) user() {
	q := get(token.AskUser, "", "user")
	q.read = func(_ *http.Response, data []byte) error {
		var u struct {
			Login, Type, Bio, Company, Blog, Location string
			ID                                        int64
			SiteAdmin                                 bool   `json:"site_admin"`
			Twitter                                   string `json:"twitter_username"`
			Hireable                                  bool
			Followers                                 int
			PublicRepos                               int `json:"public_repos"`
			PublicGists                               int `json:"public_gists"`
		}
		if err := json.Unmarshal(data, &u); err != nil {
			return err
		}
		if u.Login == "" {
			return errNoName
		}
		p.seen.Account = &token.Account{
			Login: u.Login, ID: u.ID, Type: u.Type, SiteAdmin: u.SiteAdmin,
			Followers: u.Followers, PublicRepos: u.PublicRepos, PublicGists: u.PublicGists,
		}
		for _, one := range []struct {
			name string
			set  bool
		}{{"bio", u.Bio != ""}, {"blog", u.Blog != ""}, {"company", u.Company != ""}, {"for hire", u.Hireable}, {"location", u.Location != ""},
			{"social account", u.Twitter != ""}} {
			if one.set {
				p.seen.Account.Profile = append(p.seen.Account.Profile, one.name)
			}
		}
		return nil
	}
	p.ask(q)
}

var errNoName = fmt.Errorf("an answer without a name")

// repositoryJSON is what is read of a repository.
type repositoryJSON struct {
	FullName string `json:"full_name"`
	Private  bool   `json:"private"`
	Owner    struct {
		Type string `json:"type"`
	} `json:"owner"`
	Permissions struct {
		Push  bool `json:"push"`
		Admin bool `json:"admin"`
	} `json:"permissions"`
}

func (r repositoryJSON) repository() token.Repository {
	return token.Repository{Name: r.FullName, OwnerType: r.Owner.Type, Private: r.Private, Push: r.Permissions.Push,
		Admin: r.Permissions.Admin}
}

func (p *prober) repository(full string) token.Answer {
	q := get(token.AskRepository, full, "repos/%s", full)
	q.read = func(_ *http.Response, data []byte) error {
		var r repositoryJSON
		if err := json.Unmarshal(data, &r); err != nil {
			return err
		}
		if !strings.EqualFold(r.FullName, full) {
			return errNoName
		}
		one := r.repository()
		one.Name = full
		p.seen.Repositories = append(p.seen.Repositories, one)
		return nil
	}
	return p.ask(q)
}

// reach lists the repositories that the token has.
func (p *prober) reach() {
	q := get(token.AskReach, "", "user/repos?per_page=%d", github.PageSize)
	if p.seen.Kind == token.Installation {
		q.path = fmt.Sprintf("installation/repositories?per_page=%d", github.PageSize)
	}
	q.read = func(resp *http.Response, data []byte) error {
		var list []repositoryJSON
		var err error
		if p.seen.Kind == token.Installation {
			var object struct {
				Repositories []repositoryJSON `json:"repositories"`
			}
			err = json.Unmarshal(data, &object)
			list = object.Repositories
		} else {
			err = json.Unmarshal(data, &list)
		}
		if err != nil {
			return err
		}
		r := &token.Reach{Repositories: []token.Repository{}}
		r.Partial = strings.Contains(resp.Header.Get("Link"), `rel="next"`) || strings.HasPrefix(resp.Header.Get("X-GitHub-SSO"), "partial")
		for _, one := range list {
			r.Repositories = append(r.Repositories, one.repository())
		}
		slices.SortFunc(r.Repositories, func(a, b token.Repository) int { return strings.Compare(a.Name, b.Name) })
		p.seen.Reach = r
		return nil
	}
	p.ask(q)
}

// find gives a repository that the token was seen to reach.
func (p *prober) find(full string) (token.Repository, bool) {
	all := slices.Clone(p.seen.Repositories)
	if p.seen.Reach != nil {
		all = append(all, p.seen.Reach.Repositories...)
	}
	for _, r := range all {
		if strings.EqualFold(r.Name, full) {
			r.Name = full
			return r, true
		}
	}
	return token.Repository{}, false
}

// target is the repository to ask about permissions: a token has the same in all
// that it is for. A private one tells more, since anybody reads public ones.
func (p *prober) target() (token.Repository, bool) {
	var public token.Repository
	found := false
	for _, full := range p.need.Repositories {
		switch r, ok := p.find(full); {
		case !ok:
		case r.Private:
			return r, true
		case !found:
			public, found = r, true
		}
	}
	return public, found
}

// member asks whether the account belongs to the repository's organization.
func (p *prober) member(r token.Repository) {
	owner, _, _ := strings.Cut(r.Name, "/")
	if p.seen.Account == nil || r.OwnerType != "Organization" || !github.IsName(p.seen.Account.Login) {
		return
	}
	p.ask(get(token.AskMember, r.Name, "orgs/%s/members/%s", owner, url.PathEscape(p.seen.Account.Login)))
}

// permissionQuestions are those about what the token may do in a repository; each
// list is asked up to the first that says yes.
func (p *prober) permissionQuestions(r token.Repository) [][]question {
	var all [][]question
	for _, i := range token.Inquiries() {
		if !i.Extra && p.need.Permissions[i.Permission] == "" || i.Extra && i.Public && !r.Private {
			continue // nothing needs it, or anybody may
		}
		var list []question
		for _, q := range i.Questions {
			list = append(list, about(q, r))
		}
		all = append(all, list)
	}
	return all
}

// about is a question of the table about a repository.
func about(q token.Question, r token.Repository) question {
	return question{Question: q, repository: r.Name, public: !r.Private, path: q.In(r.Name)}
}

func (p *prober) permissions(r token.Repository) {
	for _, list := range p.permissionQuestions(r) {
		var before token.Answer
		for _, q := range list {
			if q.Second && before.Class == token.Lacks {
				continue
			}
			if before = p.ask(q); before.Class == token.OK || before.Class == token.Invalid {
				break
			}
		}
	}
}

// others asks with what is left whether the token may push to public repositories
// that it is not for: the list has those of the account whether it may or not.
func (p *prober) others() {
	if p.seen.Reach == nil {
		return
	}
	for _, r := range p.seen.Reach.Repositories {
		declared := slices.ContainsFunc(p.need.Repositories, func(full string) bool { return strings.EqualFold(full, r.Name) })
		_, _, ok := github.SplitName(r.Name)
		if ok && !declared && !r.Private && r.Push && p.sent < MaxRequests && !p.stopped {
			p.ask(about(token.QuestionOf(token.AskPush), r))
		}
	}
}
