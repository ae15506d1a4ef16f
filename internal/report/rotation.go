package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// Rotation is where the rotation of a token stands, with what there is to say of all
// rotations on record. A foreign answer means that none is.
type Rotation struct {
	finding.Answer
	Rotation rotation.Rotation
	Seen     rotation.Observation
	Version  string
}

// rotationDocument is the JSON form. docs/rotation.schema.json is made from it.
type rotationDocument struct {
	Envelope
	Stage        rotation.Stage   `json:"stage"`        // Where it stands. Empty where no rotation is on record.
	Next         string           `json:"next"`         // What to do next.
	Repositories []string         `json:"repositories"` // What the token is for as owner/name.
	By           string           `json:"by"`           // Who did it as that person or job said.
	New          string           `json:"new_hashed_token"`
	Old          string           `json:"old_hashed_token,omitempty"`
	OldAnswer    token.Class      `json:"old_answer,omitempty"` // What GitHub answered to the old token.
	Places       []rotation.Place `json:"places"`               // Where the new token was stored.
	Missing      []rotation.Place `json:"missing"`              // Those of them that do not hold it.
	Started      time.Time        `json:"started,omitzero"`
	Stored       time.Time        `json:"stored,omitzero"`
	InUse        *bool            `json:"in_use,omitempty"` // Flux works with the new token. Left out where nobody looked.
	Finished     time.Time        `json:"finished,omitzero"`
	Proof        rotation.Proof   `json:"proof,omitempty"`  // How it is known that the old token is dead.
	HoursLeft    float64          `json:"hours_left"`       // Of the overlap. Negative once it is over.
	Expires      time.Time        `json:"expires,omitzero"` // The new token's end.
	Reminders    []time.Time      `json:"reminders,omitempty"`
}

// Report is the rotation for every format.
func (n Rotation) Report() Report {
	d, st := n.Rotation, n.Rotation.Stand(n.Seen)
	r := Report{Answer: n.Answer, Version: n.Version, Document: n.document(st)}
	if n.Basis == finding.Foreign {
		r.Phrase = "no rotation is on record: begin one with `rotate start`"
		return r
	}
	r.Phrase = fmt.Sprintf("rotation of the token for %s, by %s: %s", strings.Join(d.Repositories, ", "), d.By, st.Stage)
	r.Facts = append(r.Facts, Fact{"new hashed_token", d.New})
	if d.Old != "" {
		r.Facts = append(r.Facts, Fact{"old hashed_token", d.Old})
	}
	if st.Stage != rotation.Done && !d.Stored.IsZero() {
		overlap := "over since " + text.Minute(d.Stored.Add(rotation.Overlap))
		if st.Left > 0 {
			overlap = fmt.Sprintf("%.1f hours left, until %s", st.Left.Hours(), text.Minute(d.Stored.Add(rotation.Overlap)))
		}
		r.Facts = append(r.Facts, Fact{"overlap", overlap})
	}
	if !d.Expires.IsZero() {
		days := text.Each(token.Reminders(d.Expires), func(at time.Time) string { return at.Format(time.DateOnly) })
		r.Facts = append(r.Facts, Fact{"expires", text.Minute(d.Expires) + "; reminders " + strings.Join(days, ", ")})
	}
	r.Tables, r.Closing = []Table{n.steps(st)}, []string{"next: " + st.Next()}
	return r
}

// steps is the table of what was done, with the places below.
func (n Rotation) steps(st rotation.Standing) Table {
	d := n.Rotation
	table := Table{Noun: "step", Columns: []Column{{}, {Head: "step"}, {Head: "state", Most: maxMessage}}}
	step := func(done bool, name, state string) {
		row := Row{Cells: []string{"[ ]", name, state}}
		if done {
			row.Cells[0], row.Paint = "[x]", text.Green
		}
		table.Rows = append(table.Rows, row)
	}
	step(!d.Started.IsZero(), "checked", dayOf(d.Started))
	step(!d.Stored.IsZero(), "stored", dayOf(d.Stored))
	for _, p := range d.Places {
		table.Rows = append(table.Rows, Row{Cells: []string{"", "", p.Where + placeNow(p, n.Seen, d)}})
	}
	step(st.Seen, "in use", inUse(st, n.Seen))
	step(st.Stage == rotation.Done || st.Stage == rotation.Dead, "old dead", oldNow(d, n.Seen))
	return table
}

func (n Rotation) document(st rotation.Standing) rotationDocument {
	d := n.Rotation
	doc := rotationDocument{
		Envelope: EnvelopeOf(n.Answer), Repositories: append([]string{}, d.Repositories...),
		By: d.By, New: d.New, Old: d.Old, OldAnswer: n.Seen.Old,
		Places: append([]rotation.Place{}, d.Places...), Missing: append([]rotation.Place{}, st.Missing...),
		Started: d.Started, Stored: d.Stored, Finished: d.Finished, Proof: d.Proof, HoursLeft: st.Left.Hours(), Expires: d.Expires,
	}
	if n.Basis != finding.Foreign {
		doc.Stage, doc.Next = st.Stage, st.Next()
	}
	if st.SeenKnown {
		doc.InUse = &st.Seen
	}
	if !d.Expires.IsZero() {
		doc.Reminders = token.Reminders(d.Expires)
	}
	return doc
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return text.Minute(t)
}

func placeNow(p rotation.Place, s rotation.Observation, d rotation.Rotation) string {
	text := ""
	if p.Owner != "" {
		text = " (" + p.Owner + " brings it there)"
	}
	have, looked := s.Copies[p.Where]
	switch {
	case !looked:
		return text + ": not looked at"
	case have == d.New:
		return text + ": has the new token"
	case have == "":
		return text + ": has no token"
	case have == d.Old:
		return text + ": still has the old token"
	}
	return text + ": has another token, " + have
}

func inUse(st rotation.Standing, s rotation.Observation) string {
	switch {
	case !st.SeenKnown:
		return "not looked at: name the Secret with --cluster-secret"
	case s.Worked.IsZero():
		return "Flux does not work, or complains"
	}
	return "Flux last worked " + text.Minute(s.Worked)
}

func oldNow(d rotation.Rotation, s rotation.Observation) string {
	switch {
	case d.Proof == rotation.Revoked:
		return text.Minute(d.Finished) + ", revoked through GitHub's API"
	case d.Proof == rotation.Vouched:
		return text.Minute(d.Finished) + ", as " + d.By + " says"
	case d.Proof == rotation.Rejected:
		return text.Minute(d.Finished) + ", GitHub does not take it"
	case d.NoOld():
		return "there was none"
	case d.Old == "":
		return "not known: no place was looked at; name it to rotate finish with --old-token-file"
	case s.Old == "" && d.Dead(s):
		return "it expired " + text.Minute(d.OldExpires)
	case s.Old == "":
		return "not asked: give it with --old-token-file"
	case s.Old == token.OK:
		return "it still answers"
	case s.Old == token.BadCredentials:
		return "GitHub does not take it"
	}
	return "not known: GitHub's answer was " + string(s.Old)
}
