package esc

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Form is how an environment's definition holds a value.
type Form string

// The forms. Pulumi stores and shows a plain scalar as it is; only under
// fn::secret it is encrypted (https://www.pulumi.com/docs/esc/environments/syntax/).
const (
	Absent    Form = "absent"    // not in this definition; an imported environment may have it
	Hidden    Form = "secret"    // under fn::secret
	Plain     Form = "plaintext" // readable by everybody who may read the definition
	Reference Form = "reference" // ${…}: it stands elsewhere
	Computed  Form = "computed"  // by another function, such as fn::open::…
	Composite Form = "composite" // a mapping or a sequence
)

// Definition is an environment's YAML at one revision. It may hold values in
// plain text, so nothing of it can be printed or encoded.
type Definition struct {
	root     *yaml.Node // a document
	tag      string
	revision int64
}

// Revision is the number that Pulumi gives each saved change of the environment.
func (d Definition) Revision() int64 { return d.revision }

// String says nothing of what is in it.
func (d Definition) String() string { return fmt.Sprintf("revision %d", d.revision) }

// Format writes String for every verb.
func (d Definition) Format(f fmt.State, _ rune) { fmt.Fprint(f, d.String()) }

func parseDefinition(text []byte) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		// yaml's errors may quote the text, which may be a token.
		return nil, errors.New("the definition is not YAML")
	}
	if root.Kind == 0 {
		root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the definition is not a YAML mapping")
	}
	return &root, nil
}

// At says in which form the value at the path stands.
func (d Definition) At(p Path) Form {
	if d.root == nil {
		return Absent
	}
	n := child(d.root.Content[0], step{key: "values"})
	for _, s := range p.steps {
		if f := form(n); f == Reference || f == Computed || f == Hidden {
			return f // what is below a function or a reference is not written here
		}
		n = child(n, s)
	}
	return form(n)
}

// interpolation is a reference inside of a text; "$${" is a dollar and a brace.
var interpolation = regexp.MustCompile(`(^|[^$])(\$\$)*\$\{`)

func form(n *yaml.Node) Form {
	switch {
	case n == nil, n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return Absent
	case n.Kind == yaml.AliasNode:
		return Reference
	case n.Kind == yaml.ScalarNode && interpolation.MatchString(n.Value):
		return Reference
	case n.Kind == yaml.ScalarNode:
		return Plain
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch key := n.Content[i].Value; {
			case key == "fn::secret":
				return Hidden
			case strings.HasPrefix(key, "fn::"):
				return Computed
			}
		}
	}
	return Composite
}

// child is what a step leads to; nil where there is nothing.
func child(n *yaml.Node, s step) *yaml.Node {
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode && s.number && s.index < len(n.Content):
		return n.Content[s.index]
	case n.Kind == yaml.MappingNode && !s.number:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == s.key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

// with gives the definition's text with the value put in as a secret. What is
// computed or stands elsewhere is not overwritten: it would cut the copies loose.
func (d Definition) with(p Path, value secret.Secret) ([]byte, error) {
	switch f := d.At(p); f {
	case Reference:
		return nil, fail("set the value where the reference points to, or take the reference out of the environment first",
			"the value is a reference to another")
	case Computed:
		return nil, fail("name the path of a plain value or of fn::secret", "the value is computed by a function of Pulumi ESC")
	case Composite:
		return nil, fail("name the path of the value itself, such as github.token", "there are further values below that path")
	case Absent, Hidden, Plain:
	}
	if strings.Contains(value.Reveal(), "${") {
		return nil, fail("", "the value holds ${, which Pulumi could take for a reference")
	}
	n, err := reach(d.root.Content[0], append([]step{{key: "values"}}, p.steps...))
	if err != nil {
		return nil, err
	}
	*n = yaml.Node{
		Kind: yaml.MappingNode, Tag: "!!map", HeadComment: n.HeadComment, FootComment: n.FootComment,
		Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Tag: "!!str", Value: "fn::secret"},
			// In quotation marks nothing of it is taken for another type.
			{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value.Reveal()},
		},
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(d.root), e.Close()); err != nil {
		return nil, fail("", "the definition cannot be written as YAML")
	}
	return out.Bytes(), nil
}

// reach goes to a place and makes the mappings on the way to it.
func reach(n *yaml.Node, steps []step) (*yaml.Node, error) {
	for _, s := range steps {
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" || n.Kind == 0 {
			*n = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		}
		next := child(n, s)
		switch {
		case next != nil:
		case n.Kind == yaml.MappingNode && !s.number:
			next = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.key}, next)
		case n.Kind == yaml.SequenceNode && s.number && s.index == len(n.Content):
			next = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
			n.Content = append(n.Content, next)
		default:
			return nil, fail("look at the environment with `esc env get`", "the path does not fit what the environment holds")
		}
		n = next
	}
	return n, nil
}
