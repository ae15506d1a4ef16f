package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Limits of what is read. Real manifests stay far below both.
const (
	maxDepth   = 100     // nested collections
	maxExpand  = 100_000 // nodes that aliases stand for
	maxPlaces  = 100     // aliases of one anchor that are listed
	maxDefects = 1000    // that are listed of a file
)

// File is what a file says to Flux.
type File struct {
	Fields  []Field
	Defects []Defect
	// Err is set where the file cannot be read as YAML; Flux skips it then.
	Err error
	// Compare needs the documents with content, and the comments that belong
	// to none of them.
	docs  []document
	loose []string
	nodes []*yaml.Node // of the fields
}

// Read reads every document of a file.
func Read(data []byte) File {
	file := read(data)
	if len(file.Defects) > maxDefects {
		at := file.Defects[maxDefects].Position
		file.Defects = append(file.Defects[:maxDefects:maxDefects], Defect{Rule: "yaml/too-large", Position: at,
			Message: fmt.Sprintf("the file has more than %d such oddities, too many to list", maxDefects)})
	}
	return file
}

func read(data []byte) File {
	var file File
	file.Defects = append(scan(data), directives(data)...)
	if err := file.parse(data); err != nil {
		file.Err = err
		var syntax *syntaxError
		if errors.As(err, &syntax) {
			file.Defects = append(file.Defects, Defect{Rule: "yaml/unreadable", Position: syntax.Position, Message: syntax.message})
		}
		return file
	}
	for _, doc := range file.docs {
		r := reader{file: &file, doc: doc}
		r.document()
	}
	return file
}

// directives finds lines that YAML readers take for a directive.
func directives(data []byte) []Defect {
	if !bytes.HasPrefix(data, []byte("%")) && !bytes.Contains(data, []byte("\n%")) {
		return nil
	}
	var defects []Defect
	for i, line := range strings.Split(string(data), "\n") {
		if strings.HasPrefix(line, "%") {
			defects = append(defects, Defect{Rule: "yaml/directive", Position: Position{i + 1, 1},
				Message: "a directive changes how YAML readers take what follows"})
		}
	}
	return defects
}

// reader walks one document.
type reader struct {
	file    *File
	doc     document
	lines   []string // of the document, cut when first needed
	path    trail
	anchors []*yaml.Node // anchored nodes around the current one
	marked  map[*yaml.Node][]int
	aliases []*yaml.Node
	nodes   int
}

func (r *reader) document() {
	fields := len(r.file.Fields)
	r.comments(r.doc.node)
	r.visit(r.doc.root)
	sops := valueOf(r.doc.root, "sops")
	narrow := valueOf(sops, "mac_only_encrypted") // which no image is
	if mac := valueOf(sops, "mac"); mac != nil && len(r.file.Fields) > fields && (narrow == nil || narrow.Value != "true") {
		r.defect("yaml/sops-mac", mac, "SOPS has signed all values of this document, the marked one too: "+
			"Flux does not sign it anew, and the cluster refuses to decrypt it")
	}
	listed := map[*yaml.Node]int{}
	for _, alias := range r.aliases {
		if listed[alias.Alias]++; listed[alias.Alias] > maxPlaces {
			continue // many fields in an anchor with many aliases would fill the memory
		}
		for _, i := range r.marked[alias.Alias] {
			field := &r.file.Fields[i]
			field.Aliases = append(field.Aliases, r.at(alias))
		}
	}
	if len(r.aliases) > 0 {
		if n := expanded(r.doc.root, map[*yaml.Node]int{}); n-r.nodes > maxExpand {
			r.defect("yaml/alias-bomb", r.doc.root, "aliases blow the document up to more than %d values", maxExpand)
		}
	}
}

// valueOf is the value of a mapping's key; nil where there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (r *reader) at(n *yaml.Node) Position { return r.doc.at(n.Line, n.Column) }

