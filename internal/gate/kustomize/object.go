package kustomize

import (
	"bytes"
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text/pattern"
)

// File is a file of the repository.
type File struct {
	Path string
	Data []byte
}

// Base is what a repository's base holds.
type Base struct {
	// Files are those that count, of all that were read.
	Files []File
	// Unread are the paths of files that were not.
	Unread []string
	// Repository is owner/name; empty where it is not known.
	Repository string
}

// Object is an object of Flux's API, as a cluster gets it.
type Object struct {
	// File and Line are where it is written, Folders those of the kustomizations and of
	// Flux's Kustomizations that it goes through.
	File    string
	Line    int
	Folders []string
	Kind    string
	// Unknown says why the object may be another in the cluster; empty where it is known.
	Unknown string

	fields map[string]any // texts, lists and mappings
	first  id             // as it is written
	past   []id           // as the kustomizations below had it
}

type id struct{ namespace, name string }

// Name is metadata.name.
func (o Object) Name() string { return o.Text("metadata", "name") }

// Namespace is metadata.namespace, empty where nothing known says it.
func (o Object) Namespace() string { return o.Text("metadata", "namespace") }

func (o Object) id() id { return id{o.Namespace(), o.Name()} }

// Text is the scalar under the keys as it is written, empty where there is none.
func (o Object) Text(keys ...string) string { return text(o.fields, keys...) }

// Has tells whether there is a mapping under the keys, be it empty.
func (o Object) Has(keys ...string) bool { return mapping(at(o.fields, keys...)) != nil }

// Labels are metadata.labels.
func (o Object) Labels() map[string]string { return texts(at(o.fields, "metadata", "labels")) }

// LabelSelector is the selector of labels under the keys, as kubectl takes it; empty where it takes all.
func (o Object) LabelSelector(keys ...string) string {
	selector := at(o.fields, keys...)
	if s, ok := selector.(string); ok {
		return s // such as a variable that is filled in later
	}
	var terms []string
	for key, value := range texts(at(selector, "matchLabels")) {
		terms = append(terms, key+"="+value)
	}
	for _, item := range list(at(selector, "matchExpressions")) {
		var values []string
		for _, value := range list(at(item, "values")) {
			value, _ := value.(string)
			values = append(values, value)
		}
		key, in := text(item, "key"), "("+strings.Join(values, ",")+")"
		terms = append(terms, cmp.Or(map[string]string{
			"In": key + " in " + in, "NotIn": key + " notin " + in, "Exists": key, "DoesNotExist": "!" + key,
		}[text(item, "operator")], "?")) // which nobody reads
	}
	slices.Sort(terms)
	return strings.Join(terms, ",")
}

// Repository is the owner/name at the end of a GitRepository's address; empty where there is none.
func (o Object) Repository() string {
	address := o.Text("spec", "url")
	_, rest, remote := strings.Cut(address, "://")
	if !remote {
		if _, rest, remote = strings.Cut(address, "@"); remote {
			rest = strings.Replace(rest, ":", "/", 1)
		}
	}
	parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(rest, "/"), ".git"), "/")
	if !remote || len(parts) < 3 || strings.Contains(rest, "${") {
		return ""
	}
	return strings.Join(parts[len(parts)-2:], "/")
}

// with is the object with something else in its metadata.
func (o Object) with(key string, value any) Object {
	o.fields = with(o.fields, map[string]any{"metadata": with(mapping(o.fields["metadata"]), map[string]any{key: value})})
	return o
}

// with is a mapping with others laid over it.
func with(fields, more map[string]any) map[string]any {
	out := make(map[string]any, len(fields)+len(more))
	maps.Copy(out, fields)
	maps.Copy(out, more)
	return out
}

// applied is the object with a doubt where it tells Flux not to apply it anew.
func (o Object) applied() Object {
	for _, field := range []string{"annotations", "labels"} {
		for key, value := range map[string]string{"reconcile": "disabled", "ssa": "Ignore|IfNotPresent"} {
			of := o.Text("metadata", field, "kustomize.toolkit.fluxcd.io/"+key)
			if of != "" && slices.ContainsFunc(strings.Split(value, "|"), func(v string) bool { return strings.EqualFold(v, of) }) {
				return o.unknown("its " + field + " tell Flux not to apply it again, so the cluster may have another")
			}
		}
	}
	return o
}

