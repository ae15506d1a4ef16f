package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"sigs.k8s.io/yaml"
)

// config gives flags the values that a file has for them.
type config map[string]any

// readConfig reads a YAML mapping of flags' names to their values.
func readConfig(r io.Reader) (kong.Resolver, error) {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var values config
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		return nil, fmt.Errorf("read configuration: it is not a mapping of flags to values: %w", err)
	}
	return values, nil
}

// Validate refuses a name that no command has: a misspelt one would be silently
// without effect.
func (c config) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if !known[name] || name == "config" || name == "help" || name == "version" {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return errors.New("read configuration: there is no flag called " + strings.Join(unknown, ", "))
	}
	return nil
}

// Resolve gives the value of a flag, or nil. kong would put it in the place of
// what the environment says.
func (c config) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	value, ok := c[flag.Name]
	if list, isList := value.([]any); ok && isList {
		texts := make([]string, len(list))
		for i, item := range list {
			if number, isNumber := item.(float64); isNumber {
				item = strconv.FormatFloat(number, 'f', -1, 64) // not 1.29e+06
			}
			texts[i] = fmt.Sprint(item)
		}
		return strings.Join(texts, ","), nil
	}
	if number, isNumber := value.(float64); ok && isNumber {
		return strconv.FormatFloat(number, 'f', -1, 64), nil
	}
	return value, nil
}
