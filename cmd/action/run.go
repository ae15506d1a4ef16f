package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/report"
)

// The exit statuses of every command.
const (
	statusPass      = 0 // pass, or not applicable; for other commands: done
	statusFail      = 1 // findings of severity error
	statusUsage     = 2 // wrong usage or wrong configuration; nothing was looked at
	statusUndecided = 3 // could not tell
)

// grammar is the command line, as kong reads it from the tags.
type grammar struct {
	Check      checkCmd         `cmd:"" help:"Judge a Flux image update in a local repository."`
	Rules      rulesCmd         `cmd:"" help:"List the rules, or show one with its examples."`
	Policy     policyCmd        `cmd:"" help:"Write, check and explain the policy file."`
	Completion completionCmd    `cmd:"" help:"Print a completion script for a shell."`
	Action     actionCmd        `cmd:"" help:"Run as a step of a GitHub workflow."`
	Version    kong.VersionFlag `help:"Print the version and exit."`
}

// app is what a command may touch of the world outside.
type app struct {
	ctx            context.Context
	model          *kong.Application
	env            func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	version        string
}

// failure is an error that knows its exit status and what to do about it.
// A failure without an error ends the program silently: its report is out.
type failure struct {
	status int
	err    error
	hint   string
}

func (f failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("status %d", f.status)
	}
	return f.err.Error()
}

func (f failure) Unwrap() error { return f.err }

// Hint says how to mend it; empty where there is nothing to add.
func (f failure) Hint() string { return f.hint }

// sentence is the error with its hint behind it.
func (f failure) sentence() string {
	if f.hint == "" {
		return f.Error()
	}
	return f.Error() + " (" + f.hint + ")"
}

// hinter is an error that knows what to do about it.
type hinter interface {
	error
	Hint() string
}

// run is the whole program without the process around it. It returns the exit
// status, and never exits by itself.
func run(
	ctx context.Context, args []string, env func(string) (string, bool),
	stdin io.Reader, stdout, stderr io.Writer,
) int {
	a := &app{ctx: ctx, env: env, stdin: stdin, stdout: stdout, stderr: stderr, version: version()}
	answered := false // by --help or --version
	parser, err := kong.New(&grammar{},
		kong.Name("fluxkeeper"),
		kong.Description(description),
		kong.Vars{"version": "fluxkeeper " + a.version, "policyFile": gate.PolicyFile, "base": defaultBase},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { answered = true }),
	)
	if err != nil {
		return a.fail(err)
	}
	a.model = parser.Model
	commands, err := parser.Parse(args)
	if answered {
		return statusPass
	}
	if err != nil {
		return a.fail(failure{statusUsage, spoken(err), usageHint(err)})
	}
	return a.fail(commands.Run(a))
}

const description = `Fluxkeeper proves that a Flux image update is only that:
version steps that do not break, made by the right bot, and nothing else smuggled in.

  fluxkeeper check --base main --head flux-image-updates
  fluxkeeper check --base HEAD^ --ignore-identity
  fluxkeeper rules version/major
  fluxkeeper policy init

Exit status: 0 pass or not applicable, 1 fail, 2 wrong usage or configuration, 3 undecided.`

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

// usageHint names the help of the command that was being typed.
func usageHint(err error) string {
	command := "fluxkeeper"
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			command = node.FullPath()
		}
	}
	return "run `" + command + " --help` to see what can be said"
}

// fail prints what went wrong and returns the exit status that goes with it.
func (a *app) fail(err error) int {
	if err == nil {
		return statusPass
	}
	status := statusUndecided
	if f, ok := errors.AsType[failure](err); ok {
		status = f.status
		if f.err == nil {
			return status
		}
	}
	a.complain(err)
	return status
}

// complain writes an error and its hint, one line each.
func (a *app) complain(err error) {
	fmt.Fprintf(a.stderr, "fluxkeeper: error: %s\n", oneLine(err.Error()))
	if h, ok := errors.AsType[hinter](err); ok && h.Hint() != "" {
		fmt.Fprintf(a.stderr, "fluxkeeper: hint: %s\n", oneLine(h.Hint()))
	}
}

// oneLine makes outside text safe for a terminal and keeps it on its line.
func oneLine(s string) string {
	return report.Plain(strings.Join(strings.Fields(s), " "))
}
