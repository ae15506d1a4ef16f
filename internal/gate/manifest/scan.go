package manifest

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// scan finds characters that one reader takes for a line break or for nothing
// and another does not. Git and GitHub show U+0085, U+2028, U+2029 and a lone
// CR inside a line; YAML readers start a new line there, so a comment can hide
// a key.
func scan(data []byte) []Defect {
	if plain(data) {
		return nil
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return []Defect{{Rule: "yaml/utf8", Position: Position{1, 1}, Message: "the file is UTF-16; Flux reads UTF-8 only"}}
	}
	var defects []Defect
	line, column := 1, 1
	for i := 0; i < len(data) && len(defects) <= maxDefects; {
		r, size := utf8.DecodeRune(data[i:])
		if rule, what := suspicious(data, i, r, size); rule != "" {
			defects = append(defects, Defect{Rule: rule, Position: Position{line, column}, Message: what})
		}
		i += size
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return defects
}

// plain tells whether data is printable ASCII, tabs and line feeds.
func plain(data []byte) bool {
	for _, b := range data {
		if (b < ' ' && b != '\n' && b != '\t') || b > '~' {
			return false
		}
	}
	return true
}

func suspicious(data []byte, i int, r rune, size int) (rule, what string) {
	switch {
	case r == utf8.RuneError && size <= 1:
		return "yaml/utf8", fmt.Sprintf("byte %#02x is not valid UTF-8", data[i])
	case r == '\r':
		if i+1 < len(data) && data[i+1] == '\n' {
			return "", ""
		}
		return "yaml/line-break", "a lone carriage return starts a new line for YAML readers, but not in a diff"
	case r == '\uFEFF' && i > 0:
		return "yaml/bom", "a byte order mark stands inside the file"
	case r == '\n' || r == '\t':
		return "", ""
	}
	switch text.ClassOf(r) {
	case text.LineBreak:
		return "yaml/line-break", fmt.Sprintf("%U starts a new line for YAML readers, but not in a diff", r)
	case text.Bidi:
		return "yaml/bidi", fmt.Sprintf("%U changes the order in which text is shown", r)
	case text.Invisible:
		return "yaml/invisible", fmt.Sprintf("%U cannot be seen", r)
	case text.Control:
		return "yaml/control", fmt.Sprintf("control character %U", r)
	}
	return "", ""
}
