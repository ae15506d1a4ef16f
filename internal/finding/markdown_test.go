package finding_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

var update = flag.Bool("update", false, "write docs/rules.md anew")

// TestRulesPage holds the page that people read against the catalogue that
// the programs carry.
func TestRulesPage(t *testing.T) {
	const page = "../../docs/rules.md"
	want := finding.Markdown(finding.Catalogue())
	if *update {
		if err := os.MkdirAll("../../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/rules.md is not what the catalogue says; run with -update (-catalogue +page):\n%s", diff)
	}
}
