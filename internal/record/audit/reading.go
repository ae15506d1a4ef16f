package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// Reading is what one delivery says: its entry, which comes from headers that
// nobody signed and from our own clock, and its body, which the sender signed.
type Reading struct {
	Record ledger.Record
	Body   Body
	// Before says that it came in before the window: its body was not read, and is
	// only known again.
	Before bool
}

// Body is what a delivery's body says, in plain values. What the body does not
// say is the zero value. Texts are as GitHub sent them: every printer escapes.
type Body struct {
	// Malformed says why the body is not as GitHub writes bodies; else empty.
	// What could be read is there all the same.
	Malformed string `json:"malformed,omitempty"`
	// Event is what the body is: the header's word where the body has the shape
	// of such an event, or else the event whose shape it has.
	Event  string `json:"event,omitempty"`
	Action string `json:"action,omitempty"`
	// Cause is the event that started a workflow run, such as workflow_dispatch.
	Cause string `json:"cause,omitempty"`
	// Run is a workflow run's id, Attempt counts its attempts from 1.
	Run        int64      `json:"run,omitempty"`
	Attempt    int64      `json:"attempt,omitempty"`
	Repository Repository `json:"repository,omitzero"`
	// Cloud says that no GitHub Enterprise Server has the repository.
	Cloud        bool    `json:"cloud,omitempty"`
	Organization Account `json:"organization,omitzero"`
	// Sender is the account whose credential acted. GitHub may leave it out.
	Sender Account `json:"sender,omitzero"`
	// Pusher is a push's pusher, which has no id: a login, or "deploy key".
	Pusher string `json:"pusher,omitempty"`
	// Actor began a workflow run; Triggering is who began this attempt of it.
	Actor      Account `json:"actor,omitzero"`
	Triggering Account `json:"triggering,omitzero"`
	// Ref is the full name, refs/heads/… or refs/tags/…, also where GitHub sends
	// the short one. Of a pull request it is the head's branch, and
	// "owner/name:branch" where that is in another repository.
	Ref string `json:"ref,omitempty"`
	// Before and After are commit ids; 40 zeros where a push made or deleted the
	// ref. Where an event has one commit only, it is After.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Number is that of the pull request or issue.
	Number int64 `json:"number,omitempty"`
	// Subject names what the event is about: a rule, a label, a status context,
	// a workflow's path, the kind of a leaked secret.
	Subject string `json:"subject,omitempty"`
	// Time is when it happened, as the body tells it, in UTC.
	Time    time.Time `json:"time,omitzero"`
	Created bool      `json:"created,omitempty"`
	Deleted bool      `json:"deleted,omitempty"`
	Forced  bool      `json:"forced,omitempty"`
	// Workflow is the first path that a push's new commits touch and that steers GitHub,
	// such as those below .github/. Fresh are such commits, Older those that the
	// repository had before, by the first digits of their ids.
	Workflow string `json:"workflow,omitempty"`
	// Edited says that each such file was there before and still is.
	Edited bool   `json:"edited,omitempty"`
	Fresh  string `json:"fresh,omitempty"`
	Older  string `json:"older,omitempty"`
	// Paths are those that a push's new commits touch, each ended by a zero byte. Cut
	// says that commits or paths may be missing.
	Paths string `json:"paths,omitempty"`
	Cut   bool   `json:"cut,omitempty"`
	// Made is the first path that its new commits add or remove. Empty says that it
	// brought no commit, new or not.
	Made  string `json:"made,omitempty"`
	Empty bool   `json:"empty,omitempty"`
	// Shell names the text that is a command to a shell: title, message, author.
	Shell string `json:"shell,omitempty"`
	// SkipsCI says that the message of a new commit keeps workflows from starting.
	SkipsCI bool `json:"skips_ci,omitempty"`
	// Authors are who made a push's new commits, by digests of name, e-mail and login.
	Authors string `json:"authors,omitempty"`
	// Base is the branch that a pull request is to go to, Default the repository's
	// default branch, Merge the commit that a merged one became.
	Base    string `json:"base,omitempty"`
	Default string `json:"default,omitempty"`
	Merge   string `json:"merge,omitempty"`
	// App is the slug of the App that a check is of.
	App string `json:"app,omitempty"`
	// Whom is the account that something is done to: a member, the owner of a token.
	Whom Account `json:"whom,omitzero"`
	// Changes names what an edit changed. Former is a repository's name before.
	Changes string `json:"changes,omitempty"`
	Former  string `json:"former,omitempty"`
	// State is what the thing holds now, Was what it held before, as far as the event
	// tells: a role, rights, the settings of a protection.
	State string `json:"state,omitempty"`
	Was   string `json:"was,omitempty"`
	// Object is the id of a ruleset or a protection, which can be given another name.
	Object int64 `json:"object,omitempty"`
	// Hook is the id of the webhook that a ping or meta event is about.
	Hook int64 `json:"hook,omitempty"`
}

// Account is an account of GitHub. The id decides who it is; a login can be
// given to somebody else, and is only shown.
type Account struct {
	ID    int64  `json:"id,omitempty"`
	Login string `json:"login,omitempty"`
	// Type is User, Bot, Organization or Mannequin.
	Type string `json:"type,omitempty"`
}

// Repository is a repository by its id and its full name, owner/name.
type Repository struct {
	ID   int64  `json:"id,omitempty"`
	Name string `json:"full_name,omitempty"`
}

// Read reads a delivery. It takes every body: what is wrong with one is said in
// Body.Malformed. The time is linear in the body's length.
func Read(r ledger.Record, body []byte) Reading {
	return Reading{Record: r, Body: readBody(r.Name, body)}
}

// Keep gives what is to be kept of a delivery whose body is erased. It holds
// no more of the body than Body does: accounts, names of branches and commits,
// no messages, no titles and no e-mail addresses.
func Keep(r ledger.Record, body []byte) json.RawMessage {
	kept, err := json.Marshal(readBody(r.Name, body))
	if err != nil {
		// Times are in years that JSON can hold, and nothing else can go wrong.
		return json.RawMessage(`{"malformed":"it could not be kept"}`)
	}
	return kept
}

// Restore reads what Keep kept, so that the reading equals that of the body.
func Restore(r ledger.Record, kept json.RawMessage) (Reading, error) {
	reading := Reading{Record: r}
	if err := json.Unmarshal(kept, &reading.Body); err != nil {
		return Reading{}, fmt.Errorf("read what was kept of entry %d: %w", r.Index, err)
	}
	return reading, nil
}
