package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// reader walks the YAML nodes of a policy file and keeps every problem, so
// that the owner fixes the file once and not once per problem.
type reader struct {
	problems []Problem
	// among gives the branches of the repository whose names begin so; it may be nil.
	among func(prefix string) ([]string, error)
}

// fields are the keys that a mapping may have, with what reads each value.
type fields map[string]func(*yaml.Node)

func (r *reader) report(n *yaml.Node, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		Line: max(n.Line, 1), Column: max(n.Column, 1),
		Message: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// mapping reads a mapping with the given keys and no others, each at most
// once. It returns the nodes of the keys that are there.
func (r *reader) mapping(n *yaml.Node, what string, known fields) map[string]*yaml.Node {
	if !r.kind(n, yaml.MappingNode, what, "keys and values") {
		return nil
	}
	names := slices.Sorted(maps.Keys(known))
	seen := map[string]*yaml.Node{}
	r.pairs(n, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		if !ok {
			hint := "the keys here are " + strings.Join(names, ", ")
			r.report(key, nearest(key.Value, names, hint), "unknown key %s", quote(key.Value))
			return
		}
		seen[key.Value] = key
		read(value)
	})
	return seen
}

// pairs calls visit for every key of a mapping, but for repeated ones, which
// it reports: two readers could choose different values.
func (r *reader) pairs(n *yaml.Node, visit func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.report(key, "", "a key must be a plain word")
			continue
		}
		if line, repeated := seen[key.Value]; repeated {
			r.report(key, fmt.Sprintf("it is also on line %d: keep one", line), "repeated key %s", quote(key.Value))
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value)
	}
}

// each reads a list that is not empty.
func (r *reader) each(n *yaml.Node, what string, visit func(*yaml.Node)) {
	if !r.kind(n, yaml.SequenceNode, what, "a list") {
		return
	}
	if len(n.Content) == 0 {
		r.report(n, "leave the key out for its default", "%s is an empty list", what)
	}
	for _, item := range n.Content {
		visit(item)
	}
}

// texts reads a list of different texts that pass check.
func (r *reader) texts(what string, into *[]string, check func(*yaml.Node, string) bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
			r.report(n, "write it as ["+quote(n.Value)+"]", "%s must be a list", what)
			return
		}
		var list []string
		r.each(n, what, func(item *yaml.Node) {
			s, ok := r.text(item, "an entry of "+what)
			if !ok || !check(item, s) {
				return
			}
			if slices.Contains(list, s) {
				r.report(item, "", "%s is listed twice", quote(s))
				return
			}
			list = append(list, s)
		})
		*into = list
	}
}

// string reads one text that passes check.
func (r *reader) string(what string, into *string, check func(*yaml.Node, string) bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if s, ok := r.text(n, what); ok && check(n, s) {
			*into = s
		}
	}
}

// text reads one line of visible text.
func (r *reader) text(n *yaml.Node, what string) (string, bool) {
	if !r.kind(n, yaml.ScalarNode, what, "text") {
		return "", false
	}
	switch {
	case n.ShortTag() != "!!str":
		r.report(n, "put it in quotes", "%s must be text, and YAML reads this as another type", what)
	case n.Value == "":
		r.report(n, "leave the key out for its default", "%s is empty", what)
	case strings.TrimSpace(n.Value) != n.Value:
		r.report(n, "remove the spaces or line breaks at its ends", "%s begins or ends with white space", what)
	case hidden(n.Value):
		r.report(n, "keep to visible characters on one line", "%s has a line break or an invisible character", what)
	default:
		return n.Value, true
	}
	return "", false
}

// word reads one of the given words.
func word[T ~string](r *reader, what string, words []T, into *T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s, ok := r.text(n, what)
		if ok && r.oneOf(n, what, s, plain(words)) {
			*into = T(s)
		}
	}
}

func (r *reader) oneOf(n *yaml.Node, what, s string, words []string) bool {
	if slices.Contains(words, s) {
		return true
	}
	r.report(n, nearest(s, words, "write one of "+strings.Join(words, ", ")), "unknown %s %s", what, quote(s))
	return false
}

// number reads a whole decimal number of at least low.
func (r *reader) number(n *yaml.Node, what string, low int64) (int64, bool) {
	if !r.kind(n, yaml.ScalarNode, what, "a whole number") {
		return 0, false
	}
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if n.ShortTag() != "!!int" || err != nil || strconv.FormatInt(v, 10) != n.Value {
		r.report(n, "write it in decimal digits, without quotes", "%s must be a whole number", what)
		return 0, false
	}
	if v < low {
		r.report(n, "", "%s must be at least %d", what, low)
		return 0, false
	}
	return v, true
}

func (r *reader) kind(n *yaml.Node, want yaml.Kind, what, wanted string) bool {
	switch {
	case n.Kind == yaml.AliasNode: // refused already, wherever it stands
		return false
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		r.report(n, "give it a value, or leave the key out", "%s has no value", what)
		return false
	case n.Kind != want:
		r.report(n, "", "%s must be %s", what, wanted)
		return false
	}
	return true
}

// plainly reports what makes one place of a file decide another: anchors,
// aliases and merge keys, and explicit tags. A policy must read as it looks.
func (r *reader) plainly(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.report(n, "write the value out", "anchors and aliases are not allowed here")
	case n.Style&yaml.TaggedStyle != 0:
		r.report(n, "remove the tag", "explicit tags are not allowed here")
	}
	for _, child := range n.Content {
		r.plainly(child)
	}
}

// hidden tells whether there is a character that a reader cannot see as one in
// its place.
func hidden(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return !text.Legible(c) })
}

// quote shows the owner's own text, cut to a length that suits a message.
func quote(s string) string { return strconv.Quote(text.Cut(s, 61)) }

// nearest is a hint that names the known word most like s, or otherwise.
func nearest(s string, words []string, otherwise string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	best, least := "", max(1, len(s)/3) // a third of the letters may be wrong
	for _, w := range words {
		if d := text.Distance(s, w); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	longer := slices.DeleteFunc(slices.Clone(words), func(w string) bool { return !strings.HasPrefix(w, s) })
	if best == "" && len(longer) == 1 {
		best = longer[0] // the beginning of one word, such as warn
	}
	if best == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", best)
}

func plain[T ~string](words []T) []string {
	return text.Each(words, func(w T) string { return string(w) })
}
