package inputs

import "strings"

// Kind is what the text of a setting must be.
type Kind string

// The kinds of settings.
const (
	Text   Kind = "text"
	Flag   Kind = "true or false"
	Count  Kind = "number" // whole, not negative
	Choice Kind = "one of" // of Values
	Hidden Kind = "secret"
)

// Input is one input of the Action.
type Input struct {
	// Name is the input's name in a workflow.
	Name string
	Kind Kind
	// Values are the legal ones of a Choice.
	Values []string
	// Default is what action.yml gives where a workflow says nothing. An
	// expression in it is the runner's to evaluate.
	Default string
	// Commands are those that look at it; none means all.
	Commands []string
	// Doc is one paragraph for people, in Markdown.
	Doc string
}

// Env is the environment variable in which the runner hands the input over: it
// writes the name in capitals and keeps the dashes.
func (i Input) Env() string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(i.Name, " ", "_"))
}

// fallback is the default outside of a runner, which alone knows expressions.
func (i Input) fallback() string {
	if strings.Contains(i.Default, "${{") {
		return ""
	}
	return i.Default
}

// Output is one output of the Action.
type Output struct{ Name, Doc string }
