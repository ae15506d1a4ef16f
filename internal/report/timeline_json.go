package report

import (
	"cmp"
	"io"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// timelineDocument is the JSON timeline, version 1. docs/timeline.schema.json is
// made from it. Within a version, keys may be added at the end of an object and
// nothing else changes.
type timelineDocument struct {
	Version      int                   `json:"version" jsonschema:"enum=1,description=Version of this format. Keys may be added within a version."`
	Verdict      finding.Verdict       `json:"verdict" jsonschema:"enum=pass,enum=fail,enum=undecided,description=Fail means an unexpected use or another finding or alert of severity error; undecided that uses could have been missed."`
	From         string                `json:"from" jsonschema:"description=Beginning of the window in RFC 3339 and UTC."`
	To           string                `json:"to" jsonschema:"description=End of the window which does not belong to it."`
	Deliveries   int                   `json:"deliveries" jsonschema:"minimum=0,description=How many deliveries were read."`
	Uses         []timelineUse         `json:"uses" jsonschema:"description=Everything that the bot's accounts did by its place in the ledger."`
	Findings     []timelineFinding     `json:"findings" jsonschema:"description=Findings gravest first."`
	Days         []timelineTotal       `json:"days" jsonschema:"description=Uses by day in UTC."`
	Events       []timelineTotal       `json:"events" jsonschema:"description=Uses by event."`
	Gaps         []string              `json:"gaps" jsonschema:"description=Why uses could have been missed or misjudged. May quote outside text: escape it before showing it."`
	Followed     int                   `json:"followed" jsonschema:"minimum=0,description=How many deliveries tell of checks and runs that GitHub began because of a use."`
	Completeness *timelineCompleteness `json:"completeness,omitempty" jsonschema:"description=How complete the record is. Left out where it was not compared with GitHub's lists."`
	Alerts       []timelineAlert       `json:"alerts" jsonschema:"description=What the ledger's record of rotations says of the bot's tokens now gravest first. Those of severity error fail the verdict."`
}

type timelineAlert struct {
	Rule         string           `json:"rule" jsonschema:"description=Name of the rule as family/name."`
	Severity     finding.Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	HashedToken  string           `json:"hashed_token" jsonschema:"description=The new token of the rotation that it is about in the form of GitHub's audit log."`
	Repositories []string         `json:"repositories" jsonschema:"description=What that token is for as owner/name."`
	Reminder     int              `json:"reminder" jsonschema:"enum=0,enum=30,enum=14,enum=7,enum=1,description=Days before the token's end whose reminder is due. 0 where the alert is about something else."`
	Message      string           `json:"message" jsonschema:"description=What is the matter. May quote outside text: escape it before showing it."`
	Hint         string           `json:"hint" jsonschema:"description=What to do with the commands."`
	Was          finding.Severity `json:"was" jsonschema:"enum=,enum=error,enum=warning,enum=note,enum=off,description=The rule's own severity where the policy file changed it; else empty."`
}

type timelineUse struct {
	Index        int64    `json:"index" jsonschema:"minimum=0,description=Place of the entry in the ledger from 0."`
	Also         []int64  `json:"also" jsonschema:"description=Entries that tell the same once more."`
	Time         string   `json:"time" jsonschema:"description=When it happened as the delivery tells it or else when that came in."`
	Event        string   `json:"event" jsonschema:"description=Event of GitHub's webhooks as the body shows it."`
	Action       string   `json:"action" jsonschema:"description=The event's action. May be empty."`
	Repository   string   `json:"repository" jsonschema:"description=owner/name. Empty where the event is of no repository."`
	RepositoryID int64    `json:"repository_id" jsonschema:"minimum=0,description=0 where the event is of no repository."`
	Ref          string   `json:"ref" jsonschema:"description=Full name of the branch or tag; owner/name:branch where a pull request's head is in another repository. May be empty."`
	Commit       string   `json:"commit" jsonschema:"description=Commit that the ref was moved to or that the event is about. May be empty."`
	Number       int64    `json:"number" jsonschema:"description=Of the pull request or issue. 0 for none."`
	Subject      string   `json:"subject" jsonschema:"description=What else the event is about such as a status context. May be empty."`
	Login        string   `json:"login" jsonschema:"description=The account's login as the delivery tells it. The id decides."`
	AccountID    int64    `json:"account_id" jsonschema:"description=The account's numeric id."`
	Attribution  string   `json:"attribution" jsonschema:"enum=explained,enum=expected,enum=unexpected,enum=unexplained"`
	Why          []string `json:"why" jsonschema:"description=A short reason for each thing that is not expected."`
}

type timelineFinding struct {
	Rule     string           `json:"rule" jsonschema:"description=Name of the rule as family/name."`
	Severity finding.Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=note"`
	Index    int64            `json:"index" jsonschema:"minimum=0,description=Place of the entry in the ledger from 0."`
	Message  string           `json:"message" jsonschema:"description=What is the matter. May quote outside text: escape it before showing it."`
	Hint     string           `json:"hint" jsonschema:"description=How to mend it. May be empty."`
	Was      finding.Severity `json:"was" jsonschema:"enum=,enum=error,enum=warning,enum=note,enum=off,description=The rule's own severity where the policy file changed it; else empty."`
}

type timelineTotal struct {
	Name       string `json:"name" jsonschema:"description=The day as 2006-01-02 or the event."`
	Uses       int    `json:"uses" jsonschema:"minimum=0"`
	Unexpected int    `json:"unexpected" jsonschema:"minimum=0,description=Those of them that are unexpected or unexplained."`
}

type timelineCompleteness struct {
	Decided   bool           `json:"decided" jsonschema:"description=All of the window could be compared."`
	Listed    int            `json:"listed" jsonschema:"minimum=0,description=Deliveries that GitHub lists."`
	Held      int            `json:"held" jsonschema:"minimum=0,description=Of these the ledger has."`
	Recovered int            `json:"recovered" jsonschema:"minimum=0,description=Of these it has only since they were sent again."`
	Expired   []string       `json:"expired" jsonschema:"description=Beginning and end of the part of the window that GitHub lists no more; else empty."`
	Open      []timelineLine `json:"open" jsonschema:"description=What is missing or could not be settled."`
}

type timelineLine struct {
	Kind       string `json:"kind" jsonschema:"enum=missing,enum=never-emitted,enum=unsettled,enum=unlisted,enum=unread"`
	Time       string `json:"time" jsonschema:"description=May be empty."`
	Event      string `json:"event" jsonschema:"description=Event or activity. May be empty."`
	Repository string `json:"repository" jsonschema:"description=owner/name or the id. May be empty."`
	Ref        string `json:"ref" jsonschema:"description=May be empty."`
	Text       string `json:"text" jsonschema:"description=May quote outside text: escape it before showing it."`
}

// TimelineJSON writes a timeline for programs, in the form of
// docs/timeline.schema.json.
func TimelineJSON(w io.Writer, t Timeline) error { return text.JSON(w, t.document()) }

func (t Timeline) document() timelineDocument {
	d := timelineDocument{
		Version: 1, Verdict: t.Verdict(), From: stamp(t.Window.From), To: stamp(t.Window.To), Deliveries: t.Audit.Deliveries, Followed: t.Audit.Followed,
		Uses: []timelineUse{}, Findings: []timelineFinding{}, Gaps: utfs(t.Audit.Gaps),
		Days: documentTotals(t.Audit.Days), Events: documentTotals(t.Audit.Events), Alerts: []timelineAlert{},
	}
	for _, a := range t.Alerts {
		d.Alerts = append(d.Alerts, timelineAlert{text.UTF8(a.Rule), a.Severity, text.UTF8(a.New), utfs(a.Repositories), a.Reminder, text.UTF8(a.Message), text.UTF8(a.Hint), a.Was})
	}
	for _, u := range t.Audit.Uses {
		d.Uses = append(d.Uses, timelineUse{
			Index: u.Index, Also: append([]int64{}, u.Also...), Time: stamp(u.Time), Event: text.UTF8(u.Event), Action: text.UTF8(u.Action),
			Repository: text.UTF8(u.Repository.Name), RepositoryID: u.Repository.ID, Ref: text.UTF8(u.Ref), Commit: text.UTF8(u.Commit),
			Number: u.Number, Subject: text.UTF8(u.Subject), Login: text.UTF8(u.Who.Login), AccountID: u.Who.ID,
			Attribution: string(cmp.Or(u.Attribution, audit.Unexplained)), Why: utfs(u.Why),
		})
	}
	for _, f := range t.Audit.Findings {
		d.Findings = append(d.Findings, timelineFinding{text.UTF8(f.Rule), f.Severity, f.Index, text.UTF8(f.Message), text.UTF8(f.Hint), f.Was})
	}
	if t.Completeness != nil {
		d.Completeness = t.documentCompleteness()
	}
	return d
}

func (t Timeline) documentCompleteness() *timelineCompleteness {
	s := t.Completeness
	c := timelineCompleteness{Decided: s.Decided(), Listed: s.Listed, Held: s.Held, Recovered: len(s.Recovered), Expired: []string{}, Open: []timelineLine{}}
	if !s.Expired.Empty() {
		c.Expired = []string{stamp(s.Expired.From), stamp(s.Expired.To)}
	}
	for _, l := range t.lines() {
		c.Open = append(c.Open, timelineLine{l.Kind, stamp(l.Time), text.UTF8(l.Event), text.UTF8(l.Repository), text.UTF8(l.Ref), text.UTF8(l.Text)})
	}
	return &c
}

func documentTotals(totals []audit.Total) []timelineTotal {
	out := []timelineTotal{}
	for _, t := range totals {
		out = append(out, timelineTotal{text.UTF8(t.Name), t.Uses, t.Unexpected})
	}
	return out
}

func utfs(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = text.UTF8(s)
	}
	return out
}
