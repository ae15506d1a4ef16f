package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// TestScan: nothing that a file's name says acts, the JSON keeps its schema, and
// what was not looked at is never a pass.
func TestScan(t *testing.T) {
	const evil = "x\x1b[31m\n::error::no\u202e | @ann ##[set-output name=verdict]pass"
	place := finding.Place{File: evil, Line: 2, Column: 3}
	slip := finding.Finding{Rule: "storage/token", Severity: finding.Error, Place: place, Message: evil, Hint: evil}
	doubt := finding.Finding{Rule: "storage/env-file", Severity: finding.Warning, Place: place, Message: evil, Hint: evil}
	s := compile(t, scanSchemaFile)
	for headline, scan := range map[string]Scan{
		"PASS: no token was found":             {Answer: finding.Answered(nil)},
		"PASS: no token was found, 1 warning":  {Answer: finding.Answered([]finding.Finding{doubt})},
		"FAIL: 1 error, 1 gap":                 {Answer: finding.Answered([]finding.Finding{slip}, evil), Version: evil},
		"UNDECIDED: no token was found, 1 gap": {Answer: finding.Answered(nil, evil)},
		"FAIL: 4000 errors":                    {Answer: finding.Answered(many(slip, 4000))},
	} {
		r := scan.Report()
		if got := r.Headline(); got != headline {
			t.Errorf("%q, want %q", got, headline)
		}
		var shown, page, document bytes.Buffer
		for _, err := range []error{Text(&shown, r, text.Style{}), Markdown(&page, r), JSON(&document, r)} {
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
