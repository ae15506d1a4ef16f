package manifest

import (
	"go.yaml.in/yaml/v3"
)

// Beside reads a file and then gives a value of the mapping that a field stands in: that of the first of
// the keys which is there. It is empty where none is.
func Beside(data []byte) func(f Field, keys ...string) string {
	type place struct {
		document int
		at       Position
	}
	around := map[place]*yaml.Node{}
	var file File
	if file.parse(data) == nil {
		for _, doc := range file.docs {
			eachMapping(doc.root, func(n *yaml.Node) {
				for i := 1; i < len(n.Content); i += 2 {
					if v := n.Content[i]; v.Kind == yaml.ScalarNode {
						around[place{doc.index, doc.at(v.Line, v.Column)}] = n
					}
				}
			})
		}
	}
	return func(f Field, keys ...string) string {
		for _, key := range keys {
			if v := valueOf(around[place{f.Document, f.Position}], key); v != nil && v.Kind == yaml.ScalarNode {
				return v.Value
			}
		}
		return ""
	}
}

// eachMapping visits the mappings of a node.
func eachMapping(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.MappingNode {
		visit(n)
	}
	for _, child := range n.Content {
		eachMapping(child, visit)
	}
}
