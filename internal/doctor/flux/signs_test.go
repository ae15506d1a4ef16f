package flux

import (
	"bytes"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The file of signs says nothing that nobody reads, and has texts that can match.
func TestSigns(t *testing.T) {
	var all []sign
	strict := yaml.NewDecoder(bytes.NewReader(signsFile))
	strict.KnownFields(true)
	if err := strict.Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == "" || s.Rule == "" || s.Problem == "" || s.Fix == "" || s.Evidence != "" || len(s.Texts) == 0 {
			t.Errorf("%q is not whole: %+v", s.Texts, s)
		}
		for _, text := range s.Texts {
			if text == "" || text != strings.ToLower(text) {
				t.Errorf("%s: %q matches nothing, since texts are compared in lower case", s.Name, text)
			}
		}
	}
}
