package kustomize

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxObjects bounds how many objects are made of those that are written, since each
// kustomization can have all of another.
const maxObjects = 100_000

// Find gives Flux's objects as clusters get them, in the order of files and lines. An object that several
// kustomizations have is given for each that no other has; one that no kustomization has is as it is written.
// Nothing is given of a patch among them; the patches are those of all kustomizations.
func Find(base Base) ([]Object, []Patch) {
	b := begin(base)
	if len(b.objects) == 0 {
		return nil, nil
	}
	flux := b.fluxLayers(base.Repository)
	var out []Object
	for _, l := range flux {
		out = append(out, b.apply(l)...)
	}
	included := map[string]bool{}
	for _, l := range b.layers {
		for _, p := range slices.Concat(l.resources, l.components) {
			included[p] = true
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(b.layers)) {
		if _, built := b.built[folder]; !built && !included[folder] && !b.layers[folder].component {
			out = append(out, b.build(folder)...)
		}
	}
	if b.left < 0 {
		out, b.reached = nil, nil
	}
	for _, file := range b.sorted {
		if b.reached[file] {
			continue
		}
		for _, o := range b.objects[file] {
			if b.left < 0 {
				o = o.unknown("kustomizations make more objects than are counted")
			}
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b Object) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return out, b.patches(flux)
}

// begin reads the objects as they are written, and the kustomizations.
func begin(base Base) *builder {
	b := &builder{
		unread: map[string]bool{}, files: map[string][]byte{}, objects: map[string][]Object{}, layers: map[string]*layer{},
		built: map[string][]Object{}, reached: map[string]bool{}, left: maxObjects,
	}
	for _, p := range base.Unread {
		b.unread[p] = true
	}
	for _, f := range base.Files {
		b.files[f.Path] = f.Data
		if objects := read(f); len(objects) > 0 && !isKustomization(f.Path) {
			b.objects[f.Path] = objects
		}
	}
	b.sorted = slices.Sorted(maps.Keys(b.objects))
	for _, f := range base.Files {
		if len(b.objects) > 0 && isKustomization(f.Path) {
			b.addLayer(f)
		}
	}
	return b
}

// layer is a kustomization, or a Kustomization of Flux, which does the same around a folder.
type layer struct {
	folder                    string // where it stands
	component                 bool
	resources, components     []string
	namespace, prefix, suffix string
	first, last               []patch // before the names change, and after
	unknown                   string  // what else it does
}

// builder puts layers around the objects.
type builder struct {
	files   map[string][]byte
	unread  map[string]bool
	objects map[string][]Object // as they are written, by file
	sorted  []string            // those files
	layers  map[string]*layer   // of the kustomizations, by folder
	built   map[string][]Object // of the layers by folder; nil while it is being built
	reached map[string]bool     // the files that a layer has, as objects or as a patch
	left    int
}

// addLayer reads a kustomization.
func (b *builder) addLayer(f File) {
	var fields map[string]any
	whole := false
	eachDocument(f.Data, [][]byte{nil}, func(root *yaml.Node, _ int) {
		if fields == nil {
			v, all := plain(root)
			fields, whole = mapping(v), all
		}
	})
	l := &layer{
		folder: path.Dir(f.Path), component: text(fields, "kind") == "Component",
		namespace: text(fields, "namespace"), prefix: text(fields, "namePrefix"), suffix: text(fields, "nameSuffix"),
	}
	if !whole {
		l.unknown = "the kustomization " + f.Path + ", which cannot be read,"
	}
	in := func(keys ...string) (out []string) {
		for _, key := range keys {
			for _, item := range list(fields[key]) {
				if p, ok := item.(string); ok {
					out = append(out, path.Join(l.folder, p))
				}
			}
		}
		return out
	}
	l.resources, l.components = in("resources", "bases"), in("components")
	for _, item := range list(fields["patchesStrategicMerge"]) {
		text, _ := item.(string)
		if strings.Contains(text, "\n") {
			l.first = append(l.first, b.patch(f.Path, map[string]any{"patch": text}))
		} else {
			l.first = append(l.first, b.patch(f.Path, map[string]any{"path": text}))
		}
	}
	for _, item := range list(fields["patches"]) {
		l.first = append(l.first, b.patch(f.Path, mapping(item)))
	}
	for _, item := range list(fields["patchesJson6902"]) {
		l.last = append(l.last, b.patch(f.Path, mapping(item)))
	}
	for _, key := range []string{"transformers", "replacements", "configurations"} {
		if fields[key] != nil && !harmless(key, fields[key]) {
			l.unknown = cmp.Or(l.unknown, key+" in "+f.Path)
		}
	}
	b.layers[l.folder] = l
}

// harmless tells whether replacements are all of other kinds.
func harmless(key string, v any) bool {
	for _, item := range list(v) {
		targets := list(mapping(item)["targets"])
		if key != "replacements" || len(targets) == 0 {
			return false
		}
		for _, target := range targets {
			if kind := text(target, "select", "kind"); kind == "" || isKind(kind) {
				return false
			}
		}
	}
	return true
}

// fluxLayers are Flux's own Kustomizations
// (https://fluxcd.io/flux/components/kustomize/kustomizations/), in the order of their files, but
// for those of another repository.
func (b *builder) fluxLayers(repository string) (out []*layer) {
	sources := map[string]string{} // by name
	for _, file := range b.sorted {
		for _, o := range b.objects[file] {
			if o.Kind == "GitRepository" {
				sources[o.Name()] = o.Repository()
			}
		}
	}
	here := slices.ContainsFunc(slices.Collect(maps.Values(sources)), func(s string) bool { return strings.EqualFold(s, repository) })
	for _, file := range b.sorted {
		for _, o := range b.objects[file] {
			source := sources[o.Text("spec", "sourceRef", "name")]
			if kind := o.Text("spec", "sourceRef", "kind"); kind != "" && kind != "GitRepository" ||
				repository != "" && here && source != "" && !strings.EqualFold(source, repository) {
				continue
			}
			folder := path.Clean(strings.TrimLeft(o.Text("spec", "path"), "/"))
			if o.Kind != "Kustomization" || strings.Contains(folder, "${") {
				continue
			}
			l := &layer{
				folder: path.Dir(o.File), resources: []string{folder}, namespace: o.Text("spec", "targetNamespace"),
				prefix: o.Text("spec", "namePrefix"), suffix: o.Text("spec", "nameSuffix"),
			}
			for _, c := range list(at(o.fields, "spec", "components")) {
				name, _ := c.(string)
				l.components = append(l.components, path.Join(folder, name))
			}
			for _, item := range list(at(o.fields, "spec", "patches")) {
				l.first = append(l.first, b.patch(o.File, mapping(item)))
			}
			out = append(out, l)
		}
	}
	return out
}

// build gives what the kustomization of a folder makes.
func (b *builder) build(folder string) []Object {
	if objects, known := b.built[folder]; known {
		return objects
	}
	b.built[folder] = nil // which ends a circle
	b.built[folder] = b.apply(b.layers[folder])
	return b.built[folder]
}

func (b *builder) apply(l *layer) []Object {
	return b.around(l, b.gather(l.resources))
}

// around puts a layer and its components around objects.
func (b *builder) around(l *layer, objects []Object) []Object {
	for _, folder := range l.components {
		if c := b.layers[folder]; c != nil && c != l && b.left > 0 {
			b.left--
			objects = b.around(c, append(objects, b.gather(c.resources)...))
		}
	}
	var out []Object
	for _, o := range objects {
		if b.left--; b.left < 0 {
			break
		}
		if o, there := l.transform(o); there {
			out = append(out, o)
		}
	}
	return out
}

// gather gives the objects of files and folders. A folder without a kustomization has what lies below it, as
// Flux takes it.
func (b *builder) gather(paths []string) (out []Object) {
	for _, p := range paths {
		switch objects, isFile := b.objects[p]; {
		case isFile:
			b.reached[p] = true
			out = append(out, objects...)
		case b.layers[p] != nil:
			out = append(out, b.build(p)...)
		default:
			out = append(out, b.below(p)...)
		}
	}
	return out
}

// below gives the objects of a folder that has no kustomization of its own.
func (b *builder) below(folder string) (out []Object) {
	top := map[string]bool{}
	covered := func(p string) bool { // notes the topmost kustomization between the folder and the path
		found := ""
		for d := p; d != folder && d != "." && d != "/"; d = path.Dir(d) {
			if b.layers[d] != nil && !b.layers[d].component {
				found = d
			}
		}
		if found != "" {
			top[found] = true
		}
		return found != ""
	}
	under := func(p string) bool { return folder == "." || strings.HasPrefix(p, folder+"/") }
	for d := range b.layers {
		if under(d) {
			covered(d)
		}
	}
	for _, file := range b.sorted {
		if under(file) && !covered(path.Dir(file)) {
			b.reached[file] = true
			out = append(out, b.objects[file]...)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(top)) {
		out = append(out, b.build(d)...)
	}
	return out
}

// transform is what a layer makes of an object; not there where it takes the object away.
func (l *layer) transform(o Object) (Object, bool) {
	o.Folders = append(slices.Clip(o.Folders), l.folder)
	there := true
	for _, p := range l.first {
		if o, there = p.apply(o); !there {
			return o, false
		}
	}
	if l.namespace != "" {
		o = o.with("namespace", l.namespace)
	}
	if l.prefix+l.suffix != "" {
		o = o.with("name", l.prefix+o.Name()+l.suffix)
	}
	for _, p := range l.last {
		if o, there = p.apply(o); !there {
			return o, false
		}
	}
	if l.unknown != "" {
		o = o.unknown(l.unknown + " may change it, which is not known here")
	}
	return o, true
}
