package report

import (
	"cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// timelineDocument is the JSON form. docs/timeline.schema.json is made from it.
type timelineDocument struct {
	Envelope
	From       string `json:"from"`                              // Beginning of the window in RFC 3339 and UTC.
	To         string `json:"to"`                                // End of the window which does not belong to it.
	Deliveries int    `json:"deliveries" jsonschema:"minimum=0"` // How many deliveries were read.
	// How many deliveries tell of checks and runs that GitHub began because of a use.
	Followed int           `json:"followed" jsonschema:"minimum=0"`
	Uses     []timelineUse `json:"uses"`   // Everything that the bot's accounts did by its place in the ledger.
	Days     []audit.Total `json:"days"`   // Uses by day in UTC.
	Events   []audit.Total `json:"events"` // Uses by event.
	// How complete the record is. Left out where it was not compared with GitHub's lists.
	Completeness *completeness `json:"completeness,omitempty"`
	Alerts       []alert       `json:"alerts"`      // The rotations that findings are about.
	NeverShown   string        `json:"never_shown"` // What deliveries cannot show however complete they are.
}

type alert struct {
	Rule         string   `json:"rule"`         // Name of the finding's rule.
	HashedToken  string   `json:"hashed_token"` // The new token of the rotation in the form of GitHub's audit log.
	Repositories []string `json:"repositories"` // What that token is for as owner/name.
	// Days before the token's end whose reminder is due. 0 where the finding is about something
	// else.
	Reminder int `json:"reminder" jsonschema:"enum=0,enum=30,enum=14,enum=7,enum=1"`
}

type timelineUse struct {
	Entry        int64   `json:"entry" jsonschema:"minimum=0"`         // Place of the entry in the ledger from 0.
	Also         []int64 `json:"also"`                                 // Entries that tell the same once more.
	Time         string  `json:"time"`                                 // When it happened as the delivery tells it or else when that came in.
	Event        string  `json:"event"`                                // Event of GitHub's webhooks as the body shows it.
	Action       string  `json:"action"`                               // The event's action. May be empty.
	Repository   string  `json:"repository"`                           // owner/name. Empty where the event is of no repository.
	RepositoryID int64   `json:"repository_id" jsonschema:"minimum=0"` // 0 where the event is of no repository.
	// Full name of the branch or tag; owner/name:branch where a pull request's head is in
	// another repository. May be empty.
	Ref         string   `json:"ref"`
	Commit      string   `json:"commit"`     // Commit that the ref was moved to or that the event is about. May be empty.
	Number      int64    `json:"number"`     // Of the pull request or issue. 0 for none.
	Subject     string   `json:"subject"`    // What else the event is about such as a status context. May be empty.
	Login       string   `json:"login"`      // The account's login as the delivery tells it. The id decides.
	AccountID   int64    `json:"account_id"` // The account's numeric id.
	Attribution string   `json:"attribution" jsonschema:"enum=explained,enum=expected,enum=unexpected,enum=unexplained"`
	Why         []string `json:"why"` // A short reason for each thing that is not expected.
}

func (t Timeline) document(shown finding.Answer, verdict finding.Verdict) timelineDocument {
	d := timelineDocument{
		Envelope: EnvelopeOf(shown), From: stamp(t.Window.From), To: stamp(t.Window.To), NeverShown: audit.NeverShown,
		Deliveries: t.Audit.Deliveries, Followed: t.Audit.Followed, Uses: []timelineUse{}, Alerts: []alert{},
		Days: append([]audit.Total{}, t.Audit.Days...), Events: append([]audit.Total{}, t.Audit.Events...),
	}
	d.Verdict = verdict
	for _, a := range t.Alerts {
		d.Alerts = append(d.Alerts, alert{a.Rule, a.New, append([]string{}, a.Repositories...), a.Reminder})
	}
	for _, u := range t.Audit.Uses {
		d.Uses = append(d.Uses, timelineUse{
			Entry: u.Index, Also: append([]int64{}, u.Also...), Time: stamp(u.Time), Event: u.Event, Action: u.Action,
			Repository: u.Repository.Name, RepositoryID: u.Repository.ID, Ref: u.Ref, Commit: u.Commit,
			Number: u.Number, Subject: u.Subject, Login: u.Who.Login, AccountID: u.Who.ID,
			Attribution: string(cmp.Or(u.Attribution, audit.Unexplained)), Why: append([]string{}, u.Why...),
		})
	}
	if t.Completeness != nil {
		d.Completeness = new(completenessOf(*t.Completeness))
	}
	return d
}

// Completeness is how complete the record is, by itself.
type Completeness struct {
	audit.Statement
	Version string
}

// completenessDocument is the JSON form. docs/completeness.schema.json is made from it.
type completenessDocument struct {
	Envelope
	Completeness completeness `json:"completeness"` // How complete the record is.
}

type completeness struct {
	Listed    int `json:"listed" jsonschema:"minimum=0"`    // Deliveries that GitHub lists.
	Held      int `json:"held" jsonschema:"minimum=0"`      // Of these the ledger has.
	Recovered int `json:"recovered" jsonschema:"minimum=0"` // Of these it has only since they were sent again.
	Confirmed int `json:"confirmed" jsonschema:"minimum=0"` // Our answers in GitHub's log that name an entry of the ledger.
	Nameless  int `json:"nameless" jsonschema:"minimum=0"`  // Our answers there that name no entry such as those of a proxy.
	Unasked   int `json:"unasked" jsonschema:"minimum=0"`   // Our answers there that nobody has looked at yet.
	// Beginning and end of the part of the window that GitHub lists no more; else empty.
	Expired []string `json:"expired"`
	Open    []open   `json:"open"` // What is missing or could not be settled.
}

type open struct {
	Kind       string `json:"kind" jsonschema:"enum=missing,enum=never-sent,enum=unsettled,enum=unlisted,enum=removed"`
	Time       string `json:"time"`       // May be empty.
	Event      string `json:"event"`      // Event or activity. May be empty.
	Repository string `json:"repository"` // owner/name. May be empty.
	Ref        string `json:"ref"`        // May be empty.
	Hook       int64  `json:"hook"`       // The webhook. 0 where none is meant.
	GUID       string `json:"guid"`       // The delivery. May be empty.
}

func completenessOf(s audit.Statement) completeness {
	c := completeness{Listed: s.Listed, Held: s.Held, Recovered: len(s.Recovered), Expired: []string{}, Open: []open{},
		Confirmed: s.Confirmed, Nameless: s.Nameless, Unasked: s.Unasked}
	if !s.Expired.Empty() {
		c.Expired = []string{stamp(s.Expired.From), stamp(s.Expired.To)}
	}
	for _, d := range s.Missing {
		c.Open = append(c.Open, open{Kind: "missing", Time: stamp(d.First), Event: eventOf(d.Event, d.Action), Hook: d.Hook, GUID: d.GUID})
	}
	untold := func(kind string, all []audit.Untold) {
		for _, u := range all {
			c.Open = append(c.Open, open{Kind: kind, Time: stamp(u.Time), Event: u.Type, Repository: u.Name, Ref: u.Ref})
		}
	}
	untold("never-sent", s.NeverEmitted)
	untold("unsettled", s.Unsettled)
	for _, u := range s.Unlisted {
		c.Open = append(c.Open, open{Kind: "unlisted", Time: stamp(u.Time), Hook: u.Hook, GUID: u.GUID})
	}
	for _, r := range s.Removed {
		c.Open = append(c.Open, open{Kind: "removed", Time: stamp(r.Time), Hook: r.Hook, GUID: r.GUID})
	}
	return c
}

// Report is the statement for every format.
func (c Completeness) Report() Report {
	a := c.Statement.Answer()
	return Report{
		Answer: a, Phrase: c.Summary(), Version: c.Version, Facts: []Fact{{"window", c.Window.String()}},
		Document: completenessDocument{EnvelopeOf(a), completenessOf(c.Statement)},
	}
}
