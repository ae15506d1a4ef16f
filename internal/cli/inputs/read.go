package inputs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Values are the inputs of one run, all of them legal.
type Values struct{ of map[string]string }

// Read takes the inputs from the environment that lookup gives. What is missing
// or blank has its default. Illegal values are all named in one error, except
// that a secret is never shown.
func Read(inputs []Input, lookup func(string) (string, bool)) (Values, error) {
	v := Values{map[string]string{}}
	var wrong []error
	for _, input := range inputs {
		text, _ := lookup(input.Env())
		if text = strings.TrimSpace(text); text == "" {
			text = input.fallback()
		}
		if err := input.check(text); err != nil {
			wrong = append(wrong, err)
		}
		v.of[input.Name] = text
	}
	return v, errors.Join(wrong...)
}

// check holds a value against the kind of its input.
func (i Input) check(text string) error {
	var want string
	switch i.Kind {
	case Flag:
		if text != "true" && text != "false" {
			want = "true or false"
		}
	case Count:
		if _, err := strconv.ParseUint(text, 10, 31); err != nil {
			want = "a whole number from 0 on"
		}
	case Choice:
		if !slices.Contains(i.Values, text) {
			want = strings.Join(i.Values, ", ")
		}
	}
	if want == "" {
		return nil
	}
	return fmt.Errorf("read input %s: %q is not one of: %s", i.Name, text, want)
}

// Text gives an input as it is. It panics, as the other readers do, where the
// table has no such input: that is a slip in the program.
func (v Values) Text(name string) string {
	text, ok := v.of[name]
	if !ok {
		panic("no input is named " + name)
	}
	return text
}

// Flag tells whether an input is true.
func (v Values) Flag(name string) bool { return v.Text(name) == "true" }

// Count gives a number.
func (v Values) Count(name string) int {
	n, err := strconv.Atoi(v.Text(name))
	if err != nil {
		panic("input " + name + " is no number")
	}
	return n
}

// Secret gives a secret, which may be empty.
func (v Values) Secret(name string) secret.Secret { return secret.New(v.Text(name)) }
