package gate

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// moved is what the changed places of one policy say the new image is.
type moved struct {
	// counts are, for each part, how many places say what.
	counts map[manifest.Part]map[string]int
	files  map[string]bool
	dirs   map[string]bool
}

// stragglers reports the places of a policy that do not hold what the others
// now hold: Flux writes one image to all of them in one commit.
func (j *judge) stragglers(updates []joined) {
	policies := map[string]*moved{}
	for i := range updates {
		for _, s := range updates[i].parts() {
			if s.changed() {
				note(policies, *s)
			}
		}
	}
	if len(policies) == 0 {
		return
	}
	for i := range j.files {
		for _, s := range j.files[i].spots {
			if m := policies[s.Marker.Image()]; m != nil {
				j.straggler(m, s)
			}
		}
	}
	for _, s := range bystanders(j.facts.Bystanders) {
		if m := policies[s.Marker.Image()]; m != nil {
			j.straggler(m, s)
		}
	}
}

func note(policies map[string]*moved, s spot) {
	key := s.Marker.Image()
	m := policies[key]
	if m == nil {
		m = &moved{map[manifest.Part]map[string]int{}, map[string]bool{}, map[string]bool{}}
		policies[key] = m
	}
	m.files[s.file], m.dirs[path.Dir(s.file)] = true, true
	for part, value := range claims(s) {
		if m.counts[part] == nil {
			m.counts[part] = map[string]int{}
		}
		m.counts[part][value]++
	}
}

// claims are the parts of the image that a place states. A value that has not
// the form of its marker states itself, so that it agrees with nothing.
func claims(s spot) map[manifest.Part]string {
	switch s.Marker.Part {
	case manifest.Name:
		return map[manifest.Part]string{manifest.Name: canonical(strings.TrimPrefix(s.to, ociScheme))}
	case manifest.Tag, manifest.Digest:
		return map[manifest.Part]string{s.Marker.Part: s.to}
	}
	ref, err := image.ParseRef(s.to)
	if err != nil {
		return map[manifest.Part]string{manifest.Name: s.to, manifest.Tag: s.to, manifest.Digest: s.to}
	}
	return map[manifest.Part]string{manifest.Name: ref.Canonical(), manifest.Tag: ref.Tag, manifest.Digest: ref.Digest}
}

func canonical(name string) string {
	ref, err := image.ParseName(name)
	if err != nil {
		return name
	}
	return ref.Canonical()
}

// straggler reports a place that says otherwise than most changed ones. Places
// left behind elsewhere can be another automation's, and are a warning.
func (j *judge) straggler(m *moved, s spot) {
	claimed := claims(s)
	for _, part := range []manifest.Part{manifest.Tag, manifest.Digest, manifest.Name} {
		value, states := claimed[part]
		want, known := most(m.counts[part])
		if !states || !known || value == want {
			continue
		}
		f := finding.Finding{Rule: "policy/straggler", Severity: finding.Warning, Place: s.place(),
			Hint: "delete the push branch and let Flux write all places again; a place that should move on its own needs an ImagePolicy of its own"}
		if s.changed() {
			f.Severity = finding.Error
			f.Message = fmt.Sprintf("this place of %s goes to %q, but others go to the %s %q", s.Marker.Image(), s.to, part, want)
		} else {
			if m.files[s.file] || m.dirs[path.Dir(s.file)] {
				f.Severity = finding.Error
			}
			f.Message = fmt.Sprintf("this place of %s stays at %q, while others go to the %s %q", s.Marker.Image(), s.to, part, want)
		}
		j.report(f)
		return
	}
}

// most is the value that most places state; of equals the last in byte order,
// so that the answer does not depend on the order of files.
func most(counts map[string]int) (value string, known bool) {
	if len(counts) == 0 {
		return "", false
	}
	return slices.MaxFunc(slices.Sorted(maps.Keys(counts)), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b))
	}), true
}

// bystanders are the marked places of unchanged files, sorted by file.
func bystanders(contents []change.Content) []spot {
	contents = slices.Clone(contents)
	slices.SortStableFunc(contents, func(a, b change.Content) int { return cmp.Compare(a.Path, b.Path) })
	found := make([][]spot, len(contents))
	parallel(len(contents), func(i int) {
		c := contents[i]
		if !manifest.Named(c.Path) || !manifest.Marked(c.Data) {
			return
		}
		for _, f := range manifest.Read(c.Data).Fields {
			found[i] = append(found[i], spot{Field: f, file: c.Path, from: f.Value, to: f.Value})
		}
	})
	return slices.Concat(found...)
}
