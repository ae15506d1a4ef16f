package esc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Environment names an environment.
type Environment struct{ Organization, Project, Name string }

// part is what a project or an environment may be called, by Pulumi's API
// description; an organization's name is narrower.
var part = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,100}$`)

// ParseEnvironment reads "organization/project/environment".
func ParseEnvironment(text string) (Environment, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return Environment{}, fmt.Errorf("parse environment: %q is not of the form organization/project/environment", text)
	}
	for _, p := range parts {
		if !part.MatchString(p) || strings.Trim(p, ".") == "" {
			return Environment{}, fmt.Errorf("parse environment: %q is no name", p)
		}
	}
	return Environment{parts[0], parts[1], parts[2]}, nil
}

// String is the form that ParseEnvironment reads.
func (e Environment) String() string { return e.Organization + "/" + e.Project + "/" + e.Name }

// Path says where a value stands below the environment's values, in Pulumi's
// property paths: github.token, root["a.b"], list[0].
type Path struct {
	text  string
	steps []step
}

// step is a key of a mapping or, where it is a number, of a sequence.
type step struct {
	key    string
	index  int
	number bool
}

// String is the path as it was given.
func (p Path) String() string { return p.text }

// plainKey is a key that needs no quotes in a path.
var plainKey = regexp.MustCompile(`^[^.\[\]"]+`)

// ParsePath reads a property path.
func ParsePath(text string) (Path, error) {
	p := Path{text: text}
	rest := text
	for rest != "" {
		one, after, err := nextStep(rest, len(p.steps) == 0)
		if err != nil {
			return Path{}, fmt.Errorf("parse path %q: %w", text, err)
		}
		p.steps, rest = append(p.steps, one), after
	}
	if len(p.steps) == 0 || p.steps[0].number {
		return Path{}, fmt.Errorf("parse path %q: it does not start with a key", text)
	}
	return p, nil
}

func nextStep(text string, first bool) (step, string, error) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		return bracketed(inner)
	}
	if !first {
		after, ok := strings.CutPrefix(text, ".")
		if !ok {
			return step{}, "", fmt.Errorf("a dot is missing before %q", text)
		}
		text = after
	}
	key := plainKey.FindString(text)
	if key == "" {
		return step{}, "", fmt.Errorf("a key is missing before %q", text)
	}
	return step{key: key}, text[len(key):], nil
}

// bracketed reads what follows an opening bracket.
func bracketed(text string) (step, string, error) {
	if strings.HasPrefix(text, `"`) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return step{}, "", fmt.Errorf("a quotation mark is missing in %q", text)
		}
		key, err := strconv.Unquote(quoted)
		after, ok := strings.CutPrefix(text[len(quoted):], "]")
		if err != nil || !ok || key == "" {
			return step{}, "", fmt.Errorf("%q is no key in brackets", text)
		}
		return step{key: key}, after, nil
	}
	digits, after, ok := strings.Cut(text, "]")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil {
		return step{}, "", fmt.Errorf("%q is neither a number nor a key in quotation marks", digits)
	}
	return step{index: int(n), number: true}, after, nil
}
