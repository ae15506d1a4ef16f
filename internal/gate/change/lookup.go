package change

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// Lookup finds the ImagePolicy objects that markers mean, and the automations that write them.
type Lookup struct {
	policies map[string][]ImagePolicy // by name, sorted by place
	writers  []Automation             // those that may have pushed the change
	// What was not searched: the folders that hold such a file, with all above,
	// and the folders themselves that nobody looked into.
	holding, closed map[string]bool
	// completed says that something was not searched by which others are completed.
	completed bool
}

// Lookup prepares the policies of the facts for being looked up.
func (f Facts) Lookup() Lookup {
	l := Lookup{policies: map[string][]ImagePolicy{}, writers: f.writers(), holding: map[string]bool{}, closed: map[string]bool{}}
	policies := slices.Clone(f.Policies)
	slices.SortStableFunc(policies, byPlace)
	for _, p := range policies {
		l.policies[p.Name] = append(l.policies[p.Name], p)
	}
	for _, p := range f.Unsearched {
		l.completed = l.completed || kustomize.Completes(p)
		folder, isFolder := strings.CutSuffix(p, "/")
		if isFolder {
			l.closed[folder] = true
		} else {
			folder = path.Dir(p)
		}
		parts := strings.Split(folder, "/")
		for n := range len(parts) + 1 {
			l.holding[strings.Join(parts[:n], "/")] = true
		}
	}
	return l
}

// Writers are the automations that may write a marker, by its NAMESPACE:NAME, in a file, of all that
// may have pushed the change. Suspended ones are among them only where all of them are.
func (l Lookup) Writers(key, file string) (some, all []Automation) {
	namespace, _, _ := strings.Cut(key, ":")
	for _, a := range l.writers {
		takes, known := l.takes(a, key, file)
		if !takes || !a.writes(file, namespace) {
			continue
		}
		if !known {
			a.Unknown = cmp.Or(a.Unknown, "its policySelector goes by labels of the ImagePolicy "+key+" that are not known")
		}
		some = append(some, a)
	}
	if slices.ContainsFunc(some, func(a Automation) bool { return a.Halt != Suspended }) {
		some = slices.DeleteFunc(some, func(a Automation) bool { return a.Halt == Suspended })
	}
	return some, l.writers
}

// takes tells whether an automation's policySelector may take the ImagePolicy of a marker, and whether that is known.
// In several clusters the object can have several sets of labels; one that fits will do.
func (l Lookup) takes(a Automation, key, file string) (takes, known bool) {
	if a.Selector == "" || a.Unknown != "" {
		return true, true
	}
	namespace, name, _ := strings.Cut(key, ":")
	for _, of := range []string{namespace, ""} {
		for _, p := range l.policies[name] {
			if said(p.Namespace) != of || l.sample(p, file) || p.Partial && len(p.Labels) == 0 {
				continue
			}
			selected, err := kustomize.Selects(a.Selector, p.Labels)
			switch unsure := err != nil || p.Unknown != "" || p.Partial || p.labelsFilledIn(); {
			case selected && !unsure:
				return true, true
			case unsure:
				takes = true
			}
			known = true
		}
		if known {
			return takes, !takes
		}
	}
	return true, false
}

// For gives the ImagePolicy objects that a marker in a file may mean, by its
// NAMESPACE:NAME: whole ones of its namespace or, where there is none, of one that
// the object does not say; and of these the nearest to the file by directory. Where
// several are equally near, those count that are the nearest to an automation which may
// write the file; where others are the nearest to all of these, they count as well, and
// so do those that lie nearer and do not say their namespace. Several are given only
// where they differ.
//
// A part never stands for the whole. Where it has an order of its own, what it
// makes of the whole is given beside this, for nobody knows whether it is applied;
// and by itself where there is nothing else. Without an order it says nothing.
//
// It is settled where nothing that was not searched could change the answer.
func (l Lookup) For(key, file string) (found []ImagePolicy, settled bool) {
	namespace, name, _ := strings.Cut(key, ":")
	dir := strings.Split(path.Dir(file), "/")
	all := slices.DeleteFunc(slices.Clone(l.policies[name]), func(p ImagePolicy) bool { return l.sample(p, file) })
	for _, known := range []string{namespace, ""} {
		passes := func(p ImagePolicy) bool { return !p.Partial && said(p.Namespace) == known }
		whole, near := nearest(all, dir, 0, passes)
		if len(whole) == 0 {
			continue
		}
		byFile := len(whole)
		whole = l.written(whole, slices.DeleteFunc(slices.Clone(all), func(p ImagePolicy) bool { return !passes(p) }), key, file)
		unsaid, _ := nearest(all, dir, near+1, func(p ImagePolicy) bool { return !p.Partial && said(p.Namespace) == "" })
		whole = append(whole, slices.DeleteFunc(unsaid, func(p ImagePolicy) bool { return slices.ContainsFunc(whole, p.Alike) })...)
		parts, _ := nearest(all, dir, near, func(p ImagePolicy) bool { return p.Partial && p.Ordered() && said(p.Namespace) == known })
		found = slices.Clone(whole)
		for _, part := range parts {
			for _, w := range whole {
				if p := part.over(w); !slices.ContainsFunc(found, p.Alike) {
					found = append(found, p)
				}
			}
		}
		told := known == namespace && len(whole) == byFile && !l.completed &&
			!slices.ContainsFunc(whole, func(p ImagePolicy) bool { return p.Image == "" || p.Unknown != "" })
		return found, len(l.holding) == 0 || told && !l.unread(dir, near)
	}
	found, _ = nearest(all, dir, 0, func(p ImagePolicy) bool {
		return p.Partial && p.Ordered() && (p.Namespace == namespace || said(p.Namespace) == "")
	})
	return found, len(l.holding) == 0
}

