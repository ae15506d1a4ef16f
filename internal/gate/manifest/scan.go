package manifest

import (
	"bytes"
	"fmt"
	"unicode/utf8"
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
	case r == 0x85 || r == 0x2028 || r == 0x2029:
		return "yaml/line-break", fmt.Sprintf("%U starts a new line for YAML readers, but not in a diff", r)
	case r == 0xFEFF:
		if i == 0 {
			return "", ""
		}
		return "yaml/bom", "a byte order mark stands inside the file"
	case r == 0x061C || r == 0x200E || r == 0x200F || (r >= 0x202A && r <= 0x202E) || (r >= 0x2066 && r <= 0x2069):
		return "yaml/bidi", fmt.Sprintf("%U changes the order in which text is shown", r)
	case r == 0xAD || r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x17B4 || r == 0x17B5 || r == 0x180E ||
		(r >= 0x200B && r <= 0x200D) || (r >= 0x2060 && r <= 0x2064) || r == 0x3164 || r == 0xFFA0 || (r >= 0xFFF9 && r <= 0xFFFB) || (r >= 0xE0000 && r <= 0xE0FFF):
		return "yaml/invisible", fmt.Sprintf("%U cannot be seen", r)
	case (r < ' ' && r != '\n' && r != '\t') || (r >= 0x7F && r < 0xA0):
		return "yaml/control", fmt.Sprintf("control character %U", r)
	}
	return "", ""
}
