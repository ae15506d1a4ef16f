package change

import (
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// Lookup finds the ImagePolicy objects that markers mean.
type Lookup struct {
	policies map[string][]ImagePolicy // by name, sorted by place
	// What was not searched: the folders that hold such a file, with all above,
	// and the folders themselves that nobody looked into.
	holding, closed map[string]bool
}

// Lookup prepares the policies of the facts for being looked up.
func (f Facts) Lookup() Lookup {
	l := Lookup{policies: map[string][]ImagePolicy{}, holding: map[string]bool{}, closed: map[string]bool{}}
	policies := slices.Clone(f.Policies)
	slices.SortStableFunc(policies, byPlace)
	for _, p := range policies {
		l.policies[p.Name] = append(l.policies[p.Name], p)
	}
	for _, p := range f.Unsearched {
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

// For gives the ImagePolicy objects that a marker in a file may mean, by its
// NAMESPACE:NAME: whole ones of its namespace or, where there is none, of one that
// the object does not say; and of these the nearest to the file by directory.
// Several are given only where they differ.
//
// A part never stands for the whole. Where it has an order of its own, what it
// makes of the whole is given beside this, for nobody knows whether it is applied;
// and by itself where there is nothing else. Without an order it says nothing.
//
// It is settled where nothing that was not searched could change the answer.
func (l Lookup) For(key, file string) (found []ImagePolicy, settled bool) {
	namespace, name, _ := strings.Cut(key, ":")
	dir := strings.Split(path.Dir(file), "/")
	all := l.policies[name]
	for _, known := range []string{namespace, ""} {
		whole, near := nearest(all, dir, 0, func(p ImagePolicy) bool { return !p.Partial && p.Namespace == known })
		if len(whole) == 0 {
			continue
		}
		parts, _ := nearest(all, dir, near, func(p ImagePolicy) bool { return p.Partial && p.Ordered() && p.Namespace == known })
		found = slices.Clone(whole)
		for _, part := range parts {
			for _, w := range whole {
				if p := part.over(w); !slices.ContainsFunc(found, p.Alike) {
					found = append(found, p)
				}
			}
		}
		told := known == namespace && !slices.ContainsFunc(whole, func(p ImagePolicy) bool { return p.Image == "" })
		return found, len(l.holding) == 0 || told && !l.unread(dir, near)
	}
	found, _ = nearest(all, dir, 0, func(p ImagePolicy) bool {
		return p.Partial && p.Ordered() && (p.Namespace == namespace || p.Namespace == "")
	})
	return found, len(l.holding) == 0
}

// Parts are the objects of which For gives none: parts that have no order.
func (l Lookup) Parts(key string) []ImagePolicy {
	namespace, name, _ := strings.Cut(key, ":")
	return slices.DeleteFunc(slices.Clone(l.policies[name]), func(p ImagePolicy) bool {
		return !p.Partial || p.Ordered() || p.Namespace != namespace && p.Namespace != ""
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
		n := Shared(strings.Split(path.Dir(p.File), "/"), dir)
		if n > near {
			near, out = n, nil
		}
		if i := slices.IndexFunc(out, p.Alike); n == near && i >= 0 {
			out[i].Suspended = out[i].Suspended && p.Suspended // whatever else there is, that one may be at work
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