// sample tells whether a policy is a sample for another place, and there is one of its name and
// namespace that is none.
func (l Lookup) sample(p ImagePolicy, file string) bool {
	folder := sampled(p.File)
	return folder != "" && !strings.HasPrefix(file, folder+"/") && slices.ContainsFunc(l.policies[p.Name], func(other ImagePolicy) bool {
		return !other.Partial && other.Namespace == p.Namespace && sampled(other.File) == ""
	})
}

// written chooses, of the policies that are the nearest to a file, those that are the nearest to an
// automation which may write it; both where they have none in common.
func (l Lookup) written(near, all []ImagePolicy, key, file string) []ImagePolicy {
	writers, _ := l.Writers(key, file)
	var by []ImagePolicy
	for _, a := range writers {
		most := -1
		var of []ImagePolicy
		for _, p := range all {
			n := 0
			for _, folder := range append(slices.Clone(a.Folders), path.Dir(a.File)) {
				n = max(n, p.near(strings.Split(folder, "/")))
			}
			if n > most {
				most, of = n, nil
			}
			if n == most {
				of = append(of, p)
			}
		}
		by = append(by, of...)
	}
	if len(by) == 0 {
		return near
	}
	if both := slices.DeleteFunc(slices.Clone(near), func(p ImagePolicy) bool { return !slices.ContainsFunc(by, p.Alike) }); len(both) > 0 {
		return both
	}
	for _, p := range by {
		if !slices.ContainsFunc(near, p.Alike) {
			near = append(near, p)
		}
	}
	return near
}

// near is how near a policy lies to a folder, by its own or by one that a kustomization takes it to.
func (p ImagePolicy) near(dir []string) int {
	n := Shared(strings.Split(path.Dir(p.File), "/"), dir)
	for _, folder := range p.Folders {
		n = max(n, Shared(strings.Split(folder, "/"), dir))
	}
	return n
}

// Parts are the objects of which For gives none: parts that have no order.
func (l Lookup) Parts(key string) []ImagePolicy {
	namespace, name, _ := strings.Cut(key, ":")
	return slices.DeleteFunc(slices.Clone(l.policies[name]), func(p ImagePolicy) bool {
		return !p.Partial || p.Ordered() || p.Namespace != namespace && said(p.Namespace) != ""
	})
}

// nearest gives those of the objects that pass which are the nearest to a folder,
// and how near they are; none that are less near than least.
func nearest(policies []ImagePolicy, dir []string, least int, pass func(ImagePolicy) bool) (out []ImagePolicy, near int) {
	near = least
	for _, p := range policies {
		if !pass(p) {
			continue
		}
		n := p.near(dir)
		if n > near {
			near, out = n, nil
		}
		if i := slices.IndexFunc(out, p.Alike); n == near && i >= 0 {
			out[i].Halt = min(out[i].Halt, p.Halt) // whatever else there is, that one may be at work
		} else if n == near {
			out = append(out, p)
		}
	}
	return out, near
}

// unread tells whether something was not searched that is as near to a folder
// as near says, or nearer.
func (l Lookup) unread(dir []string, near int) bool {
	if len(l.holding) == 0 {
		return false
	}
	for n := range len(dir) + 1 {
		if l.closed[strings.Join(dir[:n], "/")] {
			return true
		}
	}
	return l.holding[strings.Join(dir[:near], "/")]
}

// Settled tells whether nothing that was not searched could change which
// ImagePolicy a marker of a changed file means, or that Flux is at work there.
func (f Facts) Settled() bool {
	if len(f.Unsearched) == 0 {
		return true
	}
	l, atWork := f.Lookup(), f.AtWork()
	for _, file := range f.Files {
		for _, side := range []Blob{file.After, file.Before, file.Old} {
			if !manifest.Marked(side.Data) {
				continue
			}
			for _, field := range manifest.Read(side.Data).Fields {
				if _, settled := l.For(field.Marker.Image(), file.Path); !settled || !atWork {
					return false
				}
			}
		}
	}
	return true
}

// Shared counts the leading parts that two paths have in common.
func Shared(a, b []string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
