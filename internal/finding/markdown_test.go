package finding_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

var update = flag.Bool("update", false, "write docs/rules.md anew")

// TestSettingsPage holds the table of docs/github.md against the catalogue.
func TestSettingsPage(t *testing.T) {
	const page, begin, end = "../../docs/github.md", "<!-- rules of the family github, by -update -->\n", "<!-- end -->\n"
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(got), begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatal("docs/github.md has no place for its table")
	}
	table := "| rule | severity | what it reports | what to do |\n| --- | --- | --- | --- |\n"
	for _, r := range finding.Catalogue() {
		if r.Family() == "github" {
			table += fmt.Sprintf("| [%s](rules.md#%s) | %s | %s | %s |\n", r.Name, strings.ReplaceAll(r.Name, "/", ""), r.Severity, r.Title,
				strings.Join(strings.Fields(r.Fix), " "))
		}
	}
	want := before + begin + table + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/github.md is not what the catalogue says; run with -update:\n%s", diff)
	}
}

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
