package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// segment is one step from the root of a document to a node: a key, or an
// index where key is nil.
type segment struct {
	key   *yaml.Node
	index int
}

// trail is the way from the root of a document to a node.
type trail []segment

// String writes the path as people write it: spec.containers[0].image. A key
// that would be read wrongly that way is quoted.
func (p trail) String() string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.key == nil:
			fmt.Fprintf(&b, "[%d]", s.index)
		case simple(s.key):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key.Value)
		default:
			fmt.Fprintf(&b, "[%+q]", s.key.Value)
		}
	}
	return b.String()
}

// key is the last key of the path, or "".
func (p trail) key() string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].key != nil {
			return p[i].key.Value
		}
	}
	return ""
}

func simple(key *yaml.Node) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/"
	return key.Kind == yaml.ScalarNode && key.Value != "" && strings.Trim(key.Value, letters) == ""
}
