package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

const ellipsis = "…"

// Cut shortens s to n characters, the last an ellipsis.
func Cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	end := 0
	for range n - 1 {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	return s[:end] + ellipsis
}

// Count is a number with its noun, which is given in the singular.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "ry"); ok {
		return fmt.Sprintf("%d %sries", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// CutUTF16 shortens s to n UTF-16 units, which GitHub and its runner count by,
// the last an ellipsis.
func CutUTF16(s string, n int) string {
	if UnitsUTF16(s) <= n {
		return s
	}
	size := 1 // the ellipsis
	for i, c := range s {
		if size += utf16.RuneLen(c); size > n {
			return s[:i] + ellipsis
		}
	}
	return s
}

// UnitsUTF16 counts the UTF-16 units of s.
func UnitsUTF16(s string) int { return len(utf16.Encode([]rune(s))) }

// Quote makes outside text fit for an error: ASCII, quoted, escaped, and of at most 200 bytes.
func Quote(s string) string {
	const most = 200
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + ellipsis
	}
	return strconv.QuoteToASCII(s)
}

// Each writes each of several things as a text.
func Each[T any](things []T, as func(T) string) []string {
	var texts []string
	for _, one := range things {
		texts = append(texts, as(one))
	}
	return texts
}

// Some names the first few of many.
func Some(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Commit is a commit's id as people know it: its first twelve digits.
func Commit(id string) string { return Plain(id[:min(len(id), 12)]) }

// Minute is a time to the minute, in UTC.
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
