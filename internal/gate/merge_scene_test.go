package gate_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// scene is a repository's files at the merge base, at the base's tip and at the
// head. In an honest one Flux alone made the head.
type scene struct {
	base, tip, head map[string]string
	// steps are the commits below the head, oldest first.
	steps  []map[string]string
	honest bool
	// kinds say what happened on a side, beside the update.
	kinds map[string]bool
}

// sceneKinds are what may happen on the base; on the head most of it is refused.
var sceneKinds = []string{
	"insert above", "reorder containers", "reorder documents", "insert a document", "remove a container", "remove a document", "remove a file",
	"move a document", "rename", "line ends", "edit", "same policy twice", "squashed, and the branch kept",
}

func (s scene) paths() []string {
	all := maps.Clone(s.base)
	maps.Copy(all, s.tip)
	maps.Copy(all, s.head)
	return slices.Sorted(maps.Keys(all))
}

func (s scene) oneSided() bool {
	return !slices.ContainsFunc(s.paths(), func(p string) bool {
		return s.tip[p] != s.base[p] && s.head[p] != s.base[p] && s.head[p] != s.tip[p]
	})
}

// effect tells whether a merge changes anything.
func (s scene) effect() bool {
	return slices.ContainsFunc(s.paths(), func(p string) bool { return s.head[p] != s.base[p] && s.head[p] != s.tip[p] })
}

func (s scene) moved() bool { return !maps.Equal(s.base, s.tip) }

func (s scene) String() string {
	var out strings.Builder
	for _, p := range s.paths() {
		fmt.Fprintf(&out, "== %s\nbase:\n%s\ntip:\n%s\nhead:\n%s\n", p, s.base[p], s.tip[p], s.head[p])
	}
	return out.String()
}

// container and deployment are what the scenes' manifests hold.
type container struct{ name, image, version, policy, env string }

type deployment struct {
	name       string
	containers []container
}

// world is the files by path, before they are written out.
type world map[string][]deployment

func (w world) clone() world {
	out := world{}
	for path, docs := range w {
		for _, d := range docs {
			d.containers = slices.Clone(d.containers)
			out[path] = append(out[path], d)
		}
	}
	return out
}

func (w world) render(crlf map[string]bool) map[string]string {
	out := map[string]string{}
	for path, docs := range w {
		var b strings.Builder
		for i, d := range docs {
			if i > 0 {
				b.WriteString("---\n")
			}
			fmt.Fprintf(&b, "kind: Deployment\nmetadata:\n  name: %s\nspec:\n  containers:\n", d.name)
			for _, c := range d.containers {
				fmt.Fprintf(&b, "  - name: %s\n    image: %s:%s # {\"$imagepolicy\": \"n:%s\"}\n    env: %s\n    more: x\n",
					c.name, c.image, c.version, c.policy, c.env)
			}
		}
		out[path] = b.String()
		if crlf[path] {
			out[path] = strings.ReplaceAll(out[path], "\n", "\r\n")
		}
	}
	return out
}

// update is what Flux does: it sets all places of a policy.
func (w world) update(policy, version string) {
	for _, docs := range w {
		for _, d := range docs {
			for i := range d.containers {
				if d.containers[i].policy == policy {
					d.containers[i].version = version
				}
			}
		}
	}
}

// twice tells whether a document has two places of a policy.
func (w world) twice(policy string) bool {
	for _, docs := range w {
		for _, d := range docs {
			n := 0
			for _, c := range d.containers {
				if c.policy == policy {
					n++
				}
			}
			if n > 1 {
				return true
			}
		}
	}
	return false
}

