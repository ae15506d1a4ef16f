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
			b.WriteString(said(s.key))
		default:
			fmt.Fprintf(&b, "[%+q]", said(s.key))
		}
	}
	return b.String()
}

// key is the last key of the path, or "".
func (p trail) key() string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].key != nil {
			return said(p[i].key)
		}
	}
	return ""
}

func simple(key *yaml.Node) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/"
	return (key.Kind == yaml.ScalarNode || standsForText(key)) && said(key) != "" && strings.Trim(said(key), letters) == ""
}

// said is what a key says: of an alias, the text that it stands for.
func said(key *yaml.Node) string {
	if standsForText(key) {
		return key.Alias.Value
	}
	return key.Value
}

// standsForText tells whether a node is an alias of a text without a tag or a marker,
// which every reader puts in its place.
func standsForText(n *yaml.Node) bool {
	if n.Kind != yaml.AliasNode || n.Alias.Kind != yaml.ScalarNode || n.Alias.Style&yaml.TaggedStyle != 0 {
		return false
	}
	_, marked := markerOf(n.Alias)
	return !marked && n.Alias.ShortTag() == "!!str" && resolved(n.Alias) == "str"
}
