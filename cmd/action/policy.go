package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
)

type policyCmd struct {
	Check   policyCheckCmd   `cmd:"" help:"Check a policy file and show each problem with its line."`
	Explain policyExplainCmd `cmd:"" help:"Say in plain words what a policy file allows."`
	Schema  policySchemaCmd  `cmd:"" help:"Print the JSON Schema of the policy file, for editors."`
	Init    policyInitCmd    `cmd:"" help:"Write a commented policy file to start from."`
}

type policyCheckCmd struct {
	File string `arg:"" optional:"" default:"${policyFile}" complete:"file" help:"The file, or - for standard input (default: ${policyFile})."`
}

// Run reads the file and prints each problem.
func (c *policyCheckCmd) Run(a *app) error {
	if _, err := a.readPolicy(c.File); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: no problems\n", oneLine(c.File))
	return nil
}

type policyExplainCmd struct {
	File string `arg:"" optional:"" complete:"file" help:"The file, or - for standard input (default: ${policyFile}, or what holds without one)."`
}

// Run prints the policy in words.
func (c *policyExplainCmd) Run(a *app) error {
	name := c.File
	if name == "" {
		name = gate.PolicyFile
	}
	policy, err := a.readPolicy(name)
	if c.File == "" && errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.stdout, "There is no %s here, so this holds:\n\n", gate.PolicyFile)
		policy, err = gate.DefaultPolicy(), nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.stdout, policy.Explain())
	return err
}

type policySchemaCmd struct{}

// Run prints the schema.
func (policySchemaCmd) Run(a *app) error {
	_, err := a.stdout.Write(gate.PolicySchema())
	return err
}

type policyInitCmd struct {
	Force bool `help:"Overwrite the file that is there."`
}

// Run writes the template.
func (c *policyInitCmd) Run(a *app) error {
	if err := os.MkdirAll(filepath.Dir(gate.PolicyFile), 0o755); err != nil {
		return failure{statusUsage, err, ""}
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !c.Force {
		flags |= os.O_EXCL
	}
	file, err := os.OpenFile(gate.PolicyFile, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return failure{statusUsage, fmt.Errorf("%s is there already", gate.PolicyFile), "--force overwrites it"}
	}
	if err != nil {
		return failure{statusUsage, err, ""}
	}
	_, err = file.Write(gate.PolicyTemplate())
	if err = errors.Join(err, file.Close()); err != nil {
		return failure{statusUsage, err, ""}
	}
	fmt.Fprintf(a.stdout, "wrote %s; `fluxkeeper policy explain` says what it means\n", gate.PolicyFile)
	return nil
}

// readPolicy reads a policy file that the person named: any trouble with it is
// wrong configuration. All problems but the last are printed at once, and that
// is returned, to be printed like any other error.
func (a *app) readPolicy(name string) (gate.Policy, error) {
	data, err := a.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return gate.Policy{}, failure{statusUsage, err, "run `fluxkeeper policy init` to write " + gate.PolicyFile}
	}
	if err != nil {
		return gate.Policy{}, failure{statusUsage, err, ""}
	}
	if name == "-" {
		name = "standard input"
	}
	policy, err := gate.ParsePolicy(name, data)
	if err != nil {
		all := problems(statusUsage, name, err)
		last := len(all) - 1
		for _, p := range all[:last] {
			a.complain(p)
		}
		return policy, all[last]
	}
	return policy, nil
}

// readFile reads a file by its name; - is standard input.
func (a *app) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.stdin)
	}
	return os.ReadFile(name)
}

// problems are the problems of a policy file, each with its place and hint.
func problems(status int, name string, err error) []failure {
	wrong, ok := errors.AsType[*gate.PolicyError](err)
	if !ok || len(wrong.Problems) == 0 {
		return []failure{{status, err, ""}}
	}
	var all []failure
	for _, p := range wrong.Problems {
		all = append(all, failure{status, fmt.Errorf("%s:%d:%d: %s", name, p.Line, p.Column, p.Message), p.Hint})
	}
	return all
}
