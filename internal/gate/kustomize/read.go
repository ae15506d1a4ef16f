package kustomize

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// read gives the objects of a file's documents, of the lists among these, and of what makes objects from a list
// of resources. Documents that are not YAML, such as Helm templates, are left out, and only those.
func read(f File) (objects []Object) {
	eachDocument(f.Data, words, func(root *yaml.Node, offset int) {
		add := func(n *yaml.Node) { objects = append(objects, object(f.Path, n, offset, nil)...) }
		add(root)
		if strings.HasSuffix(scalar(root, "kind"), "List") {
			eachItem(child(root, "items"), add)
		}
		spec := child(root, "spec")
		inputs := inputsOf(child(spec, "inputs"))
		for _, resources := range []*yaml.Node{child(root, "objects"), child(root, "resources"), child(spec, "resources")} {
			eachItem(resources, func(item *yaml.Node) {
				for _, n := range []*yaml.Node{item, child(item, "template"), child(item, "base")} {
					objects = append(objects, object(f.Path, n, offset, inputs)...)
				}
			})
		}
		eachDocument([]byte(scalar(spec, "resourcesTemplate")), words, func(made *yaml.Node, _ int) {
			for _, o := range object(f.Path, made, 0, inputs) {
				o.Line = root.Line + offset
				objects = append(objects, o)
			}
		})
	})
	return objects
}

// inputsOf are the inputs of a ResourceSet, with which each of its resources is made once.
func inputsOf(n *yaml.Node) (all []map[string]any) {
	eachItem(n, func(item *yaml.Node) {
		if v, ok := plain(item); ok {
			all = append(all, mapping(v))
		}
	})
	return all
}

// object is the object that a node is, once for each of the inputs; none where it is not Flux's.
func object(file string, n *yaml.Node, offset int, inputs []map[string]any) (out []Object) {
	if kind := scalar(n, "kind"); !isKind(kind) && child(n, "<<") == nil {
		return nil
	}
	v, whole := plain(n)
	fields := mapping(v)
	group, _, _ := strings.Cut(text(fields, "apiVersion"), "/")
	if kind := text(fields, "kind"); !slices.Contains(kinds[group], kind) || text(fields, "metadata", "name") == "" {
		return nil
	}
	if len(inputs) == 0 {
		inputs = []map[string]any{nil}
	}
	for _, in := range inputs {
		o := Object{File: file, Line: n.Line + offset, Kind: text(fields, "kind"), fields: mapping(filled(fields, in))}
		o.first = o.id()
		switch {
		case !whole:
			o.Unknown = "it has more in it than is read"
		case template(o.fields["spec"]):
			o.Unknown = "it is made by a template, whose values are not known here"
		}
		out = append(out, o)
	}
	return out
}

// maxNodes bounds what is read of one object, with what its aliases stand for.
const maxNodes = 20_000

// plain gives a node as texts, lists and mappings: each scalar as it is written, null as nothing, aliases and merge
// keys as what they stand for. It is not whole where there is more than is read.
func plain(n *yaml.Node) (v any, whole bool) {
	left := maxNodes
	v = unfold(n, &left)
	return v, left > 0
}

func unfold(n *yaml.Node, left *int) any {
	if *left--; *left <= 0 {
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return unfold(n.Alias, left)
	case yaml.SequenceNode:
		var out []any
		for _, item := range n.Content {
			out = append(out, unfold(item, left))
		}
		return out
	case yaml.MappingNode:
		return unfoldMapping(n, left)
	case yaml.ScalarNode:
		if n.ShortTag() != "!!null" {
			return n.Value
		}
	}
	return nil
}

func unfoldMapping(n *yaml.Node, left *int) any {
	out, merged := map[string]any{}, []any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], unfold(n.Content[i+1], left)
		if key.ShortTag() == "!!merge" {
			merged = append(merged, v)
			if l := list(v); l != nil {
				merged = append(merged, l...)
			}
			continue
		}
		name := key.Value
		if key.Kind == yaml.AliasNode {
			name = key.Alias.Value
		}
		if _, twice := out[name]; !twice {
			out[name] = v
		}
	}
	for _, from := range merged {
		for key, v := range mapping(from) {
			if _, own := out[key]; !own {
				out[key] = v
			}
		}
	}
	return out
}

// child returns what stands under a key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			if n = n.Content[i+1]; n.Kind == yaml.AliasNode {
				n = n.Alias
			}
			return n
		}
	}
	return nil
}

func scalar(n *yaml.Node, key string) string {
	if n = child(n, key); n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

func eachItem(n *yaml.Node, visit func(*yaml.Node)) {
	if n != nil && n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			visit(item)
		}
	}
}

// eachDocument calls visit with the root of each document of a file that holds
// one of the words and can be read, and the number of lines before the text it
// was read from. The text is cut at the lines "---", so that one document's
// errors end with it.
func eachDocument(data []byte, words [][]byte, visit func(root *yaml.Node, offset int)) {
	start, startLine, line := 0, 0, 0
	for pos := 0; pos < len(data); line++ {
		end := len(data)
		if i := bytes.IndexByte(data[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		if separator(data[pos:end]) && pos > start {
			eachReadable(data[start:pos], words, startLine, visit)
			start, startLine = pos, line
		}
		pos = end
	}
	eachReadable(data[start:], words, startLine, visit)
}

// eachReadable calls visit for the documents up to the first that is not YAML.
func eachReadable(text []byte, words [][]byte, offset int, visit func(root *yaml.Node, offset int)) {
	if !holds(text, words) || bytes.Contains(text, []byte("\nkind: CustomResourceDefinition\n")) {
		return // reading takes far longer than looking
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc yaml.Node
		if decoder.Decode(&doc) != nil {
			return
		}
		if len(doc.Content) == 1 {
			visit(doc.Content[0], offset)
		}
	}
}

// separator tells whether a line begins a document.
func separator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}
