package change

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
)

// Automation is a Flux ImageUpdateAutomation object of the base tree, as far as a
// judge needs it (https://fluxcd.io/flux/components/image/imageupdateautomations/).
type Automation struct {
	File            string
	Line            int
	Folders         []string // those of the kustomizations that it goes through
	Namespace, Name string   // Namespace is empty where nothing known says it
	// Source is the repository that it writes to, as owner/name; empty where the base
	// does not tell.
	Source string
	// Branch is where it pushes to as the object says it, empty where that does not say; and
	// Refspec what it pushes besides.
	Branch, Refspec string
	// Path is the folder or file below which it writes; "." is all.
	Path string
	// Selector is policySelector, as kubectl takes it: the labels of the ImagePolicies that it writes; empty takes all.
	Selector string
	// Halt tells whether it is to do nothing for now.
	Halt Halt
	// Unknown says why it may be another in the cluster; empty where it is known.
	Unknown string
}

// AtWork tells whether an automation is known that pushes to the change's branch and
// is not suspended: whatever else there is, that one may.
func (f Facts) AtWork() bool {
	return slices.ContainsFunc(f.automations(), func(a Automation) bool { return f.Pushes(a) && a.Halt != Suspended })
}

// Stopped are the automations that push to the change's branch, where all that are
// known are suspended.
func (f Facts) Stopped() []Automation {
	if f.AtWork() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.automations()), func(a Automation) bool { return !f.Pushes(a) })
}

// Pushes tells whether an automation is known to push to the change's branch.
func (f Facts) Pushes(a Automation) bool { return a.Branch != "" && a.Branch == f.HeadRef }

// automations are those of the base, without samples where there are others, and without those of other
// repositories where some are known to be of this one. A repository can have had another owner.
func (f Facts) automations() []Automation {
	rest := slices.DeleteFunc(slices.Clone(f.Automations), func(a Automation) bool { return sampled(a.File) != "" })
	if len(rest) == 0 {
		rest = f.Automations
	}
	ours := func(a Automation) bool { return strings.EqualFold(path.Base(a.Source), path.Base(f.Repository)) }
	if f.Repository != "" && slices.ContainsFunc(rest, ours) {
		rest = slices.DeleteFunc(slices.Clone(rest), func(a Automation) bool { return a.Source != "" && !ours(a) })
	}
	return rest
}

// writers are the automations that may have pushed the change. None is known where it is not known which
// repositories they write to.
func (f Facts) writers() (out []Automation) {
	source := f.Repository
	for _, a := range f.automations() {
		if source = cmp.Or(source, a.Source); a.Source != "" && !strings.EqualFold(a.Source, source) {
			return nil
		}
		if f.HeadRef == "" || said(a.Branch) == "" || a.Branch == f.HeadRef || a.Refspec != "" {
			out = append(out, a)
		}
	}
	return out
}

// writes tells whether an automation may write a marker of the namespace in a file.
func (a Automation) writes(file, namespace string) bool {
	if a.Unknown != "" {
		return true
	}
	return (said(a.Namespace) == "" || a.Namespace == namespace) &&
		(a.Path == "." || a.Path == file || strings.HasPrefix(file, a.Path+"/") || said(a.Path) == "")
}

// said is a name, empty where some of it is filled in after the build, or by a template.
func said(name string) string {
	if strings.ContainsAny(name, "$<{") {
		return ""
	}
	return name
}

// Place is where the object stands, as file:line.
func (a Automation) Place() string { return place(a.File, a.Line) }

// truth tells whether a reader of YAML, of whatever version, takes a word for true.
func truth(word string) bool {
	return slices.Contains([]string{"true", "yes", "on", "y"}, strings.ToLower(word))
}

// automations are the ImageUpdateAutomation objects among those of Flux.
func automations(objects []kustomize.Object) (out []Automation) {
	for _, o := range objects {
		if o.Kind != "ImageUpdateAutomation" {
			continue
		}
		a := Automation{
			File: o.File, Line: o.Line, Folders: o.Folders, Namespace: o.Namespace(), Name: o.Name(), Unknown: o.Unknown,
			Refspec:  o.Text("spec", "git", "push", "refspec"),
			Branch:   cmp.Or(o.Text("spec", "git", "push", "branch"), o.Text("spec", "git", "checkout", "ref", "branch")),
			Path:     path.Clean(strings.TrimLeft(o.Text("spec", "update", "path"), "/")),
			Selector: o.LabelSelector("spec", "policySelector"),
			Halt:     haltOf(o),
		}
		a.Source = sourceOf(o, objects)
		out = append(out, a)
	}
	return out
}

// sourceOf is the repository of the GitRepository that an automation names, empty where it is
// not among the objects, several disagree, or it does not say.
func sourceOf(o kustomize.Object, objects []kustomize.Object) string {
	namespace := cmp.Or(o.Text("spec", "sourceRef", "namespace"), o.Namespace())
	found := ""
	for _, r := range objects {
		if r.Kind != "GitRepository" || r.Name() != o.Text("spec", "sourceRef", "name") || r.Namespace() != namespace {
			continue
		}
		name := r.Repository()
		if name == "" || r.Unknown != "" || found != "" && !strings.EqualFold(found, name) {
			return ""
		}
		found = name
	}
	return found
}

// bootstrapped is the repository that Flux was bootstrapped from, as flux bootstrap writes it there; empty where
// the base does not tell.
func bootstrapped(objects []kustomize.Object) (found string) {
	for _, o := range objects {
		if o.Kind != "GitRepository" || o.Name() != "flux-system" {
			continue
		}
		if name := o.Repository(); found == "" || strings.EqualFold(found, name) {
			found = name
		} else {
			return ""
		}
	}
	return found
}

// sampled is the folder of samples that a file lies in, empty where it is in none.
func sampled(file string) string {
	found := ""
	for folder := path.Dir(file); folder != "."; folder = path.Dir(folder) {
		if slices.Contains([]string{"doc", "docs", "example", "examples", "sample", "samples"}, strings.ToLower(path.Base(folder))) {
			found = folder
		}
	}
	return found
}
