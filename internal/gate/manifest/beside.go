package manifest

import (
	"go.yaml.in/yaml/v3"
)

// Beside reads a file and then gives a value of the mapping that a field stands in: that of the first of
// the keys which is there. It is empty where none is.
func Beside(data []byte) func(f Field, keys ...string) string {
	var file File
	if file.parse(data) != nil {
		return func(Field, ...string) string { return "" }
	}
	return file.beside
}

func (file *File) beside(f Field, keys ...string) string {
	for _, doc := range file.docs {
		if doc.index != f.Document {
			continue
		}
		if around := mappingOf(doc.root, func(n *yaml.Node) bool { return doc.at(n.Line, n.Column) == f.Position }); around != nil {
			for _, key := range keys {
				if v := valueOf(around, key); v != nil && v.Kind == yaml.ScalarNode {
					return v.Value
				}
			}
		}
	}
	return ""
}

// mappingOf is the mapping that holds a scalar.
func mappingOf(n *yaml.Node, is func(*yaml.Node) bool) *yaml.Node {
	for i, child := range n.Content {
		if child.Kind == yaml.ScalarNode {
			if n.Kind == yaml.MappingNode && i%2 == 1 && is(child) {
				return n
			}
		} else if found := mappingOf(child, is); found != nil {
			return found
		}
	}
	return nil
}
