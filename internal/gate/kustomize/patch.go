package kustomize

import (
	"encoding/json"
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// patch changes the objects that it selects: those of its target, or without one those of its own kind and name.
type patch struct {
	target  map[string]any
	pattern map[string]*regexp.Regexp // of the target; nil where one cannot be read
	body    []any                     // mappings are merged, lists are steps of JSON Patch
	name    string
	file    string // where it stands
	found   *bool  // whether it found something to patch
	unknown bool   // what it does
	unread  bool   // which objects it is of, neither
}

// patch reads an entry of the patches in a file. What a file of its own holds is not known where that does not count.
func (b *builder) patch(in string, entry map[string]any) patch {
	p := patch{
		target: mapping(entry["target"]), pattern: map[string]*regexp.Regexp{}, name: "a patch of " + in, unknown: entry["options"] != nil,
		file: in, found: new(bool),
	}
	for _, key := range []string{"group", "version", "kind", "name", "namespace"} {
		if pattern := text(p.target, key); pattern != "" {
			p.pattern[key] = anchored(pattern)
		}
	}
	data := []byte(text(entry, "patch"))
	if len(data) == 0 && entry["patch"] != nil {
		p.body = append(p.body, entry["patch"])
	}
	if file := text(entry, "path"); file != "" {
		p.name = path.Join(path.Dir(in), file)
		held := false
		if data, held = b.files[p.name]; !held {
			p.unread = p.target == nil && (b.unread[p.name] || !searched(file) || strings.HasPrefix(p.name, "../"))
			p.unknown = p.unread || p.target != nil
			return p
		}
		if b.patchFiles[p.name] == nil {
			b.patchFiles[p.name] = p.found
		}
		p.file, p.found = p.name, b.patchFiles[p.name]
	}
	eachDocument(data, [][]byte{nil}, func(root *yaml.Node, _ int) {
		v, whole := plain(root)
		p.body, p.unknown = append(p.body, v), p.unknown || !whole
	})
	return p
}

// parts are what the patch says of image objects, where it means one by its name.
func (p patch) parts() (out []Object) {
	for _, body := range p.body {
		fields := mapping(body)
		if p.target != nil {
			if fields = given(body); fields == nil {
				continue
			}
			fields["apiVersion"], fields["kind"], fields["metadata"] = imageGroup+"/v1", p.target["kind"], p.target
		}
		group, _, _ := strings.Cut(text(fields, "apiVersion"), "/")
		o := Object{File: p.file, Line: 1, Kind: text(fields, "kind"), fields: fields}
		if o.first = o.id(); group == imageGroup && slices.Contains(kinds[group], o.Kind) && o.Name() != "" && !directs(body) {
			out = append(out, o)
		}
	}
	return out
}

// given are the fields that a patch gives, whatever was there, by being merged or by its steps.
func given(body any) map[string]any {
	out := maps.Clone(mapping(body))
	for _, step := range list(body) {
		keys := strings.Split(strings.TrimPrefix(text(step, "path"), "/"), "/")
		if op := text(step, "op"); op == "add" || op == "replace" {
			out = placed(out, keys, mapping(step)["value"])
		}
	}
	return out
}

// placed is a mapping with a value under the keys.
func placed(fields map[string]any, keys []string, value any) map[string]any {
	if len(keys) > 1 {
		value = placed(mapping(fields[keys[0]]), keys[1:], value)
	}
	return with(fields, map[string]any{keys[0]: value})
}

// anchored is a target's pattern, as kustomize takes it; nil where it cannot be read.
func anchored(pattern string) *regexp.Regexp {
	if pattern == "" {
		pattern = ".*"
	}
	expression, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil
	}
	return expression
}

// searched tells whether a repository's files are searched for one of such a name, which is no address elsewhere.
func searched(file string) bool {
	return slices.Contains([]string{".yaml", ".yml"}, path.Ext(file)) && !strings.Contains(file, "://")
}

// apply gives the patched object; not there where the patch takes it away.
func (p patch) apply(o Object) (out Object, there bool) {
	const unclear = ", which patches it, does what is not known here"
	selects, clear := p.selects(o)
	*p.found = *p.found || selects
	if !selects || !clear || p.unknown {
		if selects {
			o = o.unknown(p.name + unclear)
		}
		return o, true
	}
	for _, body := range p.body {
		if p.target == nil && !same(mapping(body), o) {
			continue
		}
		if text(body, "$patch") == "delete" {
			return o, false
		}
		fields, ok := patched(o.fields, body)
		if !ok {
			o = o.unknown(p.name + unclear)
			continue
		}
		o.fields = fields
	}
	return o, true
}

