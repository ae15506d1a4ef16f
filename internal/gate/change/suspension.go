package change

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
)

// Suspension is a kustomize patch of the base that suspends objects of Flux's image
// API. Whether it is applied where the change is for, the files alone do not tell.
type Suspension struct {
	Place string
	// Kind is a pattern, as kustomize has them for targets. Name is empty where the
	// patch may be for objects of any name.
	Kind, Name string
	// Applied says that it is applied to objects of the base, which tell of it themselves. (An
	// ImageRepository does not, since a policy's can be that of another cluster.)
	Applied bool
}

// kinds are those of Flux's image API.
var kinds = [...]string{"ImagePolicy", "ImageRepository", "ImageUpdateAutomation"}

// Doubts are the suspensions by patches that may stop updates by some ImagePolicies.
func (f Facts) Doubts(policies []ImagePolicy) []Suspension {
	stopped := f.Stopped()
	halted := len(stopped) > 0 || slices.ContainsFunc(policies, func(p ImagePolicy) bool { return p.Halt == Suspended })
	var names [len(kinds)][]string // by kinds
	for _, p := range policies {
		names[0], names[1] = append(names[0], p.Name), append(names[1], p.Repository)
	}
	for _, a := range f.automations() {
		if f.Pushes(a) && (a.Halt != Suspended || len(stopped) > 0) {
			names[2] = append(names[2], a.Name)
		}
	}
	return slices.DeleteFunc(slices.Clone(f.Suspensions), func(s Suspension) bool {
		if s.Applied && !halted && !matches(s.Kind, "ImageRepository") ||
			slices.ContainsFunc(stopped, func(a Automation) bool { return a.Place() == s.Place }) {
			return true // it is for other clusters, or the automation itself
		}
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

// suspensions are the patches that suspend, with the parts of objects that no kustomization names.
func suspensions(patches []kustomize.Patch, objects []kustomize.Object) (out []Suspension) {
	for _, p := range patches {
		switch {
		case !p.Sets(truth, "spec", "suspend"):
		case p.Targeted: // the patch's own kind and name mean nothing
			out = append(out, Suspension{p.Place, p.Kind, "", p.Found})
		default:
			out = append(out, Suspension{p.Place, p.Kind, p.Name, p.Found})
		}
	}
	for _, o := range objects {
		// A patch that found nothing is an object, too.
		again := func(s Suspension) bool { return s.Kind == o.Kind && (s.Name == "" || s.Name == o.Name()) }
		if truth(o.Text("spec", "suspend")) && part(o) && !slices.ContainsFunc(out, again) {
			out = append(out, Suspension{place(o.File, o.Line), o.Kind, o.Name(), false})
		}
	}
	return out
}

// part tells whether Flux would not take the object as it stands.
func part(o kustomize.Object) bool {
	switch o.Kind {
	case "ImagePolicy":
		return imagePolicy(o).Partial
	case "ImageRepository":
		return o.Text("spec", "image") == ""
	}
	return o.Text("spec", "sourceRef", "name") == ""
}
