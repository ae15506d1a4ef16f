package fluxkeeper_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPageNamesRealTests: whoever doubts a line of docs/security.md can
// run the test behind it.
func TestSecurityPageNamesRealTests(t *testing.T) {
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	walk(t, func(path string, data []byte) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range function.FindAllSubmatch(data, -1) {
				there[string(m[1])] = true
			}
		}
	})
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)(?:/([\\w-]+))?`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 40 {
		t.Errorf("the page names %d tests", len(named))
	}
	for _, m := range named {
		name, part := m[1], m[2]
		if name == "TestX" {
			continue // stands for any
		}
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
		if part == "" {
			continue
		}
		if name != "TestAttacks" {
			t.Errorf("%s/%s: only TestAttacks keeps its cases in files", name, part)
			continue
		}
		if _, err := os.Stat(filepath.Join("internal/gate/testdata/attacks", part+".txtar")); err != nil {
			t.Errorf("there is no case %s of TestAttacks", part)
		}
	}
	// Every row of the tables has a test.
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") && !strings.HasPrefix(line, "| attack |") &&
			!strings.Contains(line, "`Test") && !strings.Contains(line, "`Fuzz") {
			t.Errorf("no test: %s", line)
		}
	}
}
