package finding

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// Rule is one entry of the catalogue. Its examples are the cases that
// docs/rules.md shows and that the tests run, so they cannot rot.
type Rule struct {
	Name     string   `yaml:"-"`
	Title    string   `yaml:"title"`
	Severity Severity `yaml:"severity"`
	// Floor is the least that a policy file can make of the rule; empty where it
	// can silence it.
	Floor Severity `yaml:"floor"`
	// Why names the attack, accident or incident behind the rule.
	Why string `yaml:"why"`
	// Fix says what to do about a finding.
	Fix string `yaml:"fix"`
	// Refused is a case that the rule reports, Allowed a close one that it does not.
	Refused, Allowed *txtar.Archive `yaml:"-"`
}

// Family is the part of the rule's name before the slash.
func (r Rule) Family() string {
	family, _, _ := strings.Cut(r.Name, "/")
	return family
}

// Hint is how to fix it, as findings say it: in one line, without a full stop.
func (r Rule) Hint() string {
	text := strings.TrimSuffix(strings.Join(strings.Fields(r.Fix), " "), ".")
	if text == "" {
		return ""
	}
	return strings.ToLower(text[:1]) + text[1:]
}

//go:embed rules
var ruleFiles embed.FS

// Catalogue returns every rule, sorted by name. One file under rules/ is one
// rule: its comment is the YAML header, its files are the two examples.
var Catalogue = sync.OnceValue(func() []Rule {
	var rules []Rule
	err := fs.WalkDir(ruleFiles, "rules", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := ruleFiles.ReadFile(path)
		if err != nil {
			return err
		}
		rule, err := parseRule(path, data)
		rules = append(rules, rule)
		return err
	})
	if err != nil {
		panic(err) // the files are compiled in and read by a test
	}
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return rules
})

// Lookup finds a rule by its name.
func Lookup(name string) (Rule, bool) {
	rules := Catalogue()
	i, ok := slices.BinarySearchFunc(rules, name, func(r Rule, name string) int { return strings.Compare(r.Name, name) })
	if !ok {
		return Rule{}, false
	}
	return rules[i], true
}

func parseRule(path string, data []byte) (Rule, error) {
	archive := txtar.Parse(data)
	rule := Rule{
		Name:    strings.TrimSuffix(strings.TrimPrefix(path, "rules/"), ".txtar"),
		Refused: &txtar.Archive{},
		Allowed: &txtar.Archive{},
	}
	if err := yaml.Unmarshal(archive.Comment, &rule); err != nil {
		return rule, fmt.Errorf("read %s: %w", path, err)
	}
	for _, f := range archive.Files {
		half, name, _ := strings.Cut(f.Name, "/")
		switch half {
		case "refused":
			rule.Refused.Files = append(rule.Refused.Files, txtar.File{Name: name, Data: f.Data})
		case "allowed":
			rule.Allowed.Files = append(rule.Allowed.Files, txtar.File{Name: name, Data: f.Data})
		default:
			return rule, fmt.Errorf("read %s: file %s belongs to neither example", path, f.Name)
		}
	}
	return rule, nil
}
