package manifest

import (
	"strconv"
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
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		case simple(s.key):
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.key.Value)
		default:
			b.WriteByte('[')
			b.WriteString(strconv.QuoteToASCII(s.key.Value))
			b.WriteByte(']')
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
	if key.Kind != yaml.ScalarNode || key.Value == "" {
		return false
	}
	for _, c := range []byte(key.Value) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '/' {
			return false
		}
	}
	return true
}
