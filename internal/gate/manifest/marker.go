package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	slashpath "path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// Named tells whether Flux reads a file of this name at all: extension .yaml
// or .yml, in just this case, or the name Kustomization. Hidden folders count.
func Named(file string) bool {
	ext := slashpath.Ext(file)
	return ext == ".yaml" || ext == ".yml" || slashpath.Base(file) == "Kustomization"
}

// Marked tells whether a file holds the token that Flux looks for, with its
// quotes, before it parses a file.
func Marked(data []byte) bool { return bytes.Contains(data, []byte(`"$imagepolicy"`)) }

const (
	markerKey = "$imagepolicy"
	// setterRef is how kyaml's settings spell a setter out in full; Flux
	// accepts it in a file that holds the short token somewhere.
	setterRef = "#/definitions/io.k8s.cli.setters."
)

// setterForm is the shape that a marker's value has. Flux builds setters for
// Kubernetes names only, so nothing else can ever match one.
var setterForm = pattern.Lazy(`^([a-z0-9][-a-z0-9.]*):([a-z0-9][-a-z0-9.]*)(?::(tag|name|digest))?$`)

// markerOf reads a scalar's marker the way kyaml's fieldmeta does: the comment
// without its leading # must be a JSON object whose values are all strings. It looks
// at the line comment, and only where there is none at the comment above.
func markerOf(n *yaml.Node) (Marker, bool) {
	comment := cmp.Or(n.LineComment, n.HeadComment)
	if !strings.Contains(comment, "{") {
		return Marker{}, false
	}
	object := map[string]string{}
	if json.Unmarshal([]byte(strings.TrimLeft(comment, "#")), &object) != nil {
		return Marker{}, false
	}
	setter := object[markerKey]
	if setter == "" {
		ref, ok := strings.CutPrefix(object["$ref"], setterRef)
		if !ok {
			return Marker{}, false
		}
		setter = ref
	}
	m := setterForm().FindStringSubmatch(setter)
	if m == nil {
		return Marker{}, false
	}
	return Marker{Namespace: m[1], Policy: m[2], Part: Part(m[3])}, true
}

// looksLikeMarker tells whether a person could take a comment for a marker.
func looksLikeMarker(comment string) bool {
	return strings.Contains(strings.ToLower(comment), "imagepolicy")
}
