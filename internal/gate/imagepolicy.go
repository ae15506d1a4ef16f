package gate

import (
	"bytes"
	"cmp"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/image"
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
	var policies, repositories []found
	for _, f := range files {
		if !bytes.Contains(f.Data, []byte("ImagePolicy")) && !bytes.Contains(f.Data, []byte("ImageRepository")) {
			continue
		}
		for _, o := range imageObjects(f.Data) {
			o.file = f.Path
			o.Metadata.Namespace = cmp.Or(o.Metadata.Namespace, namespaces[path.Dir(f.Path)])
			switch o.Kind {
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
		p.Image = imageOf(o, repositories)
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b ImagePolicy) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return out
}

// object is what an ImagePolicy or an ImageRepository may say
// (https://fluxcd.io/flux/components/image/api/v1/). Other objects decode to
// it too, as far as their fields have these types.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
	Spec struct {
		Image              string `yaml:"image"`
		ImageRepositoryRef struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"imageRepositoryRef"`
		Policy struct {
			SemVer *struct {
				Range string `yaml:"range"`
			} `yaml:"semver"`
			Alphabetical *order `yaml:"alphabetical"`
			Numerical    *order `yaml:"numerical"`
		} `yaml:"policy"`
		FilterTags struct {
			Pattern string `yaml:"pattern"`
			Extract string `yaml:"extract"`
		} `yaml:"filterTags"`
		DigestReflectionPolicy string `yaml:"digestReflectionPolicy"`
	} `yaml:"spec"`
}

type order struct {
	Order string `yaml:"order"`
}

// found is an object with its place.
type found struct {
	object
	file string
	line int
}

// policy is the object as an ImagePolicy. Where it sets several orders, which
// Flux's API does not allow, the first in Flux's own sequence counts.
func (o found) policy() ImagePolicy {
	selector := image.Selector{Pattern: o.Spec.FilterTags.Pattern, Extract: o.Spec.FilterTags.Extract}
	switch by := o.Spec.Policy; {
	case by.SemVer != nil:
		selector.Range = by.SemVer.Range
	case by.Alphabetical != nil:
		selector.Alphabetical = cmp.Or(by.Alphabetical.Order, "asc")
	case by.Numerical != nil:
		selector.Numerical = cmp.Or(by.Numerical.Order, "asc")
	}
	return ImagePolicy{
		File: o.file, Line: o.line,
		Namespace: o.Metadata.Namespace, Name: o.Metadata.Name,
		Selector:         selector,
		DigestReflection: o.Spec.DigestReflectionPolicy,
	}
}

// imageOf returns the image of the ImageRepository that a policy names, empty
// where it is not among the repositories or several disagree.
func imageOf(policy found, repositories []found) string {
	ref := policy.Spec.ImageRepositoryRef
	namespace := cmp.Or(ref.Namespace, policy.Metadata.Namespace)
	sameFile := func(r found) bool { return r.file == policy.file }
	sameDirectory := func(r found) bool { return path.Dir(r.file) == path.Dir(policy.file) }
	anywhere := func(found) bool { return true }
	for _, near := range []func(found) bool{sameFile, sameDirectory, anywhere} {
		var images []string
		for _, r := range repositories {
			if r.Metadata.Name == ref.Name && r.Metadata.Namespace == namespace && near(r) {
				images = append(images, r.Spec.Image)
			}
		}
		slices.Sort(images)
		switch images = slices.Compact(images); len(images) {
		case 0:
		case 1:
			return images[0]
		default:
			return ""
		}
	}
	return ""
}

// imageObjects returns the objects of Flux's image API in a file's documents,
// and in the lists among these.
func imageObjects(data []byte) []found {
	var objects []found
	add := func(n *yaml.Node, offset int) (list *yaml.Node) {
		var o object
		if n.Kind != yaml.MappingNode || n.Decode(&o) != nil {
			return nil
		}
		if strings.HasPrefix(o.APIVersion, "image.toolkit.fluxcd.io/") && o.Metadata.Name != "" {
			objects = append(objects, found{object: o, line: n.Line + offset})
		}
		if strings.HasSuffix(o.Kind, "List") {
			return value(n, "items")
		}
		return nil
	}
	eachDocument(data, func(root *yaml.Node, offset int) {
		if items := add(root, offset); items != nil && items.Kind == yaml.SequenceNode {
			for _, item := range items.Content {
				add(item, offset)
			}
		}
	})
	return objects
}

// eachDocument calls visit with the root of each document of a file that can
// be read, and the number of lines before the text it was read from. The text
// is cut at the lines "---", so that one document's errors end with it.
func eachDocument(data []byte, visit func(root *yaml.Node, offset int)) {
	start, startLine, line := 0, 0, 0
	for pos := 0; pos < len(data); line++ {
		end := len(data)
		if i := bytes.IndexByte(data[pos:], '\n'); i >= 0 {
			end = pos + i + 1
		}
		if separator(data[pos:end]) && pos > start {
			eachReadable(data[start:pos], startLine, visit)
			start, startLine = pos, line
		}
		pos = end
	}
	eachReadable(data[start:], startLine, visit)
}

// eachReadable calls visit for the documents up to the first that is not YAML.
func eachReadable(text []byte, offset int, visit func(root *yaml.Node, offset int)) {
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
		switch path.Base(f.Path) {
		case "kustomization.yaml", "kustomization.yml", "Kustomization":
			eachDocument(f.Data, func(root *yaml.Node, _ int) {
				if n := value(root, "namespace"); n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
					namespaces[path.Dir(f.Path)] = n.Value
				}
			})
		}
	}
	return namespaces
}

// value returns what a mapping has under a key, nil where it has nothing.
func value(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
