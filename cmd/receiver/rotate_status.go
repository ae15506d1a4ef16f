package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
	"github.com/goldfish-inc/fluxkeeper/internal/token/rotation"
)

// rotateStatusCmd tells where the last rotation stands.
type rotateStatusCmd struct {
	where
	keeping
	Repo         string `placeholder:"OWNER/NAME" help:"The last rotation of this repository (default: the last one of all)."`
	OldTokenFile string `placeholder:"FILE" complete:"file" help:"Ask GitHub whether this, the old token, still answers (default: that of the environment's revision before)."`
	APIURL       string `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: github.com's)."`
	Format       string `default:"text" enum:"text,json" placeholder:"FORMAT" help:"text (default) or json."`
}

// Help is shown by rotate status --help.
func (rotateStatusCmd) Help() string {
	return `Goes by the ledger, and by what it is pointed at: the environment, the Secret with Flux's last runs, and GitHub's answer to the old token. What it does not look at it says. It changes nothing.

On top stands what the rotations on record call for, of all repositories, and a token that two clusters hold, or two Secrets or environments of different repositories: by the record, and by what was looked at.

Exit status: 0 nothing is late, 1 one of these is an error, such as an old token that outlived its overlap and was not seen dead, or a shared one, 2 wrong usage, 3 something could not be told.`
}

// Run looks and tells.
func (c *rotateStatusCmd) Run(a *console.Console) error {
	l, err := c.read(a.Context)
	if err != nil {
		return err
	}
	defer l.Close()
	kept, gap := records(a.Context, l)
	if _, partly := errors.AsType[unreadable](gap); gap != nil && !partly {
		return gap
	}
	known := rotation.Join(kept)
	if len(known) == 0 && gap != nil {
		return gap
	}
	if len(known) == 0 {
		_, err := fmt.Fprintln(a.Stdout, "no rotation is on record: begin one with `rotate start`")
		return err
	}
	d, ok := rotation.Newest(known, c.Repo)
	if !ok {
		return noRotation(c.Repo)
	}
	all, err := c.places(a)
	if err != nil {
		return err
	}
	old, err := c.oldToken(a, c.OldTokenFile, d)
	if err != nil {
		return err
	}
	s, troubles, err := sight(a, all, d, old, c.APIURL)
	if err != nil {
		return err
	}
	if gap != nil {
		troubles = append(troubles, gap.Error())
	}
	dead := ""
	if s.Old == token.BadCredentials {
		dead = d.Old
	}
	found := shared(kept, s.Now, all, "", d.Repositories)
	for _, alert := range rotation.Alerts(known, s.Now, dead) {
		found = append(found, alert.Finding)
	}
	found = finding.Sort(found)
	st := d.Stand(s)
	if c.Format == "json" {
		err = drillJSON(a.Stdout, d, s, st, found, troubles)
	} else {
		err = drillText(a.Stdout, d, s, st, found, troubles)
	}
	switch {
	case err != nil:
		return err
	case finding.Decide(found) == finding.Fail:
		return console.Fail(console.StatusFail, nil, "")
	case len(troubles) > 0:
		return console.Fail(console.StatusUndecided, nil, "")
	}
	return nil
}

