package manifest

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// tree compares the documents of two files node by node.
type tree struct {
	out     *Comparison
	path    trail
	doc     int
	base    origin
	head    origin
	residue []Difference
	markers []Difference // markers that came, went or changed
	text    []Difference // comments, which the writer may move
	retyped []Difference // marked values that are kept, and that readers take otherwise
	// fields are the base's marked scalars, whose values may differ.
	fields map[*yaml.Node]bool
	// twins are the head's scalars where the base has a marked one, by the base's.
	twins map[*yaml.Node]twin
	// met are the head's scalars that were held against one of the base.
	met map[*yaml.Node]bool
}

// twin is a scalar of the head.
type twin struct {
	node  *yaml.Node
	field Field // without a marker
}

func newTree(out *Comparison, base File) *tree {
	t := &tree{out: out, fields: map[*yaml.Node]bool{}, twins: map[*yaml.Node]twin{}, met: map[*yaml.Node]bool{}}
	for _, n := range base.nodes {
		t.fields[n] = true
	}
	return t
}

// newcomers reports the head's marked scalars that no place of the base was held
// against: their values have no update to be judged by.
func (t *tree) newcomers(head File) {
	for i, n := range head.nodes {
		f := head.Fields[i]
		if !t.met[n] && len(t.markers) < maxDifferences {
			t.markers = append(t.markers, Difference{Rule: "policy/marker-changed", Position: f.Position, Path: f.Path,
				Message: fmt.Sprintf("the marker %s was not there", f.Marker.Setter())})
		}
	}
}

// maxDifferences bounds what is told of a file: one difference decides already.
const maxDifferences = 1000

func (t *tree) differ(list *[]Difference, rule string, at *yaml.Node, format string, args ...any) {
	if len(*list) >= maxDifferences {
		return
	}
	d := Difference{Rule: rule, Path: t.path.String(), Message: fmt.Sprintf(format, args...)}
	if at != nil {
		d.Position = t.head.at(at.Line, at.Column)
	}
	*list = append(*list, d)
}

func (t *tree) documents(base, head []document) {
	if len(base) != len(head) {
		at := Position{1, 1}
		if len(head) > len(base) {
			at.Line = head[len(base)].first + 1
		}
		t.residue = append(t.residue, Difference{Position: at, Message: fmt.Sprintf("the file has %d documents, before it had %d", len(head),
			len(base))})
	}
	for i := range min(len(base), len(head)) {
		t.doc, t.base, t.head, t.path = i, base[i].origin, head[i].origin, nil
		t.node(base[i].root, head[i].root)
		t.comments(base[i], head[i])
	}
}

func (t *tree) node(a, b *yaml.Node) {
	if a.Anchor != b.Anchor && b.Kind != yaml.AliasNode {
		t.differ(&t.residue, "yaml/anchor", b, "the anchor was %q and is %q", a.Anchor, b.Anchor)
	}
	if a.Kind != b.Kind {
		rule := ""
		if b.Kind == yaml.AliasNode {
			rule = "yaml/alias"
		}
		t.differ(&t.residue, rule, b, "%s became %s", kindName(a), kindName(b))
		return
	}
	switch a.Kind {
	case yaml.MappingNode:
		t.tags(a, b)
		t.mapping(a, b)
	case yaml.SequenceNode:
		t.tags(a, b)
		t.sequence(a, b)
	case yaml.AliasNode:
		if a.Value != b.Value {
			t.differ(&t.residue, "yaml/alias", b, "the alias was *%s and is *%s", a.Value, b.Value)
		}
	case yaml.ScalarNode:
		t.scalar(a, b)
	}
}

// tags compares the explicit tags of collections.
func (t *tree) tags(a, b *yaml.Node) {
	if a.ShortTag() != b.ShortTag() {
		t.differ(&t.residue, "", b, "the tag was %s and is %s", a.ShortTag(), b.ShortTag())
	}
}

func (t *tree) sequence(a, b *yaml.Node) {
	if len(a.Content) != len(b.Content) {
		t.differ(&t.residue, "", b, "the list has %d items, before it had %d", len(b.Content), len(a.Content))
	}
	for i := range min(len(a.Content), len(b.Content)) {
		t.path = append(t.path, segment{index: i})
		t.node(a.Content[i], b.Content[i])
		t.path = t.path[:len(t.path)-1]
	}
}

// mapping compares keys in order. The writer drops empty annotations and
// metadata, so those may be gone.
func (t *tree) mapping(a, b *yaml.Node) {
	before, after := lastOf(a), lastOf(b)
	i, j := 0, 0
	for i+1 < len(a.Content) && j+1 < len(b.Content) {
		key, now := a.Content[i], b.Content[j]
		switch {
		case sameKey(key, now):
			t.path = append(t.path, segment{key: now, index: -1})
			t.node(key, now)
			t.node(a.Content[i+1], b.Content[j+1])
			t.path = t.path[:len(t.path)-1]
			i, j = i+2, j+2
		case after[identify(key)] <= j:
			t.gone(key, a.Content[i+1], b)
			i += 2
		case before[identify(now)] <= i:
			t.added(now)
			j += 2
		default:
			t.differ(&t.residue, "", now, "the keys stand in another order from %q on", now.Value)
			return
		}
	}
	for ; i+1 < len(a.Content); i += 2 {
		t.gone(a.Content[i], a.Content[i+1], b)
	}
	for ; j+1 < len(b.Content); j += 2 {
		t.added(b.Content[j])
	}
}