func (r *reader) defect(rule string, n *yaml.Node, format string, args ...any) {
	if len(r.file.Defects) > maxDefects {
		return
	}
	r.file.Defects = append(r.file.Defects, Defect{Rule: rule, Position: r.at(n), Path: r.path.String(),
		Message: fmt.Sprintf(format, args...)})
}

func (r *reader) visit(n *yaml.Node) {
	r.nodes++
	if len(r.path) > maxDepth {
		if len(r.path) == maxDepth+1 {
			r.defect("yaml/depth", n, "collections are nested more than %d deep", maxDepth)
		}
		return
	}
	if n.Anchor != "" && n.Kind != yaml.AliasNode {
		r.anchors = append(r.anchors, n)
		defer func() { r.anchors = r.anchors[:len(r.anchors)-1] }()
	}
	switch n.Kind {
	case yaml.MappingNode:
		r.mapping(n)
	case yaml.SequenceNode:
		r.comments(n)
		for i, item := range n.Content {
			r.path = append(r.path, segment{index: i})
			r.visit(item)
			r.path = r.path[:len(r.path)-1]
		}
	case yaml.AliasNode:
		r.comments(n)
		r.aliases = append(r.aliases, n)
	case yaml.ScalarNode:
		r.scalar(n)
	}
}

func (r *reader) mapping(n *yaml.Node) {
	r.comments(n)
	seen := make(map[string]bool, len(n.Content)/2)
	var spelled map[string]int
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		r.comments(key)
		r.path = append(r.path, segment{key: key, index: -1})
		if key.Kind == yaml.ScalarNode || standsForText(key) {
			if seen[said(key)] {
				r.defect("yaml/duplicate-key", key, "the key %q stands twice; readers differ in which one counts", said(key))
			}
			seen[said(key)] = true
		}
		if key.Kind != yaml.ScalarNode {
			if spelled == nil {
				spelled = keyNames(n)
			}
			if !standsForText(key) || spelled[key.Value] > 1 {
				r.defect("yaml/complex-key", key, "the key is no plain word: few readers take it, and they name it differently")
			}
			r.nodes++
			if key.Kind == yaml.AliasNode {
				r.aliases = append(r.aliases, key)
			}
		}
		r.visit(value)
		r.path = r.path[:len(r.path)-1]
	}
}

// keyNames counts the keys of a mapping as Flux's own reader takes them: an alias by
// its name, not by what it stands for.
func keyNames(n *yaml.Node) map[string]int {
	count := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		count[n.Content[i].Value]++
	}
	return count
}

// comments reports comments that a person could take for a marker.
func (r *reader) comments(n *yaml.Node) {
	for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		if c != "" && looksLikeMarker(c) {
			r.defect("policy/lookalike", n, "this comment looks like a marker, but Flux ignores it here")
		}
	}
}

func (r *reader) scalar(n *yaml.Node) {
	if n.LineComment == "" && n.HeadComment == "" && n.FootComment == "" {
		return
	}
	marker, ok := markerOf(n)
	if !ok {
		r.comments(n)
		return
	}
	if r.marked == nil {
		r.marked = map[*yaml.Node][]int{}
	}
	for _, anchor := range r.anchors {
		r.marked[anchor] = append(r.marked[anchor], len(r.file.Fields))
	}
	r.file.Fields = append(r.file.Fields, Field{
		Marker: marker, Position: r.at(n), Document: r.doc.index,
		Path: r.path.String(), Key: r.path.key(), Value: n.Value, Resolved: resolved(n),
	})
	r.file.nodes = append(r.file.nodes, n)
	r.spelling(n)
}

