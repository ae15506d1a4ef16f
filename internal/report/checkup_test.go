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
	wrong := finding.New("cluster/secret-keys", "fix it "+hostile, "wrong keys %s", hostile)
	return report.Checkup{Subject: "acme/fleet in namespace flux-system", Version: "v1.2.3", Checks: []finding.Check{
		{Name: "Flux APIs", Evidence: []string{"ImagePolicy v1"}, Answer: finding.Answered(nil)},
		{Name: "Secret", Answer: finding.Answered([]finding.Finding{wrong}), Evidence: []string{"of acme-flux " + hostile}},
		{Name: "events and logs", Answer: finding.Answered(nil, "no right "+hostile)},
	}}
}

func TestCheckupText(t *testing.T) {
	var out bytes.Buffer
	if err := report.Text(&out, checkup("").Report(), text.Style{}); err != nil {
		t.Fatal(err)
	}
	want := `FAIL  acme/fleet in namespace flux-system: 1 of 3 checks are ok, 1 error, 1 gap

gap: events and logs: no right 

  check            state    evidence
  Flux APIs        ok       ImagePolicy v1
  Secret           finding  cluster/secret-keys
                            of acme-flux
  events and logs  gap      –

error[cluster/secret-keys]: wrong keys 
  = hint: fix it 
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestCheckupHostile plants what terminals, runners and Markdown obey.
func TestCheckupHostile(t *testing.T) {
	hostile := "a\x1b[31m\n::error::x\n##[set-output name=v]y | <b>z</b> [l](https://evil.example) @here"
	for _, format := range []string{"text", "markdown", "json"} {
		var out bytes.Buffer
		if err := checkup(hostile).Report().Write(&out, format, text.Style{}); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\n::", "##[set-output"} {
			if strings.Contains(out.String(), bad) {
				t.Errorf("%s holds %q:\n%s", format, bad, out.String())
			}
		}
		if format == "markdown" && (strings.Contains(out.String(), "<b>") || strings.Contains(out.String(), "](https://evil")) {
			t.Errorf("Markdown obeys outside text:\n%s", out.String())
		}
		if format == "json" && !json.Valid(out.Bytes()) {
			t.Errorf("no JSON:\n%s", out.String())
		}
	}
}
