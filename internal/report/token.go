package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// Token is what there is to say of one token. Nothing in it is secret.
type Token struct {
	Need     token.Need
	Seen     token.Observations
	Findings []finding.Finding
	Gaps     []string
	Verdict  finding.Verdict
	Version  string
}

// JudgeToken holds what was seen of a token against what it is for.
func JudgeToken(n token.Need, o token.Observations, version string) Token {
	t := Token{Need: n, Seen: o, Findings: token.Judge(n, o), Gaps: token.Gaps(n, o), Version: version}
	t.Verdict = token.Verdict(t.Findings, t.Gaps)
	return t
}

// tokenKinds are the kinds in words.
var tokenKinds = map[token.Kind]string{
	token.Classic: "classic personal access token", token.FineGrained: "fine-grained personal access token",
	token.OAuth: "OAuth app's token", token.AppUser: "GitHub App's token for a person",
	token.Installation: "GitHub App's installation token, or a workflow's", token.Refresh: "refresh token",
	token.Legacy: "classic personal access token of before 2021", token.Unknown: "no token of GitHub",
}

// Headline is the verdict in one sentence.
func (t Token) Headline() string {
	n := map[finding.Severity]int{}
	for _, f := range t.Findings {
		n[f.Severity]++
	}
	switch {
	case n[finding.Error]+n[finding.Warning] > 0:
		if t.Verdict == finding.Pass {
			return "the token works, and needs attention: " + tally(n)
		}
		return "the token needs attention: " + tally(n)
	case t.Verdict == finding.Undecided:
		return "it cannot be told whether the token is good"
	}
	return "the token is as it should be"
}

// Attention says whether somebody has to do something.
func (t Token) Attention() bool {
	return slices.ContainsFunc(t.Findings, func(f finding.Finding) bool { return f.Severity == finding.Error || f.Severity == finding.Warning })
}

func tally(n map[finding.Severity]int) string {
	var parts []string
	for _, s := range []finding.Severity{finding.Error, finding.Warning} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s%s", n[s], s, map[bool]string{true: "s"}[n[s] > 1]))
		}
	}
	return strings.Join(parts, ", ")
}

// facts are the lines above the table: name and value. An issue leaves the rate
// limit out, which differs from run to run.
func (t Token) facts(rate bool) [][2]string {
	o := t.Seen
	facts := [][2]string{{"kind", tokenKinds[o.Kind]}}
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, [2]string{name, value})
		}
	}
	if o.Account != nil {
		add("account", fmt.Sprintf("%s (%s %d)", o.Account.Login, o.Account.Type, o.Account.ID))
	}
	if len(o.Answers) > 0 {
		add("name", o.Name)
		if o.Name == "" {
			add("name", "GitHub does not tell; should be "+strings.Join(t.Need.Names(), " or "))
		}
	}
	add("expires", t.expires())
	if o.Reach != nil {
		var names []string
		for _, r := range o.Reach.Repositories {
			names = append(names, r.Name)
		}
		add("sees", text.Some(names, 5))
	}
	if o.Rate != nil && rate {
		add("rate limit", fmt.Sprintf("%d of %d left", o.Rate.Remaining, o.Rate.Limit))
	}
	add("fingerprint", o.Fingerprint)
	return facts
}

func (t Token) expires() string {
	if t.Seen.Expires == "" {
		return ""
	}
	at, err := token.ParseExpiry(t.Seen.Expires)
	if err != nil {
		return t.Seen.Expires
	}
	days := token.DaysLeft(at, t.Seen.Time)
	return fmt.Sprintf("%s (in %d %s)", text.Minute(at), days, map[bool]string{true: "day", false: "days"}[days == 1])
}

// rights are the table's rows, the first of which is the head.
func (t Token) rights() [][]string {
	rows := [][]string{{"permission", "needed", "has", ""}}
	for _, r := range token.Rights(t.Need, t.Seen) {
		state := "ok"
		switch {
		case r.Has == "":
			state = "not known"
		case r.Need == "" && r.Has != string(token.None):
			state = "too much"
		case r.Need == "":
			state = "ok"
		case r.Has == string(token.None), r.Need == string(token.Write) && r.Has == string(token.Read):
			state = "missing"
		}
		rows = append(rows, []string{text.Cut(text.Plain(r.Name), maxCell), orDash(r.Need), orDash(text.Cut(text.Plain(r.Has), maxCell)), state})
	}
	return rows
}