func (o Object) unknown(why string) Object {
	o.Unknown = cmp.Or(o.Unknown, why)
	return o
}

func at(v any, keys ...string) any {
	for _, key := range keys {
		v = mapping(v)[key]
	}
	return v
}

func text(v any, keys ...string) string { s, _ := at(v, keys...).(string); return s }
func mapping(v any) map[string]any      { m, _ := v.(map[string]any); return m }
func list(v any) []any                  { l, _ := v.([]any); return l }

// texts are the scalars of a mapping; nil where there are none.
func texts(v any) (out map[string]string) {
	for key := range mapping(v) {
		if out == nil {
			out = map[string]string{}
		}
		out[key] = text(v, key)
	}
	return out
}

const imageGroup = "image.toolkit.fluxcd.io"

// kinds are those of Flux that matter, by their groups.
var kinds = map[string][]string{
	imageGroup:                    {"ImagePolicy", "ImageRepository", "ImageUpdateAutomation"},
	"source.toolkit.fluxcd.io":    {"GitRepository"},
	"kustomize.toolkit.fluxcd.io": {"Kustomization"},
}

// words are what a document with such an object, or with several, cannot be without.
var words = [][]byte{
	[]byte("ImagePolicy"), []byte("ImageRepository"), []byte("ImageUpdateAutomation"), []byte("GitRepository"),
	[]byte("kustomize.toolkit.fluxcd.io"),
}

// patchWords are what the patch of an image object that matters cannot be without, where it does not name its kind.
var patchWords = [][]byte{
	[]byte("/spec"), []byte("/metadata"), []byte("filterTags"), []byte("digestReflectionPolicy"), []byte("imageRepositoryRef"),
	[]byte("semver"), []byte("numerical"), []byte("alphabetical"), []byte("suspend"),
}

// Counts tells whether a file can have a part in what Find finds, by what it holds.
func Counts(data []byte) bool {
	return holds(data, words) || holds(data, patchWords) ||
		holds(data, layerWords) && (bytes.Contains(data, []byte("kustomize.config.k8s.io")) || !topLevel(data, "apiVersion:"))
}

// layerWords are what a kustomization that has objects, or is a Component of others, cannot be without.
var layerWords = [][]byte{[]byte("resources"), []byte("bases"), []byte("omponent")}

// topLevel tells whether a line begins with a word.
func topLevel(data []byte, word string) bool {
	return bytes.HasPrefix(data, []byte(word)) || bytes.Contains(data, []byte("\n"+word))
}

func holds(data []byte, any [][]byte) bool {
	return slices.ContainsFunc(any, func(word []byte) bool { return bytes.Contains(data, word) })
}

// isKustomization tells by its name whether a file is a kustomization.
func isKustomization(file string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(file))
}

// Completes tells by its name whether a file can change what Find makes of others.
func Completes(file string) bool { return isKustomization(file) }

// input is what a ResourceSet's template takes from its inputs
// (https://fluxcd.control-plane.io/operator/resourceset/).
var input = pattern.Lazy(`<<-?\s*inputs\.([A-Za-z0-9_]+)\s*(?:\|\s*quote\s*)?-?>>`)

// isKind tells whether a kind is one of Flux's that matter.
func isKind(kind string) bool {
	for _, of := range kinds {
		if slices.Contains(of, kind) {
			return true
		}
	}
	return false
}

// blank is what a template leaves to be filled in.
var blank = pattern.Lazy(`<<.*>>|\{\{.*\}\}`)

// template tells whether something is left to be filled in.
func template(v any) bool {
	switch v := v.(type) {
	case string:
		return blank().MatchString(v)
	case []any:
		return slices.ContainsFunc(v, template)
	case map[string]any:
		for _, below := range v {
			if template(below) {
				return true
			}
		}
	}
	return false
}

// filled are the texts of an object with the inputs in their places.
func filled(v any, inputs map[string]any) any {
	if inputs == nil {
		return v
	}
	switch v := v.(type) {
	case string:
		return input().ReplaceAllStringFunc(v, func(s string) string {
			if value, ok := inputs[input().FindStringSubmatch(s)[1]].(string); ok {
				return value
			}
			return s
		})
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = filled(v[i], inputs)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = filled(v[key], inputs)
		}
		return out
	}
	return v
}
