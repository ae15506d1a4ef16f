package runner

import (
	"bytes"
	"io"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxLine bounds what is held back while a line has no end, in bytes.
const maxLine = 64 << 10

// Lines gives a writer that prints whole lines to w, each as text.Plain shows
// it. A runner reads workflow commands on standard output and standard error
// alike, so both go through one. Close prints a last line without an end.
func Lines(w io.Writer) io.WriteCloser { return &lines{to: w} }

type lines struct {
	to   io.Writer
	held []byte
	err  error
}

// Write prints the lines that are whole, and holds back the rest. After an error nothing
// more is printed.
func (l *lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && l.err == nil; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if left := maxLine - len(l.held); len(line) > left {
			line, after, ended = rest[:left], rest[left:], true
		}
		l.held = append(l.held, line...)
		rest = after
		if ended {
			l.print()
		}
	}
	if l.err != nil {
		return 0, l.err
	}
	return len(p), nil
}

// Close prints what is left; it does not close the writer below.
func (l *lines) Close() error {
	if len(l.held) > 0 && l.err == nil {
		l.print()
	}
	return l.err
}

func (l *lines) print() {
	line := string(bytes.TrimSuffix(l.held, []byte("\r")))
	l.held = l.held[:0]
	_, l.err = io.WriteString(l.to, text.Plain(line)+"\n")
}
