package report

import (
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Checkup is what a list of checks found.
type Checkup struct {
	// Subject is what was checked, such as owner/name and a namespace.
	Subject string
	Checks  []finding.Check
	Version string
}

// checkupDocument is the JSON form. docs/checkup.schema.json is made from it.
type checkupDocument struct {
	Envelope
	Subject string         `json:"subject"` // What was checked.
	Checks  []checkupCheck `json:"checks"`
}

type checkupCheck struct {
	Check    string        `json:"check"`
	State    finding.State `json:"state" jsonschema:"enum=ok,enum=finding,enum=gap"`
	Rules    []string      `json:"rules"`    // The rules of its findings.
	Evidence []string      `json:"evidence"` // What speaks for it being well. May quote outside text: escape it before showing it.
}

// Report is the checkup for every format.
func (c Checkup) Report() Report {
	r := Report{Answer: finding.Together(c.Checks), Version: c.Version}
	table := Table{Noun: "line", Marked: 1, Columns: []Column{{Head: "check"}, {Head: "state"}, {Head: "evidence", Most: maxMessage}}}
	d := checkupDocument{Envelope: EnvelopeOf(r.Answer), Subject: c.Subject, Checks: []checkupCheck{}}
	ok := 0
	for _, check := range c.Checks {
		state := check.State()
		paint := map[finding.State]text.Paint{finding.OK: text.Green, finding.Found: text.Red, finding.Gap: text.Yellow}[state]
		if state == finding.OK {
			ok++
		}
		one := checkupCheck{check.Name, state, []string{}, append([]string{}, check.Evidence...)}
		for _, f := range check.Findings {
			one.Rules = append(one.Rules, f.Rule)
		}
		d.Checks = append(d.Checks, one)
		name, shown := check.Name, string(state)
		lines := append(append([]string{}, one.Rules...), check.Evidence...)
		if len(lines) == 0 {
			lines = []string{"–"}
		}
		for _, line := range lines {
			table.Rows = append(table.Rows, Row{[]string{name, shown, line}, paint})
			name, shown = "", ""
		}
	}
	r.Phrase = fmt.Sprintf("%s: %d of %d checks are ok", c.Subject, ok, len(c.Checks))
	r.Tables, r.Document = []Table{table}, d
	return r
}
