package kustomize

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxObjects bounds how many objects are made of those that are written, since each
// kustomization can have all of another.
const maxObjects = 100_000

// maxTries bounds how often a patch is held against an object.
const maxTries = 2_000_000

// Find gives Flux's objects as clusters get them, in the order of files and lines. An object that several
// kustomizations have is given for each that no other has; one that no kustomization has is as it is written.
// Of the patches, those of all kustomizations, only one is given among them that found nothing to patch.
//
// Flux's own Kustomizations are such objects as well: what is made of them decides what they make of others.
func Find(base Base) ([]Object, []Patch) {
	b := begin(base)
	var made, before []Object
	for _, file := range b.sorted {
		made = append(made, b.objects[file]...)
	}
	var flux []*layer
	for round := 0; len(made)+len(b.layers) > 0; round++ {
		now := slices.DeleteFunc(slices.Clone(made), func(o Object) bool { return slices.Contains(kinds[imageGroup], o.Kind) })
		if round > 0 && reflect.DeepEqual(before, now) {
			break
		}
		before, flux = now, b.fluxLayers(now, base.Repository)
		if made = b.all(flux); round > maxRounds {
			made = each(made, func(o Object) Object { return o.unknown("Flux's Kustomizations change each other too often") })
			break
		}
	}
	return each(made, Object.applied), b.patches(flux)
}

// maxRounds bounds how often Kustomizations of Flux are taken from what others make.
const maxRounds = 4