func newScene(r *rand.Rand) scene {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	version := func() string { return pick("1.0.0", "1.0.1", "1.1.0", "1.2.0", "1.2.1", "2.0.0") }
	newContainer := func(name string) container {
		policy := pick("a", "a", "b", "c")
		image := map[string]string{"a": "app", "b": "web", "c": "db"}[policy]
		return container{name, image, version(), policy, "e"}
	}
	newDocument := func(name string, most int) deployment {
		d := deployment{name: name}
		for i := range 1 + r.IntN(most) {
			d.containers = append(d.containers, newContainer(fmt.Sprint("c", i)))
		}
		return d
	}
	base := world{}
	for _, path := range []string{"apps/one.yaml", "apps/two.yaml", "infra/three.yaml", "infra/four.yaml"} {
		for i := range 1 + r.IntN(2) {
			base[path] = append(base[path], newDocument(fmt.Sprint("d", i), 3))
		}
	}
	crlf := map[string]bool{}
	for path := range base {
		crlf[path] = false
	}
	for _, path := range slices.Sorted(maps.Keys(crlf)) {
		crlf[path] = r.IntN(10) == 0
	}
	tip, head, honest := base.clone(), base.clone(), true
	policy := pick("a", "b", "c")
	kinds := map[string]bool{}
	var steps []map[string]string
	if r.IntN(4) == 0 { // an earlier update was squashed, and the branch kept
		other, v := pick("a", "b", "c"), version()
		tip.update(other, v)
		head.update(other, v)
		steps = append(steps, head.render(crlf))
		kinds["squashed, and the branch kept"] = true
	}
	if r.IntN(6) == 0 { // Flux came twice
		head.update(policy, version())
		steps = append(steps, head.render(crlf))
	}
	head.update(policy, version())
	if base.twice(policy) {
		kinds["same policy twice"] = true
	}

	// One half of the bases moves only where this update has no place.
	var free []string
	apart := r.IntN(2) == 0
	for _, path := range slices.Sorted(maps.Keys(tip)) {
		held := slices.ContainsFunc(tip[path], func(d deployment) bool {
			return slices.ContainsFunc(d.containers, func(c container) bool { return c.policy == policy })
		})
		if !apart || !held {
			free = append(free, path)
		}
	}
	tipCRLF := maps.Clone(crlf)
	edit := func(w world, crlf map[string]bool, path, other string) string {
		docs := w[path]
		i := r.IntN(len(docs))
		d := &docs[i]
		k := r.IntN(len(d.containers))
		switch r.IntN(17) {
		case 0, 1:
			d.containers = slices.Insert(d.containers, k, newContainer("new"))
			return "insert above"
		case 2:
			if len(d.containers) > 1 {
				d.containers = slices.Delete(d.containers, k, k+1)
				return "remove a container"
			}
		case 3:
			d.containers[k].env = "changed"
		case 4:
			d.containers[k].version = version()
		case 5:
			w[path] = slices.Insert(docs, i, newDocument("added", 2))
			return "insert a document"
		case 6:
			if len(docs) > 1 {
				w[path] = slices.Delete(docs, i, i+1)
				return "remove a document"
			}
		case 7:
			slices.Reverse(d.containers)
			return "reorder containers"
		case 8:
			slices.Reverse(docs)
			return "reorder documents"
		case 9:
			delete(w, path)
			return "remove a file"
		case 10, 11, 12, 13: // at times with an edit
			moved := strings.Replace(path, ".yaml", "-moved.yaml", 1)
			w[moved], crlf[moved] = docs, crlf[path]
			if r.IntN(2) == 0 {
				d.containers[k].env = "moved"
			}
			delete(w, path)
			return "rename"
		case 14:
			crlf[path] = !crlf[path]
			return "line ends"
		case 15, 16:
			if to := w[other]; to != nil && other != path && len(docs) > 1 {
				w[other] = slices.Insert(to, r.IntN(len(to)+1), *d)
				w[path] = slices.Delete(docs, i, i+1)
				return "move a document"
			}
		}
		return "edit"
	}
	if len(free) > 0 && r.IntN(8) != 0 {
		for range 1 + r.IntN(3) {
			if path := free[r.IntN(len(free))]; tip[path] != nil {
				kinds[edit(tip, tipCRLF, path, free[r.IntN(len(free))])] = true
			}
		}
	}
	if r.IntN(3) == 0 {
		tip[pick("apps/", "infra/", "new/")+"fresh.yaml"] = []deployment{newDocument("fresh", 2)}
	}
	headCRLF := maps.Clone(crlf)
	if r.IntN(6) == 0 {
		honest = false
		paths := slices.Sorted(maps.Keys(head))
		kinds[edit(head, headCRLF, paths[r.IntN(len(paths))], paths[r.IntN(len(paths))])+" on the head"] = true
	}
	if r.IntN(8) == 0 { // some files follow the base, and the place of the update with them
		for _, path := range slices.Sorted(maps.Keys(head)) {
			if docs := tip.clone()[path]; docs != nil && r.IntN(2) == 0 {
				head[path], headCRLF[path] = docs, tipCRLF[path]
				honest = false
			}
		}
		head.update(policy, version())
	}
	return scene{base.render(crlf), tip.render(tipCRLF), head.render(headCRLF), steps, honest, kinds}
}
