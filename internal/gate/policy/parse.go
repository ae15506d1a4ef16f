package policy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxSize bounds a policy file, in bytes.
const maxSize = 256 << 10

// Problem is one mistake in a policy file. Line and Column count from 1,
// columns in characters.
type Problem struct {
	Line, Column  int
	Message, Hint string
}

// Error holds every problem of a policy file, in the order of the file.
type Error struct {
	Name     string // as it was given to Parse
	Problems []Problem
}

// Error has one line for each problem: file:line:column: message; hint.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: %s", e.Name, p.Line, p.Column, p.Message)
		if p.Hint != "" {
			lines[i] += "; " + p.Hint
		}
	}
	return strings.Join(lines, "\n")
}

// Parse reads a policy file. What the file does not say is as in
// Default. It is strict, since a misspelt limit is no limit: the error
// is a *Error with all problems at once. The name is only for messages.
func Parse(name string, data []byte) (Policy, error) { return ParseAmong(name, data, nil) }

// ParseAmong is Parse where branches can tell the branches of the repository whose
// names begin with a text. It is asked only to explain a problem.
func ParseAmong(name string, data []byte, branches func(prefix string) ([]string, error)) (Policy, error) {
	p, problems := parse(data, branches)
	if len(problems) == 0 {
		return p, nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return Policy{}, &Error{Name: name, Problems: slices.Compact(problems)}
}

func parse(data []byte, branches func(string) ([]string, error)) (Policy, []Problem) {
	if len(data) > maxSize {
		return Policy{}, []Problem{{1, 1, fmt.Sprintf("the file is larger than %d KiB", maxSize>>10), "use patterns for images and paths"}}
	}
	if problem, ok := illegible(data); ok {
		return Policy{}, []Problem{problem}
	}
	root, problem := document(data)
	if problem != nil {
		return Policy{}, []Problem{*problem}
	}
	r := &reader{among: branches}
	r.plainly(root)
	p := r.policy(root)
	return p, r.problems
}

// illegible finds the first byte or character that a person who reviews the
// file could not see for what it is.
func illegible(data []byte) (Problem, bool) {
	line, column := 1, 1
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		at := Problem{Line: line, Column: column}
		switch {
		case c == utf8.RuneError && size == 1:
			at.Message, at.Hint = "the file is not valid UTF-8", "save it as UTF-8"
			return at, true
		case c == '\n':
			line, column = line+1, 0
		case c == '\r' && i+1 < len(data) && data[i+1] == '\n', c == '\t', c == '\uFEFF' && i == 0:
		case !text.Legible(c):
			at.Message, at.Hint = fmt.Sprintf("invisible character U+%04X", c), "remove it"
			return at, true
		}
		i, column = i+size, column+1
	}
	return Problem{}, false
}

// document returns the root of the only document of a file.
func document(data []byte) (*yaml.Node, *Problem) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF) || err == nil && blank(&first):
		return nil, &Problem{1, 1, "the policy file says nothing",
			"delete it to use the defaults, or start from the output of: fluxkeeper policy init"}
	case err != nil:
		return nil, syntaxProblem(err)
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return first.Content[0], nil
	case err != nil:
		return nil, syntaxProblem(err)
	}
	return nil, &Problem{max(second.Line, 1), 1, "the file has a second document", "keep one document: remove the line ---"}
}

func blank(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null"
}

// syntaxProblem takes the line out of the YAML library's message, where it
// has one.
func syntaxProblem(err error) *Problem {
	message, line, hint := strings.TrimPrefix(err.Error(), "yaml: "), 1, ""
	if _, err := fmt.Sscanf(message, "line %d:", &line); err == nil {
		_, message, _ = strings.Cut(message, ": ")
		// The library counts from 0 or from 1, depending on where it stumbles.
		line, hint = max(line, 1), "look at this line and the one after it"
	}
	return &Problem{line, 1, "this is not YAML: " + message, hint}
}
