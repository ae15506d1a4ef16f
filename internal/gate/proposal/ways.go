package proposal

import (
	"slices"
	"strings"
)

// ways are claims as steps from version to version.
type ways struct {
	claims   []Update
	from, to []int // the versions where each begins and ends
	versions []string
	number   map[string]int   // of a version
	beside   map[string][]int // versions with a tag beside, by their digest
	out, in  [][]int          // the claims that begin and end at a version
}

func newWays(claims []Update) *ways {
	w := &ways{claims: claims, number: map[string]int{}, beside: map[string][]int{}}
	add := func(version string) int {
		n, known := w.number[version]
		if !known {
			n = len(w.versions)
			w.number[version], w.versions = n, append(w.versions, version)
			w.out, w.in = append(w.out, nil), append(w.in, nil)
			if _, digest, both := strings.Cut(version, "@"); both {
				w.beside[digest] = append(w.beside[digest], n)
			}
		}
		return n
	}
	for i, c := range claims {
		from, to := add(c.From), add(c.To)
		w.from, w.to = append(w.from, from), append(w.to, to)
		w.out[from], w.in[to] = append(w.out[from], i), append(w.in[to], i)
	}
	return w
}

// of gives the claims that lie on a way from where an update begins to where it ends.
func (w *ways) of(h Update) (on []int) {
	forth := w.reach(w.at(h.From, h.FromDigest), h, w.out, w.to)
	back := w.reach(w.at(h.To, h.ToDigest), h, w.in, w.from)
	for i, c := range w.claims {
		if forth[w.from[i]] && back[w.to[i]] && c.names(h) && c.keepsTag(h) {
			on = append(on, i)
		}
	}
	return on
}

// at gives the versions that fit a held one.
func (w *ways) at(held, digest string) []int {
	all := slices.Clone(w.beside[digest])
	for _, version := range unique([]string{held, digest, held + "@" + digest}) {
		if n, known := w.number[version]; known && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return slices.DeleteFunc(all, func(n int) bool { return !fits(w.versions[n], held, digest) })
}

// reach gives the versions that the claims about an update lead to, those that it begins with
// among them.
func (w *ways) reach(from []int, h Update, steps [][]int, next []int) []bool {
	seen := make([]bool, len(w.versions))
	for _, n := range from {
		seen[n] = true
	}
	for len(from) > 0 {
		n := from[len(from)-1]
		from = from[:len(from)-1]
		for _, i := range steps[n] {
			if to, c := next[i], w.claims[i]; !seen[to] && c.names(h) && c.keepsTag(h) {
				seen[to] = true
				from = append(from, to)
			}
		}
	}
	return seen
}
