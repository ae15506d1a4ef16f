package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Plain makes s one line of terminal text that shows everything it holds and
// does nothing: control characters, line breaks, bidi controls, zero-width and
// other invisible characters become \u{XXXX}, bytes that are not UTF-8 \xNN.
// A workflow log is a terminal too, so nothing in it starts a runner command
// (::name:: opening the line, ##[name] anywhere). Plain of Plain is Plain.
func Plain(s string) string { return showAll(s, unicode.MaxRune) }

// Line makes outside text safe for a terminal and keeps it on its line. A person
// may have typed a secret where something else belongs, and an error may quote it: what
// looks like one is hidden.
func Line(s string) string { return Plain(secret.Redact(strings.Join(strings.Fields(s), " "))) }

// Reference is Plain for names whose grammar is ASCII, such as images, tags
// and policies: every other character is shown by its code point, so that
// look-alike letters are seen.
func Reference(s string) string { return showAll(s, unicode.MaxASCII) }

func showAll(s string, last rune) string {
	if harmless(s) {
		return quiet(s)
	}
	return quiet(strings.Join(Cells(s, last), ""))
}

// harmless tells whether every character of s is printable ASCII and none is
// part of a runner command, so that it shows as itself.
func harmless(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '#' && i+1 < len(s) && s[i+1] == '#' {
			return false
		}
	}
	return true
}

// quiet takes the meaning from a :: that opens a line.
func quiet(line string) string {
	if rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "::") {
		return line[:len(line)-len(rest)] + `\u{003A}` + rest[1:]
	}
	return line
}

// Cells gives the visible form of each character of s. An invalid byte is one
// character. Characters beyond last are shown by their code point.
func Cells(s string, last rune) []string {
	out := make([]string, 0, len(s))
	marks, hashes := noBase, 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			out = append(out, fmt.Sprintf(`\x%02X`, s[0]))
			marks = noBase
		case r > last || !visible(r, &marks) || r == '[' && hashes >= 2:
			out = append(out, codePoint(r))
		default:
			out = append(out, s[:size])
		}
		if r == '#' {
			hashes++
		} else {
			hashes = 0
		}
		s = s[size:]
	}
	return out
}

func codePoint(r rune) string { return fmt.Sprintf(`\u{%04X}`, r) }

const (
	noBase   = -1 // what went before cannot carry a combining mark
	maxMarks = 2  // combining marks on one letter: enough for languages, too few to bury other lines
)

// visible tells whether r shows as itself. marks is the number of combining
// marks on the letter before, which the call brings up to date.
func visible(r rune, marks *int) bool {
	if r >= ' ' && r <= '~' {
		*marks = noBase
		if unicode.IsLetter(r) {
			*marks = 0
		}
		return true
	}
	if unicode.Is(unicode.M, r) && !hidden(r) && *marks >= 0 && *marks < maxMarks {
		*marks++
		return true
	}
	*marks = noBase
	if unicode.IsLetter(r) {
		*marks = 0
	}
	return unicode.IsPrint(r) && !hidden(r) && displaywidth.Rune(r) > 0
}

// hidden names printable characters that show nothing: fillers, variation
// selectors and the blank Braille cell.
func hidden(r rune) bool {
	return r == blankBraille || unicode.In(r, invisible, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Command makes s the data of a GitHub workflow command (::error …::DATA). Line
// breaks survive as %0A; each line is Plain, so that none of them is taken for
// a command once the runner has decoded it.
func Command(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	return strings.Join(Each(lines, func(line string) string { return strings.ReplaceAll(Plain(line), "%", "%25") }), "%0A")
}

// Property makes s the value of a property of a GitHub workflow command
// (::error file=VALUE,…::). It is one line.
func Property(s string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A", ",", "%2C").Replace(Plain(s))
}
