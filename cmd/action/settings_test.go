package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/cli/inputs"
)

// TestActionMetadata: action.yml says what the program reads.
func TestActionMetadata(t *testing.T) {
	if n := len(actionDescription); n >= 125 {
		t.Errorf("the description has %d characters; the marketplace takes fewer than 125", n)
	}
	written(t, "../../action.yml", actionYAML())
}

// TestSettingsPage: docs/settings.md says what the program reads.
func TestSettingsPage(t *testing.T) {
	written(t, "../../docs/settings.md", settingsPage(t))
}

// written holds a file against what it should be; with -update it writes it.
func written(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(name, want, 0o644))
	}
	got, err := os.ReadFile(name)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not what the settings say; make golden writes it anew\n%s", name, diff)
	}
}

const actionDescription = "Proves that a Flux image update is only that: steps that do not break, the right bot, nothing smuggled in."

// actionYAML is the Action's metadata. Nothing is passed by args: the runner's
// quoting lets a value break out of them.
func actionYAML() []byte {
	var b bytes.Buffer
	b.WriteString("# Written by \"go test ./cmd/action -update\" from internal/cli/inputs. Do not edit.\n")
	fmt.Fprintf(&b, "name: Fluxkeeper\ndescription: >-\n%s\n", folded("  ", actionDescription))
	b.WriteString("author: goldfish-inc\nbranding:\n  icon: shield\n  color: blue\n\ninputs:\n")
	for _, i := range inputs.Inputs() {
		fmt.Fprintf(&b, "  %s:\n    description: >-\n%s\n    required: false\n    default: %q\n",
			i.Name, folded("      ", i.Doc), i.Default)
	}
	b.WriteString("\noutputs:\n")
	for _, o := range inputs.Outputs() {
		fmt.Fprintf(&b, "  %s:\n    description: >-\n%s\n", o.Name, folded("      ", o.Doc))
	}
	b.WriteString("\nruns:\n  using: docker\n  image: Dockerfile\n")
	return b.Bytes()
}

// folded breaks a paragraph into lines for a folded scalar.
func folded(indent, text string) string {
	var lines []string
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line) > len(indent) && len(line)+1+len(word) > 118 {
			lines, line = append(lines, line), indent
		}
		if len(line) > len(indent) {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// settingsPage is docs/settings.md.
func settingsPage(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`# Settings

<!-- Written by "go test ./cmd/action -update" from internal/cli/inputs and the command line. Do not edit. -->

What may change, and who may change it, is the policy file's to say: see [policy.md](policy.md). The settings here only
say what to look at and where the answer goes.

## Inputs of the Action

The runner hands an input over in the environment, under the name in the second column. Blank means the default.

| input | environment | values | default | read by |
| --- | --- | --- | --- | --- |
`)
	for _, i := range inputs.Inputs() {
		values, commands := string(i.Kind), "every command"
		if len(i.Values) > 0 {
			values = code(i.Values...)
		}
		if len(i.Commands) > 0 {
			commands = code(i.Commands...)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", i.Name, i.Env(), values, code(i.Default), commands)
	}
	b.WriteString("\n")
	for _, i := range inputs.Inputs() {
		fmt.Fprintf(&b, "- **%s**:\n%s\n", i.Name, folded("  ", i.Doc))
	}
	b.WriteString("\n## Outputs of the Action\n\n| output | what it holds |\n| --- | --- |\n")
	for _, o := range inputs.Outputs() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", o.Name, o.Doc)
	}
	b.WriteString("\n## Flags of the command line\n\n| command | flag | values | default | what it says |\n| --- | --- | --- | --- | --- |\n")
	flagRows(t, &b)
	return b.Bytes()
}

// flagRows lists the flags of every command, out of the command line itself.
func flagRows(t *testing.T, b *bytes.Buffer) {
	t.Helper()
	parser, err := kong.New(&grammar{}, kong.Name("fluxkeeper"), variables(), kong.Vars{"version": ""})
	must(t, err)
	for _, leaf := range parser.Model.Leaves(true) {
		for _, f := range leaf.Flags {
			values := strings.ToLower(f.PlaceHolder)
			switch {
			case f.Enum != "":
				values = code(strings.Split(f.Enum, ",")...)
			case f.IsBool():
				values = ""
			}
			fmt.Fprintf(b, "| `%s` | `--%s` | %s | %s | %s |\n", strings.TrimPrefix(leaf.Path(), "fluxkeeper "), f.Name, values, code(f.Default),
				f.Help)
		}
	}
}

// code shows words as code, and none as nothing.
func code(words ...string) string {
	if strings.Join(words, "") == "" {
		return ""
	}
	return "`" + strings.Join(words, "`, `") + "`"
}
