package inputs

import (
	_ "embed"
	"sync"

	"go.yaml.in/yaml/v3"
)

// The commands of the Action.
const (
	Check   = "check"
	Propose = "propose"
	Sweep   = "sweep"
	Merge   = "merge"
	Token   = "token"
	Scan    = "scan"
)

//go:embed inputs.yaml
var file []byte

// table is what inputs.yaml says.
var table = sync.OnceValue(func() (t struct {
	Inputs  []Input
	Outputs []Output
}) {
	if err := yaml.Unmarshal(file, &t); err != nil {
		panic(err) // the file is compiled in and read by a test
	}
	return t
})

// Inputs are the Action's inputs, in the order in which people read them.
func Inputs() []Input { return table().Inputs }

// Outputs are the Action's outputs.
func Outputs() []Output { return table().Outputs }
