package main

import (
	"os"

	"golang.org/x/term"

	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

// style says how to print text on standard output: colour only where a person
// looks at a terminal that can show it, unless the person says otherwise.
func (a *app) style(color string) report.Style {
	var s report.Style
	file, terminal := asTerminal(a.stdout)
	if terminal {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			s.Width = width
		}
	}
	switch color {
	case "always":
		s.Color = true
	case "auto":
		// https://no-color.org: set and not empty means no colour.
		refused, _ := a.env("NO_COLOR")
		kind, _ := a.env("TERM")
		s.Color = terminal && refused == "" && kind != "dumb"
	}
	return s
}

// asTerminal returns the file behind a stream where that is a terminal.
func asTerminal(stream any) (*os.File, bool) {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil, false
	}
	return file, true
}
