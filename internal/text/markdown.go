package text

import "strings"

// zeroWidth is a zero-width space. It parts the characters that GitHub looks
// for in rendered text, where neither a backslash nor an entity hides them.
const zeroWidth = "&#8203;"

// Markdown makes s inert in GitHub Markdown, in a paragraph, a list item
// and a table cell alike: it renders as the text Plain(s), with no mention,
// issue reference, emoji, link, HTML, formatting or line break. (A full commit
// id still becomes a link to that commit of the same repository.)
func Markdown(s string) string {
	s = Plain(s)
	body := strings.Trim(s, " ")
	lead, trail := len(s)-len(strings.TrimLeft(s, " ")), len(s)-len(strings.TrimRight(s, " "))
	if body == "" {
		lead, trail = len(s), 0
	}
	var b strings.Builder
	b.WriteString(strings.Repeat("&#32;", lead)) // Markdown drops plain spaces there
	start := true                                // nothing but digits so far: "1." would open a list
	for i := range len(body) {
		markdownByte(&b, body, i, start)
		start = start && body[i] >= '0' && body[i] <= '9'
	}
	b.WriteString(strings.Repeat("&#32;", trail))
	return b.String()
}

// markdownByte writes body[i]; bytes of longer characters pass as they are.
func markdownByte(b *strings.Builder, body string, i int, start bool) {
	switch c := body[i]; c {
	case '&':
		b.WriteString("&amp;")
	case '<':
		b.WriteString("&lt;")
	case '>':
		b.WriteString("&gt;")
	case '|': // a table row is split before backslashes are read
		b.WriteString("&#124;")
	case '$': // mathematics
		b.WriteString("&#36;")
	case '\\', '`', '*', '_', '[', ']', '~':
		b.WriteString(`\` + string(c))
	case '@', '#', ':': // @user, #1, :emoji:, scheme:
		if c == '#' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		if i+1 == len(body) || body[i+1] != ' ' {
			b.WriteString(zeroWidth)
		}
	case '-':
		if start {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
		if i >= 2 && strings.EqualFold(body[i-2:i], "gh") { // GH-1 is an issue
			b.WriteString(zeroWidth)
		}
	case '+', '=', '.', ')':
		if start {
			b.WriteByte('\\')
		}
		if c == '.' && i >= 3 && strings.EqualFold(body[i-3:i], "www") { // www.example.com is a link
			b.WriteString(zeroWidth)
		}
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}

// MarkdownCode makes s an inline code span, which GitHub searches for neither
// mentions nor references. A pipe is shown by its code point, because a table
// row is split before its code spans are read. The span of an empty string
// holds a space.
func MarkdownCode(s string) string {
	s = strings.ReplaceAll(Plain(s), "|", codePoint('|'))
	if s == "" {
		return "` `"
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	edge := func(c byte) bool { return c == '`' || c == ' ' }
	if strings.Trim(s, " ") != "" && (edge(s[0]) || edge(s[len(s)-1])) {
		s = " " + s + " " // one space on each side is not part of the code
	}
	return fence + s + fence
}
