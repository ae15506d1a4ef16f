package gate

import (
	"bytes"
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
	// viaTip says that the comparison is with the base's tip, since the base
	// moved on and head follows it.
	viaTip bool
	// drifted says that the base has since changed the file in other ways than
	// its marked values, which head does not have.
	drifted bool
	spots   []spot
}

// spot is a marked place of a compared file. From and to are its values at the
// base's tip and after a merge.
type spot struct {
	manifest.Field // at head, with the base's marker
	file           string
	from, to       string
	// stale says that the base's tip has lost the place or its value, so that
	// it is not known what a merge does here.
	stale bool
}

func (s spot) changed() bool { return s.from != s.to }

func viewFile(c change.File) fileView {
	v := fileView{File: c}
	if !c.Old.IsFile() || !c.New.IsFile() || !manifest.Named(c.Path) || !manifest.Marked(c.Old.Data) {
		return v
	}
	v.compared = true
	v.comparison = manifest.Compare(c.Old.Data, c.New.Data)
	moved := c.Tip.IsFile() && !bytes.Equal(c.Tip.Data, c.Old.Data)
	if !moved {
		v.plainSpots()
		return v
	}
	switch other := manifest.Compare(c.Tip.Data, c.New.Data); {
	case !clean(other):
		v.drifted = true
	case !clean(v.comparison) && manifest.Marked(c.Tip.Data):
		v.comparison, v.viaTip = other, true
	}
	v.mergedSpots()
	return v
}

// clean tells whether nothing but marked values differs.
func clean(c manifest.Comparison) bool {
	return c.Outcome != manifest.Residue && len(c.Residue) == 0
}

// plainSpots takes the places as the comparison has them: a merge yields head's.
func (v *fileView) plainSpots() {
	v.pairs(func(old string, now manifest.Field) {
		v.spots = append(v.spots, spot{Field: now, file: v.Path, from: old, to: now.Value})
	})
}

func (v *fileView) pairs(visit func(old string, now manifest.Field)) {
	for _, c := range v.comparison.Changes {
		c.New.Marker = c.Old.Marker
		visit(c.Old.Value, c.New)
	}
	for _, f := range v.comparison.Kept {
		visit(f.Value, f)
	}
}

// mergedSpots works out what a merge makes of each place. Where head did not
// touch it since the merge base, that is the tip's value; else it is head's,
// and the step goes from what the tip has.
func (v *fileView) mergedSpots() {
	old, tip := indexFields(v.Old.Data), indexFields(v.Tip.Data)
	v.pairs(func(compared string, now manifest.Field) {
		s := spot{Field: now, file: v.Path, from: compared, to: now.Value}
		was, inOld := old.at[keyOf(now)]
		at, inTip := tip.at[keyOf(now)]
		switch {
		case inTip && inOld && was == now.Value:
			s.from, s.to = at, at
		case inTip:
			s.from = at
		case inOld && was == now.Value:
			s.from = was
		default:
			if inOld {
				s.from = was
			}
			s.stale = !tip.only(now.Marker, s.from)
		}
		v.spots = append(v.spots, s)
	})
}

// fieldKey is where a marked scalar is, by names instead of by lines.
type fieldKey struct {
	document int
	path     string
	marker   manifest.Marker
}

func keyOf(f manifest.Field) fieldKey { return fieldKey{f.Document, f.Path, f.Marker} }

// fieldIndex holds the values of a file's marked scalars.
type fieldIndex struct {
	at  map[fieldKey]string
	all map[manifest.Marker][]string
}

func indexFields(data []byte) fieldIndex {
	index := fieldIndex{map[fieldKey]string{}, map[manifest.Marker][]string{}}
	for _, f := range manifest.Read(data).Fields {
		index.at[keyOf(f)] = f.Value
		index.all[f.Marker] = append(index.all[f.Marker], f.Value)
	}
	return index
}

// only tells whether all places of a marker, of which there are some, hold the
// value: then it does not matter where in the file they have moved.
func (i fieldIndex) only(m manifest.Marker, value string) bool {
	values := i.all[m]
	return len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return v != value })
}

// touched tells whether the change touches a scalar that Flux sets: a marked
// one differs, in value or marker, or comes, goes or moves. Of a file that
// cannot be read but holds markers the worst is assumed.
func (v fileView) touched() bool {
	if len(v.comparison.Changes) > 0 {
		return true
	}
	if !manifest.Named(v.Path) {
		return false
	}
	before, ok := markedValues(v.Old)
	after, ok2 := markedValues(v.New)
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
