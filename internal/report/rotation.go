package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// Rotation is where the replacing of a token stands, with what it goes by.
type Rotation struct {
	rotation.Rotation
	Seen rotation.Observation
	// Findings are of all rotations on record, Gaps what could not be told.
	Findings []finding.Finding
	Gaps     []string
}

// Verdict is fail where a finding is an error, else undecided where something
// could not be told.
func (r Rotation) Verdict() finding.Verdict { return token.Verdict(r.Findings, r.Gaps) }

// rotationDocument is the JSON form of a rotation.
type rotationDocument struct {
	Stage        rotation.Stage   `json:"stage"`
	Next         string           `json:"next"`
	Repositories []string         `json:"repositories"`
	By           string           `json:"by"`
	New          string           `json:"new_hashed_token"`
	Old          string           `json:"old_hashed_token,omitempty"`
	OldAnswer    token.Class      `json:"old_answer,omitempty"`
	Places       []rotation.Place `json:"places,omitempty"`
	Missing      []rotation.Place `json:"missing,omitempty"`
	Started      time.Time        `json:"started,omitzero"`
	Stored       time.Time        `json:"stored,omitzero"`
	InUse        *bool            `json:"in_use,omitempty"` // missing: not looked at
	Finished     time.Time        `json:"finished,omitzero"`
	Proof        rotation.Proof   `json:"proof,omitempty"`
	HoursLeft    float64          `json:"hours_left"`
	Expires      time.Time        `json:"expires,omitzero"`
	Reminders    []time.Time      `json:"reminders,omitempty"`
	Troubles     []string         `json:"troubles,omitempty"`
	// Findings are of all rotations on record.
	Findings []finding.Finding `json:"findings,omitempty"`
}

// RotationJSON writes the rotation for programs.
func RotationJSON(w io.Writer, r Rotation) error {
	st := r.Stand(r.Seen)
	d := rotationDocument{
		Stage: st.Stage, Next: st.Next(), Repositories: r.Repositories, By: r.By, New: r.New, Old: r.Old, OldAnswer: r.Seen.Old,
		Places: r.Places, Missing: st.Missing, Started: r.Started, Stored: r.Stored, Finished: r.Finished, Proof: r.Proof,
		HoursLeft: st.Left.Hours(), Expires: r.Expires, Troubles: r.Gaps, Findings: r.Findings,
	}
	if st.SeenKnown {
		d.InUse = &st.Seen
	}
	if !r.Expires.IsZero() {
		d.Reminders = token.Reminders(r.Expires)
	}
	return text.JSON(w, d)
}

// RotationText writes the rotation for people: what it calls for first, then its
// steps and what to do next.
func RotationText(w io.Writer, r Rotation) error {
	var out bytes.Buffer
	st := r.Stand(r.Seen)
	writeFindings(&out, r.Findings)
	fmt.Fprintf(&out, "rotation of the token for %s, by %s: %s\n", text.Line(strings.Join(r.Repositories, ", ")), text.Line(r.By), st.Stage)
	fmt.Fprintf(&out, "  new hashed_token %s\n", text.Line(r.New))
	if r.Old != "" {
		fmt.Fprintf(&out, "  old hashed_token %s\n", text.Line(r.Old))
	}
	step := func(done bool, name, what string) {
		fmt.Fprintf(&out, "  %s %-9s %s\n", map[bool]string{true: "[x]", false: "[ ]"}[done], name, what)
	}
	step(!r.Started.IsZero(), "checked", date(r.Started))
	step(!r.Stored.IsZero(), "stored", date(r.Stored))
	for _, p := range r.Places {
		fmt.Fprintf(&out, "                %s%s\n", text.Line(p.Where), r.place(p))
	}
	step(st.Seen, "in use", inUse(st, r.Seen))
	step(st.Stage == rotation.Done || st.Stage == rotation.Dead, "old dead", r.oldToken())
	r.dates(&out, st)
	for _, gap := range r.Gaps {
		fmt.Fprintf(&out, "not known: %s\n", text.Line(gap))
	}
	fmt.Fprintf(&out, "next: %s\n", st.Next())
	_, err := w.Write(out.Bytes())
	return err
}

// dates are the lines on the overlap and on the new token's end.
func (r Rotation) dates(out *bytes.Buffer, st rotation.Standing) {
	switch over := text.Minute(r.Stored.Add(rotation.Overlap)); {
	case st.Stage == rotation.Done || r.Stored.IsZero():
	case st.Left > 0:
		fmt.Fprintf(out, "overlap: %.1f hours left, until %s\n", st.Left.Hours(), over)
	default:
		fmt.Fprintf(out, "overlap: over since %s\n", over)
	}
	if r.Expires.IsZero() {
		return
	}
	var days []string
	for _, at := range token.Reminders(r.Expires) {
		days = append(days, at.Format(time.DateOnly))
	}
	fmt.Fprintf(out, "the new token expires %s; reminders %s\n", date(r.Expires), strings.Join(days, ", "))
}

// Findings writes each finding with its hint below it.
func Findings(w io.Writer, all []finding.Finding) error {
	var out bytes.Buffer
	writeFindings(&out, all)
	_, err := w.Write(out.Bytes())
	return err
}

func writeFindings(out *bytes.Buffer, all []finding.Finding) {
	for _, f := range all {
		fmt.Fprintf(out, "%s %s: %s\n  %s\n", f.Severity, f.Rule, text.Line(f.Message), text.Line(f.Hint))
	}
}

func date(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return text.Minute(t)
}

// place is what one place holds now.
func (r Rotation) place(p rotation.Place) string {
	line := ""
	if p.Owner != "" {
		line = " (" + text.Line(p.Owner) + " brings it there)"
	}
	have, looked := r.Seen.Copies[p.Where]
	switch {
	case !looked:
		return line + ": not looked at"
	case have == r.New:
		return line + ": has the new token"
	case have == "":
		return line + ": has no token"
	case have == r.Old:
		return line + ": still has the old token"
	}
	return line + ": has another token, " + have
}

func inUse(st rotation.Standing, seen rotation.Observation) string {
	switch {
	case !st.SeenKnown:
		return "not looked at: name the Secret with --cluster-secret"
	case seen.Worked.IsZero():
		return "Flux does not work, or complains"
	}
	return "Flux last worked " + date(seen.Worked)
}

// oldToken is what is known of the old token.
func (r Rotation) oldToken() string {
	switch finished := date(r.Finished); {
	case r.Proof == rotation.Revoked:
		return finished + ", revoked through GitHub's API"
	case r.Proof == rotation.Vouched:
		return finished + ", as " + text.Line(r.By) + " says"
	case r.Proof == rotation.Rejected:
		return finished + ", GitHub does not take it"
	case r.NoOld():
		return "there was none"
	case r.Old == "":
		return "not known: no place was looked at; name it to rotate finish with --old-token-file"
	case r.Seen.Old == "" && r.Dead(r.Seen):
		return "it expired " + date(r.OldExpires)
	case r.Seen.Old == "":
		return "not asked: give it with --old-token-file"
	case r.Seen.Old == token.OK:
		return "it still answers"
	case r.Seen.Old == token.BadCredentials:
		return "GitHub does not take it"
	}
	return "not known: GitHub's answer was " + string(r.Seen.Old)
}
