package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

type rulesCmd struct {
	Rule   string `arg:"" optional:"" complete:"rule" help:"The rule to show, such as version/major, or a family to list, such as version."`
	Format string `default:"text" enum:"text,json,markdown" placeholder:"FORMAT" help:"text (default), json or markdown."`
}

// Run prints the catalogue or one rule of it.
func (c *rulesCmd) Run(a *console.Console) error {
	rules := finding.Catalogue()
	one := false
	if c.Rule != "" {
		rule, ok := finding.Lookup(c.Rule)
		family := slices.DeleteFunc(slices.Clone(rules), func(r finding.Rule) bool { return r.Family() != c.Rule })
		switch {
		case ok:
			rules, one = []finding.Rule{rule}, true
		case len(family) > 0:
			rules = family
		default:
			return console.Fail(console.StatusUsage, fmt.Errorf("no rule is called %q", c.Rule), ruleHint(c.Rule, rules))
		}
	}
	var out bytes.Buffer
	switch {
	case c.Format == "json":
		return rulesJSON(a.Stdout, rules)
	case c.Format == "markdown" && one:
		out.Write(rules[0].Markdown())
	case c.Format == "markdown":
		out.Write(finding.Markdown(rules))
	case one:
		ruleText(&out, rules[0])
	default:
		rulesText(&out, rules)
	}
	_, err := a.Stdout.Write(out.Bytes())
	return err
}

// ruleHint suggests rules whose name shares a word with what was typed.
func ruleHint(typed string, rules []finding.Rule) string {
	family, name, ok := strings.Cut(typed, "/")
	if !ok {
		name = family
	}
	var near []string
	for _, r := range rules {
		if name != "" && strings.Contains(r.Name, name) {
			near = append(near, r.Name)
		}
	}
	if len(near) > 0 && len(near) <= 8 {
		return "did you mean " + strings.Join(near, ", ") + "?"
	}
	if slices.ContainsFunc(rules, func(r finding.Rule) bool { return r.Family() == family }) {
		return "run `fluxkeeper rules " + family + "` to see the rules of that family"
	}
	return "run `fluxkeeper rules` to see all of them"
}

func rulesText(w *bytes.Buffer, rules []finding.Rule) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rules {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, r.Severity, r.Title)
	}
	_ = table.Flush() // a buffer takes everything
}

func ruleText(w *bytes.Buffer, r finding.Rule) {
	fmt.Fprintf(w, "%s (%s)\n%s.\n", r.Name, r.Severity, r.Title)
	fmt.Fprintf(w, "\nWhy\n%s\nHow to fix it\n%s", indent(r.Why), indent(r.Fix))
	for _, example := range []struct {
		title   string
		archive *txtar.Archive
	}{{"Refused", r.Refused}, {"Allowed", r.Allowed}} {
		fmt.Fprintf(w, "\n%s\n", example.title)
		for _, f := range example.archive.Files {
			// Characters that do not show are written as Go escapes there.
			name, escaped := strings.CutSuffix(f.Name, ".esc")
			if escaped {
				name += " (with escapes)"
			}
			fmt.Fprintf(w, "  %s\n%s", name, indent(indent(string(f.Data))))
		}
	}
}

// rulesJSON prints the rules as one versioned object.
func rulesJSON(w io.Writer, rules []finding.Rule) error {
	type rule struct {
		Name     string            `json:"name"`
		Title    string            `json:"title"`
		Severity finding.Severity  `json:"severity"`
		Why      string            `json:"why"`
		Fix      string            `json:"fix"`
		Refused  map[string]string `json:"refused,omitempty"`
		Allowed  map[string]string `json:"allowed,omitempty"`
	}
	files := func(archive *txtar.Archive) map[string]string {
		all := map[string]string{}
		for _, f := range archive.Files {
			all[f.Name] = string(f.Data)
		}
		return all
	}
	out := struct {
		Version int    `json:"version"`
		Rules   []rule `json:"rules"`
	}{Version: 1, Rules: []rule{}}
	for _, r := range rules {
		out.Rules = append(out.Rules, rule{r.Name, r.Title, r.Severity, r.Why, r.Fix, files(r.Refused), files(r.Allowed)})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(out)
}

// indent moves every line that is not empty two columns to the right.
func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	if s != "" && !strings.HasSuffix(s, "\n") {
		b.WriteString("\n")
	}
	return b.String()
}
