package plan

import "strings"

// fit cuts Markdown at the end of a line to at most n bytes and says so.
func fit(text string, n int) string {
	if len(text) <= n {
		return text
	}
	const note = "\n\n*The report is longer than GitHub shows here; the step summary holds all of it.*\n"
	kept := text[:max(n-len(note), 0)]
	return kept[:strings.LastIndexByte(kept, '\n')+1] + note
}
