package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
)

// Scan is what a search for tokens found. Nothing in it is secret.
type Scan struct {
	Findings []finding.Finding
	// Unread says what could not be looked at, and why. It may quote outside text.
	Unread  []string
	Version string
}

// Verdict is fail with an error, else undecided where something was not looked at.
func (s Scan) Verdict() finding.Verdict {
	v := finding.Decide(s.Findings)
	if v == finding.Pass && len(s.Unread) > 0 {
		return finding.Undecided
	}
	return v
}

// headline is the verdict as a title and a phrase.
func (s Scan) headline() (title, phrase string) {
	n := map[finding.Severity]int{}
	for _, f := range s.Findings {
		n[f.Severity]++
	}
	phrase = cmp.Or(tally(n), "no token was found")
	if len(s.Unread) > 0 {
		phrase += "; not everything could be looked at"
	}
	return strings.ToUpper(string(s.Verdict())), phrase
}

// Headline is the verdict as one line of text.
func (s Scan) Headline() string {
	title, phrase := s.headline()
	return title + ": " + phrase
}

// ScanText writes what was found for people: a line for each place, as compilers do.
func ScanText(w io.Writer, s Scan) error {
	var b bytes.Buffer
	for _, f := range s.Findings {
		at := ""
		if f.File != "" {
			at = place(finding.Place{File: text.Plain(f.File), Line: f.Line, Column: f.Column}) + ": "
		}
		fmt.Fprintf(&b, "%s%s %s: %s\n  %s\n", at, f.Severity, f.Rule, text.Plain(f.Message), text.Plain(f.Hint))
	}
	for _, missing := range s.Unread {
		fmt.Fprintf(&b, "not known: %s\n", text.Plain(missing))
	}
	if b.Len() == 0 {
		b.WriteString("no token was found\n")
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// ScanMarkdown writes it for a step summary or a check run: at most 60,000 bytes,
// and it says how much it left out.
func ScanMarkdown(w io.Writer, s Scan) error {
	head, foot := markdownTitle(s.headline()), ""
	if s.Version != "" {
		foot = "Fluxkeeper " + text.Markdown(text.Cut(s.Version, maxCell)) + "\n"
	}
	list := foldable{open: openRows, noun: "finding", head: "### Findings\n\n", fold: "\n"}
	for _, missing := range s.Unread {
		list.items = append(list.items, fmt.Sprintf("- **undecided**: %s\n", text.Markdown(text.Cut(missing, maxMessage))))
	}
	for _, f := range s.Findings {
		list.items = append(list.items, markdownFinding(f))
	}
	if _, err := io.WriteString(w, head+list.render(maxMarkdown-len(head)-len(foot))+foot); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// scanDocument is the report for programs, version 1.
type scanDocument struct {
	Version  int               `json:"version" jsonschema:"enum=1,description=Version of this format. Keys may be added within a version."`
	Verdict  finding.Verdict   `json:"verdict" jsonschema:"enum=pass,enum=fail,enum=undecided,description=Undecided means that not everything could be looked at: it is never a pass."`
	Findings []documentFinding `json:"findings" jsonschema:"description=Findings gravest first. None holds a token: only fingerprints."`
	Unread   []string          `json:"unread" jsonschema:"description=What could not be looked at. May quote outside text: escape it before showing it."`
}

// ScanJSON writes it for programs, in the form of docs/scan.schema.json.
func ScanJSON(w io.Writer, s Scan) error {
	d := scanDocument{Version: 1, Verdict: s.Verdict(), Findings: documentFindings(s.Findings), Unread: utfs(s.Unread)}
	return text.JSON(w, d)
}
