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
// NAMESPACE:NAME: those of its namespace or, where there is none, of one that
// the object does not say; and of these the nearest to the file by directory.
// Several are given only where they differ.
//
// It is settled where nothing that was not searched could change the answer.
func (l Lookup) For(key, file string) (found []ImagePolicy, settled bool) {
	namespace, name, _ := strings.Cut(key, ":")
	dir := strings.Split(path.Dir(file), "/")
	near := 0
	settled = true
	for _, p := range l.policies[name] {
		if p.Namespace != namespace && p.Namespace != "" {
			continue
		}
		n := shared(strings.Split(path.Dir(p.File), "/"), dir)
		if n > near {
			near, found = n, nil
		}
		if n == near && !slices.ContainsFunc(found, p.Alike) {
			found = append(found, p)
		}
	}
	known := func(p ImagePolicy) bool { return p.Namespace == namespace && p.Image != "" }
	if len(found) == 0 || !all(found, known) {
		return found, len(l.holding) == 0
	}
	return found, !l.unread(dir, near)
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
// ImagePolicy a marker of a changed file means.
func (f Facts) Settled() bool {
	if len(f.Unsearched) == 0 {
		return true
	}
	l := f.Lookup()
	for _, file := range f.Files {
		for _, side := range []Blob{file.New, file.Tip, file.Old} {
			if !manifest.Marked(side.Data) {
				continue
			}
			for _, field := range manifest.Read(side.Data).Fields {
				if _, settled := l.For(field.Marker.Image(), file.Path); !settled {
					return false
				}
			}
		}
	}
	return true
}

func all[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !holds(one) })
}

// shared counts the leading parts that two paths have in common.
func shared(a, b []string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
