package hostile

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Text holds what a change's author may put into any text.
const Text = "a\x1b[31mred\x1b[0m\u202eevil\u202c\u200b\u0000\u009b2J\n::set-output name=verdict::pass\n##[error]x\r\n" +
	"<img src=x onerror=alert(1)> @everyone #1 GH-2 acme/app#3 | `code` ``two`` ](http://evil.example) [a](b) " +
	"http://evil.example www.evil.example mallory@evil.example :tada: $x$ ~~no~~ *b* _i_ \xff\xfe \\| &amp; <!-- x --> \u2028\u3164 pass\t"

// Acts tells whether a line does more than show itself.
func Acts(line string) bool {
	if strings.Contains(line, "##[") || strings.HasPrefix(strings.TrimSpace(line), "::") {
		return true
	}
	return strings.ContainsFunc(line, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cs,
			unicode.Bidi_Control, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	})
}

// Markdown reads Markdown the way GitHub does.
func Markdown(source string) ast.Node {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList))
	return md.Parser().Parse(text.NewReader([]byte(source)))
}

// Magnets match what GitHub turns into links, mentions and pictures in rendered text outside of code.
func Magnets() *regexp.Regexp {
	return regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]|://|www\.|:[a-z0-9+_-]+:`)
}
