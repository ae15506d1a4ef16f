package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// quick is Compare for nearly every real update: a file that Flux has written
// before, in which whole values changed on their lines and nothing else. It
// parses once instead of three times. What it is not sure of it leaves to the
// long way, which it must always agree with.
func quick(base, head []byte, before File) (Comparison, bool) {
	if before.Err != nil || !Marked(base) || bytes.ContainsAny(base, "\r\ufeff") || bytes.Contains(base, []byte("config.kubernetes.io/")) ||
		!plain(head) {
		return Comparison{}, false
	}
	c := Comparison{Outcome: Reproduced}
	if !c.swap(before, strings.Split(string(base), "\n"), strings.Split(string(head), "\n")) || len(c.Changes) == 0 {
		return Comparison{}, false
	}
	if written, ok := rewrite(before.docs); !ok || !bytes.Equal(written, head) {
		return Comparison{}, false
	}
	c.Defects = before.Defects
	for i := range c.Defects {
		c.Defects[i].Old = true
	}
	return c, true
}

// word is a value that every reader takes for the same text, wherever a scalar
// can stand.
var word = pattern.Lazy(`^[A-Za-z0-9](?:[\w./:@-]*[\w])?$`)

// swap puts the head's values into the base's nodes. It reports false unless
// the lines of both are equal but for whole marked values.
func (c *Comparison) swap(before File, base, head []string) bool {
	if len(base) != len(head) {
		return false
	}
	fields := map[int]int{} // by line
	for i, f := range before.Fields {
		if _, twice := fields[f.Line-1]; twice {
			return false
		}
		fields[f.Line-1] = i
	}
	values := map[string]string{} // by setter: Flux gives all places of one the same
	swapped := 0
	for n, line := range base {
		i, marked := fields[n]
		if !marked {
			if line != head[n] {
				return false
			}
			continue
		}
		old, node := before.Fields[i], before.nodes[i]
		now := old
		if line != head[n] {
			value, ok := swapWord(line, head[n], old.Column-1, node)
			if !ok {
				return false
			}
			now.Value, node.Value = value, value
			c.Changes = append(c.Changes, Change{Old: old, New: now})
		} else {
			c.Kept = append(c.Kept, now)
		}
		if resolved(node) != "str" || old.Resolved != "str" {
			return false // its quotes may change
		}
		setter := now.Marker.Setter()
		if value, known := values[setter]; known && value != now.Value {
			return false
		}
		values[setter] = now.Value
		swapped++
	}
	return swapped == len(before.Fields)
}

// swapWord finds the value that a line has in place of the node's.
func swapWord(base, head string, column int, n *yaml.Node) (string, bool) {
	quote := ""
	switch n.Style {
	case 0:
	case yaml.DoubleQuotedStyle:
		quote = `"`
	case yaml.SingleQuotedStyle:
		quote = `'`
	default:
		return "", false
	}
	if column > len(base) || !plain([]byte(base)) {
		return "", false
	}
	prefix := base[:column] + quote
	suffix, ok := strings.CutPrefix(base, prefix+n.Value+quote)
	if !ok || suffix != "" && suffix[0] != ' ' {
		return "", false
	}
	value, ok := strings.CutPrefix(head, prefix)
	if !ok {
		return "", false
	}
	value, ok = strings.CutSuffix(value, quote+suffix)
	return value, ok && word().MatchString(value)
}

// rewrite writes documents as Flux's writer does, where that is the same as
// encoding them: where its annotations come and go without a trace.
func rewrite(docs []document) ([]byte, bool) {
	var out bytes.Buffer
	encoder := kyaml.NewEncoder(&out)
	defer encoder.Close()
	for _, doc := range docs {
		if doc.root.Kind != yaml.MappingNode || !untouched(doc.root) {
			return nil, false
		}
		if kyaml.DeriveSeqIndentStyle(doc.text) == string(kyaml.WideSequenceStyle) {
			encoder.DefaultSeqIndent()
		} else {
			encoder.CompactSeqIndent()
		}
		if err := encoder.Encode(doc.node); err != nil {
			return nil, false
		}
	}
	return out.Bytes(), true
}

// untouched tells whether an annotation that is set and cleared again leaves
// an object as it was, and whether the object is one by itself.
func untouched(root *yaml.Node) bool {
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i].Value, root.Content[i+1]
		switch {
		case key == "kind" && strings.HasSuffix(value.Value, "List"):
			return false
		case key == "metadata" && (value.Kind != yaml.MappingNode || len(value.Content) == 0):
			return false
		case key == "metadata":
			for j := 0; j+1 < len(value.Content); j += 2 {
				if value.Content[j].Value == "annotations" && (value.Content[j+1].Kind != yaml.MappingNode || len(value.Content[j+1].Content) == 0) {
					return false
				}
			}
		}
	}
	return true
}