// rotationNow is the JSON form of a rotation.
type rotationNow struct {
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

func drillJSON(w io.Writer, d rotation.Rotation, s rotation.Observation, st rotation.Standing, found []finding.Finding, troubles []string) error {
	now := rotationNow{
		Stage: st.Stage, Next: st.Next(), Repositories: d.Repositories, By: d.By, New: d.New, Old: d.Old, OldAnswer: s.Old,
		Places: d.Places, Missing: st.Missing, Started: d.Started, Stored: d.Stored, Finished: d.Finished, Proof: d.Proof,
		HoursLeft: st.Left.Hours(), Expires: d.Expires, Troubles: troubles, Findings: found,
	}
	if st.SeenKnown {
		now.InUse = &st.Seen
	}
	if !d.Expires.IsZero() {
		now.Reminders = token.Reminders(d.Expires)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(now)
}

func drillText(w io.Writer, d rotation.Rotation, s rotation.Observation, st rotation.Standing, found []finding.Finding, troubles []string) error {
	var out strings.Builder
	for _, f := range found {
		out.WriteString(findingLines(f))
	}
	line := func(done bool, name, format string, args ...any) {
		fmt.Fprintf(&out, "  %s %-9s %s\n", map[bool]string{true: "[x]", false: "[ ]"}[done], name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&out, "rotation of the token for %s, by %s: %s\n", console.OneLine(strings.Join(d.Repositories, ", ")), console.OneLine(d.By), st.Stage)
	fmt.Fprintf(&out, "  new hashed_token %s\n", console.OneLine(d.New))
	if d.Old != "" {
		fmt.Fprintf(&out, "  old hashed_token %s\n", console.OneLine(d.Old))
	}
	line(!d.Started.IsZero(), "checked", "%s", date(d.Started))
	line(!d.Stored.IsZero(), "stored", "%s", date(d.Stored))
	for _, p := range d.Places {
		fmt.Fprintf(&out, "                %s%s\n", console.OneLine(p.Where), placeNow(p, s, d))
	}
	line(st.Seen, "in use", "%s", inUse(st, s))
	line(st.Stage == rotation.Done || st.Stage == rotation.Dead, "old dead", "%s", oldNow(d, s))
	switch {
	case st.Stage == rotation.Done || d.Stored.IsZero():
	case st.Left > 0:
		fmt.Fprintf(&out, "overlap: %.1f hours left, until %s\n", st.Left.Hours(), date(d.Stored.Add(rotation.Overlap)))
	default:
		fmt.Fprintf(&out, "overlap: over since %s\n", date(d.Stored.Add(rotation.Overlap)))
	}
	if !d.Expires.IsZero() {
		var days []string
		for _, at := range token.Reminders(d.Expires) {
			days = append(days, at.Format(time.DateOnly))
		}
		fmt.Fprintf(&out, "the new token expires %s; reminders %s\n", date(d.Expires), strings.Join(days, ", "))
	}
	for _, text := range troubles {
		fmt.Fprintf(&out, "not known: %s\n", console.OneLine(text))
	}
	fmt.Fprintf(&out, "next: %s\n", st.Next())
	_, err := io.WriteString(w, out.String())
	return err
}

// findingLines are a finding and its hint below it.
func findingLines(f finding.Finding) string {
	return fmt.Sprintf("%s %s: %s\n  %s\n", f.Severity, f.Rule, console.OneLine(f.Message), console.OneLine(f.Hint))
}

// noRotation says that there is none of a repository.
func noRotation(repo string) error {
	return console.Fail(console.StatusUsage, fmt.Errorf("no rotation of %q is on record", repo), "write --repo as `rotate start` had it")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "not yet"
	}
	return t.UTC().Format(minute)
}

func placeNow(p rotation.Place, s rotation.Observation, d rotation.Rotation) string {
	text := ""
	if p.Owner != "" {
		text = " (" + console.OneLine(p.Owner) + " brings it there)"
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
	return "Flux last worked " + date(s.Worked)
}

func oldNow(d rotation.Rotation, s rotation.Observation) string {
	switch {
	case d.Proof == rotation.Revoked:
		return date(d.Finished) + ", revoked through GitHub's API"
	case d.Proof == rotation.Vouched:
		return date(d.Finished) + ", as " + d.By + " says"
	case d.Proof == rotation.Rejected:
		return date(d.Finished) + ", GitHub does not take it"
	case d.NoOld():
		return "there was none"
	case d.Old == "":
		return "not known: no place was looked at; name it to rotate finish with --old-token-file"
	case s.Old == "" && d.Dead(s):
		return "it expired " + date(d.OldExpires)
	case s.Old == "":
		return "not asked: give it with --old-token-file"
	case s.Old == token.OK:
		return "it still answers"
	case s.Old == token.BadCredentials:
		return "GitHub does not take it"
	}
	return "not known: GitHub's answer was " + string(s.Old)
}

// rotateFinishCmd ends the last rotation.
type rotateFinishCmd struct {
	signed
	keeping
	Repo         string        `placeholder:"OWNER/NAME" help:"The rotation of this repository (default: the last one that is under way)."`
	OldTokenFile string        `placeholder:"FILE" complete:"file" help:"The old token (default: standard input, or the environment's revision before)."`
	Revoke       bool          `help:"Revoke the old token through GitHub's API, for good, if it still answers."`
	Deleted      bool          `help:"Take your word that the old token was deleted at GitHub, where nobody has its text any more."`
	Unseen       bool          `help:"Revoke it although nobody saw Flux work with the new one."`
	Wait         time.Duration `default:"1m" placeholder:"TIME" help:"How long to wait until GitHub has revoked it (default: 1m)."`
	By           string        `placeholder:"WHO" help:"Who does it, for the record (default: $$GITHUB_ACTOR or $$USER)."`
	APIURL       string        `name:"api-url" placeholder:"URL" help:"Where GitHub's API is (default: github.com's)."`
}

// Help is shown by rotate finish --help.
func (rotateFinishCmd) Help() string {
	return `Asks GitHub about the old token, whose fingerprint must be the one on record. Where GitHub does not take it, that is put on record. Where it does, delete it at GitHub's settings, or let --revoke do that; it cannot be undone. --revoke is refused as long as Flux was not seen to work with the new token (--cluster-secret), unless with --unseen. Where nobody has the old token's text any more, delete it at GitHub's settings, and say --deleted: the record then has your word for it.

Exit status: 0 the old token is dead and that is on record, 1 it still answers, 2 wrong usage, 3 it could not be told.`
}
