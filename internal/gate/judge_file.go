package gate

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
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

// touched tells whether the change touches a scalar that Flux sets.
func (v fileView) touched() bool {
	return len(v.comparison.Changes) > 0 && !v.Stale && manifest.Named(v.Path) || len(v.moves()) > 0
}

// move is what a change does to a scalar that Flux sets.
type move struct {
	finding.Place
	what string
}

// moves are the marked scalars that differ, in value or marker, or that come, go or
// move. Of a file that cannot be read but holds markers the worst is assumed. What
// the base did meanwhile is not the change's.
func (v fileView) moves() (moves []move) {
	if !manifest.Named(v.Path) {
		return nil
	}
	from := v.Before
	if v.Stale {
		from = v.Old
		if from.Same(v.After) && (manifest.Marked(from.Data) || manifest.Marked(v.Before.Data)) {
			return []move{{finding.Place{File: v.Path}, "changes a file with places that Flux sets and takes that back, which a rebase may not do"}}
		}
	}
	before, ok := markedFields(from)
	after, ok2 := markedFields(v.After)
	if !ok || !ok2 {
		return []move{{finding.Place{File: v.Path}, "changes a file that cannot be read and holds places that Flux sets"}}
	}
	type value struct {
		fieldKey
		text string
	}
	left, was := map[value]int{}, map[fieldKey]string{}
	for _, f := range before {
		left[value{keyOf(f), f.Value}]++
		was[keyOf(f)] = f.Value
	}
	for _, f := range after {
		key := keyOf(f)
		old, known := was[key]
		what := fmt.Sprintf("adds a place of %s, at %q", f.Marker.Setter(), f.Value)
		switch {
		case left[value{key, f.Value}] > 0:
			left[value{key, f.Value}]--
			continue
		case known && left[value{key, old}] > 0:
			left[value{key, old}]--
			what = fmt.Sprintf("moves a place of %s from %q to %q", f.Marker.Setter(), old, f.Value)
		}
		moves = append(moves, move{place(v.Path, f.Position, f.Path), what})
	}
	for _, f := range before {
		if key := (value{keyOf(f), f.Value}); left[key] > 0 {
			left[key]--
			moves = append(moves, move{finding.Place{File: v.Path, Path: f.Path},
				fmt.Sprintf("takes away a place of %s, at %q", f.Marker.Setter(), f.Value)})
		}
	}
	return moves
}

func markedFields(b change.Blob) (fields []manifest.Field, ok bool) {
	if !b.IsFile() || !manifest.Marked(b.Data) {
		return nil, true
	}
	file := manifest.Read(b.Data)
	return file.Fields, file.Err == nil
}

// parallel calls f for 0 to n-1 on as many goroutines as run at once. Each keeps
// its stack, which reading YAML makes large.
func parallel(n int, f func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}
