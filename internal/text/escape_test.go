package text_test

import (
	"html"
	"strings"
	"testing"
	"unicode"

	"github.com/goldfish-inc/fluxkeeper/internal/test/hostile"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

func TestEscapers(t *testing.T) {
	tests := []struct {
		name string
		f    func(string) string
		in   string
		want string
	}{
		{"plain leaves text", text.Plain, "clusters/app-1_b.yaml", "clusters/app-1_b.yaml"},
		{"plain leaves languages", text.Plain, "名前 été e\u0301 हिन्दी", "名前 été e\u0301 हिन्दी"},
		{"plain shows escapes", text.Plain, "\x1b[2J", `\u{001B}[2J`},
		{"plain shows breaks", text.Plain, "a\r\nb\tc\u2028d\u0085e", `a\u{000D}\u{000A}b\u{0009}c\u{2028}d\u{0085}e`},
		{"plain shows bidi", text.Plain, "\u202egpj.exe\u2066\u061c", `\u{202E}gpj.exe\u{2066}\u{061C}`},
		{"plain shows invisibles", text.Plain, "a\u200b\u00ad\ufeff\u3164\u2800\u115f\ufe0f\U000e0041",
			`a\u{200B}\u{00AD}\u{FEFF}\u{3164}\u{2800}\u{115F}\u{FE0F}\u{E0041}`},
		{"plain shows other spaces", text.Plain, "a\u00a0b\u2003c", `a\u{00A0}b\u{2003}c`},
		{"plain shows bytes", text.Plain, "a\xff\xc3", `a\xFF\xC3`},
		{"plain leaves a real replacement character", text.Plain, "\ufffd", "\ufffd"},
		{"plain bounds marks", text.Plain, "a\u0301\u0301\u0301", "a\u0301\u0301" + `\u{0301}`},
		{"plain lets no mark open", text.Plain, "\u0301a", `\u{0301}a`},
		{"plain stops commands", text.Plain, "  ::error::x", `  \u{003A}:error::x`},
		{"plain stops old commands", text.Plain, "a ###[error]x", `a ###\u{005B}error]x`},
		{"reference shows look-alikes", text.Reference, "gһcr.io/app", `g\u{04BB}cr.io/app`},
		{"command", text.Command, "50%\r\n::error::x\n##[group]\rb", `50%25%0A\u{003A}:error::x%0A##\u{005B}group]\u{000D}b`},
		{"property", text.Property, "a,b:c%\nd", `a%2Cb%3Ac%25\u{000A}d`},
		{"code", text.MarkdownCode, "a", "`a`"},
		{"code with ticks", text.MarkdownCode, "`a``", "``` `a`` ```"},
		{"code with a pipe", text.MarkdownCode, "a|b", "`a\\u{007C}b`"},
		{"code of nothing", text.MarkdownCode, "", "` `"},
		{"text", text.Markdown, "plain text, 1.5.0 (yes)", "plain text, 1.5.0 (yes)"},
		{"text with a mention", text.Markdown, "@everyone", "@&#8203;everyone"},
		{"text that opens a list", text.Markdown, "1. a", `1\. a`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.f(tt.in); got != tt.want {
				t.Errorf("%q\nbecame %q\nwant   %q", tt.in, got, tt.want)
			}
		})
	}
}

// seeds are awkward strings that every fuzz target starts from.
func seeds(f *testing.F) {
	for _, s := range []string{
		"", " ", "  a  ", hostile.Text, "# a", "- a", "+ a", "* a", "> a", "1. a", "1) a", "---", "===", "```", "~~~", "    code", "\ta",
		"`", "``", "` a", "a `", "[x]: y", "![a](b)", "<a>", "&lt;", "&#64;", "\\", "a\\", "\\\\|", "|a|b|", "http://a.b", "www.a.b",
		"xmpp:a@b.c",
		"a@b.c", "::a::b", "##[a]b", "#\u200b#[x]", "%0A", "%", "\r", "\n\n", "gh-1", "owner/repo#1", "$a$", "$`a`$", ":+1:", "[^1]", "**a**",
		"~~a~~",
		"\u1100\u1161\u11a8", "👩\u200d👩\u200d👧", "🇩🇪", "e\u0301\u0301\u0301\u0301", "\ud7b0", "\u00b7",
	} {
		f.Add(s)
	}
}

