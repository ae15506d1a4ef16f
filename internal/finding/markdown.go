package finding

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/tools/txtar"
)

// Markdown is the page docs/rules.md: a table of the rules, then each with its
// reason, its remedy and its two examples.
func Markdown(rules []Rule) []byte {
	var out bytes.Buffer
	out.WriteString(`# Rules

<!-- Generated from internal/finding/rules by "go test ./internal/finding -update". Do not edit. -->

An **error** makes the verdict fail, a **warning** is shown, a **note** informs. The policy file can raise, lower or
silence a rule, down to the rule's floor where it has one, and the report says when it did.

The examples are the cases that the tests run: ` + "`base/`" + ` holds a file before the change and ` + "`head/`" + ` after it,
` + "`tip/`" + ` what the base has meanwhile; ` + "`policy.yaml`" + ` is the policy file and ` + "`facts.yaml`" + ` what else is known. A
file whose name ends in ` + "`.esc`" + ` is written with Go's escapes. The rules of the families ` + "`delivery`" + `, ` + "`gate`" +
		`, ` + "`guard`" + `, ` + "`record`" + ` and ` + "`use`" + `, and ` + "`token/requested`" + `, are about
webhook deliveries in a ledger, each of which is a file ` + "`.http`" + `: headers, an empty line and the body. The bot is
` + "`acme-flux`" + `, whose id is 4242, and works in ` + "`acme/fleet`" + ` where no policy file says more; ` + "`listed.txt`" + ` is
GitHub's list of what it sent, ` + "`activity.txt`" + ` that of what moved in the repository, and ` + "`requests.txt`" + ` what
came to the receiver, with its time and how it was signed; ` + "`record.txt`" + ` is what the ledger says of itself. The rules of the family
` + "`cluster`" + ` are about what runs there: ` + "`objects.yaml`" + `, ` + "`absent.txt`" + `, ` + "`apis.yaml`" +
		` and the controllers' logs say in what it differs
from a cluster where all is well, and ` + "`expect.yaml`" + ` what is expected of it. Those of the family ` + "`token`" +
		` are about a token:
` + "`need.json`" + ` is what it is for, and ` + "`observations.json`" + ` what GitHub answered. Those of the family ` + "`github`" +
		` are about what is
set there: ` + "`settings.json`" + `, ` + "`intent.json`" + ` and the workflows say in what it differs from a repository where all is well.
Those of the family ` + "`rotation`" + ` are about what the ledger has of a token's rotation: ` + "`records.json`" + ` at the time in
` + "`now.txt`" + `. In those of the family ` + "`storage`" + ` a real token stands where the example says what kind of token.

| rule | severity | what it reports |
| --- | --- | --- |
`)
	for _, r := range rules {
		fmt.Fprintf(&out, "| [%s](#%s) | %s | %s |\n", r.Name, anchor(r.Name), r.Severity, r.Title)
	}
	family := ""
	for _, r := range rules {
		if r.Family() != family {
			family = r.Family()
			fmt.Fprintf(&out, "\n## %s\n", family)
		}
		out.WriteString("\n#")
		out.Write(r.Markdown())
	}
	return out.Bytes()
}

// Markdown is the rule's section of the page: its reason, its fix and its
// two examples, under a heading of the second level.
func (r Rule) Markdown() []byte {
	var out bytes.Buffer
	floor := ""
	if r.Floor != "" {
		floor = ", at least " + string(r.Floor)
	}
	fmt.Fprintf(&out, "## %s\n\n%s (%s%s).\n\n%s\n**Fix:** %s", r.Name, r.Title, r.Severity, floor, r.Why, r.Fix)
	example(&out, "Refused", r.Refused)
	example(&out, "Allowed", r.Allowed)
	return out.Bytes()
}

// anchor is the name that GitHub gives a heading.
func anchor(heading string) string { return strings.ReplaceAll(heading, "/", "") }

func example(out *bytes.Buffer, title string, archive *txtar.Archive) {
	if len(archive.Files) == 0 {
		return
	}
	text := txtar.Format(archive)
	fence := "```"
	for bytes.Contains(text, []byte(fence)) {
		fence += "`"
	}
	fmt.Fprintf(out, "\n%s:\n\n%stext\n%s%s\n", title, fence, text, fence)
}
