package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// TestScan: nothing that a file's name says acts, the JSON keeps its schema, and
// what was not looked at is never a pass.
func TestScan(t *testing.T) {
	const evil = "x\x1b[31m\n::error::no\u202e | @ann ##[set-output name=verdict]pass"
	place := finding.Place{File: evil, Line: 2, Column: 3}
	slip := finding.Finding{Rule: "storage/token", Severity: finding.Error, Place: place, Message: evil, Hint: evil}
	doubt := finding.Finding{Rule: "storage/env-file", Severity: finding.Warning, Place: place, Message: evil, Hint: evil}
	s := compile(t, scanSchemaFile)
	for headline, r := range map[string]Scan{
		"PASS: no token was found":                                         {},
		"PASS: 1 warning":                                                  {Findings: []finding.Finding{doubt}},
		"FAIL: 1 error; not everything could be looked at":                 {Findings: []finding.Finding{slip}, Unread: []string{evil}, Version: evil},
		"UNDECIDED: no token was found; not everything could be looked at": {Unread: []string{evil}},
		"UNDECIDED: 1 warning; not everything could be looked at":          {Findings: []finding.Finding{doubt}, Unread: []string{evil}},
		"FAIL: 4000 errors":                                                {Findings: many(slip, 4000)},
	} {
		if got := r.Headline(); got != headline {
			t.Errorf("%q, want %q", got, headline)
		}
		var shown, page, document bytes.Buffer
		for _, err := range []error{ScanText(&shown, r), ScanMarkdown(&page, r), ScanJSON(&document, r)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for name, out := range map[string]string{"text": shown.String(), "markdown": page.String(), "json": document.String()} {
			if strings.ContainsAny(out, "\x1b\u202e") || strings.Contains(out, "\n::error") {
				t.Errorf("%s of %s acts:\n%s", name, headline, out)
			}
		}
		if page.Len() > maxMarkdown {
			t.Errorf("%s: a page of %d bytes", headline, page.Len())
		}
		value, err := jsonschema.UnmarshalJSON(&document)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(value); err != nil {
			t.Errorf("%s: %v", headline, err)
		}
	}
}

func many(f finding.Finding, n int) []finding.Finding {
	all := make([]finding.Finding, n)
	for i := range all {
		all[i] = f
		all[i].Line = i + 1
	}
	return all
}