// spelling reports how a marked scalar is written where that could hide what
// it says.
func (r *reader) spelling(n *yaml.Node) {
	switch {
	case n.Style&yaml.TaggedStyle == 0:
	case n.ShortTag() != "!!str" && n.ShortTag() != "!" && resolved(n) != strings.TrimPrefix(n.ShortTag(), "!!"):
		r.defect("yaml/broken-tag", n, "the tag %s does not fit the value %q: strict readers refuse the file", n.ShortTag(), n.Value)
	default:
		r.defect("yaml/tag", n, "the marked value has the explicit tag %s", n.Tag)
	}
	if n.Style&yaml.DoubleQuotedStyle != 0 && r.escaped(n) {
		r.defect("yaml/escape", n, "the marked value is written with escapes, so its text is not what it means")
	}
	if kind := resolved(n); kind != "str" && n.Style&yaml.TaggedStyle == 0 {
		r.defect("yaml/not-string", n, "readers take the value %s for a %s, not for text: quote it", n.Value, kind)
	}
}

// escaped tells whether a double-quoted scalar holds a backslash in the file.
func (r *reader) escaped(n *yaml.Node) bool {
	if r.lines == nil {
		r.lines = strings.Split(r.doc.text, "\n")
	}
	at := r.at(n)
	at.Line -= r.doc.first
	if at.Line > len(r.lines) {
		return true
	}
	rest := []rune(r.lines[at.Line-1])
	if at.Column > len(rest) {
		return true
	}
	_, text, ok := strings.Cut(string(rest[at.Column-1:]), `"`)
	if !ok {
		return true
	}
	// Up to the closing quote, over lines where it has to be.
	for line := at.Line; ; line++ {
		if end := strings.IndexAny(text, `"\`); end >= 0 {
			return text[end] == '\\'
		}
		if line >= len(r.lines) {
			return true
		}
		text = r.lines[line]
	}
}

// number is what a reader could take for one. YAML 1.1 readers, which
// Kubernetes uses, know more of them than YAML 1.2, and some read a number
// too big for a float as infinity.
var number = pattern.Lazy(`^[-+]?(\.[0-9]|[0-9])[0-9_.]*([eE][-+]?[0-9]+)?$`)

// integer is a number of another base than ten, however large, or of base sixty, a
// time of day: numbers of YAML 1.1 that the parser here does not know.
var integer = pattern.Lazy(`^[-+]?(0[bo]?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)$`)

// moment is a timestamp in those forms of YAML 1.1 that the parser here does not know.
var moment = pattern.Lazy(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ ` +
	`\t]*(Z|[-+][0-9]{1,2}(:?[0-9]{2})?))?$`)

// resolved is the type that the most eager reader gives a scalar.
func resolved(n *yaml.Node) string {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return "str"
	}
	if n.ShortTag() == "!!str" && n.Style&yaml.TaggedStyle == 0 && strings.ContainsRune(n.Value, '/') && word().MatchString(n.Value) {
		return "str" // as nearly all are, and the library's test costs a parse
	}
	plain := yaml.Node{Kind: yaml.ScalarNode, Value: n.Value}
	switch tag := plain.ShortTag(); tag {
	case "!!int", "!!float", "!!bool", "!!null", "!!timestamp":
		return strings.TrimPrefix(tag, "!!")
	}
	if number().MatchString(n.Value) {
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			return "float"
		}
	}
	switch {
	case n.Value == "=": // the default of a mapping in YAML 1.1
		return "value"
	case integer().MatchString(n.Value):
		return "int"
	case moment().MatchString(n.Value):
		return "timestamp"
	}
	if kyaml.IsYaml1_1NonString(&plain) {
		switch strings.ToLower(n.Value) {
		case "y", "n", "yes", "no", "on", "off":
			return "bool"
		}
		return "int"
	}
	return "str"
}

// expanded counts the nodes of a tree in which every alias is replaced, up to
// a little beyond the limit.
func expanded(n *yaml.Node, memo map[*yaml.Node]int) int {
	if n.Kind == yaml.AliasNode {
		if count, ok := memo[n.Alias]; ok {
			return count
		}
		return maxExpand + 1 // an alias inside its own anchor never ends
	}
	count := 1
	for _, child := range n.Content {
		count = min(count+expanded(child, memo), 100*maxExpand)
	}
	if n.Anchor != "" {
		memo[n] = count
	}
	return count
}
