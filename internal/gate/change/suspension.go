package change

import (
	"cmp"
	"path"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Suspension is a kustomize patch of the base that suspends objects of Flux's image
// API. Whether it is applied where the change is for, the files alone do not tell.
type Suspension struct {
	File string
	Line int
	// Kind is a pattern, as kustomize has them for targets. Name is empty where the
	// patch may be for objects of any name.
	Kind, Name string
}

// Doubts are the suspensions by patches that may stop updates by some ImagePolicies.
func (f Facts) Doubts(policies []ImagePolicy) []Suspension {
	var names [len(kinds)][]string // by kinds
	for _, p := range policies {
		names[0], names[1] = append(names[0], p.Name), append(names[1], p.Repository)
	}
	for _, a := range f.Automations {
		if a.pushesTo(f.HeadRef) && !a.Suspended {
			names[2] = append(names[2], a.Name)
		}
	}
	return slices.DeleteFunc(slices.Clone(f.Suspensions), func(s Suspension) bool {
		for i, kind := range kinds {
			if matches(s.Kind, kind) && len(names[i]) > 0 && (s.Name == "" || slices.Contains(names[i], s.Name)) {
				return false
			}
		}
		return true
	})
}

// matches tells whether a target's pattern takes a kind; an empty one takes all.
func matches(pattern, kind string) bool {
	r, err := regexp.Compile("^(?:" + cmp.Or(pattern, ".*") + ")$")
	return err != nil || r.MatchString(kind)
}

// findSuspensions returns the patches that suspend, in the order of the files.
func findSuspensions(files []Content) (out []Suspension) {
	content := map[string][]byte{}
	for _, f := range files {
		content[f.Path] = f.Data
	}
	for _, f := range files {
		for _, o := range imageObjects(f.Data) {
			if o.part() && truth(text(o.node, "spec", "suspend")) {
				out = append(out, Suspension{f.Path, o.line, o.kind, o.name})
			}
		}
		if !isKustomization(f.Path) {
			continue
		}
		eachDocument(f.Data, []string{"patches"}, func(root *yaml.Node, offset int) {
			for _, list := range []string{"patches", "patchesJson6902", "patchesStrategicMerge"} {
				patches := value(root, list)
				if patches == nil || patches.Kind != yaml.SequenceNode {
					continue
				}
				for _, p := range patches.Content {
					out = append(out, inlined(p, f.Path, offset, content)...)
				}
			}
		})
	}
	return out
}

// inlined gives what an entry of a kustomization's patches suspends, by its own text or
// by that of a file.
func inlined(entry *yaml.Node, file string, offset int, content map[string][]byte) (out []Suspension) {
	patch, target := entry.Value, value(entry, "target")
	if entry.Kind == yaml.MappingNode {
		patch = text(entry, "patch")
	}
	if name := text(entry, "path"); name != "" && target != nil {
		patch = string(content[path.Join(path.Dir(file), name)])
	}
	s := Suspension{File: file, Line: entry.Line + offset, Kind: text(target, "kind")}
	eachReadable([]byte(patch), []string{"suspend"}, 0, func(root *yaml.Node, _ int) {
		if root.Kind == yaml.SequenceNode && slices.ContainsFunc(root.Content, suspends) {
			out = append(out, s)
		}
	})
	for _, o := range imageObjects([]byte(patch)) {
		if !truth(text(o.node, "spec", "suspend")) {
			continue
		}
		s.Kind, s.Name = cmp.Or(s.Kind, o.kind), o.name
		if target != nil {
			s.Name = "" // the patch's own means nothing
		}
		out = append(out, s)
	}
	return out
}

// suspends tells whether a step of a JSON patch does.
func suspends(step *yaml.Node) bool {
	to := value(step, "value")
	return to != nil && (text(step, "path") == "/spec/suspend" && truth(to.Value) || truth(text(to, "suspend")))
}

// part tells whether Flux would not take the object as it stands.
func (o object) part() bool {
	switch o.kind {
	case "ImagePolicy":
		return o.policy().Partial
	case "ImageRepository":
		return text(o.node, "spec", "image") == ""
	}
	return text(o.node, "spec", "sourceRef", "name") == ""
}

func isKustomization(file string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(file))
}
