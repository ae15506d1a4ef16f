package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// joined is one image's marked places: a whole reference, or the name, tag and
// digest fields of one mapping.
type joined struct {
	Update
	whole, name, tag, digest *spot
	document                 int
	parent                   string // path of the mapping
}

// parts lists the places that there are, the one that stands for all first.
func (u *joined) parts() []*spot {
	return slices.DeleteFunc([]*spot{u.whole, u.tag, u.digest, u.name}, func(s *spot) bool { return s == nil })
}

func (u *joined) slot(p manifest.Part) **spot {
	switch p {
	case manifest.Name:
		return &u.name
	case manifest.Tag:
		return &u.tag
	case manifest.Digest:
		return &u.digest
	}
	return &u.whole
}

// main is the changed place that stands for the update.
func (u *joined) main() *spot {
	parts := u.parts()
	if i := slices.IndexFunc(parts, func(s *spot) bool { return s.changed() }); i >= 0 {
		return parts[i]
	}
	return nil
}

// joinUpdates gives the images that change, sorted by place.
func (j *judge) joinUpdates() []joined {
	var out []joined
	for i := range j.files {
		for _, u := range joinFields(j.files[i].spots) {
			if main := u.main(); main != nil {
				u.Place, u.Policy = main.place(), main.Marker.Image()
				out = append(out, *u)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b joined) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return out
}

// joinFields joins the places of one policy in one mapping of one file. A
// second field of the same part is an image of its own.
func joinFields(spots []spot) []*joined {
	type key struct {
		document int
		parent   string
		policy   string
	}
	groups := map[key][]*joined{}
	byPolicy := map[string][]*joined{}
	var all []*joined
	for i := range spots {
		s := &spots[i]
		k := key{s.Document, parentPath(s.Path), s.Marker.Image()}
		var u *joined
		for _, other := range groups[k] {
			if s.Marker.Part != manifest.Whole && other.whole == nil && *other.slot(s.Marker.Part) == nil {
				u = other
				break
			}
		}
		if u == nil {
			u = &joined{document: k.document, parent: k.parent}
			groups[k] = append(groups[k], u)
			byPolicy[k.policy] = append(byPolicy[k.policy], u)
			all = append(all, u)
		}
		*u.slot(s.Marker.Part) = s
	}
	return slices.DeleteFunc(all, func(u *joined) bool { return adopt(u, byPolicy[u.parts()[0].Marker.Image()]) })
}

// adopt hands name and digest fields without a tag beside them to the nearest
// tag of the same policy in the document, where there is just one nearest.
func adopt(u *joined, others []*joined) bool {
	if u.whole != nil || u.tag != nil {
		return false
	}
	var best *joined
	near, tie := -1, false
	for _, other := range others {
		if other.tag == nil || other.document != u.document || u.name != nil && other.name != nil || u.digest != nil && other.digest != nil {
			continue
		}
		switch n := change.Shared(strings.Split(u.parent, "\x00"), strings.Split(other.parent, "\x00")); {
		case n > near:
			best, near, tie = other, n, false
		case n == near:
			tie = true
		}
	}
	if best == nil || tie {
		return false
	}
	best.name = cmp.Or(best.name, u.name)
	best.digest = cmp.Or(best.digest, u.digest)
	return true
}

// segments cuts a path such as spec.images[0]["a.b"].tag into its steps.
func segments(path string) []string {
	var out []string
	for path != "" {
		rest := strings.TrimPrefix(path, ".")
		end := len(rest)
		if quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(rest, "[")); err == nil && strings.HasPrefix(rest, "[\"") {
			end = min(len(rest), len(quoted)+2)
		} else if i := strings.IndexAny(rest[min(1, len(rest)):], ".["); i >= 0 {
			end = i + 1
		}
		if end == 0 {
			return append(out, rest)
		}
		out = append(out, rest[:end])
		path = rest[end:]
	}
	return out
}

// parentPath is the path of the mapping or list around a value.
func parentPath(path string) string {
	steps := segments(path)
	if len(steps) == 0 {
		return ""
	}
	return strings.Join(steps[:len(steps)-1], "\x00")
}

// problem is a part of an image that does not have the form it must have.
type problem struct {
	spot *spot
	err  error
}

// ref puts the image together from its places. A part that is not legal is
// taken as written, so that it equals nothing else, and reported back.
func (u *joined) ref(value func(*spot) string) (image.Ref, []problem) {
	var out image.Ref
	var problems []problem
	failed := func(s *spot, err error) {
		if err != nil {
			problems = append(problems, problem{s, err})
		}
	}
	if u.whole != nil {
		ref, err := image.ParseRef(value(u.whole))
		if err != nil {
			ref = image.Ref{Name: value(u.whole)}
		}
		failed(u.whole, err)
		return ref, problems
	}
	if u.name != nil {
		ref, err := image.ParseName(strings.TrimPrefix(value(u.name), ociScheme))
		if err != nil {
			ref = image.Ref{Name: value(u.name)}
		}
		failed(u.name, err)
		out = ref
	}
	if u.tag != nil {
		failed(u.tag, setTag(&out, value(u.tag)))
	}
	if u.digest != nil {
		out.Digest = value(u.digest)
		if out.Digest != "" {
			failed(u.digest, image.ParseDigest(out.Digest))
		}
	}
	return out, problems
}

const ociScheme = "oci://"

// setTag reads a tag field. Some charts take tag@digest there.
func setTag(ref *image.Ref, value string) error {
	tag, digest, _ := strings.Cut(value, "@")
	if digest != "" && image.ParseTag(tag) == nil && image.ParseDigest(digest) == nil {
		ref.Tag, ref.Digest = tag, digest
		return nil
	}
	ref.Tag = value
	return image.ParseTag(value)
}

func (u *joined) from() image.Ref {
	ref, _ := u.ref(func(s *spot) string { return s.from })
	return ref
}

func (u *joined) to() (image.Ref, []problem) { return u.ref(func(s *spot) string { return s.to }) }

// version is what a person calls the version: the tag, or the digest where
// only that moved or there is no tag.
func version(ref image.Ref, kind image.Kind) string {
	if kind == image.Digest || ref.Tag == "" {
		return cmp.Or(ref.Digest, ref.Tag)
	}
	return ref.Tag
}

// at is the place that a version rule speaks of.
func (u *joined) at(word string) finding.Place {
	s := u.main()
	switch {
	case word == "image-changed" && u.name != nil && u.name.changed():
		s = u.name
	case strings.HasPrefix(word, "digest-") && u.digest != nil && u.digest.changed():
		s = u.digest
	}
	return s.place()
}

// unmarkedName is the image's name that stands unmarked beside its tag; empty where none does.
func (j *judge) unmarkedName(u *joined) string {
	if u.tag == nil {
		return ""
	}
	keys := []string{"repository"}
	if u.tag.Key == "newTag" {
		keys = []string{"newName", "name"} // of kustomize's images
	}
	name, err := image.ParseName(strings.TrimPrefix(j.beside(u.tag, keys...), ociScheme))
	if err != nil {
		return ""
	}
	return name.Name
}

// beside gives a value that stands beside a place after the change.
func (j *judge) beside(s *spot, keys ...string) string {
	if j.around[s.file] == nil {
		i := slices.IndexFunc(j.files, func(f fileView) bool { return f.Path == s.file })
		j.around[s.file] = manifest.Beside(j.files[i].After.Data)
	}
	return j.around[s.file](s.Field, keys...)
}

// untagged reports a digest that Flux moves beside a tag that it does not: whose version
// it is, nobody tells.
func (j *judge) untagged(u *joined) {
	if u.whole != nil || u.tag != nil || u.digest == nil || !u.digest.changed() {
		return
	}
	tag := j.beside(u.digest, "tag", "newTag", "imageTag", "version", "image")
	if ref, err := image.ParseRef(tag); err == nil && ref.Tag != "" {
		tag = ref.Tag
	}
	if tag != "" {
		j.report(finding.Finding{Rule: "version/unmarked-tag", Place: u.digest.place(),
			Message: fmt.Sprintf("%s moves by its digest alone, so its new version is not known: the tag beside it stays at %s", u.subject(),
				plainOrQuoted(tag)),
			Hint: fmt.Sprintf("mark the tag as well, with %s:tag", u.Policy)})
	}
}
