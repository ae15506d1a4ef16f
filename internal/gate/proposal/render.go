package proposal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Templates are the title and the body of a pull request, in the language of
// text/template over Data; an empty one means the default. They are the
// workflow's own words, never the change's.
type Templates struct{ Title, Body string }

// DefaultTitle is the title unless a template says otherwise.
const DefaultTitle = "chore: automated image updates for non-breaking changes"

// DefaultBody is the body unless a template says otherwise.
const DefaultBody = `{{range .Lines}}{{.}}
{{end}}
This update was automatically applied based on the configured semver policy.
Only non-breaking changes (patch and minor versions) are auto-applied.
{{- with .Larger}}

**Not all of these are patch or minor steps:** {{range $i, $u := .}}{{if $i}}, {{end}}{{$u.Image}} ({{$u.Step}}){{end}}.
{{- end}}

🤖 Generated with Flux Image Automation
`

// Data is what a template can use. Every text in it is safe Markdown.
type Data struct {
	// Lines is the list, one line an update. It is empty where the list would
	// be too long for a body: a cut list would say less than the change does.
	Lines []string
	// Updates are the updates one by one, Larger those that are neither a
	// patch nor a minor step.
	Updates, Larger []Update
	// Branch is where the updates were pushed to, Base where they go to.
	Branch, Base string
}

// Text is a rendered title and body.
type Text struct{ Title, Body string }

const (
	// maxTitle and maxBody are GitHub's limits in characters.
	maxTitle, maxBody = 256, 65_536
	// maxList leaves room for the other words, in bytes.
	maxList = 55_000
)

// Render writes title and body for updates that go from branch to base.
func Render(t Templates, updates []Update, branch, base string) (Text, error) {
	d := Data{Lines: List(updates), Branch: cell(branch), Base: cell(base)}
	for _, u := range updates {
		safe := Update{Image: cell(u.Image), From: cell(u.From), To: cell(u.To), Step: cell(u.Step)}
		if slices.Contains(d.Updates, safe) {
			continue
		}
		d.Updates = append(d.Updates, safe)
		if u.Step != "patch" && u.Step != "minor" {
			d.Larger = append(d.Larger, safe)
		}
	}
	if n := len(d.Lines); len(strings.Join(d.Lines, "\n")) > maxList {
		d.Lines = []string{fmt.Sprintf("%d images, too many to list here: see the files.", n)}
		d.Larger = d.Larger[:min(len(d.Larger), 100)]
	}
	title, err := execute("title", orDefault(t.Title, DefaultTitle), d)
	if err != nil {
		return Text{}, err
	}
	body, err := execute("body", orDefault(t.Body, DefaultBody), d)
	if err != nil {
		return Text{}, err
	}
	title = strings.Join(strings.Fields(title), " ")
	switch {
	case title == "":
		return Text{}, errors.New("render title: the template gives an empty one")
	case strings.Contains(body, begin) || strings.Contains(body, end):
		return Text{}, errors.New("render body: the template holds fluxkeeper's own marks")
	case utf8.RuneCountInString(body) > maxBody-1000:
		return Text{}, fmt.Errorf("render body: it has %d characters, too many for GitHub", utf8.RuneCountInString(body))
	}
	return Text{text.Cut(title, maxTitle), strings.TrimSpace(body)}, nil
}

func orDefault(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return text
}

func execute(name, text string, d Data) (string, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return b.String(), nil
}

// The marks around the part of a body that is ours. GitHub shows neither.
const (
	begin = "<!-- fluxkeeper:proposal -->"
	end   = "<!-- /fluxkeeper:proposal: text below this line is kept -->"
)

// Owned tells whether a body holds the part that Place wrote.
func Owned(body string) bool {
	_, _, _, ok := split(body)
	return ok
}

// Parts are what Place wrote of a body, and the rest.
func Parts(body string) (ours, others string) {
	before, ours, after, ok := split(body)
	if !ok {
		return "", body
	}
	return ours, before + "\n" + after
}

// Place puts text into a body between marks. Where the body has the marks, only
// what is between them changes: words of people around them stay.
func Place(body, text string) string {
	before, _, after, ok := split(body)
	if !ok {
		before, after = "", ""
	}
	return before + begin + "\n" + text + "\n\n" + end + after
}

// split takes a body apart at the first pair of marks. GitHub may give lines
// that end in CR LF.
func split(body string) (before, ours, after string, ok bool) {
	before, rest, opened := strings.Cut(body, begin)
	ours, after, closed := strings.Cut(rest, end)
	return before, ours, after, opened && closed
}

// Same tells whether two bodies say the same, whatever their line ends.
func Same(a, b string) bool {
	lines := func(s string) []string {
		return strings.Split(strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")), "\n")
	}
	return slices.Equal(lines(a), lines(b))
}
