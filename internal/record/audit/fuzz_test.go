package audit_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
)

// FuzzRead: every body is read, what is read is bounded, and what is kept of it
// reads the same.
func FuzzRead(f *testing.F) {
	for _, rule := range finding.Catalogue() {
		for _, file := range append(rule.Refused.Files, rule.Allowed.Files...) {
			if !strings.HasSuffix(file.Name, ".http") {
				continue
			}
			r, body, err := delivery(0, file.Data)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(r.Name, body)
		}
	}
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		r := record(0, event, body)
		full := audit.Read(r, body)
		kept, err := audit.Restore(r, audit.Keep(r, body))
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(event) {
			return // no entry has such a name, and JSON cannot hold it
		}
		if diff := cmp.Diff(full, kept); diff != "" {
			t.Errorf("(-body +kept):\n%s", diff)
		}
		b := full.Body
		for _, s := range []string{b.Action, b.Ref, b.Sender.Login, b.Repository.Name, b.Subject, b.Workflow, b.Malformed} {
			if len(s) > 1024 || !utf8.ValidString(s) {
				t.Errorf("%d bytes are kept: %q", len(s), s)
			}
		}
		timeline := audit.Judge([]audit.Reading{full, kept}, audit.Contract{Accounts: []audit.Account{{ID: 1}}, Branches: []string{"**"}})
		if timeline.Deliveries != 2 || len(timeline.Uses) > 1 {
			t.Errorf("%+v", timeline)
		}
	})
}
