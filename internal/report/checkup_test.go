package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

func checkup(hostile string) report.Checkup {
	return report.Checkup{Subject: "acme/fleet in namespace flux-system", Version: "v1.2.3", Rows: []report.CheckupRow{
		{Check: "Flux APIs", Evidence: []string{"ImagePolicy v1"}},
		{Check: "Secret", Findings: []finding.Finding{{Rule: "cluster/secret-keys", Severity: finding.Error, Message: "wrong keys " + hostile, Hint: "mend it " + hostile}}, Evidence: []string{hostile}},
		{Check: "events and logs", Unread: []string{"no right " + hostile}},
	}}
}

// TestCheckupVerdict holds rows against the verdict: nothing that is missing
// passes.
func TestCheckupVerdict(t *testing.T) {
	all := checkup("").Rows
	note := report.CheckupRow{Check: "x", Findings: []finding.Finding{{Rule: "cluster/stale", Severity: finding.Note, Message: "m"}}}
	warning := report.CheckupRow{Check: "x", Findings: []finding.Finding{{Rule: "cluster/stale", Severity: finding.Warning, Message: "m"}}}
	for name, c := range map[string]struct {
		rows []report.CheckupRow
		want finding.Verdict
	}{
		"ok": {all[:1], finding.Pass}, "an error": {all, finding.Fail}, "something unread": {[]report.CheckupRow{all[0], all[2]}, finding.Undecided},
		"nothing": {nil, finding.Undecided}, "a note": {[]report.CheckupRow{note}, finding.Pass}, "a warning": {[]report.CheckupRow{warning}, finding.Pass},
	} {
		if got := (report.Checkup{Rows: c.rows}).Verdict(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestCheckupText(t *testing.T) {
	var out bytes.Buffer
	if err := report.CheckupText(&out, checkup(""), text.Style{}); err != nil {
		t.Fatal(err)
	}
	want := `FAIL  acme/fleet in namespace flux-system: 1 error, 0 warnings, 0 notes; 1 of 3 checks are ok, 1 could not be told

  check            state           evidence
  Flux APIs        ok              ImagePolicy v1
  Secret           finding         error[cluster/secret-keys]: wrong keys 
                                   fix: mend it 
                                   
  events and logs  could not tell  could not tell: no right 
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestCheckupHostile plants what terminals, runners and Markdown obey.
func TestCheckupHostile(t *testing.T) {
	hostile := "a\x1b[31m\n::error::x\n##[set-output name=v]y | <b>z</b> [l](https://evil.example) @here"
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":     func(b *bytes.Buffer) error { return report.CheckupText(b, checkup(hostile), text.Style{}) },
		"markdown": func(b *bytes.Buffer) error { return report.CheckupMarkdown(b, checkup(hostile)) },
		"json":     func(b *bytes.Buffer) error { return report.CheckupJSON(b, checkup(hostile)) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\n::", "##[set-output"} {
			if strings.Contains(out.String(), bad) {
				t.Errorf("%s holds %q:\n%s", name, bad, out.String())
			}
		}
		if name == "markdown" && (strings.Contains(out.String(), "<b>") || strings.Contains(out.String(), "](https://evil")) {
			t.Errorf("Markdown obeys outside text:\n%s", out.String())
		}
		if name == "json" && !json.Valid(out.Bytes()) {
			t.Errorf("no JSON:\n%s", out.String())
		}
	}
}
