package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Token is what there is to say of one token. Nothing in it is secret.
type Token struct {
	finding.Answer
	Need    token.Need
	Seen    token.Observations
	Version string
}

// JudgeToken holds what was seen of a token against what it is for.
func JudgeToken(n token.Need, o token.Observations, version string) Token {
	return Token{Answer: token.Judge(n, o), Need: n, Seen: o, Version: version}
}

// tokenKinds are the kinds in words.
var tokenKinds = map[token.Kind]string{
	token.Classic: "classic personal access token", token.FineGrained: "fine-grained personal access token",
	token.OAuth: "OAuth app's token", token.AppUser: "GitHub App's token for a person",
	token.Installation: "GitHub App's installation token, or a workflow's", token.Refresh: "refresh token",
	token.Legacy: "classic personal access token of before 2021", token.Unknown: "no token of GitHub",
}

// Report is the token for every format.
func (t Token) Report() Report {
	r := Report{
		Answer: t.Answer, Phrase: "the token is as it should be", Urgent: t.Attention(),
		Facts: t.facts(), Tables: []Table{t.rights()}, Version: t.Version, Document: t.document(),
	}
	switch {
	case t.Attention() && t.Verdict() == finding.Pass:
		r.Phrase = "the token works, and needs attention"
	case t.Attention():
		r.Phrase = "the token needs attention"
	case t.Verdict() == finding.Undecided:
		r.Phrase = "it cannot be told whether the token is good"
	}
	return r
}

// RateLimit is the name of the fact that differs from run to run.
const RateLimit = "rate limit"

// facts are what GitHub told.
func (t Token) facts() []Fact {
	o := t.Seen
	facts := []Fact{{"kind", tokenKinds[o.Kind]}}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, Fact{name, value})
		}
	}
	if o.Account != nil {
		add("account", fmt.Sprintf("%s (%s %d)", o.Account.Login, o.Account.Type, o.Account.ID))
	}
	if len(o.Answers) > 0 {
		add("name", o.Name)
		if o.Name == "" {
			add("name", "GitHub does not tell; should be "+strings.Join(t.Need.Names(), " or "))
		}
	}
	add("expires", t.expires())
	if o.Reach != nil {
		add("sees", text.Some(text.Each(o.Reach.Repositories, func(r token.Repository) string { return r.Name }), 5))
	}
	if o.Rate != nil {
		add(RateLimit, fmt.Sprintf("%d of %d left", o.Rate.Remaining, o.Rate.Limit))
	}
	add("fingerprint", o.Fingerprint)
	return facts
}

func (t Token) expires() string {
	if t.Seen.Expires == "" {
		return ""
	}
	at, err := token.ParseExpiry(t.Seen.Expires)
	if err != nil {
		return t.Seen.Expires
	}
	return fmt.Sprintf("%s (in %s)", text.Minute(at), text.Count(token.DaysLeft(at, t.Seen.Time), "day"))
}

// rights is the table of what the token needs beside what it has.
func (t Token) rights() Table {
	table := Table{Noun: "permission", Marked: 3, Columns: []Column{{Head: "permission"}, {Head: "needed"}, {Head: "has"}, {Head: "state"}}}
	for _, r := range token.Rights(t.Need, t.Seen) {
		state, paint := r.State(), text.Paint("")
		if state == token.TooMuch || state == token.Missing {
			paint = text.Red
		}
		table.Rows = append(table.Rows, Row{[]string{r.Name, orDash(r.Need), orDash(r.Has), string(state)}, paint})
	}
	return table
}

// tokenDocument is the JSON form. docs/token.schema.json is made from it. Need and
// observations are what another judge would need to come to the same findings.
type tokenDocument struct {
	Envelope
	Expires *time.Time    `json:"expires" jsonschema:"nullable"` // When the token expires; null where that is not known.
	Rights  []token.Right `json:"rights"`                        // What the token needs beside what it has.
	Need    token.Need    `json:"need"`                          // What the token is for.
	// What was asked and answered. Texts are GitHub's: escape them before showing them.
	Observations token.Observations `json:"observations"`
}

func (t Token) document() tokenDocument {
	d := tokenDocument{
		Envelope: EnvelopeOf(t.Answer), Rights: append([]token.Right{}, token.Rights(t.Need, t.Seen)...), Need: t.Need, Observations: t.Seen,
	}
	if at, err := token.ParseExpiry(t.Seen.Expires); err == nil {
		d.Expires = &at
	}
	return d
}
