package fakehub

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Repo is a repository on the hub.
type Repo struct {
	// Dir is a bare Git repository. Pushing to it is pushing to GitHub.
	Dir         string
	Owner, Name string
	// ID is GitHub's number for the repository; one is made up when it is 0.
	ID int64
	// DefaultBranch is main when empty.
	DefaultBranch string
	// Public lets everybody read, whatever the token may do.
	Public bool
	// ForkOf is the full name of the repository that this one was forked from.
	ForkOf string
	// NoAutoMerge is the setting that forbids auto-merge.
	NoAutoMerge bool
	// ActionsMayOpen is the setting that lets GITHUB_TOKEN open and approve pull
	// requests. GitHub's default is that it may not.
	ActionsMayOpen bool
	// DeleteMerged is the setting that deletes branches after the merge.
	DeleteMerged bool
	// NoRules says that the owner's plan has no rulesets and no branch protection
	// for private repositories.
	NoRules bool
}

// FullName is OWNER/NAME.
func (r Repo) FullName() string { return r.Owner + "/" + r.Name }

// Account is somebody on the hub.
type Account struct {
	Login string
	// ID is the account's number; one is made up when it is 0.
	ID int64
	// Type is User (the default), Bot or Organization.
	Type string
	// Emails link commits to the account. ID+LOGIN@users.noreply.github.com and
	// LOGIN@users.noreply.github.com always do.
	Emails []string
	// Followers, PublicRepos and Bio are on the account's page.
	Followers, PublicRepos int
	Bio                    string
}

// Push is one entry of a repository's activity.
type Push struct {
	// Ref is a branch, in full or short.
	Ref string
	// Before and After are commit ids; Before may be empty.
	Before, After string
	// Actor is the login of who did it; empty for an account that is gone.
	Actor string
	// Type is push when empty; otherwise as GitHub names it: force_push,
	// branch_creation, branch_deletion, pr_merge, merge_queue_merge.
	Type string
	// Time is the hub's time when zero.
	Time time.Time
}

// Signature is what GitHub says of a commit's signature.
type Signature struct {
	// Reason is GitHub's word in REST, such as valid or unknown_key. The default
	// is unknown_key for signed commits, and unsigned for the others.
	Reason string
	// Signer is the login of the account that the key belongs to.
	Signer string
	// ByGitHub says that GitHub itself signed.
	ByGitHub bool
}

type repo struct {
	Repo
	hub        *Hub
	git        *git
	pulls      map[int]*pull
	comments   []*comment
	labels     map[string]string // name → description
	statuses   []*status
	checks     []*check
	activity   []Push
	signatures map[string]Signature
	flaws      []*flaw
	tickets    []*ticket
	lastNumber int
}

// defaults are the accounts that every GitHub has. Their numbers are real.
func (h *Hub) defaults() {
	for _, a := range []Account{
		{Login: "github-actions[bot]", ID: 41898282, Type: "Bot"},
		{Login: "web-flow", ID: 19864447, Type: "User", Emails: []string{"noreply@github.com"}},
	} {
		h.accounts[a.Login] = a
	}
	h.tokens[Token] = &token{Grant: Grant{Kind: ActionsToken, Permissions: map[string]string{
		"contents": "write", "pull_requests": "write", "issues": "write", "checks": "write", "statuses": "write",
	}}, quiet: true}
}

// AddRepo puts a further repository on the hub, such as a fork.
func (h *Hub) AddRepo(r Repo) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.addRepo(r)
}

func (h *Hub) addRepo(r Repo) error {
	if r.Owner == "" || r.Name == "" {
		return fmt.Errorf("add repository %q: no owner or no name", r.Dir)
	}
	r.DefaultBranch = cmp.Or(r.DefaultBranch, "main")
	if r.ID == 0 {
		r.ID = 500_000 + h.id()
	}
	g, err := openGit(r.Dir)
	if err != nil {
		return fmt.Errorf("add repository %s: %w", r.FullName(), err)
	}
	if _, ok := h.accounts[r.Owner]; !ok {
		h.accounts[r.Owner] = Account{Login: r.Owner, ID: h.id(), Type: "Organization"}
	}
	h.repos[strings.ToLower(r.FullName())] = &repo{
		Repo: r, hub: h, git: g, pulls: map[int]*pull{}, labels: map[string]string{}, signatures: map[string]Signature{},
	}
	return nil
}

// AddAccount puts somebody on the hub, and gives the account back whole.
func (h *Hub) AddAccount(a Account) Account {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.addAccount(a)
}

func (h *Hub) addAccount(a Account) Account {
	a.Type = cmp.Or(a.Type, "User")
	if a.ID == 0 {
		a.ID = h.id()
	}
	h.accounts[a.Login] = a
	return a
}

// account gives who has a login, and makes somebody up where there is nobody.
// The lock is held.
func (h *Hub) account(login string) Account {
	if a, ok := h.accounts[login]; ok {
		return a
	}
	kind := "User"
	if strings.HasSuffix(login, "[bot]") {
		kind = "Bot"
	}
	return h.addAccount(Account{Login: login, Type: kind})
}

// byEmail finds the account that GitHub links an e-mail address to.
func (h *Hub) byEmail(email string) (Account, bool) {
	if email == "" {
		return Account{}, false
	}
	for _, login := range sortedKeys(h.accounts) {
		a := h.accounts[login]
		noreply := login + "@users.noreply.github.com"
		for _, one := range append(a.Emails, noreply, fmt.Sprintf("%d+%s", a.ID, noreply)) {
			if strings.EqualFold(one, email) {
				return a, true
			}
		}
	}
	return Account{}, false
}

// repo gives the repository of that name, which must be there.
func (h *Hub) repo(fullName string) *repo {
	r, ok := h.repos[strings.ToLower(fullName)]
	if !ok {
		panic("fakehub: no repository " + fullName)
	}
	return r
}

// AddPush records who pushed what, as the repository's activity tells it.
func (h *Hub) AddPush(fullName string, p Push) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repo(fullName).addPush(p)
}

func (r *repo) addPush(p Push) {
	if !strings.HasPrefix(p.Ref, "refs/") {
		p.Ref = "refs/heads/" + p.Ref
	}
	p.Before = cmp.Or(p.Before, strings.Repeat("0", 40))
	p.After = cmp.Or(p.After, strings.Repeat("0", 40))
	p.Type = cmp.Or(p.Type, "push")
	if p.Time.IsZero() {
		p.Time = r.hub.now()
	}
	r.activity = append(r.activity, p)
}

// Sign sets what GitHub says of a commit's signature.
func (h *Hub) Sign(fullName, sha string, s Signature) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repo(fullName).signatures[sha] = s
}

// signature is what GitHub says of a commit.
func (r *repo) signature(c commit) Signature {
	if s, ok := r.signatures[c.id]; ok {
		return s
	}
	if c.signature == "" {
		return Signature{Reason: "unsigned"}
	}
	return Signature{Reason: "unknown_key"}
}
