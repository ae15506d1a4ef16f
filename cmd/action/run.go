package main

import (
	_ "embed"
	"strconv"

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
func run(w console.World, args []string) int {
	return console.Run(w, console.Program{
		Name: "fluxkeeper", Help: help, Grammar: &grammar{}, Release: release,
		Vars: variables(),
	}, args)
}

// variables are what the help of flags refers to.
func variables() kong.Vars {
	return kong.Vars{
		"policyFile": policy.File, "base": defaultBase, "tokenName": token.DefaultName, "tokenDays": strconv.Itoa(token.DefaultMaxDays),
	}
}
