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
		rule, _ := Lookup(strings.TrimSuffix(strings.TrimPrefix(path, "rules/"), ".txtar"))
		rules = append(rules, rule)
		return nil
	})
	if err != nil {
		panic(err) // the files are compiled in
	}
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return rules
})

// read holds the rules that were looked up, by name: a check needs few, and all
// together take longer to parse than it takes to judge a change.
var read sync.Map

// Lookup finds a rule by its name.
func Lookup(name string) (Rule, bool) {
	if rule, known := read.Load(name); known {
		return rule.(Rule), true
	}
	data, err := ruleFiles.ReadFile("rules/" + name + ".txtar")
	if err != nil {
		return Rule{}, false
	}
	rule, err := parseRule(name, data)
	if err != nil {
		panic(err) // the files are compiled in and read by a test
	}
	read.Store(name, rule)
	return rule, true
}

func parseRule(name string, data []byte) (Rule, error) {
	archive := txtar.Parse(data)
	rule := Rule{
		Name:    name,
		Refused: &txtar.Archive{},
		Allowed: &txtar.Archive{},
	}
	if err := yaml.Unmarshal(archive.Comment, &rule); err != nil {
		return rule, fmt.Errorf("read rule %s: %w", name, err)
	}
	for _, f := range archive.Files {
		half, file, _ := strings.Cut(f.Name, "/")
		switch half {
		case "refused":
			rule.Refused.Files = append(rule.Refused.Files, txtar.File{Name: file, Data: f.Data})
		case "allowed":
			rule.Allowed.Files = append(rule.Allowed.Files, txtar.File{Name: file, Data: f.Data})
		default:
			return rule, fmt.Errorf("read rule %s: file %s belongs to neither example", name, f.Name)
		}
	}
	return rule, nil
}
