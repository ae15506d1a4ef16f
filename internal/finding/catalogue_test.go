package finding_test

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// families are the families of rules; a new one is a decision, not a typing error.
var families = []string{"cluster", "delivery", "gate", "github", "guard", "identity", "policy", "record", "rotation", "scope",
	"storage", "text",
	"time", "token", "use", "version", "yaml"}

// TestCatalogueIsComplete holds every rule to what docs/rules.md promises:
// a reason, a remedy and two examples.
func TestCatalogueIsComplete(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+/[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, rule := range finding.Catalogue() {
		t.Run(rule.Name, func(t *testing.T) {
			if !name.MatchString(rule.Name) || !slices.Contains(families, rule.Family()) {
				t.Errorf("rule %q is not family/name of a known family", rule.Name)
			}
			if !slices.Contains([]finding.Severity{finding.Error, finding.Warning, finding.Note}, rule.Severity) {
				t.Errorf("severity is %q", rule.Severity)
			}
			if rule.Title == "" || strings.Contains(rule.Title, "\n") || strings.HasSuffix(rule.Title, ".") {
				t.Errorf("title is %q, want one line without a full stop", rule.Title)
			}
			for what, text := range map[string]string{"why": rule.Why, "fix": rule.Fix} {
				if len(text) < 15 || !strings.HasSuffix(text, ".\n") {
					t.Errorf("%s is not whole sentences: %q", what, text)
				}
			}
			if len(rule.Refused.Files) < 1 || len(rule.Allowed.Files) < 1 {
				t.Error("an example is missing")
			}
		})
	}
}

func TestLookup(t *testing.T) {
	for _, want := range finding.Catalogue() {
		got, ok := finding.Lookup(want.Name)
		if !ok || got.Name != want.Name {
			t.Errorf("Lookup(%q) = %q, %v", want.Name, got.Name, ok)
		}
	}
	for _, name := range []string{"", "version", "version/", "version/majo", "version/major ", "zzz/zzz", "../rules/version/major", "*"} {
		if rule, ok := finding.Lookup(name); ok {
			t.Errorf("Lookup(%q) finds %s", name, rule.Name)
		}
	}
}

// TestLookupReadsOneRule: a severity costs the reading of one rule, not of all, in a
// process that has read none.
func TestLookupReadsOneRule(t *testing.T) {
	if os.Getenv("FLUXKEEPER_ALONE") == "" {
		alone := exec.Command(os.Args[0], "-test.run=^TestLookupReadsOneRule$")
		alone.Env = append(os.Environ(), "FLUXKEEPER_ALONE=1")
		if out, err := alone.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	work := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	one := work(func() { finding.Natural("version/major") })
	again := work(func() { finding.Natural("version/major") })
	all := work(func() { finding.Catalogue() })
	if one*50 > all || again > one/10 {
		t.Errorf("one rule takes %d allocations, then %d; all take %d", one, again, all)
	}
}
