package manifest

import "strings"

// origin finds the place in a file that the parser's place in a document is.
// The parser counts a line at each break that YAML knows; Git, editors and
// people count line feeds only.
type origin struct {
	first int // number of the line before the document's first line
	// starts are the places at which the parser's lines start; nil where
	// those are the file's lines.
	starts []Position
}

func newOrigin(text string, first int) origin {
	o := origin{first: first}
	if !strings.ContainsAny(text, "\r\u0085\u2028\u2029") {
		return o
	}
	at := Position{first + 1, 1}
	o.starts = []Position{at}
	for _, r := range text {
		at.Column++
		switch r {
		case '\n':
			at = Position{at.Line + 1, 1}
			o.starts = append(o.starts, at)
		case '\r', '\u0085', '\u2028', '\u2029':
			o.starts = append(o.starts, at)
		}
	}
	return o
}

// at takes the parser's line and column, from 1.
func (o origin) at(line, column int) Position {
	if o.starts == nil || line < 1 || line > len(o.starts) {
		return Position{o.first + line, column}
	}
	start := o.starts[line-1]
	return Position{start.Line, start.Column + column - 1}
}
