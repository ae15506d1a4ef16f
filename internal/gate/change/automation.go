package change

import (
	"slices"
	"strings"
)

// Automation is a Flux ImageUpdateAutomation object of the base tree, as far as a
// judge needs it (https://fluxcd.io/flux/components/image/imageupdateautomations/).
type Automation struct {
	File string
	Line int
	Name string
	// Branch is where it pushes to; empty where the object does not say.
	Branch string
	// Suspended says that it is to do nothing for now.
	Suspended bool
}

// AtWork tells whether an automation is known that pushes to the change's branch and
// is not suspended: whatever else there is, that one may.
func (f Facts) AtWork() bool {
	return slices.ContainsFunc(f.Automations, func(a Automation) bool { return a.pushesTo(f.HeadRef) && !a.Suspended })
}

// Stopped are the automations that push to the change's branch, where all that are
// known are suspended.
func (f Facts) Stopped() []Automation {
	if f.AtWork() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.Automations), func(a Automation) bool { return !a.pushesTo(f.HeadRef) })
}

func (a Automation) pushesTo(branch string) bool { return a.Branch != "" && a.Branch == branch }

// truth tells whether a reader of YAML, of whatever version, takes a word for true.
func truth(word string) bool {
	return slices.Contains([]string{"true", "yes", "on", "y"}, strings.ToLower(word))
}

// findAutomations returns the ImageUpdateAutomation objects in YAML files, in the
// order of the files.
func findAutomations(files []Content) []Automation {
	var out []Automation
	for _, f := range files {
		for _, o := range imageObjects(f.Data) {
			if o.kind == "ImageUpdateAutomation" {
				out = append(out, Automation{
					File: f.Path, Line: o.line, Name: o.name,
					Branch: text(o.node, "spec", "git", "push", "branch"), Suspended: truth(text(o.node, "spec", "suspend")),
				})
			}
		}
	}
	return out
}
