package change

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
)

// FindPolicies returns the ImagePolicy objects in YAML files, sorted by file
// and line; the same object can be in several clusters' files. Documents that
// are not YAML, such as Helm templates, are left out, and only those.
//
// An object without a namespace takes the one of a kustomization file in its
// own directory. Where no such file says one, the namespace stays empty:
// Kustomizations higher up or in the cluster may set it.
//
// Image is the image of the ImageRepository that the policy names: the one in
// the same file, else in the same directory, else anywhere in the files as
// long as all of that name have the same image.
func FindPolicies(files []Content) []ImagePolicy {
	namespaces := kustomizeNamespaces(files)
	var policies, repositories []object
	for _, f := range files {
		for _, o := range imageObjects(f.Data) {
			o.file = f.Path
			o.namespace = cmp.Or(o.namespace, namespaces[path.Dir(f.Path)])
			switch o.kind {
			case "ImagePolicy":
				policies = append(policies, o)
			case "ImageRepository":
				repositories = append(repositories, o)
			}
		}
	}
	var out []ImagePolicy
	for _, o := range policies {
		p := o.policy()
		repository := repositoryOf(o, repositories)
		p.Image = text(repository.node, "spec", "image")
		p.Suspended = truth(text(o.node, "spec", "suspend")) || truth(text(repository.node, "spec", "suspend"))
		out = append(out, p)
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

func byPlace(a, b ImagePolicy) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// object is an object of Flux's image API with its place
// (https://fluxcd.io/flux/components/image/api/v1/). It is read node by node:
// decoding compares all keys of a mapping with each other, which takes
// half a minute for a hundred thousand keys.
type object struct {
	node                  *yaml.Node
	file                  string
	line                  int
	kind, namespace, name string
}

// policy is the object as an ImagePolicy. Where it sets several orders, which
// Flux's API does not allow, the first in Flux's own sequence counts.
func (o object) policy() ImagePolicy {
	selector := image.Selector{
		Pattern: text(o.node, "spec", "filterTags", "pattern"),
		Extract: text(o.node, "spec", "filterTags", "extract"),
	}
	repository := text(o.node, "spec", "imageRepositoryRef", "name")
	by := value(o.node, "spec", "policy")
	ordered := true
	switch {
	case has(by, "semver"):
		selector.Range = text(by, "semver", "range")
	case has(by, "alphabetical"):
		selector.Alphabetical = cmp.Or(text(by, "alphabetical", "order"), "asc")
	case has(by, "numerical"):
		selector.Numerical = cmp.Or(text(by, "numerical", "order"), "asc")
	default:
		ordered = false
	}
	return ImagePolicy{
		File: o.file, Line: o.line,
		Namespace: o.namespace, Name: o.name,
		Repository: repository, Partial: repository == "" || !ordered,
		Selector:         selector,
		DigestReflection: text(o.node, "spec", "digestReflectionPolicy"),
	}
}

// repositoryOf returns the ImageRepository that a policy names, an empty object where
// it is not among the repositories or several disagree on the image. Of several that
// agree one that is suspended counts last.
func repositoryOf(policy object, repositories []object) object {
	name := policy.policy().Repository
	namespace := cmp.Or(text(policy.node, "spec", "imageRepositoryRef", "namespace"), policy.namespace)
	sameFile := func(r object) bool { return r.file == policy.file }
	sameDirectory := func(r object) bool { return path.Dir(r.file) == path.Dir(policy.file) }
	anywhere := func(object) bool { return true }
	for _, near := range []func(object) bool{sameFile, sameDirectory, anywhere} {
		var found []object
		for _, r := range repositories {
			if r.name == name && r.namespace == namespace && near(r) {
				found = append(found, r)
			}
		}
		image := func(o object) string { return text(o.node, "spec", "image") }
		switch other := func(o object) bool { return image(o) != image(found[0]) }; {
		case len(found) == 0:
		case slices.ContainsFunc(found, other):
			return object{}
		default:
			return slices.MinFunc(found, func(a, b object) int {
				return strings.Compare(text(a.node, "spec", "suspend"), text(b.node, "spec", "suspend"))
			})
		}
	}
	return object{}
}

// kinds are those of Flux's image API.
var kinds = [...]string{"ImagePolicy", "ImageRepository", "ImageUpdateAutomation"}

// imageObjects returns the objects of Flux's image API in a file's documents,
// and in the lists among these.
func imageObjects(data []byte) []object {
	var objects []object
	add := func(n *yaml.Node, offset int) {
		o := object{
			node: n, line: n.Line + offset,
			kind: text(n, "kind"), namespace: text(n, "metadata", "namespace"), name: text(n, "metadata", "name"),
		}
		if strings.HasPrefix(text(n, "apiVersion"), "image.toolkit.fluxcd.io/") && o.name != "" {
			objects = append(objects, o)
		}
	}
	eachDocument(data, kinds[:], func(root *yaml.Node, offset int) {
		add(root, offset)
		if items := value(root, "items"); strings.HasSuffix(text(root, "kind"), "List") && items != nil && items.Kind == yaml.SequenceNode {
			for _, item := range items.Content {
				add(item, offset)
			}
		}
	})
	return objects
}

// eachDocument calls visit with the root of each document of a file that holds
// one of the words and can be read, and the number of lines before the text it
// was read from. The text is cut at the lines "---", so that one document's
// errors end with it.
func eachDocument(data []byte, words []string, visit func(root *yaml.Node, offset int)) {
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
func eachReadable(text []byte, words []string, offset int, visit func(root *yaml.Node, offset int)) {
	if !slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(text, []byte(w)) }) {
		return // reading takes far longer as looking
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

// kustomizeNamespaces returns the namespaces that kustomization files set, by
// their directories.
func kustomizeNamespaces(files []Content) map[string]string {
	namespaces := map[string]string{}
	for _, f := range files {
		if isKustomization(f.Path) {
			eachDocument(f.Data, []string{"namespace"}, func(root *yaml.Node, _ int) {
				if namespace := text(root, "namespace"); namespace != "" {
					namespaces[path.Dir(f.Path)] = namespace
				}
			})
		}
	}
	return namespaces
}

// value returns what stands under the keys, one in the other, or nil.
func value(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var next *yaml.Node
		for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				next = n.Content[i+1]
				break
			}
		}
		if next != nil && next.Kind == yaml.AliasNode {
			next = next.Alias
		}
		n = next
	}
	return n
}

// text returns the scalar under the keys, empty where there is none.
func text(n *yaml.Node, keys ...string) string {
	if n = value(n, keys...); n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// has tells whether there is a mapping under the key, be it empty.
func has(n *yaml.Node, key string) bool {
	n = value(n, key)
	return n != nil && n.Kind == yaml.MappingNode
}
