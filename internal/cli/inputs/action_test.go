package inputs

import (
	"bytes"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The file says nothing that nobody reads, and names kinds and commands that there are.
func TestFile(t *testing.T) {
	all := table()
	strict := yaml.NewDecoder(bytes.NewReader(file))
	strict.KnownFields(true)
	if err := strict.Decode(&all); err != nil {
		t.Fatal(err)
	}
	commands := []string{Check, Propose, Sweep, Merge, Token, Scan}
	for _, i := range all.Inputs {
		if !slices.Contains([]Kind{Text, Flag, Count, Choice, Hidden}, i.Kind) {
			t.Errorf("%s: %q is not a kind", i.Name, i.Kind)
		}
		if i.Doc == "" || i.Kind == Choice != (len(i.Values) > 0) {
			t.Errorf("%s is not whole", i.Name)
		}
		for _, c := range i.Commands {
			if !slices.Contains(commands, c) {
				t.Errorf("%s: %q is not a command", i.Name, c)
			}
		}
		if i.Name == "command" && !slices.Equal(i.Values, commands) {
			t.Errorf("the commands are %q", i.Values)
		}
	}
}