func FuzzPlain(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := text.Plain(s)
		if hostile.Acts(got) {
			t.Errorf("%q became %q", s, got)
		}
		if again := text.Plain(got); again != got {
			t.Errorf("%q became %q, then %q", s, got, again)
		}
		if ref := text.Reference(s); strings.ContainsFunc(ref, func(r rune) bool { return r > unicode.MaxASCII }) || hostile.Acts(ref) {
			t.Errorf("reference %q became %q", s, ref)
		}
	})
}

// runnerDecode undoes what a workflow runner undoes.
func runnerDecode(s string, property bool) string {
	pairs := []string{"%0D", "\r", "%0A", "\n", "%25", "%"}
	if property {
		pairs = append(pairs, "%3A", ":", "%2C", ",")
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

func FuzzCommand(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		data := text.Command(s)
		if hostile.Acts(data) {
			t.Errorf("%q became %q", s, data)
		}
		lines := strings.Split(runnerDecode(data, false), "\n")
		for i, want := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
			if lines[i] != text.Plain(want) || hostile.Acts(lines[i]) {
				t.Errorf("line %q of %q arrives as %q", want, s, lines[i])
			}
		}
		property := text.Property(s)
		if hostile.Acts(property) || strings.ContainsAny(property, ":,") {
			t.Errorf("property %q became %q", s, property)
		}
		if got := runnerDecode(property, true); got != text.Plain(s) {
			t.Errorf("property %q arrives as %q", s, got)
		}
	})
}

func renderHTML(t *testing.T, source string) string {
	t.Helper()
	var b strings.Builder
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList)).Convert([]byte(source),
		&b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// inner takes the text out of one element and refuses further markup in it.
func inner(t *testing.T, got, open, closing string) string {
	t.Helper()
	body, ok := strings.CutPrefix(got, open)
	if !ok {
		t.Fatalf("%q does not open with %q", got, open)
	}
	body, ok = strings.CutSuffix(body, closing)
	if !ok || strings.Contains(body, "<") {
		t.Fatalf("%q holds more than text in %s%s", got, open, closing)
	}
	return html.UnescapeString(body)
}

func FuzzMarkdownText(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := text.Markdown(s)
		if got == "" {
			if s != "" {
				t.Fatalf("%q vanished", s)
			}
			return
		}
		if hostile.Acts(got) {
			t.Errorf("%q became %q", s, got)
		}
		for _, frame := range []struct{ before, after, open, closing string }{
			{"", "", "<p>", "</p>"},
			{"x\n\n- ", "\n", "<p>x</p>\n<ul>\n<li>", "</li>\n</ul>"},
			{"|a|b|\n|-|-|\n| ", " | y |\n", "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>",
				"</td>\n<td>y</td>\n</tr>\n</tbody>\n</table>"},
		} {
			shown := inner(t, renderHTML(t, frame.before+got+frame.after), frame.open, frame.closing)
			if m := hostile.Magnets().FindString(shown); m != "" {
				t.Errorf("%q shows %q", s, m)
			}
			if shown = strings.ReplaceAll(shown, "\u200b", ""); shown != text.Plain(s) {
				t.Errorf("%q is shown as %q in %q, want %q", s, shown, frame.before, text.Plain(s))
			}
		}
	})
}

func FuzzMarkdownCode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		got := text.MarkdownCode(s)
		if hostile.Acts(got) || strings.Contains(got, "|") {
			t.Errorf("%q became %q", s, got)
		}
		want := strings.ReplaceAll(text.Plain(s), "|", `\u{007C}`)
		if s == "" {
			want = " "
		}
		if shown := inner(t, renderHTML(t, got), "<p><code>", "</code></p>"); shown != want {
			t.Errorf("%q is shown as %q, want %q", s, shown, want)
		}
		paragraph := hostile.Markdown(got).FirstChild()
		if n := paragraph.ChildCount(); n != 1 || paragraph.FirstChild().Kind() != ast.KindCodeSpan {
			t.Errorf("%q is %d nodes, want one code span", got, n)
		}
		cell := "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><code>"
		if shown := inner(t, renderHTML(t, "|a|\n|-|\n| "+got+" |\n"), cell, "</code></td>\n</tr>\n</tbody>\n</table>"); shown != want {
			t.Errorf("%q is shown as %q in a table, want %q", s, shown, want)
		}
	})
}
