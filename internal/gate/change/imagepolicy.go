package change

import (
	"cmp"
	"path"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
)

// FindPolicies returns the ImagePolicy objects in YAML files, as kustomizations
// complete them, sorted by file and line; the same object can be in several
// clusters' files. Where nothing says a namespace it stays empty: the cluster
// may set it.
//
// Image is the image of the ImageRepository that the policy names: the one in
// the same file, else in the same directory, else anywhere in the files as
// long as all of that name have the same image.
func FindPolicies(files []Content) []ImagePolicy {
	objects, _ := kustomize.Find(kustomize.Base{Files: files})
	return policies(objects)
}

func policies(objects []kustomize.Object) (out []ImagePolicy) {
	type key struct{ namespace, name string }
	repositories := map[key][]kustomize.Object{}
	for _, o := range objects {
		if o.Kind == "ImageRepository" {
			k := key{o.Namespace(), o.Name()}
			repositories[k] = append(repositories[k], o)
		}
	}
	for _, o := range objects {
		if o.Kind == "ImagePolicy" {
			named := key{cmp.Or(o.Text("spec", "imageRepositoryRef", "namespace"), o.Namespace()), o.Text("spec", "imageRepositoryRef", "name")}
			p := imagePolicy(o)
			if r, known := repositoryOf(o, repositories[named]); known {
				p.Image, p.Halt = r.Text("spec", "image"), max(p.Halt, haltOf(r))
			}
			out = append(out, p)
		}
	}
	return out
}

func byPlace(a, b ImagePolicy) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}

// imagePolicy reads an object of Flux's image API
// (https://fluxcd.io/flux/components/image/api/v1/). Where it sets several orders,
// which the API does not allow, the first in Flux's own sequence counts.
func imagePolicy(o kustomize.Object) ImagePolicy {
	selector := image.Selector{
		Pattern: o.Text("spec", "filterTags", "pattern"),
		Extract: o.Text("spec", "filterTags", "extract"),
	}
	ordered := true
	switch {
	case o.Has("spec", "policy", "semver"):
		selector.Range = o.Text("spec", "policy", "semver", "range")
	case o.Has("spec", "policy", "alphabetical"):
		selector.Alphabetical = cmp.Or(o.Text("spec", "policy", "alphabetical", "order"), "asc")
	case o.Has("spec", "policy", "numerical"):
		selector.Numerical = cmp.Or(o.Text("spec", "policy", "numerical", "order"), "asc")
	default:
		ordered = false
	}
	return ImagePolicy{
		File: o.File, Line: o.Line, Folders: o.Folders,
		Namespace: o.Namespace(), Name: o.Name(), Labels: o.Labels(),
		Repository:       o.Text("spec", "imageRepositoryRef", "name"),
		Partial:          o.Unknown == "" && (o.Text("spec", "imageRepositoryRef", "name") == "" || !ordered),
		Unknown:          o.Unknown,
		Halt:             haltOf(o),
		Selector:         selector,
		DigestReflection: o.Text("spec", "digestReflectionPolicy"),
	}
}

// repositoryOf returns the ImageRepository that a policy names; not known where it is not
// among those of that name, or several disagree on the image. Of several that agree one
// that is suspended counts last.
func repositoryOf(policy kustomize.Object, named []kustomize.Object) (found kustomize.Object, known bool) {
	sameFile := func(r kustomize.Object) bool { return r.File == policy.File }
	sameDirectory := func(r kustomize.Object) bool { return path.Dir(r.File) == path.Dir(policy.File) }
	anywhere := func(kustomize.Object) bool { return true }
	if slices.ContainsFunc(named, func(r kustomize.Object) bool { return r.Unknown != "" }) {
		return found, false
	}
	for _, near := range []func(kustomize.Object) bool{sameFile, sameDirectory, anywhere} {
		for _, r := range named {
			switch {
			case !near(r):
			case known && r.Text("spec", "image") != found.Text("spec", "image"):
				return kustomize.Object{}, false
			case !known || haltOf(r) <= haltOf(found):
				found, known = r, true
			}
		}
		if known {
			return found, true
		}
	}
	return found, false
}
