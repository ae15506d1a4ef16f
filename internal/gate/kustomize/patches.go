package kustomize

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Patch is what a kustomization of the base may do to objects.
type Patch struct {
	Place string // of the patch
	// Kind is a pattern where the patch has a target, and Name then means nothing.
	Kind, Name string
	Targeted   bool
	Found      bool // something to patch, which shows what became of it
	body       any
}

// patches are those of all kustomizations, whatever they have, and of Flux's.
func (b *builder) patches(layers []*layer) (out []Patch) {
	seen := map[string]bool{}
	for _, l := range b.allLayers(layers) {
		for _, p := range slices.Concat(l.first, l.last) {
			for _, body := range p.body {
				one := Patch{Place: p.name, Kind: text(body, "kind"), Name: text(body, "metadata", "name"), Found: *p.found, body: body}
				if one.Targeted = p.target != nil; one.Targeted {
					one.Kind = text(p.target, "kind")
				}
				if key := fmt.Sprint(one); !seen[key] { // a layer of Flux's has those of its folder
					seen[key], out = true, append(out, one)
				}
			}
		}
	}
	return out
}

// unapplied are the image objects in patches which found nothing to patch, since what they are for is not here: each
// is a part of one. Files of patches are no objects otherwise.
func (b *builder) unapplied(flux []*layer) (out []Object) {
	seen := map[*bool]bool{}
	for _, l := range b.allLayers(flux) {
		for _, p := range slices.Concat(l.first, l.last) {
			b.reached[p.file] = b.reached[p.file] || b.patchFiles[p.file] != nil
			if l.used && !*p.found && !seen[p.found] {
				seen[p.found], out = true, append(out, p.parts()...)
			}
		}
	}
	return out
}

// allLayers are Flux's and those of all kustomizations.
func (b *builder) allLayers(flux []*layer) []*layer {
	all := slices.Clone(flux)
	for _, folder := range slices.Sorted(maps.Keys(b.layers)) {
		all = append(all, b.layers[folder])
	}
	return all
}

// Sets tells whether the patch gives a field such a text, by being merged or by a step.
func (p Patch) Sets(such func(string) bool, keys ...string) bool {
	return such(text(p.body, keys...)) || slices.ContainsFunc(list(p.body), func(step any) bool {
		at, ok := strings.CutPrefix("/"+strings.Join(keys, "/"), text(step, "path"))
		value := mapping(step)["value"]
		if ok && at == "" {
			s, _ := value.(string)
			return such(s)
		}
		return ok && such(text(value, strings.Split(strings.TrimPrefix(at, "/"), "/")...))
	})
}

// transform is what a layer makes of an object; not there where it takes the object away.
func (l *layer) transform(o Object) (Object, bool) {
	o.Folders = append(slices.Clip(o.Folders), l.folders...)
	there := true
	for _, p := range l.first {
		if o, there = p.apply(o); !there {
			return o, false
		}
	}
	o.past = append(slices.Clip(o.past), o.id())
	if l.namespace != "" {
		o = o.with("namespace", l.namespace)
	}
	if l.prefix+l.suffix != "" {
		o = o.with("name", l.prefix+o.Name()+l.suffix)
	}
	if l.labels != nil {
		o = o.with("labels", with(mapping(at(o.fields, "metadata", "labels")), l.labels))
	}
	if l.annotations != nil {
		o = o.with("annotations", with(mapping(at(o.fields, "metadata", "annotations")), l.annotations))
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
