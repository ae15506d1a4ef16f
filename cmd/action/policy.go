package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/console"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

type policyCmd struct {
	Check   policyCheckCmd   `cmd:"" help:"Check a policy file and show each problem with its line."`
	Explain policyExplainCmd `cmd:"" help:"Say in plain words what a policy file allows."`
	Schema  policySchemaCmd  `cmd:"" help:"Print the JSON Schema of the policy file, for editors."`
	Init    policyInitCmd    `cmd:"" help:"Write a commented policy file to start from."`
}

type policyCheckCmd struct {
	File string `arg:"" optional:"" help:"The file, or - for standard input (default: the repository's ${policyFile})."`
}

// Run reads the file and prints each problem.
func (c *policyCheckCmd) Run(a *console.Console) error {
	name := cmp.Or(c.File, policyPath())
	if _, err := readPolicy(a, name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Stdout, "%s: no problems\n", console.OneLine(name))
	return err
}

type policyExplainCmd struct {
	File string `arg:"" optional:"" help:"The file, or - for standard input (default: ${policyFile}, or what holds without one)."`
}

// Run prints the policy in words.
func (c *policyExplainCmd) Run(a *console.Console) error {
	name := cmp.Or(c.File, policyPath())
	rules, err := readPolicy(a, name)
	if c.File == "" && errors.Is(err, fs.ErrNotExist) {
		root := filepath.Dir(filepath.Dir(name))
		if near, err := change.Near(context.Background(), folders{}, root, policy.File); err == nil && near != "" {
			return console.Fail(console.StatusUsage, fmt.Errorf("explain the policy: there is %s, and nothing reads that", text.Quote(near)),
				"rename it to "+policy.File+", or remove it")
		}
		fmt.Fprintf(a.Stdout, "There is no %s here, so this holds:\n\n", console.OneLine(name))
		rules, err = policy.Default(), nil
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.Stdout, rules.Explain(time.Now()))
	return err
}

type policySchemaCmd struct{}

// Run prints the schema.
func (policySchemaCmd) Run(a *console.Console) error {
	_, err := a.Stdout.Write(policy.Schema())
	return err
}

type policyInitCmd struct {
	Force bool `help:"Overwrite the file that is there."`
}

// Run writes the template.
func (c *policyInitCmd) Run(a *console.Console) error {
	name := policyPath()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !c.Force {
		flags |= os.O_EXCL
	}
	file, err := os.OpenFile(name, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return console.Fail(console.StatusUsage, fmt.Errorf("%s is there already", name), "--force overwrites it")
	}
	if err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	_, err = file.Write(policy.Template())
	if err = errors.Join(err, file.Close()); err != nil {
		return console.Fail(console.StatusUsage, err, "")
	}
	fmt.Fprintf(a.Stdout, "wrote %s, which holds once the base branch has it; `fluxkeeper policy explain` says what it means\n",
		console.OneLine(name))
	return nil
}

// policyPath is the policy file of the repository around the current folder,
// or of the current folder where there is none.
func policyPath() string {
	up := ""
	here, err := os.Getwd()
	for dir := here; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return filepath.Join(up, policy.File)
		}
		if dir == filepath.Dir(dir) {
			break
		}
		up = filepath.Join(up, "..")
	}
	return policy.File
}

// folders are those of the disk, by their paths.
type folders struct{}

// Load has nothing to do: folders are read where they are asked for.
func (folders) Load(context.Context, []string) error { return nil }

// Entries lists a folder.
func (folders) Entries(dir string) (entries []change.Entry, known bool) {
	found, err := os.ReadDir(dir)
	for _, f := range found {
		mode := change.Regular
		if f.IsDir() {
			mode = change.Folder
		}
		entries = append(entries, change.Entry{Name: f.Name(), ID: filepath.Join(dir, f.Name()), Mode: mode})
	}
	return entries, err == nil
}

// readPolicy reads a policy file that the person named: any trouble with it is
// wrong configuration. All problems but the last are printed at once, and that
// is returned, to be printed like any other error.
func readPolicy(a *console.Console, name string) (policy.Policy, error) {
	data, err := readFile(a, name)
	if err != nil {
		return policy.Policy{}, console.Fail(console.StatusUsage, err, fileHint(name, err))
	}
	if name == "-" {
		name = "standard input"
	}
	rules, err := policy.ParseAmong(name, data, func(prefix string) ([]string, error) {
		repo, err := gitrepo.Open(".")
		if err != nil {
			return nil, err
		}
		defer repo.Close()
		return repo.Branches(prefix)
	})
	if err != nil {
		all := problems(console.StatusUsage, name, err)
		last := len(all) - 1
		for _, p := range all[:last] {
			a.Complain(p)
		}
		return rules, all[last]
	}
	return rules, nil
}

func fileHint(name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist) && name == policyPath():
		return "run `fluxkeeper policy init` to write it"
	case errors.Is(err, fs.ErrNotExist):
		return "check the name; it is looked for from the current folder"
	case errors.Is(err, syscall.EISDIR):
		return "name a file"
	}
	return ""
}

// readFile reads a file by its name; - is standard input.
func readFile(a *console.Console, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.Stdin)
	}
	return os.ReadFile(name)
}

// problems are the problems of a policy file, each with its place and hint.
func problems(status int, name string, err error) []console.Failure {
	wrong, ok := errors.AsType[*policy.Error](err)
	if !ok || len(wrong.Problems) == 0 {
		return []console.Failure{console.Fail(status, err, "")}
	}
	var all []console.Failure
	for _, p := range wrong.Problems {
		all = append(all, console.Fail(status, fmt.Errorf("%s:%d:%d: %s", name, p.Line, p.Column, p.Message), p.Hint))
	}
	return all
}
