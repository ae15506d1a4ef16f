package audit

import "time"

// DeliveryPath is where the receiver takes deliveries, and so how the URL of its
// webhook ends.
const DeliveryPath = "/webhooks/github"

// Hook is a webhook as GitHub lists it.
type Hook struct {
	// Scope is where it is set up: "repository", "organization" or "app".
	Scope string
	// Owner is the repository ("owner/name"), the organization's login, or the
	// app's slug.
	Owner       string
	ID          int64
	URL         string
	ContentType string // "json" or "form"
	InsecureTLS bool   // TLS certificates are not verified
	Secret      bool   // a secret is set
	Active      bool
	Events      []string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Attempt is one line of GitHub's list of deliveries, which it keeps for three
// days. Redeliveries are attempts of their own under the same GUID.
type Attempt struct {
	ID         int64 // what a redelivery is asked for by
	GUID       string
	Time       time.Time
	Redelivery bool
	Status     string // "OK", or what went wrong in GitHub's words
	StatusCode int    // what the receiver answered; 0 for no answer
	Event      string
	Action     string
	Repository int64 // id; 0 where the event is of none
	// Throttled is when GitHub put the delivery off, because there were too many
	// at once; zero where it did not.
	Throttled time.Time
}

// Activity is one line of a repository's activity list: who moved which ref.
type Activity struct {
	ID            int64
	Type          string // push, force_push, branch_creation, branch_deletion, pr_merge, merge_queue_merge
	Ref           string // refs/heads/…
	Before, After string // commit ids; 40 zeros for none
	ActorID       int64
	Actor         string // login; only to be shown
	Time          time.Time
}
