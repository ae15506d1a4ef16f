package report

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/clipperhouse/displaywidth"
)

// excerpt is a source line, made visible and cut to a width, and where in it
// the scalar lies that a finding points to, in terminal columns. Length is 0
// where the column is not known.
type excerpt struct {
	text           string
	indent, length int
}

// excerptOf cuts line n (from 1) out of source; false where there is none.
func excerptOf(source []byte, n, column, width int) (excerpt, bool) {
	raw, ok := sourceLine(source, n)
	if !ok {
		return excerpt{}, false
	}
	part := near(raw, column, 4*width)
	runes := []rune(part.text) // an invalid byte is one character
	shown := text.Cells(part.text, unicode.MaxRune)
	for i, r := range runes {
		if r == '\t' {
			shown[i] = "    "
		}
	}
	shown = append(shown, "") // the end of the line can be pointed at
	start, end := 0, 0
	if column > 0 {
		start = min(part.start, len(runes))
		end = max(scalarEnd(runes, start, part.flow), start+1)
	}
	return window(shown, start, end, width, part), true
}

// part is what of a line is near a column.
type part struct {
	text  string
	start int // the column's place in the text, from 0
	// before and after say that the line is longer on that side, flow that a flow
	// collection begins before the column.
	before, after, flow bool
}

// near takes so many characters on either side of a column: a line can be as long as a
// file, and have a thousand findings.
func near(line []byte, column, reach int) part {
	start := max(column-1, 0)
	from, at, to, n := 0, len(line), len(line), 0
	for i, size := 0, 0; i < len(line) && to == len(line); i += size {
		switch n {
		case start - reach:
			from = i
		case start:
			at = i
		case start + reach:
			to = i
		}
		_, size = utf8.DecodeRune(line[i:])
		n++
	}
	if start > n { // beyond the end
		return near(line, n+1, reach)
	}
	return part{string(line[from:to]), start - max(start-reach, 0), from > 0, to < len(line), bytes.ContainsAny(line[:at], "[{")}
}

// sourceLine is line n of source without its line break. Lines end as editors
// and GitHub see them, at LF or CRLF.
func sourceLine(source []byte, n int) ([]byte, bool) {
	if n < 1 || source == nil {
		return nil, false
	}
	for ; n > 1; n-- {
		i := bytes.IndexByte(source, '\n')
		if i < 0 {
			return nil, false
		}
		source = source[i+1:]
	}
	source, _, _ = bytes.Cut(source, []byte("\n"))
	return bytes.TrimSuffix(source, []byte("\r")), true
}

// scalarEnd guesses where the YAML scalar that begins at start ends. It only
// decides how long the underline is.
func scalarEnd(line []rune, start int, flow bool) int {
	if start >= len(line) {
		return start
	}
	end := len(line)
	switch line[start] {
	case '"', '\'':
		for i := start + 1; i < len(line); i++ {
			if line[start] == '"' && line[i] == '\\' {
				i++
			} else if line[i] == line[start] {
				return i + 1
			}
		}
	case '#':
	default:
		end = plainEnd(line, start, flow)
	}
	for end > start && unicode.IsSpace(line[end-1]) {
		end--
	}
	return end
}

func plainEnd(line []rune, start int, flow bool) int {
	for i := start; i < len(line); i++ {
		last := i+1 == len(line)
		switch line[i] {
		case '#':
			if i > start && unicode.IsSpace(line[i-1]) {
				return i
			}
		case ':':
			if last || unicode.IsSpace(line[i+1]) {
				return i
			}
		case ',', ']', '}':
			if flow {
				return i
			}
		}
	}
	return len(line)
}

const more = "…"

// window joins the cells that fit into width columns around [start, end).
func window(cells []string, start, end, width int, of part) excerpt {
	end = min(end, len(cells))
	widths, total := make([]int, len(cells)), 0
	for i, c := range cells {
		widths[i] = displaywidth.String(c)
		total += widths[i]
	}
	from, to := 0, len(cells)
	if total > width || of.before || of.after {
		from, to = around(widths, start, end, width-2) // width for an ellipsis at both ends
	}
	var e excerpt
	if from > 0 || of.before {
		e.text, e.indent = more, 1
	}
	e.text += strings.Join(cells[from:to], "")
	if to < len(cells) || of.after {
		e.text += more
	}
	e.indent += sum(widths[from:max(from, start)])
	if end > start {
		e.length = max(1, sum(widths[start:min(end, to)]))
	}
	e.text = strings.TrimRight(e.text, " ")
	return e
}

// around grows [start, start) to the right over the scalar, then to the left
// and on to the right in turn, as far as width columns reach.
func around(widths []int, start, end, width int) (from, to int) {
	from, to = start, start
	right := func() bool {
		if to == len(widths) || widths[to] > width {
			return false
		}
		width -= widths[to]
		to++
		return true
	}
	left := func() bool {
		if from == 0 || widths[from-1] > width {
			return false
		}
		from--
		width -= widths[from]
		return true
	}
	for to < end && right() {
	}
	for l, r := true, true; l || r; {
		l = left()
		r = right()
	}
	return from, to
}

func sum(widths []int) int {
	n := 0
	for _, w := range widths {
		n += w
	}
	return n
}