// TokenText writes the report for people.
func TokenText(w io.Writer, t Token, s text.Style) error {
	var b bytes.Buffer
	p := map[finding.Verdict]text.Paint{finding.Pass: text.Green, finding.Fail: text.Red}[t.Verdict]
	if p == "" || t.Verdict == finding.Pass && t.Attention() {
		p = text.Yellow
	}
	fmt.Fprintf(&b, "%s  %s\n\n", s.Paint(p, strings.ToUpper(string(t.Verdict))), t.Headline())
	for _, f := range t.facts(true) {
		fmt.Fprintf(&b, "  %-12s  %s\n", f[0], text.Cut(text.Plain(f[1]), maxMessage))
	}
	if rows := t.rights(); len(rows) > 1 {
		b.WriteString("\n")
		widths := measure(rows)
		for n, row := range rows {
			line := ""
			for i, cell := range row {
				line += "  " + cell + strings.Repeat(" ", max(widths[i]-gap-len([]rune(cell)), 0))
			}
			line = strings.TrimRight(line, " ")
			if n == 0 {
				line = s.Paint(text.Dim, line)
			}
			b.WriteString(line + "\n")
		}
	}
	for _, gap := range t.Gaps {
		fmt.Fprintf(&b, "\n%s %s\n", s.Paint(text.Yellow, "undecided:"), text.Cut(text.Plain(gap), maxMessage))
	}
	for _, f := range t.Findings {
		fmt.Fprintf(&b, "\n%s %s\n  %s\n", s.Paint(severityPaint(f.Severity), string(f.Severity)+":"), text.Cut(text.Plain(f.Message), maxMessage), s.Paint(text.Dim, text.Plain(f.Rule)))
		if f.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", text.Cut(text.Plain(f.Hint), maxMessage))
		}
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// TokenMarkdown writes the report for a step summary or an issue.
func TokenMarkdown(w io.Writer, t Token) error {
	var b bytes.Buffer
	sign := map[finding.Verdict]string{finding.Pass: "✅", finding.Fail: "❌"}[t.Verdict]
	if sign == "" || t.Verdict == finding.Pass && t.Attention() {
		sign = "⚠️"
	}
	fmt.Fprintf(&b, "## %s %s\n\n", sign, upperFirst(t.Headline()))
	for _, f := range t.facts(false) {
		fmt.Fprintf(&b, "- **%s**: %s\n", f[0], text.Markdown(text.Cut(f[1], maxMessage)))
	}
	if rows := t.rights(); len(rows) > 1 {
		b.WriteString("\n| Permission | Needed | Has | |\n| --- | --- | --- | --- |\n")
		for _, row := range rows[1:] {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", text.Markdown(row[0]), text.Markdown(row[1]), text.Markdown(row[2]), row[3])
		}
	}
	if len(t.Gaps)+len(t.Findings) > 0 {
		b.WriteString("\n### Findings\n\n")
	}
	for _, gap := range t.Gaps {
		fmt.Fprintf(&b, "- **undecided**: %s\n", text.Markdown(text.Cut(gap, maxMessage)))
	}
	for _, f := range t.Findings {
		b.WriteString(markdownFinding(f))
	}
	if t.Version != "" {
		fmt.Fprintf(&b, "\n<sub>Fluxkeeper %s</sub>\n", text.Markdown(text.Cut(t.Version, maxCell)))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// tokenDocument is the report for programs, version 1. docs/token.schema.json is
// made from it.
type tokenDocument struct {
	Version      int                `json:"version" jsonschema:"enum=1,description=Version of this format. Keys may be added within a version."`
	Verdict      finding.Verdict    `json:"verdict" jsonschema:"enum=pass,enum=fail,enum=undecided,description=Undecided means that GitHub told too little: it is never a pass."`
	Expires      *time.Time         `json:"expires" jsonschema:"nullable,description=When the token expires; null where that is not known."`
	Rights       []token.Right      `json:"rights" jsonschema:"description=What the token needs beside what it has."`
	Findings     []finding.Finding  `json:"findings" jsonschema:"description=Findings gravest first."`
	Gaps         []string           `json:"gaps" jsonschema:"description=What GitHub did not tell. May quote outside text: escape it before showing it."`
	Need         token.Need         `json:"need" jsonschema:"description=What the token is for."`
	Observations token.Observations `json:"observations" jsonschema:"description=What was asked and answered. Texts are GitHub's: escape them before showing them."`
}

// TokenJSON writes the report for programs, in the form of docs/token.schema.json. Need and observations are what
// another judge would need to come to the same findings.
func TokenJSON(w io.Writer, t Token) error {
	d := tokenDocument{
		Version: 1, Verdict: t.Verdict, Rights: token.Rights(t.Need, t.Seen), Findings: t.Findings, Gaps: t.Gaps, Need: t.Need, Observations: t.Seen,
	}
	if at, err := token.ParseExpiry(t.Seen.Expires); err == nil {
		d.Expires = &at
	}
	if d.Rights == nil {
		d.Rights = []token.Right{}
	}
	if d.Findings == nil {
		d.Findings = []finding.Finding{}
	}
	if d.Gaps == nil {
		d.Gaps = []string{}
	}
	return text.JSON(w, d)
}
