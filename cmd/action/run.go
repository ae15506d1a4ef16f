package main

import (
	_ "embed"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// release is the version that the linker writes into a released program, where
// the build knows neither module version nor revision (see Dockerfile).
var release string

// help is what --help says of the program and of each command.
//
//go:embed help.txt
var help []byte

// grammar is the command line, as kong reads it from the tags.
type grammar struct {
	Check      checkCmd           `cmd:"" help:"Judge a Flux image update in a local repository."`
	Rules      rulesCmd           `cmd:"" help:"List the rules, or show one with its examples."`
	Policy     policyCmd          `cmd:"" help:"Write, check and explain the policy file."`
	Token      tokenCommands      `cmd:"" help:"Check the token that Flux pushes with."`
	Completion console.Completion `cmd:"" help:"Print a completion script for a shell."`
	Action     actionCmd          `cmd:"" help:"Run as a step of a GitHub workflow."`
	Version    kong.VersionFlag   `help:"Print the version and exit."`
}

// run is the whole program without the process around it. It returns the exit
// status, and never exits by itself.
func run(w console.World, args []string) int { return console.Run(w, program(only(args)), args) }

func program(options []kong.Option) console.Program {
	return console.Program{
		Name: "fluxkeeper", Help: help, Grammar: &grammar{}, Release: release, Vars: variables(), Options: options,
	}
}

// only leaves out the commands that the arguments do not begin with: to read the
// flags of all takes as long as many a check. Completion needs them.
func only(args []string) []kong.Option {
	var others []string
	named := false
	for _, f := range reflect.VisibleFields(reflect.TypeFor[grammar]()) {
		if _, command := f.Tag.Lookup("cmd"); !command {
			continue
		}
		if len(args) > 0 && args[0] == strings.ToLower(f.Name) {
			named = args[0] != "completion"
		} else {
			others = append(others, f.Name)
		}
	}
	if !named {
		return nil
	}
	return []kong.Option{kong.IgnoreFields(`^grammar\.(` + strings.Join(others, "|") + `)$`)}
}

// variables are what the help of flags refers to.
func variables() kong.Vars {
	return kong.Vars{
		"policyFile": policy.File, "base": defaultBase, "tokenName": token.DefaultName, "tokenDays": strconv.Itoa(token.DefaultMaxDays),
	}
}
