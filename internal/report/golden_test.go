package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goldfish-inc/fluxkeeper/internal/test/hostile"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark/ast"

	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

type format struct {
	suffix string
	write  func(io.Writer, report.Report) error
}

// lines writes for people, in a style.
func lines(s text.Style) func(io.Writer, report.Report) error {
	return func(w io.Writer, r report.Report) error { return report.Text(w, r, s) }
}

func formats() []format {
	return []format{
		{"txt", lines(text.Style{})},
		{"narrow.txt", lines(text.Style{Width: 60})},
		{"color.txt", lines(text.Style{Color: true, Width: 100})},
		{"json", report.JSON},
		{"md", report.Markdown},
		{"sarif", report.SARIF},
	}
}

func render(t *testing.T, f format, of interface{ Report() report.Report }) string {
	t.Helper()
	r := of.Report()
	var first, second bytes.Buffer
	if err := f.write(&first, r); err != nil {
		t.Fatal(err)
	}
	if err := f.write(&second, r); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("%s: two renderings of one report differ", f.suffix)
	}
	return first.String()
}

// withoutCatalogue leaves out what a SARIF log says of the rules themselves,
// so that a new rule changes no golden file.
func withoutCatalogue(t *testing.T, sarif string) string {
	t.Helper()
	rules := regexp.MustCompile(`(?s)"rules": \[.*?\n {10}\]`)
	if !rules.MatchString(sarif) {
		t.Fatal("the log has no rules")
	}
	sarif = rules.ReplaceAllString(sarif, `"rules": []`)
	return regexp.MustCompile(`"ruleIndex": -?\d+`).ReplaceAllString(sarif, `"ruleIndex": 0`)
}

// golden holds what was written against a file; with -update it writes that.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}

func TestGolden(t *testing.T) {
	for name, r := range cases() {
		for _, f := range formats() {
			t.Run(name+"."+f.suffix, func(t *testing.T) {
				got := render(t, f, r)
				if f.suffix == "sarif" {
					got = withoutCatalogue(t, got)
				}
				if (name == "many" || name == "crowd") && f.suffix != "txt" && f.suffix != "md" {
					return // long, and shows nothing new
				}
				golden(t, filepath.Join("testdata", name+"."+f.suffix), got)
			})
		}
	}
}

func TestRenderingIsInert(t *testing.T) {
	for name, r := range cases() {
		for _, f := range formats() {
			inert(t, name, f, render(t, f, r))
		}
	}
}

// inert demands of a rendering that, whatever the outside text is, it holds no
// character that acts on a terminal and no line that a workflow runner takes for a
// command.
func inert(t *testing.T, name string, f format, got string) {
	t.Helper()
	if !utf8.ValidString(got) {
		t.Errorf("%s.%s is not UTF-8", name, f.suffix)
	}
	if f.suffix == "color.txt" {
		got = regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(got, "")
	}
	got = strings.ReplaceAll(got, "⚠️", "") // the one variation selector that is ours
	for line := range strings.Lines(got) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && hostile.Acts(line) {
			t.Errorf("%s.%s: line acts: %q", name, f.suffix, line)
		}
	}
}

func TestNothingIsWrittenInvalid(t *testing.T) {
	for name, r := range cases() {
		for _, f := range formats()[3:] {
			if f.suffix != "md" && !json.Valid([]byte(render(t, f, r))) {
				t.Errorf("%s.%s is not JSON", name, f.suffix)
			}
		}
	}
}

func TestJSONKeepsValues(t *testing.T) {
	r := attacked()
	r.Result.Files[0].Path, r.Result.Findings[0].File = "a/\xff\x00.yaml", "a/\xfe.yaml"
	var got struct {
		Updates  []struct{ Image, From string }
		Findings []struct{ Rule, File, Message string }
		Files    []struct{ File string }
	}
	if err := json.Unmarshal([]byte(render(t, format{"json", report.JSON}, r)), &got); err != nil {
		t.Fatal(err)
	}
	if got, want := got.Files[0].File, "a/\\xFF\x00.yaml"; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	if got, want := got.Updates[0].From, "1.0\u202e"; got != want {
		t.Errorf("from %q, want %q: JSON escapes must not change the value", got, want)
	}
	want := strings.ReplaceAll(strings.ReplaceAll(hostile.Text, "\xff", `\xFF`), "\xfe", `\xFE`)
	for _, f := range got.Findings {
		if f.Rule == "scope/residue" && f.File == `a/\xFE.yaml` && f.Message == want {
			return
		}
	}
	t.Errorf("findings %q", got.Findings)
}

func TestMarkdownFits(t *testing.T) {
	r := many()
	for range 4 { // 8,000 updates, 8,000 findings
		r.Result.Updates = append(r.Result.Updates, r.Result.Updates...)
		for _, f := range r.Result.Findings {
			f.Line += len(r.Result.Findings)
			r.Result.Findings = append(r.Result.Findings, f)
		}
	}
	got := render(t, format{"md", report.Markdown}, r)
	if len(got) > 60_000 || len(got) < 50_000 {
		t.Errorf("%d bytes", len(got))
	}
	for _, noun := range []string{"updates", "findings"} {
		if !regexp.MustCompile(`\n\d+ more ` + noun + ` not shown\.\n`).MatchString(got) {
			t.Errorf("nothing said of %s left out", noun)
		}
	}
	if open, closed := strings.Count(got, "<details>"), strings.Count(got, "</details>"); open != closed {
		t.Errorf("%d details opened, %d closed", open, closed)
	}
}

type broken struct{}

var errBroken = errors.New("disk full")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrorsComeBack(t *testing.T) {
	for _, f := range formats() {
		if err := f.write(broken{}, passing().Report()); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", f.suffix, err)
		}
	}
}

// The report belongs to the caller: rendering sorts a copy.
func TestReportIsNotChanged(t *testing.T) {
	r, want := failing(), failing()
	for _, f := range formats() {
		render(t, f, r)
	}
	if diff := cmp.Diff(want.Result, r.Result); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdownIsInert(t *testing.T) {
	for name, r := range cases() {
		inertMarkdown(t, name, render(t, format{"md", report.Markdown}, r))
	}
}

// inertMarkdown demands of a whole Markdown report that only the links to rules and the
// folds are more than text and formatting of ours.
func inertMarkdown(t *testing.T, name, page string) {
	t.Helper()
	fold := regexp.MustCompile(`^(<details><summary>\d+ more (updates?|findings?|gaps?|uses?)</summary>|</details>)\n*$`)
	err := ast.Walk(hostile.Markdown(page), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan:
			return ast.WalkSkipChildren, nil
		case *ast.Link:
			if !strings.HasPrefix(string(n.Destination), "https://github.com/goldfish-inc/fluxkeeper/blob/main/docs/rules.md#") {
				t.Errorf("%s: link to %s", name, n.Destination)
			}
		case *ast.HTMLBlock:
			if block := string(n.Lines().Value([]byte(page))); !fold.MatchString(block) {
				t.Errorf("%s: HTML %q", name, block)
			}
		case *ast.RawHTML, *ast.AutoLink, *ast.Image, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.Blockquote, *ast.ThematicBreak:
			t.Errorf("%s: %s", name, n.Kind())
		case *ast.Text:
			if m := hostile.Magnets().FindString(html.UnescapeString(string(n.Segment.Value([]byte(page))))); m != "" {
				t.Errorf("%s: %q in text", name, m)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
