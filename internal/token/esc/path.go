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

// nextStep is a step at the start of a path: .key, [0] or ["key"].
var nextStep = regexp.MustCompile(`^(?:\.([^.\[\]"]+)|\[([0-9]{1,5})\]|\[("(?:[^"\\]|\\.)+")\])`)

// ParsePath reads a property path.
func ParsePath(text string) (Path, error) {
	p, rest := Path{text: text}, text
	if !strings.HasPrefix(rest, "[") {
		rest = "." + rest
	}
	for rest != "" {
		found := nextStep.FindStringSubmatch(rest)
		if found == nil {
			return Path{}, fmt.Errorf("parse path %q: it is not like github.token, list[0] or root[\"a.b\"] from %q on", text, rest)
		}
		one, err := step{key: found[1], number: found[2] != ""}, error(nil)
		switch {
		case one.number:
			one.index, err = strconv.Atoi(found[2])
		case one.key == "":
			one.key, err = strconv.Unquote(found[3])
		}
		if err != nil {
			return Path{}, fmt.Errorf("parse path %q: read %s: %w", text, found[0], err)
		}
		p.steps, rest = append(p.steps, one), rest[len(found[0]):]
	}
	if p.steps[0].number {
		return Path{}, fmt.Errorf("parse path %q: it does not start with a key", text)
	}
	return p, nil
}
