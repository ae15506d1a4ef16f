package console

import (
	"fmt"
	"os"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"golang.org/x/term"
)

// Colored is the flag of a command that can print in colour.
type Colored struct {
	Color string `default:"auto" enum:"auto,always,never" placeholder:"WHEN" help:"auto (on a terminal, without NO_COLOR), always or never."`
}

// Style says how to print text on standard output: colour only where a person
// looks at a terminal that can show it, unless the person says otherwise.
func (c *Console) Style(color string) text.Style {
	var s text.Style
	file, terminal := asTerminal(c.Stdout)
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
		refused, _ := c.Environment("NO_COLOR")
		kind, _ := c.Environment("TERM")
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

// Announce says once, to a person at a terminal, what goes on, if it takes
// longer than two seconds. Stop the timer when it is over.
func (c *Console) Announce(what string) *time.Timer {
	return time.AfterFunc(2*time.Second, func() {
		if _, ok := asTerminal(c.Stderr); ok {
			fmt.Fprintf(c.Stderr, "%s: %s …\n", c.Name, OneLine(what))
		}
	})
}

// IsTerminal says whether a person looks at standard output.
func (c *Console) IsTerminal() bool {
	_, ok := asTerminal(c.Stdout)
	return ok
}

// Confirm asks a person at a terminal; nobody is there to say yes anywhere else.
func (c *Console) Confirm(question string) bool {
	if !c.StdinIsTerminal() {
		return false
	}
	fmt.Fprintf(c.Stderr, "%s [y/N] ", question)
	var answer string
	_, err := fmt.Fscanln(c.Stdin, &answer)
	return err == nil && (answer == "y" || answer == "yes")
}
