package gate

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// claim is what a place states of one part of an image.
type claim struct {
	part  manifest.Part
	value string
}

// moved is what the changed places of one policy that the same automations write say
// the new image is.
type moved struct {
	counts  map[claim]int // how many places state it
	folders map[string]bool
	writers []string // none where it is not known which
}

// reaches tells whether one of the automations may write a place that these may write.
func (m *moved) reaches(writers []string) bool {
	return len(m.writers) == 0 ||
		slices.ContainsFunc(writers, func(w string) bool { return slices.Contains(m.writers, w) })
}

func (m *moved) add(s spot) {
	m.folders[path.Dir(s.file)] = true
	for _, c := range claims(s) {
		m.counts[c]++
	}
}

// most is the value that most places state; of equals the last in byte order,
// so that the answer does not depend on the order of files.
func (m *moved) most(part manifest.Part) (value string, known bool) {
	best := 0
	for c, n := range m.counts {
		if c.part == part && (n > best || n == best && c.value > value) {
			value, best = c.value, n
		}
	}
	return value, best > 0
}

// stragglers reports the places of a policy that do not hold what the others
// now hold: Flux writes one image to all of them in one commit.
func (j *judge) stragglers(updates []joined) {
	policies := map[string][]*moved{}
	for i := range updates {
		for _, s := range updates[i].parts() {
			if s.changed() {
				m := group(policies, s.Marker.Image(), j.writers(*s))
				m.add(*s)
			}
		}
	}
	if len(policies) == 0 {
		return
	}
	find := func(s spot) (f finding.Finding, found bool) {
		writers := j.writers(s)
		for _, m := range policies[s.Marker.Image()] {
			if f, found = straggler(m, s); found && m.reaches(writers) {
				return f, true
			}
		}
		return f, false
	}
	for i := range j.files {
		for _, s := range j.files[i].spots {
			if f, ok := find(s); ok {
				j.report(f)
			}
		}
	}
	written := map[string]bool{}
	for _, b := range bystanders(j.facts.Bystanders) {
		f, ok := find(b.spot)
		if !ok {
			continue
		}
		if _, known := written[b.file]; !known {
			written[b.file] = manifest.Written(b.data)
		}
		if written[b.file] {
			j.report(f)
		} else if j.once("skipped", b.file) {
			j.report(finding.Finding{Rule: "policy/straggler", Severity: finding.Note, Place: finding.Place{File: b.file},
				Message: "Flux does not write this file, since one of its documents is a list: its marked places stay as they are"})
		}
	}
}

// writers are the automations that may write a place, by where they stand.
func (j *judge) writers(s spot) (places []string) {
	some, _ := j.lookup.Writers(s.Marker.Image(), s.file)
	for _, a := range some {
		places = append(places, a.Place())
	}
	return places
}

// group finds what moved by the same automations, or begins it.
func group(policies map[string][]*moved, key string, writers []string) *moved {
	for _, m := range policies[key] {
		if slices.Equal(m.writers, writers) {
			return m
		}
	}
	m := &moved{map[claim]int{}, map[string]bool{}, writers}
	policies[key] = append(policies[key], m)
	return m
}

// claims are what a place states, what tells most first. A value that has not
// the form of its marker states itself, so that it agrees with nothing.
func claims(s spot) []claim {
	switch s.Marker.Part {
	case manifest.Name:
		return []claim{{manifest.Name, canonical(strings.TrimPrefix(s.to, ociScheme))}}
	case manifest.Tag, manifest.Digest:
		return []claim{{s.Marker.Part, s.to}}
	}
	ref, err := image.ParseRef(s.to)
	if err != nil {
		return []claim{{manifest.Tag, s.to}, {manifest.Digest, s.to}, {manifest.Name, s.to}}
	}
	return []claim{{manifest.Tag, ref.Tag}, {manifest.Digest, ref.Digest}, {manifest.Name, ref.Canonical()}}
}

func canonical(name string) string {
	ref, err := image.ParseName(name)
	if err != nil {
		return name
	}
	return ref.Canonical()
}

// straggler finds a place that says otherwise than most changed ones. Places
// left behind elsewhere can be another automation's, and are a warning.
func straggler(m *moved, s spot) (f finding.Finding, found bool) {
	for _, c := range claims(s) {
		want, known := m.most(c.part)
		if !known || c.value == want {
			continue
		}
		f = finding.Finding{Rule: "policy/straggler", Severity: finding.Warning, Place: s.place(),
			Message: fmt.Sprintf("this place of %s stays at %q, while others go to the %s %q", s.Marker.Image(), s.to, c.part, want),
			Hint: "delete the push branch and let Flux write all places again; a place that should move on its own needs an ImagePolicy of " +
				"its own"}
		if s.changed() {
			f.Message = fmt.Sprintf("this place of %s goes to %q, but others go to the %s %q", s.Marker.Image(), s.to, c.part, want)
		}
		if s.changed() || m.folders[path.Dir(s.file)] {
			f.Severity = finding.Error
		}
		return f, true
	}
	return f, false
}

// bystander is a marked place of an unchanged file.
type bystander struct {
	spot
	data []byte // of the file
}

// bystanders are the marked places of unchanged files, sorted by file.
func bystanders(contents []change.Content) []bystander {
	contents = slices.Clone(contents)
	slices.SortStableFunc(contents, func(a, b change.Content) int { return cmp.Compare(a.Path, b.Path) })
	found := make([][]bystander, len(contents))
	parallel(len(contents), func(i int) {
		c := contents[i]
		if !manifest.Named(c.Path) || !manifest.Marked(c.Data) {
			return
		}
		for _, f := range manifest.Read(c.Data).Fields {
			found[i] = append(found[i], bystander{spot{Field: f, file: c.Path, from: f.Value, to: f.Value}, c.Data})
		}
	})
	return slices.Concat(found...)
}
