package flux_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/doctor/flux"
)

var update = flag.Bool("update", false, "write the table of causes anew")

// TestCausesInDocs holds the table of docs/doctor.md against the causes.
func TestCausesInDocs(t *testing.T) {
	page := filepath.Join("..", "..", "..", "docs", "doctor.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| cause | rule | what it means | what to do |\n| --- | --- | --- | --- |\n")
	for _, c := range flux.Causes() {
		problem := c.Problem
		if c.Issue != "" {
			problem = "**" + c.Issue + "**: " + problem
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", c.Name, strings.TrimPrefix(c.Rule, "cluster/"), problem, c.Fix)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- causes -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !ok || !ended {
		t.Fatal("the page has no place for the table")
	}
	want := before + "<!-- causes -->\n" + table.String() + "<!-- end -->" + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("docs/doctor.md is not up to date: go test ./internal/doctor/flux -update")
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
