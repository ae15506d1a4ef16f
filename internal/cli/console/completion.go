package console

import (
	"cmp"
	"embed"
	"io"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Completion is the command that prints a completion script.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by completion --help; Run puts the program's name in.
func (Completion) Help() string {
	return `For this shell alone:

  source <(PROGRAM completion bash)
  source <(PROGRAM completion zsh)
  PROGRAM completion fish | source

For good, put the script where the shell looks for it:

  PROGRAM completion bash > ~/.local/share/bash-completion/completions/PROGRAM
  PROGRAM completion zsh  > "${fpath[1]}/_PROGRAM"
  PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish`
}

// Run prints the script for the shell.
func (c *Completion) Run(a *Console) error {
	return writeCompletion(a.Stdout, c.Shell, a.Model)
}

//go:embed completion/*.tmpl
var completionTemplates embed.FS

// place is somewhere on the command line: after a command, or after a flag
// that wants a value.
type place struct {
	Path  string // the commands so far, such as "policy check"
	Words []word // what can follow
	Flags []word // flags that can follow, at a command
	Flag  string // the flag whose value is wanted; empty at a command
	Kind  string // file, directory or revision, where the value is one
}

// word is one thing that can follow, and what it means.
type word struct{ Text, Help string }

// Spaced is the path as the scripts gather it: a space before every command.
func (p place) Spaced() string {
	if p.Path == "" {
		return ""
	}
	return " " + p.Path
}

// Key identifies the place in a shell's case statement.
func (p place) Key() string { return strings.TrimSpace(p.Path + " " + p.Flag) }

// writeCompletion prints a script that completes every command, flag and
// listed value of the model. The script asks nothing of the program while the
// person types; only revisions are looked up, by git itself.
func writeCompletion(w io.Writer, shell string, model *kong.Application) error {
	var commands, values []place
	var walk func(node *kong.Node, path string)
	walk = func(node *kong.Node, path string) {
		here := place{Path: path}
		for _, child := range node.Children {
			here.Words = append(here.Words, word{child.Name, child.Help})
			walk(child, strings.TrimSpace(path+" "+child.Name))
		}
		for _, value := range node.Positional {
			p := valuePlace(path, value)
			here.Words, here.Kind = append(here.Words, p.Words...), p.Kind
		}
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				here.Flags = append(here.Flags, word{"--" + flag.Name, flag.Help})
				if !flag.IsBool() {
					values = append(values, valuePlace(path, flag.Value))
				}
			}
		}
		commands = append(commands, here)
	}
	walk(model.Node, "")
	scripts, err := template.New("").Funcs(template.FuncMap{
		"quote": quote,
		"texts": func(all []word) string {
			return strings.Join(text.Each(all, func(w word) string { return w.Text }), " ")
		},
		"described": func(w word) string { return strings.ReplaceAll(w.Text, ":", `\:`) + ":" + w.Help },
		"flag":      func(s string) string { name, _ := strings.CutPrefix(s, "--"); return name },
	}).ParseFS(completionTemplates, "completion/*.tmpl")
	if err != nil {
		return err
	}
	return scripts.ExecuteTemplate(w, shell+".tmpl", map[string]any{
		"Program": model.Name, "Function": strings.ReplaceAll(model.Name, "-", "_"), "Commands": commands, "Values": values,
	})
}

// kinds are what a placeholder stands for, or the name of an argument.
var kinds = map[string]string{"FILE": "file", "KEY": "file", "WHERE": "file", "DIR": "directory", "REV": "revision"}

// valuePlace tells what a flag's value or an argument can be: a listed word, a
// rule's name, or the kind of thing that the placeholder stands for, or that the
// grammar's complete tag names.
func valuePlace(path string, value *kong.Value) place {
	p := place{Path: path}
	placeholder := strings.ToUpper(value.Name)
	if value.Flag != nil {
		p.Flag, placeholder = "--"+value.Name, value.Flag.PlaceHolder
	}
	p.Kind = cmp.Or(value.Tag.Get("complete"), kinds[placeholder])
	switch {
	case value.Enum != "":
		for _, text := range value.EnumSlice() {
			p.Words = append(p.Words, word{Text: text})
		}
	case p.Kind == "rule":
		p.Kind = ""
		for _, rule := range finding.Catalogue() {
			p.Words = append(p.Words, word{rule.Name, rule.Title})
		}
	}
	return p
}

// quote puts text between single quotes, as all three shells read them.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
