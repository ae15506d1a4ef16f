package plan

import (
	"strings"
	"unicode/utf16"

	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

// plainLines is report.Plain of each line.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = report.Plain(line)
	}
	return strings.Join(lines, "\n")
}

// cut shortens text to n characters as GitHub counts them, an ellipsis last.
func cut(text string, n int) string {
	if len(utf16.Encode([]rune(text))) <= n {
		return text
	}
	size := 1
	for i, c := range text {
		if size += utf16.RuneLen(c); size > n {
			return text[:i] + "…"
		}
	}
	return text
}

// fit cuts Markdown at the end of a line to at most n bytes and says so.
func fit(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const note = "\n\n*The report is longer than GitHub shows here; the step summary holds all of it.*\n"
	kept := text[:max(n-len(note), 0)]
	return kept[:strings.LastIndexByte(kept, '\n')+1] + note
}
