package manifest

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml3 "go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

// types are what a plain scalar is by the two versions of YAML, as https://yaml.org/type
// and chapter 10.3.2 of YAML 1.2.2 have it.
var types = []map[string]*regexp.Regexp{{
	"bool": regexp.MustCompile(`^(y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`),
	"null": regexp.MustCompile(`^(~|null|Null|NULL|)$`),
	"int":  regexp.MustCompile(`^([-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+)$`),
	"float": regexp.MustCompile(`^([-+]?([0-9][0-9_]*)?\.[0-9]+([e` +
		`E][-+][0-9]+)?|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`),
	"time": regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}` +
		`(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)$`),
	"merge": regexp.MustCompile(`^<<$`),
	"value": regexp.MustCompile(`^=$`),
}, {
	"bool":  regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`),
	"null":  regexp.MustCompile(`^(~|null|Null|NULL|)$`),
	"int":   regexp.MustCompile(`^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$`),
	"float": regexp.MustCompile(`^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`),
}}

// spelled is one way to write a scalar.
type spelled struct{ text, tag string } // without a tag it is what it looks like

func spellings(word string) []spelled {
	list := []spelled{{"'" + word + "'", "str"}, {`"` + word + `"`, "str"}, {"! " + word, "str"}, {"&a ! " + word, "str"},
		{"!\n    " + word, "str"}}
	for _, tag := range []string{"str", "int", "float", "bool", "null", "x"} {
		list = append(list, spelled{"!!" + tag + " " + word, tag})
	}
	return append(list, spelled{"!x " + word, "!x"}, spelled{"|-\n    " + word, "str"}, spelled{">-\n    " + word, "str"}, spelled{word, ""})
}

// loads is what readers of both versions, and the two of Go, make of a scalar.
func loads(s spelled, word string) []string {
	var all []string
	for _, version := range types {
		found := []string{s.tag}
		for _, name := range slices.Sorted(maps.Keys(version)) {
			if s.tag == "" && version[name].MatchString(word) {
				found = append(found, name)
			}
		}
		all = append(all, cmp.Or(strings.Join(found, ""), "str"))
	}
	if !strings.HasPrefix(strings.TrimPrefix(s.text, "&a "), "! ") && !strings.HasPrefix(s.text, "!\n") { // which these do not read rightly
		for _, read := range []func([]byte, any) error{yaml3.Unmarshal, func(b []byte, v any) error { return sigs.Unmarshal(b, v) }} {
			var v map[string]any
			if err := read([]byte("v: "+s.text+"\n"), &v); err != nil {
				return all
			}
			all = append(all, fmt.Sprintf("%T", v["v"]))
		}
	}
	return all
}

// differ tells whether some reader makes something else of two scalars.
func differ(a, b []string) bool {
	n := min(len(a), len(b))
	return !slices.Equal(a[:n], b[:n])
}

// TestRetyped: a scalar that some reader takes for something else than before is never
// equal to what it was, marked or not, as a value, an item or a key.
func TestRetyped(t *testing.T) {
	words := strings.Fields(`text 1 0 -1 +1 012 08 0o14 0x1F 0b11 1_000 0x_1 1.5 1. .5 1e3 1E+3 1.5e-3 1e999 .inf -.INF .NaN + - . 1.2.3 1.10
		true True TRUE tRUE y Y yes Yes on OFF n no null Null NULL ~ = << 12:30 12:30:45 1:30.5 22:22 80:80 sha256:12 2001-01-01 2001-1-1
		2001-12-14T21:59:43Z 2001-12-14t21:59:43.10-05:00 99999999999999999999 0x99999999999999999999 _1 1__0 0_7 0.1_0 -0x1F -0b11 a/1`)
	words = append(words, "2001-12-14 21:59:43.10 -5", "2001-12-15 2:59:43.10", "two words")
	places := []string{
		"v: %s\n", "v:\n- %s\n", "? %s\n: v\n", "v: [%s]\n", "v: %s # {\"$imagepolicy\": \"n:kept:tag\"}\n",
	}
	tried, compared := 0, 0
	for _, word := range words {
		all := spellings(word)
		looks := all[len(all)-1]
		for i := range 2 * (len(all) - 1) {
			a, b := all[i/2], looks
			if i%2 == 1 {
				a, b = b, a
			}
			tried++
			place := places[tried%len(places)]
			from, to := loads(a, word), loads(b, word)
			base := fmt.Sprintf(place, a.text) + "tag: 1.2.3" + marked
			head := fmt.Sprintf(place, b.text) + "tag: 1.2.4" + marked
			if !differ(from, to) || Read([]byte(base)).Err != nil || Read([]byte(head)).Err != nil {
				continue
			}
			compared++
			c := Compare([]byte(base), []byte(head))
			// Flux quotes marked values that it sets, so what it reproduces is its own.
			if c.Outcome == Equivalent || c.Outcome == Reproduced && len(c.Losses) == 0 && !strings.Contains(place, "$") {
				t.Errorf("%q to %q is %s, but loads as %q and %q", base, head, c.Outcome, from, to)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d pairs are compared", compared)
	}
}
