package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"sigs.k8s.io/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxConfig bounds the configuration's file, in bytes.
const maxConfig = 1 << 20

// ConfigFile is the flag that names the file in which flags have values.
type ConfigFile string

// BeforeResolve has kong look into the file.
func (ConfigFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	name, _ := ctx.FlagValue(trace.Flag).(ConfigFile)
	if name == "" { // as the environment says none
		return nil
	}
	file, err := os.Open(kong.ExpandPath(string(name)))
	if err != nil {
		return text.WithHint(fmt.Errorf("read configuration: %w", err), "name a file with --config, or leave it out")
	}
	defer file.Close()
	c, err := readConfig(string(name), file)
	if err != nil {
		return err
	}
	ctx.AddResolver(c)
	return nil
}

// config gives flags the values that a file has for them.
type config struct {
	file   string
	text   []byte
	values map[string]any
}

// shape is what such a file looks like.
const shape = "write a line for each flag, its name without dashes in front and its value, such as ledger: fluxkeeper.db"

// readConfig reads a YAML mapping of flags' names to their values.
func readConfig(name string, r io.Reader) (config, error) {
	c := config{file: name}
	refuse := func(format string, args ...any) (config, error) {
		return c, text.WithHint(fmt.Errorf("read configuration %q: "+format, append([]any{name}, args...)...), shape)
	}
	var err error
	if c.text, err = io.ReadAll(io.LimitReader(r, maxConfig+1)); err != nil {
		return refuse("%w", err)
	}
	if len(c.text) > maxConfig {
		return refuse("it has more than %d bytes", maxConfig)
	}
	var whole any
	if err := yaml.UnmarshalStrict(c.text, &whole); err != nil {
		// The library tells first by which of its ways it went.
		_, cause, _ := strings.Cut(err.Error(), "yaml: ")
		return refuse("%s", strings.TrimPrefix(cause, "unmarshal errors:\n"))
	}
	values, ok := whole.(map[string]any)
	if !ok && whole != nil {
		return refuse("it is not a mapping of flags to values")
	}
	c.values = values
	return c, nil
}

// line says on which line a key is, where it is at home on one.
func (c config) line(key string) string {
	at := regexp.MustCompile(`(?m)^["']?` + regexp.QuoteMeta(key) + `["']?\s*:`).FindIndex(c.text)
	if at == nil {
		return ""
	}
	return fmt.Sprintf(" (line %d)", bytes.Count(c.text[:at[0]], []byte("\n"))+1)
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
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		if !known[name] || name == "config" || name == "help" || name == "version" {
			unknown = append(unknown, strconv.Quote(name)+c.line(name))
		}
	}
	if len(unknown) > 0 {
		return text.WithHint(fmt.Errorf("read configuration %q: there is no flag called %s", c.file, strings.Join(unknown, ", ")),
			"correct the name, or take the line out; --help lists each command's flags")
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
	value := c.values[flag.Name]
	if value == nil {
		return nil, nil
	}
	if list, ok := value.([]any); ok {
		value = strings.Join(text.Each(list, func(item any) string { return fmt.Sprint(plainNumber(item)) }), ",")
	}
	value = plainNumber(value)
	if err := try(flag, value); err != nil {
		// kong says which flag it is.
		return nil, text.WithHint(fmt.Errorf("read configuration %q%s: %w", c.file, c.line(flag.Name), err),
			"correct the value; --help says what it can be")
	}
	return value, nil
}

// plainNumber writes a number as people do: 1290000, not 1.29e+06.
func plainNumber(value any) any {
	if number, ok := value.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return value
}

// try says whether a flag can have the value: kong itself would tell without the
// file.
func try(flag *kong.Flag, value any) error {
	switch value.(type) {
	case map[string]any:
		return errors.New("it is a mapping, and has to be a value or a list")
	case bool:
		if !flag.IsBool() {
			return errors.New("true or false is no value for it; put it in quotes if it is meant as a text")
		}
	}
	target := reflect.New(flag.Target.Type()).Elem()
	if err := flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), target); err != nil {
		return errors.Unwrap(err)
	}
	if got := fmt.Sprint(target); flag.Enum != "" && !flag.EnumMap()[got] {
		return fmt.Errorf("%q is not one of: %s", got, strings.Join(flag.EnumSlice(), ", "))
	}
	return nil
}