// same tells whether the patch without a target is of an object.
func same(body map[string]any, o Object) bool {
	group, _, _ := strings.Cut(text(body, "apiVersion"), "/")
	of := id{text(body, "metadata", "namespace"), text(body, "metadata", "name")}
	return text(body, "kind") == o.Kind && slices.Contains(kinds[group], o.Kind) &&
		slices.ContainsFunc(append(slices.Clip(o.past), o.first, o.id()), func(had id) bool {
			return of.name == had.name && slices.Contains([]string{"", had.namespace, o.Namespace(), o.first.namespace}, of.namespace)
		})
}

// selects tells whether an object is among the patch's; not clear where that cannot be told.
func (p patch) selects(o Object) (selects, clear bool) {
	if p.unread {
		return true, false
	}
	if p.target == nil {
		return slices.ContainsFunc(p.body, func(body any) bool { return same(mapping(body), o) }), true
	}
	group, version, _ := strings.Cut(o.Text("apiVersion"), "/")
	now := o.id()
	for key, values := range map[string][]string{
		"group": {group}, "version": {version}, "kind": {o.Kind},
		"name": {o.first.name, now.name}, "namespace": {effective(o.first.namespace), effective(now.namespace)},
	} {
		if expression, asked := p.pattern[key]; asked && expression == nil {
			return true, false
		} else if asked && !slices.ContainsFunc(values, expression.MatchString) {
			return false, true
		}
	}
	for field, selector := range map[string]string{"labels": "labelSelector", "annotations": "annotationSelector"} {
		if selector = text(p.target, selector); selector == "" {
			continue
		}
		if selects, err := Selects(selector, texts(at(o.fields, "metadata", field))); err != nil || !selects {
			return err != nil, err == nil
		}
	}
	return true, true
}

// Selects tells whether a selector takes labels, or annotations.
func Selects(selector string, labels map[string]string) (bool, error) {
	n := kyaml.NewMapRNode(nil)
	if err := n.SetLabels(labels); err != nil {
		return false, err
	}
	return n.MatchesLabelSelector(selector)
}

// effective is the namespace that kustomize takes for none.
func effective(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}

// patched are the fields after a patch, which changes neither kind nor name by being
// merged; not ok where it cannot be told.
func patched(fields map[string]any, body any) (out map[string]any, ok bool) {
	before, err := json.Marshal(fields)
	if err != nil {
		return nil, false
	}
	change, err := json.Marshal(body)
	if err != nil {
		return nil, false
	}
	var after []byte
	switch body := body.(type) {
	case []any:
		after, err = stepped(before, change, body)
	case map[string]any:
		if directs(body) {
			return nil, false
		}
		after, err = jsonpatch.MergePatch(before, change)
	}
	if err != nil || json.Unmarshal(after, &out) != nil {
		return nil, false
	}
	if mapping(body) == nil {
		return out, text(out, "metadata", "name") != "" && text(out, "kind") == text(fields, "kind")
	}
	metadata, was := mapping(out["metadata"]), mapping(fields["metadata"])
	out["apiVersion"], out["kind"] = fields["apiVersion"], fields["kind"]
	for _, key := range []string{"name", "namespace"} {
		if delete(metadata, key); was[key] != nil {
			metadata[key] = was[key]
		}
	}
	return out, metadata != nil
}

// stepped is what the steps of a JSON Patch make, as long as none copies.
func stepped(before, change []byte, steps []any) ([]byte, error) {
	for _, step := range steps {
		if !slices.Contains([]string{"add", "replace", "remove", "move", "test"}, text(step, "op")) {
			return nil, errors.New("not known")
		}
	}
	patch, err := jsonpatch.DecodePatch(change)
	if err != nil {
		return nil, err
	}
	return patch.Apply(before)
}

// directs tells whether a patch holds a directive such as $patch.
func directs(body any) bool {
	for key, below := range mapping(body) {
		if strings.HasPrefix(key, "$") || directs(below) {
			return true
		}
	}
	return false
}