// all gives all objects, with Flux's layers around them.
func (b *builder) all(flux []*layer) (out []Object) {
	b.built, b.roots, b.reached, b.left, b.tries = map[string][]Object{}, map[string]bool{}, map[string]bool{}, maxObjects, maxTries
	for _, l := range flux {
		if b.roots[l.folders[0]] = true; l.maybe == "" {
			out = append(out, b.apply(l)...)
		}
	}
	included := map[string]bool{}
	for _, l := range b.layers {
		for _, p := range slices.Concat(l.resources, l.components) {
			included[p] = true
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(b.layers)) {
		if _, built := b.built[folder]; !built && !b.roots[folder] && !included[folder] && !b.layers[folder].component {
			out = append(out, b.build(folder)...)
		}
	}
	if b.left < 0 {
		out, b.reached = nil, map[string]bool{}
	} else {
		out = append(out, b.unapplied(flux)...)
	}
	for _, file := range b.sorted {
		if !b.reached[file] {
			out = append(out, b.objects[file]...)
		}
	}
	if b.left < 0 {
		out = each(out, func(o Object) Object { return o.unknown("kustomizations make more objects than are counted") })
	}
	slices.SortStableFunc(out, func(a, b Object) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return each(united(out), func(o Object) Object { return perhaps(flux, o) })
}

// united gives each object once that several layers make alike, with the folders of all.
func united(objects []Object) (out []Object) {
	type place struct {
		file string
		line int
	}
	type made struct {
		place
		fields string
	}
	layers, first := map[place]int{}, map[made]int{}
	for _, o := range objects {
		layers[place{o.File, o.Line}]++
	}
	for _, o := range objects {
		var fields []byte
		var err error
		at := place{o.File, o.Line}
		if layers[at] > 1 {
			fields, err = json.Marshal([]any{o.fields, o.Unknown})
		}
		i, again := first[made{at, string(fields)}]
		if !again || err != nil {
			first[made{at, string(fields)}] = len(out)
			i, out = len(out), append(out, o)
		}
		out[i].Folders = append(slices.Clip(out[i].Folders), o.Folders...)
		slices.Sort(out[i].Folders)
		out[i].Folders, out[i].past = slices.Compact(out[i].Folders), nil
	}
	return out
}

func each(objects []Object, change func(Object) Object) []Object {
	out := make([]Object, 0, len(objects))
	for _, o := range objects {
		out = append(out, change(o))
	}
	return out
}

// begin reads the objects as they are written, and the kustomizations.
func begin(base Base) *builder {
	b := &builder{
		unread: map[string]bool{}, files: map[string][]byte{}, objects: map[string][]Object{}, layers: map[string]*layer{},
		patchFiles: map[string]*bool{},
	}
	for _, p := range base.Unread {
		b.unread[p] = true
	}
	for _, f := range base.Files {
		b.files[f.Path] = f.Data
		if objects := read(f); len(objects) > 0 {
			b.objects[f.Path] = objects
		}
	}
	b.sorted = slices.Sorted(maps.Keys(b.objects))
	for _, f := range base.Files {
		matters := len(b.objects) > 0 || holds(f.Data, words)
		if matters && isKustomization(f.Path) && b.objects[f.Path] == nil { // Flux's own can have such a name
			b.addLayer(f)
		}
	}
	for _, l := range b.layers {
		b.lacks(l)
	}
	return b
}

// layer is a kustomization, or a Kustomization of Flux, which does the same around a folder.
type layer struct {
	folders                   []string // where it stands first
	component                 bool
	resources, components     []string
	namespace, prefix, suffix string
	labels, annotations       map[string]any
	first, last               []patch // before the names change, and after
	unknown                   string  // what else it does
	maybe                     string  // the folder it may be around; empty where that is known
	used                      bool    // by a cluster
}

// builder puts layers around the objects.
type builder struct {
	files   map[string][]byte
	unread  map[string]bool
	objects map[string][]Object // as they are written, by file
	sorted  []string            // those files
	layers  map[string]*layer   // of the kustomizations, by folder
	// patchFiles tell of the files of patches whether they found something to patch.
	patchFiles map[string]*bool
	built      map[string][]Object // of the layers by folder; nil while it is being built
	roots      map[string]bool     // the folders whose kustomization is in a layer of Flux's
	reached    map[string]bool     // the files that a layer has, as objects or as a patch
	left       int                 // how many objects may yet be made
	tries      int                 // and how often a patch be tried
}

// kustomization reads the first document of a file.
func kustomization(f File) (fields map[string]any, whole bool) {
	eachDocument(f.Data, [][]byte{nil}, func(root *yaml.Node, _ int) {
		if fields == nil {
			v, all := plain(root)
			fields, whole = mapping(v), all
		}
	})
	return fields, whole
}

// Referred are the paths of a kustomization's resources and patches; none where the file is no kustomization.
func Referred(f File) []string {
	if !isKustomization(f.Path) {
		return nil
	}
	fields, _ := kustomization(f)
	out := paths(f, fields, "resources", "bases", "patchesStrategicMerge")
	for _, patch := range slices.Concat(list(fields["patches"]), list(fields["patchesJson6902"])) {
		out = append(out, path.Join(path.Dir(f.Path), text(patch, "path")))
	}
	return out
}

// paths are those below keys of a kustomization.
func paths(f File, fields map[string]any, keys ...string) (out []string) {
	for _, key := range keys {
		for _, item := range list(fields[key]) {
			if p, ok := item.(string); ok {
				out = append(out, path.Join(path.Dir(f.Path), p))
			}
		}
	}
	return out
}

// addLayer reads a kustomization.
func (b *builder) addLayer(f File) {
	fields, whole := kustomization(f)
	folder := path.Dir(f.Path)
	l := &layer{
		folders: []string{folder}, component: text(fields, "kind") == "Component",
		namespace: text(fields, "namespace"), prefix: text(fields, "namePrefix"), suffix: text(fields, "nameSuffix"),
		labels: maps.Clone(mapping(fields["commonLabels"])), annotations: mapping(fields["commonAnnotations"]),
	}
	for _, item := range list(fields["labels"]) {
		l.labels = with(l.labels, mapping(mapping(item)["pairs"]))
	}
	if !whole {
		l.unknown = "the kustomization " + f.Path + ", which cannot be read,"
	}
	l.resources, l.components = paths(f, fields, "resources", "bases"), paths(f, fields, "components")
	for _, item := range list(fields["patchesStrategicMerge"]) {
		text, _ := item.(string)
		if strings.ContainsAny(text, "\n{") {
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
	b.layers[folder] = l
}

// lacks notes in a layer that it has a component that is not here.
func (b *builder) lacks(l *layer) {
	for _, folder := range l.components {
		if b.layers[folder] == nil {
			l.unknown = cmp.Or(l.unknown, "the component "+folder+", which is not here,")
		}
	}
}

// harmless tells whether replacements are all of other kinds.
func harmless(key string, v any) bool {
	for _, item := range list(v) {
		targets := list(mapping(item)["targets"])
		if key != "replacements" || len(targets) == 0 {
			return false
		}
		for _, target := range targets {
			kind := anchored(text(target, "select", "kind"))
			if kind == nil || slices.ContainsFunc(slices.Concat(slices.Collect(maps.Values(kinds))...), kind.MatchString) {
				return false
			}
		}
	}
	return true
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
	l.used = true
	for _, folder := range l.components {
		if b.left--; b.left < 0 {
			break
		}
		if c := b.layers[folder]; c != nil && c != l {
			objects = b.around(c, append(objects, b.gather(c.resources)...))
		}
	}
	var out []Object
	for _, o := range objects {
		b.left, b.tries = b.left-1, b.tries-len(l.first)-len(l.last)
		if b.tries < 0 {
			b.left = -1
		}
		if b.left < 0 {
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
	counted := 0
	for _, p := range paths {
		if b.left -= len(out) - counted; b.left < 0 {
			break
		}
		counted = len(out)
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
