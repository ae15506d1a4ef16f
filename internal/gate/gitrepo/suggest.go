package gitrepo

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Branches lists the branches whose names begin with a text, those that only a
// remote has too.
func (r *Repository) Branches(prefix string) ([]string, error) {
	refs, err := r.refs.all()
	var names []string
	for _, ref := range refs {
		name := ref.Name().Short()
		if ref.Name().IsRemote() {
			_, name, _ = strings.Cut(name, "/")
		}
		if (ref.Name().IsBranch() || ref.Name().IsRemote()) && name != "HEAD" && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// suggest names the branches and tags that come closest to a name.
func (r *Repository) suggest(name string) string {
	refs, err := r.refs.all()
	if err != nil {
		return "git branch --all lists the branches"
	}
	type candidate struct {
		name     string
		distance int
	}
	var close []candidate
	for _, ref := range refs {
		short := ref.Name().Short()
		if ref.Name() == plumbing.HEAD || strings.HasSuffix(short, "/HEAD") ||
			!ref.Name().IsBranch() && !ref.Name().IsRemote() && !ref.Name().IsTag() {
			continue
		}
		d := text.Distance(strings.ToLower(name), strings.ToLower(short))
		if strings.HasSuffix(short, "/"+name) { // only the remote's branch was fetched
			d = 0
		}
		if d <= max(2, len(name)/3) {
			close = append(close, candidate{short, d})
		}
	}
	if len(close) == 0 {
		return "git branch --all lists the branches; what is not fetched does not exist here"
	}
	slices.SortFunc(close, func(a, b candidate) int { return cmp.Or(a.distance-b.distance, strings.Compare(a.name, b.name)) })
	names := text.Each(close[:min(len(close), 3)], func(c candidate) string { return text.Quote(c.name) })
	return "did you mean " + strings.Join(slices.Compact(names), " or ") + "?"
}
