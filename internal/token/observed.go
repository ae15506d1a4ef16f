package token

import "time"

// Observations are what was seen of one token: what was asked, and what GitHub
// answered. They hold no secret, and can be kept and judged again.
type Observations struct {
	Form
	// Fingerprint is the token's, as Fingerprint gives it.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Time is when GitHub was asked.
	Time time.Time `json:"time"`
	// Name is what the token is called, where somebody told: GitHub does not tell
	// a token its own name.
	Name string `json:"name,omitempty"`
	// Answers are in the order in which they came.
	Answers []Answer `json:"answers,omitempty"`
	// Scopes are a classic token's, as its header has them; nil where none came.
	Scopes *string `json:"scopes,omitempty"`
	// Expires is the header that tells when it expires; empty where none came.
	Expires string   `json:"expires,omitempty"`
	Account *Account `json:"account,omitempty"`
	// Repositories are those that were asked for by name, and seen.
	Repositories []Repository `json:"repositories,omitempty"`
	// Reach is the list of those that the token says it reaches; nil where it was
	// not asked for or not given.
	Reach *Reach `json:"reach,omitempty"`
	Rate  *Rate  `json:"rate,omitempty"`
}

// Account is whose token it is, with what its profile shows.
type Account struct {
	Login string `json:"login"`
	ID    int64  `json:"id"`
	// Type is User or Bot.
	Type        string `json:"type"`
	SiteAdmin   bool   `json:"site_admin,omitempty"`
	Followers   int    `json:"followers,omitempty"`
	PublicRepos int    `json:"public_repos,omitempty"`
	PublicGists int    `json:"public_gists,omitempty"`
	// Profile names the parts of the profile that only people fill in, such as bio.
	Profile []string `json:"profile,omitempty"`
}

// Repository is one that the token sees.
type Repository struct {
	Name string `json:"name"` // owner/name
	// OwnerType is User or Organization.
	OwnerType string `json:"owner_type,omitempty"`
	Private   bool   `json:"private,omitempty"`
	// Push and Admin say what the account may do there, whatever the token may.
	Push  bool `json:"push,omitempty"`
	Admin bool `json:"admin,omitempty"`
}

// Reach is a list of repositories.
type Reach struct {
	Repositories []Repository `json:"repositories"`
	// Partial says that there are more than are listed.
	Partial bool `json:"partial,omitempty"`
}

// Rate is the hourly limit, as the last answer told it.
type Rate struct {
	Limit     int       `json:"limit"`
	Remaining int       `json:"remaining"`
	Reset     time.Time `json:"reset"`
}

// Answer is what came of one question.
type Answer struct {
	Probe Probe `json:"probe"`
	// Repository is the full name of the one that was asked about, if any.
	Repository string `json:"repository,omitempty"`
	// Public says that anybody may read it, so that reading proves nothing.
	Public bool  `json:"public,omitempty"`
	Status int   `json:"status"` // HTTP's; 0 where no answer came
	Class  Class `json:"class"`
	// Message is GitHub's, not escaped; empty with a success.
	Message string `json:"message,omitempty"`
	// Accepted is what the question needs, as GitHub told: "a=read,b=write" are
	// all of these, and ";" stands between alternatives.
	Accepted string `json:"accepted,omitempty"`
	// AcceptedScopes are the scopes of which the question needs one, where GitHub told.
	AcceptedScopes string `json:"accepted_scopes,omitempty"`
	// Page is where to authorize the token for single sign-on.
	Page string `json:"page,omitempty"`
}

// find gives the answer to a question about a repository; any where it is empty.
func (o Observations) find(p Probe, repository string) (Answer, bool) {
	for _, a := range o.Answers {
		if a.Probe == p && (repository == "" || a.Repository == repository) {
			return a, true
		}
	}
	return Answer{}, false
}

// has finds the first answer of a class.
func (o Observations) has(c Class) (Answer, bool) {
	for _, a := range o.Answers {
		if a.Class == c {
			return a, true
		}
	}
	return Answer{}, false
}