func (t *tree) added(key *yaml.Node) {
	rule := ""
	if key.ShortTag() == "!!merge" {
		rule = "yaml/merge-key"
	}
	t.path = append(t.path, segment{key: key, index: -1})
	t.differ(&t.residue, rule, key, "the key %q was added", key.Value)
	t.path = t.path[:len(t.path)-1]
}

func (t *tree) gone(key, value, parent *yaml.Node) {
	list := &t.residue
	if hollow(value) && (key.Value == "annotations" && len(t.path) == 1 && t.path.key() == "metadata" || key.Value == "metadata" &&
		len(t.path) == 0) {
		list = &t.out.Losses
	}
	t.differ(list, "", parent, "the key %q is gone", key.Value)
}

// hollow tells whether a value is an empty collection or null, or holds
// nothing but empty annotations.
func hollow(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.ShortTag() == "!!null"
	case yaml.MappingNode:
		return len(n.Content) == 0 || len(n.Content) == 2 && n.Content[0].Value == "annotations" && hollow(n.Content[1])
	}
	return len(n.Content) == 0
}

// identity is what makes two keys one.
type identity struct {
	kind       yaml.Kind
	value, tag string
}

func identify(key *yaml.Node) identity { return identity{key.Kind, key.Value, key.ShortTag()} }

func sameKey(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && a.ShortTag() == b.ShortTag()
}

// lastOf gives the place behind each key of a mapping, where it stands last;
// zero for a key that is not there.
func lastOf(n *yaml.Node) map[identity]int {
	last := make(map[identity]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		last[identify(n.Content[i])] = i + 1
	}
	return last
}

func (t *tree) scalar(a, b *yaml.Node) {
	was, marked := markerOf(a)
	now, still := markerOf(b)
	switch {
	case marked && !still:
		t.differ(&t.markers, "policy/marker-changed", b, "the marker %s is gone", was.Setter())
	case !marked && still:
		t.differ(&t.markers, "policy/marker-changed", b, "the marker %s was not there", now.Setter())
	case marked && was != now:
		t.differ(&t.markers, "policy/marker-changed", b, "the marker was %s and is %s", was.Setter(), now.Setter())
	}
	t.met[b] = true
	if t.fields[a] {
		t.twins[a] = twin{b, Field{Position: t.head.at(b.Line, b.Column), Document: t.doc,
			Path: t.path.String(), Key: t.path.key(), Value: b.Value, Resolved: resolved(b)}}
		if a.Value == b.Value && !sameScalar(a, b) {
			t.differ(&t.retyped, "", b, "the value was %s and is %s", brief(a), brief(b))
		}
		return
	}
	if sameScalar(a, b) {
		return
	}
	if a.Style&yaml.FoldedStyle != 0 && a.ShortTag() == b.ShortTag() && squeeze(a.Value) == squeeze(b.Value) {
		t.differ(&t.out.Losses, "", b, "line breaks of the folded text changed")
		return
	}
	t.differ(&t.residue, "", b, "the value was %s and is %s", brief(a), brief(b))
	if resolved(a) == "null" && resolved(b) != "null" {
		t.residue[len(t.residue)-1].Was = t.base.at(a.Line, a.Column).Line
	}
}

// sameScalar compares what every reader makes of two scalars: YAML 1.1 readers
// take more plain words for booleans and numbers than this parser does.
func sameScalar(a, b *yaml.Node) bool {
	if a.Value != b.Value || a.ShortTag() != b.ShortTag() {
		return false
	}
	if explicit := b.Style&yaml.TaggedStyle != 0; explicit && a.Style&yaml.TaggedStyle == 0 && b.ShortTag() != "!!merge" {
		return false // the writer drops tags, and adds none but to merge keys
	}
	return eager(a) == eager(b)
}

// eager tells whether some reader takes a scalar for something else than text
// without being told to.
func eager(n *yaml.Node) bool {
	return n.Style&yaml.TaggedStyle == 0 && resolved(n) != "str"
}

// squeeze makes runs of line breaks one, which is all that the writer alters
// in folded text.
func squeeze(s string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" }), "\n")
}

func brief(n *yaml.Node) string {
	value := []rune(secret.Redact(n.Value)) // before it is cut, which could hide that it is one
	if len(value) > 60 {
		value = append(value[:57], []rune("...")...)
	}
	kind := strings.TrimPrefix(n.ShortTag(), "!!")
	if kind == "str" && eager(n) {
		kind = "to some readers a " + resolved(n)
	}
	return fmt.Sprintf("%q (%s)", string(value), kind)
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "the alias *" + n.Value
	}
	return "the value " + brief(n)
}
