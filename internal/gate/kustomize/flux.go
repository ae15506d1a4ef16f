package kustomize

import (
	"path"
	"slices"
	"strings"
)

// fluxLayers are Flux's own Kustomizations among objects
// (https://fluxcd.io/flux/components/kustomize/kustomizations/), in their order, but for those of another
// repository.
func (b *builder) fluxLayers(objects []Object, repository string) (out []*layer) {
	var sources []Object
	for _, o := range objects {
		if o.Kind == "GitRepository" {
			sources = append(sources, o)
		}
	}
	ours := func(o Object) bool { return strings.EqualFold(path.Base(o.Repository()), path.Base(repository)) } // of whichever owner
	for _, o := range objects {
		if o.Kind != "Kustomization" {
			continue
		}
		known := o.Text("spec", "sourceRef", "kind") == "" || o.Text("spec", "sourceRef", "kind") == "GitRepository"
		named := slices.DeleteFunc(slices.Clone(sources), func(s Object) bool { return !known || !s.sourceOf(o) })
		if repository != "" && len(named) > 0 && slices.ContainsFunc(sources, ours) && !slices.ContainsFunc(named, func(s Object) bool {
			return s.Repository() == "" || ours(s)
		}) {
			continue
		}
		out = append(out, b.fluxLayer(o, known))
	}
	return out
}

// sourceOf tells whether a Kustomization may mean the source.
func (o Object) sourceOf(kustomization Object) bool {
	namespace := kustomization.Text("spec", "sourceRef", "namespace")
	if namespace == "" {
		namespace = kustomization.Namespace()
	}
	return o.Name() == kustomization.Text("spec", "sourceRef", "name") &&
		(namespace == "" || o.Namespace() == "" || o.Namespace() == namespace)
}

// fluxLayer is what a Kustomization of Flux makes of its folder: Flux writes it into the folder's own kustomization,
// so that its components come before that one's patches.
func (b *builder) fluxLayer(o Object, known bool) *layer {
	folder := path.Clean(strings.TrimLeft(o.Text("spec", "path"), "/"))
	l := layer{folders: []string{folder}, resources: []string{folder}}
	if own := b.layers[folder]; own != nil {
		l = *own
	}
	l.used, l.folders = false, slices.Concat([]string{folder, path.Dir(o.File)}, o.Folders)
	l.first, l.last, l.components = slices.Clip(l.first), slices.Clip(l.last), slices.Clip(l.components)
	for field, key := range map[*string]string{&l.namespace: "targetNamespace", &l.prefix: "namePrefix", &l.suffix: "nameSuffix"} {
		if value := o.Text("spec", key); value != "" {
			*field = value
		}
	}
	for field, into := range map[string]*map[string]any{"labels": &l.labels, "annotations": &l.annotations} {
		if common := mapping(at(o.fields, "spec", "commonMetadata", field)); common != nil {
			*into = with(*into, common)
		}
	}
	for _, c := range list(at(o.fields, "spec", "components")) {
		name, _ := c.(string)
		l.components = append(l.components, path.Join(folder, name))
	}
	for _, item := range list(at(o.fields, "spec", "patches")) {
		l.first = append(l.first, b.patch(o.File, mapping(item)))
	}
	for _, item := range list(at(o.fields, "spec", "patchesStrategicMerge")) {
		l.first = append(l.first, b.patch(o.File, map[string]any{"patch": item}))
	}
	for _, item := range list(at(o.fields, "spec", "patchesJson6902")) {
		l.last = append(l.last, b.patch(o.File, mapping(item)))
	}
	if o.Unknown != "" {
		l.unknown = "the Kustomization of " + o.File + ", which may be another,"
	}
	if at := strings.IndexAny(folder, "$<{"); at >= 0 {
		l.maybe = path.Dir(folder[:at] + "x") // the rest is filled in later
	} else if !known {
		l.maybe = folder
	}
	b.lacks(&l)
	return &l
}

// perhaps is an image object with the doubt of the layers of which nobody knows here whether they have it.
func perhaps(layers []*layer, o Object) Object {
	folders := append(slices.Clone(o.Folders), path.Dir(o.File))
	for _, l := range layers {
		below := func(p string) bool { return l.maybe == "." || l.maybe == p || strings.HasPrefix(p, l.maybe+"/") }
		if l.maybe == "" || !slices.Contains(kinds[imageGroup], o.Kind) || !slices.ContainsFunc(folders, below) {
			continue
		}
		for _, p := range slices.Concat(l.first, l.last) {
			if selects, _ := p.selects(o); selects {
				o = o.unknown(p.name + ", which patches it, may be for another place")
			}
		}
	}
	return o
}
