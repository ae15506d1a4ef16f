package gitrepo

import (
	"errors"
	"fmt"
	"strings"
)

// setting is one variable of a Git configuration file, with section and key in small
// letters. Variables of subsections are left out.
type setting struct{ section, key, value string }

// parseConfig reads a configuration file by Git's own grammar (git help config,
// "Syntax"), of which libraries know less.
func parseConfig(data string) (all []setting, err error) {
	data = strings.ReplaceAll(strings.TrimPrefix(data, "\ufeff"), "\r\n", "\n")
	rest, section, sub := data, "", false
	wrong := func() ([]setting, error) {
		return nil, fmt.Errorf("line %d is not a setting", strings.Count(data[:len(data)-len(rest)], "\n")+1)
	}
	for {
		rest = strings.TrimLeft(rest, " \t\r\n")
		if rest == "" {
			return all, nil
		}
		switch c := rest[0]; {
		case c == '#' || c == ';':
			_, rest, _ = strings.Cut(rest, "\n")
		case c == '[':
			header, after, ok := cutHeader(rest[1:])
			if !ok {
				return wrong()
			}
			section, _, sub = strings.Cut(header, " ")
			rest = after
		default:
			end := strings.IndexFunc(rest, func(c rune) bool { return !isKey(c) })
			if end < 0 {
				end = len(rest)
			}
			key := rest[:end]
			after := strings.TrimLeft(rest[end:], " \t\r")
			value := "true"
			switch {
			case key == "":
				return wrong()
			case strings.HasPrefix(after, "="):
				if value, after, err = cutValue(after[1:]); err != nil {
					return wrong()
				}
			case after != "" && !strings.ContainsRune("\n#;", rune(after[0])):
				return wrong()
			}
			if rest = after; !sub {
				all = append(all, setting{strings.ToLower(section), strings.ToLower(key), value})
			}
		}
	}
}

func isKey(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
}

// cutHeader reads what stands in brackets: a section, and behind a space the quoted
// name of a subsection, which may hold a bracket.
func cutHeader(s string) (header, rest string, ok bool) {
	quoted := false
	for i := 0; i < len(s) && s[i] != '\n'; i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ']' && !quoted:
			return s[:i], s[i+1:], i > 0
		}
	}
	return "", "", false
}

var errValue = errors.New("not a value")

// cutValue reads a value up to the end of its line: quotes are dropped, a backslash
// stands before a character or the next line, and comments and blanks around are left out.
func cutValue(s string) (value, rest string, err error) {
	var b strings.Builder
	solid, quoted := 0, false // what is no blank at the end
	s = strings.TrimLeft(s, " \t")
	i := 0
	for ; i < len(s) && s[i] != '\n'; i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
			solid = b.Len()
		case (c == '#' || c == ';') && !quoted:
			end := strings.IndexByte(s[i:]+"\n", '\n')
			return b.String()[:solid], s[i+end:], nil
		case c == '\\':
			i++
			at := strings.IndexByte("ntb\\\"\n", (s + "\x00")[i])
			if at < 0 {
				return "", "", errValue
			}
			b.WriteString([]string{"\n", "\t", "\b", "\\", "\"", ""}[at])
			solid = b.Len()
		default:
			b.WriteByte(c)
			if quoted || !strings.ContainsRune(" \t\r", rune(c)) {
				solid = b.Len()
			}
		}
	}
	if quoted {
		return "", "", errValue
	}
	return b.String()[:solid], s[i:], nil
}
