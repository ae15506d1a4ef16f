package gate

import (
	"cmp"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// fileView is a changed path with what reading it has shown.
type fileView struct {
	change.File
	compared   bool
	comparison manifest.Comparison
	spots      []spot
}

// spot is a marked place of a compared file. From and to are its values at the
// base's tip and after a merge.
type spot struct {
	manifest.Field // as merged, with the base's marker
	file           string
	from, to       string
}

func (s spot) changed() bool { return s.from != s.to }

func viewFile(c change.File) fileView {
	v := fileView{File: c}
	if !c.Before.IsFile() || !c.After.IsFile() || !manifest.Named(c.Path) || !manifest.Marked(c.Before.Data) {
		return v
	}
	v.compared = true
	v.comparison = manifest.Compare(c.Before.Data, c.After.Data)
	for _, ch := range v.comparison.Changes {
		ch.New.Marker = ch.Old.Marker
		v.spots = append(v.spots, spot{Field: ch.New, file: v.Path, from: ch.Old.Value, to: ch.New.Value})
	}
	for _, f := range v.comparison.Kept {
		v.spots = append(v.spots, spot{Field: f, file: v.Path, from: f.Value, to: f.Value})
	}
	return v
}

// clean tells whether nothing but marked values differs.
func clean(c manifest.Comparison) bool {
	return c.Outcome != manifest.Residue && len(c.Residue) == 0
}

// fieldKey is where a marked scalar is, by names instead of by lines.
type fieldKey struct {
	document int
	path     string
	marker   manifest.Marker
}

func keyOf(f manifest.Field) fieldKey { return fieldKey{f.Document, f.Path, f.Marker} }

// touched tells whether the change touches a scalar that Flux sets: a marked
// one differs, in value or marker, or comes, goes or moves. Of a file that
// cannot be read but holds markers the worst is assumed. What the base did
// meanwhile is not the change's.
func (v fileView) touched() bool {
	if !manifest.Named(v.Path) {
		return false
	}
	from := v.Before
	if v.Stale {
		from = v.Old
	} else if len(v.comparison.Changes) > 0 {
		return true
	}
	before, ok := markedValues(from)
	after, ok2 := markedValues(v.After)
	return !ok || !ok2 || !slices.Equal(before, after)
}

type markedValue struct {
	fieldKey
	value string
}

func markedValues(b change.Blob) (values []markedValue, ok bool) {
	if !b.IsFile() || !manifest.Marked(b.Data) {
		return nil, true
	}
	file := manifest.Read(b.Data)
	for _, f := range file.Fields {
		values = append(values, markedValue{keyOf(f), f.Value})
	}
	slices.SortFunc(values, func(a, b markedValue) int {
		return cmp.Or(cmp.Compare(a.document, b.document), cmp.Compare(a.path, b.path),
			cmp.Compare(a.marker.Setter(), b.marker.Setter()), cmp.Compare(a.value, b.value))
	})
	return values, file.Err == nil
}

// parallel calls f for 0 to n-1 on as many goroutines as run at once.
func parallel(n int, f func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error { f(i); return nil })
	}
	_ = group.Wait()
}
