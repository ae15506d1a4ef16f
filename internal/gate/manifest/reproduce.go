package manifest

import (
	"bytes"
	"errors"
	"fmt"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/kio"
	"sigs.k8s.io/kustomize/kyaml/kio/kioutil"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// errPath is the one way in which a file can steer Flux's writer: it names
// another file to be written to.
var errPath = errors.New("a config.kubernetes.io/path annotation makes Flux's update fail")

// ownPath stands for the file's name inside the pipeline; the writer drops it.
const ownPath = "file.yaml"

// indentation is how a release of Flux indents lists inside mappings.
type indentation string

const (
	// derived follows the first list of each document, as
	// image-automation-controller does since 0.23.0 (June 2022).
	derived indentation = ""
	// Earlier releases wrote every list the same way: indented from 0.12.0
	// (June 2021) on, flush with its key before.
	wide    = indentation(kyaml.WideSequenceStyle)
	compact = indentation(kyaml.CompactSequenceStyle)
)

// reproduce re-executes Flux's update on base: every marked scalar whose setter
// (namespace:policy[:part]) is in setters gets that value, and the file is
// written the way Flux's image-automation-controller writes it, with kyaml's
// reader and writer. Where nothing changes, base itself comes back, since Flux
// leaves such a file alone. Forced, it writes a file in which no value changes
// too, as if the values had been others before.
func reproduce(base []byte, setters map[string]string, indent indentation, forced bool) ([]byte, error) {
	if !Marked(base) {
		return base, nil
	}
	nodes, ok := load(base, indent)
	if !ok {
		return base, nil
	}
	update := update{setters: setters, schema: spec.StringProperty(), changed: forced}
	for _, node := range nodes {
		if path, _, err := kioutil.GetFileAnnotations(node); err != nil || path != ownPath {
			return nil, errPath
		}
		if err := update.visit(node); err != nil {
			return nil, fmt.Errorf("update file: %w", err)
		}
	}
	if !update.changed {
		return base, nil
	}
	if err := kioutil.SortNodes(nodes); err != nil {
		return nil, fmt.Errorf("sort documents: %w", err)
	}
	var out bytes.Buffer
	writer := kio.ByteWriter{
		Writer: &out,
		//lint:ignore SA1019 Flux's writer clears the deprecated one too
		ClearAnnotations: []string{kioutil.PathAnnotation, kioutil.LegacyPathAnnotation},
	}
	if err := writer.Write(nodes); err != nil {
		return nil, fmt.Errorf("write file: %w", err)
	}
	return out.Bytes(), nil
}

// load reads a file as Flux does; not ok where Flux never writes it, since it skips a
// file that it cannot parse or whose top level is a list, and writes the items of a
// kind: List to files of their own.
func load(base []byte, indent indentation) (nodes []*kyaml.RNode, ok bool) {
	reader := &kio.ByteReader{
		Reader:            bytes.NewReader(base),
		SetAnnotations:    map[string]string{kioutil.PathAnnotation: ownPath},
		PreserveSeqIndent: indent == derived,
	}
	if indent != derived {
		reader.SetAnnotations[kioutil.SeqIndentAnnotation] = string(indent)
	}
	nodes, err := reader.Read()
	return nodes, err == nil && reader.WrappingKind == ""
}

// Written tells whether Flux writes the file, where a value in it changes.
func Written(data []byte) bool {
	_, ok := load(data, derived)
	return ok && Marked(data)
}

// update is one run of Flux's setters over a file.
type update struct {
	setters map[string]string
	schema  *spec.Schema
	changed bool
}

// visit walks a document as Flux's own visitor does: through kyaml's accessors,
// which know what happens to a key that stands twice.
func (u *update) visit(node *kyaml.RNode) error {
	switch node.YNode().Kind {
	case kyaml.MappingNode:
		return node.VisitFields(func(field *kyaml.MapNode) error { return u.visit(field.Value) })
	case kyaml.SequenceNode:
		return node.VisitElements(u.visit)
	case kyaml.ScalarNode:
		u.set(node.YNode())
	}
	return nil
}

func (u *update) set(n *kyaml.Node) {
	marker, ok := markerOf(n)
	if !ok {
		return
	}
	value, ok := u.setters[marker.Setter()]
	if !ok {
		return
	}
	u.changed = u.changed || value != n.Value
	n.Value = value
	kyaml.FormatNonStringStyle(n, *u.schema)
}
