package main

import (
	_ "embed"

	"github.com/alecthomas/kong"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// release is the version that the linker writes into a released program, where
// the build knows neither module version nor revision (see Dockerfile).
var release string

// help is what --help says of the program and of each command.
//
//go:embed help.txt
var help []byte

// grammar is the command line, as kong reads it from the tags. Every flag is
// also read from FLUXKEEPER_… and from the file that --config names.
type grammar struct {
	Serve       serveCmd           `cmd:"" help:"Take deliveries, and keep them."`
	Verify      verifyCmd          `cmd:"" help:"Prove that nothing was altered, removed or cut off."`
	Report      reportCmd          `cmd:"" help:"List what the bot's account did, and what of that was not expected."`
	Reconcile   reconcileCmd       `cmd:"" help:"Ask GitHub for what it sent and the ledger lacks; say how complete it is."`
	Doctor      doctorCmd          `cmd:"" help:"Say what is wrong between Flux, its token and GitHub, and how to fix it."`
	Rotate      rotateCommands     `cmd:"" help:"Replace the bot's token, step by step."`
	Prove       proveCmd           `cmd:"" help:"Print the proof that an entry is in the ledger."`
	CheckProof  checkProofCmd      `cmd:"" help:"Check such a proof, without a ledger."`
	Checkpoint  checkpointCmd      `cmd:"" help:"Print a signed checkpoint, to be kept elsewhere."`
	Key         keyCmd             `cmd:"" help:"Print the public key that checkpoints are verified with."`
	List        listCmd            `cmd:"" help:"List entries."`
	Show        showCmd            `cmd:"" help:"Print the body of an entry, as it came in."`
	Export      exportCmd          `cmd:"" help:"Write the ledger as JSON Lines with proofs."`
	Import      importCmd          `cmd:"" help:"Read such an export into an empty ledger."`
	Backup      backupCmd          `cmd:"" help:"Copy a SQLite ledger while it is in use."`
	Erase       eraseCmd           `cmd:"" help:"Erase the bodies of old deliveries; entries and proofs stay."`
	Healthcheck healthcheckCmd     `cmd:"" help:"Ask a running receiver whether it is ready."`
	Completion  console.Completion `cmd:"" help:"Print a completion script for a shell."`

	Config  console.ConfigFile `placeholder:"FILE" help:"Read flags from this YAML file: their names without dashes in front."`
	Version kong.VersionFlag   `env:"-" help:"Print the version and exit."`
}

// run is the whole program without the process around it. It returns the exit
// status, and never exits by itself.
func run(w console.World, args []string) int {
	return console.Run(w, console.Program{
		Name: "fluxkeeper-receiver", Help: help, Grammar: &grammar{}, Release: release,
		Vars:    kong.Vars{"ledger": defaultLedger, "policyFile": policy.File},
		Options: []kong.Option{kong.DefaultEnvars("FLUXKEEPER")},
	}, args)
}
