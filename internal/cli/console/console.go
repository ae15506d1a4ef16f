package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// The exit statuses of every command.
const (
	StatusPass      = 0 // pass, or not applicable; for other commands: done
	StatusFail      = 1 // findings of severity error
	StatusUsage     = 2 // wrong usage or wrong configuration; nothing was looked at
	StatusUndecided = 3 // could not tell
)

// World is what a program may touch of the world outside.
type World struct {
	Context        context.Context
	Environment    func(string) (string, bool)
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Console is a program's command line while it runs.
type Console struct {
	World
	Name, Version string
	Model         *kong.Application
}

// UserAgent is how the program names itself to servers.
func (c *Console) UserAgent() string { return c.Name + "/" + strings.Fields(c.Version)[0] }

// Program is a command line to be run.
type Program struct {
	Name string
	// Help is what --help says of the program, and then of commands, each in a file of
	// its name: an archive as golang.org/x/tools/txtar has them.
	Help []byte
	// Grammar points to the struct that kong reads the command line into.
	Grammar any
	// Release is the version that the linker wrote, or empty.
	Release string
	Vars    kong.Vars
	Options []kong.Option
}

// Failure is an error that knows its exit status and what to do about it.
// A failure without an error ends the program silently: its report is out.
type Failure struct {
	Status int
	Err    error
	Advice string
}

// Fail makes a Failure. Without a hint it has that of the error, if any.
func Fail(status int, err error, hint string) Failure { return Failure{status, err, hint} }

// Error is the text of what failed. The exit status stands in for it where the report
// has said it all.
func (f Failure) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("status %d", f.Status)
	}
	return f.Err.Error()
}

// Unwrap gives what failed, by which a caller knows it; nil where there is only a status.
func (f Failure) Unwrap() error { return f.Err }

// Hint says what to do about it; empty where there is nothing to add.
func (f Failure) Hint() string { return cmp.Or(f.Advice, text.HintOf(f.Err)) }

// Run parses the arguments and runs the command that they name with the
// *Console. It returns the exit status, and never exits by itself.
func Run(w World, p Program, args []string) int {
	c := &Console{World: w, Name: p.Name, Version: Version(p.Release)}
	answered := false // by --help or --version
	vars := kong.Vars{"version": p.Name + " " + c.Version}
	help := txtar.Parse(p.Help)
	parser, err := kong.New(p.Grammar, append([]kong.Option{
		kong.Name(p.Name),
		kong.Description(string(help.Comment)),
		vars.CloneWith(p.Vars),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, ValueFormatter: explained}),
		kong.Writers(w.Stdout, w.Stderr),
		kong.Exit(func(int) { answered = true }),
	}, p.Options...)...)
	if err != nil {
		return c.End(err)
	}
	c.Model = parser.Model
	for _, file := range help.Files {
		if command := Command(c.Model, file.Name); command != nil {
			command.Detail = string(file.Data)
		}
	}
	if completion := Command(c.Model, "completion"); completion != nil {
		completion.Detail = strings.ReplaceAll(completion.Detail, "PROGRAM", p.Name)
	}
	commands, err := parser.Parse(args)
	if answered {
		return StatusPass
	}
	if err != nil {
		return c.End(Fail(StatusUsage, spoken(err), usageHint(p.Name, err)))
	}
	return c.End(commands.Run(c))
}

// Command finds a command by its path, such as "rotate start"; nil where there is none.
func Command(model *kong.Application, path string) *kong.Node {
	node := model.Node
	for name := range strings.FieldsSeq(path) {
		at := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == name })
		if at < 0 {
			return nil
		}
		node = node.Children[at]
	}
	return node
}

// explained is the help of a flag or an argument, with its default where the help
// does not speak of it.
func explained(v *kong.Value) string {
	with := *v
	if v.Default != "" && !strings.Contains(v.Help, "default") {
		with.Help = strings.TrimSuffix(v.Help, ".") + " (default: " + v.Default + ")."
	}
	return kong.DefaultHelpValueFormatter(&with)
}

// spoken says in a person's words what kong says in a parser's.
func spoken(err error) error {
	message := err.Error()
	flag, _, valued := strings.Cut(message, ": expected ")
	switch argument, bare := strings.CutPrefix(message, "expected "); {
	case valued && strings.HasSuffix(message, "<EOL>)"):
		return fmt.Errorf("%s needs a value", flag)
	case bare && strings.HasPrefix(argument, "one of "):
		return fmt.Errorf("no command given: %s", message)
	case bare:
		return fmt.Errorf("%s is missing", strings.Trim(argument, `"`))
	}
	return err
}

// usageHint is what the error says itself, or names the help of the command that
// was being typed.
func usageHint(command string, err error) string {
	if hint := text.HintOf(err); hint != "" {
		return hint
	}
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			command = node.FullPath()
		}
	}
	return "run `" + command + " --help` to see what can be said"
}

// Present prints a report in a format, and is the end of the command that has it.
func (c *Console) Present(r interface {
	Write(w io.Writer, format string, s text.Style) error
	Verdict() finding.Verdict
}, format, color string) error {
	if err := r.Write(c.Stdout, format, c.Style(color)); err != nil {
		return err
	}
	return Conclude(r.Verdict())
}

// Conclude is the end of a command that has an answer: no failure for a verdict that
// is green, one with its exit status for any other word.
func Conclude(v finding.Verdict) error {
	switch v {
	case finding.Pass, finding.NotApplicable:
		return nil
	case finding.Fail:
		return Failure{Status: StatusFail}
	}
	return Failure{Status: StatusUndecided}
}

// End prints what went wrong and returns the exit status that goes with it.
func (c *Console) End(err error) int {
	if err == nil {
		return StatusPass
	}
	status := StatusUndecided
	if f, ok := errors.AsType[Failure](err); ok {
		status = f.Status
		if f.Err == nil {
			return status
		}
	}
	c.Complain(err)
	return status
}

// Complain writes an error and its hint, one line each.
func (c *Console) Complain(err error) {
	fmt.Fprintf(c.Stderr, "%s: error: %s\n", c.Name, OneLine(err.Error()))
	if hint := text.HintOf(err); hint != "" {
		fmt.Fprintf(c.Stderr, "%s: hint: %s\n", c.Name, OneLine(hint))
	}
}

// OneLine is text.Line.
func OneLine(s string) string { return text.Line(s) }
