package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// UTF8 writes bytes that are not UTF-8 as \xNN, so that two paths that differ
// in them stay apart.
func UTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02X`, s[i])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// JSON writes v, indented. It is often printed straight into a terminal
// or a workflow log, so what Plain would make visible is escaped the JSON way:
// same value, nothing that acts.
func JSON(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if _, err := io.WriteString(w, inert(buf.String())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// inert escapes characters of JSON text. None of them occurs outside strings.
func inert(all string) string {
	var b strings.Builder
	b.Grow(len(all))
	for line := range strings.SplitSeq(all, "\n") {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if harmless(line) {
			b.WriteString(line)
		} else {
			inertLine(&b, line)
		}
	}
	return b.String()
}

func inertLine(b *strings.Builder, line string) {
	marks, hashes := noBase, 0
	for _, r := range line {
		switch {
		case r == '[' && hashes >= 2:
			b.WriteString(`\u005b`)
		case visible(r, &marks):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, `\u%04x`, unit)
			}
		}
		if r == '#' {
			hashes++
		} else {
			hashes = 0
		}
	}
}
