package flux

import (
	_ "embed"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"
)

// sign is how a cause shows itself: by one of the texts, in which an ellipsis stands
// for any text, and only in one stage where that is named.
type sign struct {
	Only  Stage
	Texts []string
	Cause `yaml:",inline"`
}

//go:embed signs.yaml
var signsFile []byte

// signs are tried in the order of the file.
var signs = sync.OnceValue(func() []sign {
	var all []sign
	if err := yaml.Unmarshal(signsFile, &all); err != nil {
		panic(err) // the file is compiled in and read by a test
	}
	return all
})

// fixOf is the fix of a cause.
func fixOf(name string) string {
	return signs()[slices.IndexFunc(signs(), func(s sign) bool { return s.Name == name })].Fix
}
