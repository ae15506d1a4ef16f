package manifest

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Comparison is what two versions of a file say about each other.
type Comparison struct {
	Outcome Outcome
	// Changes are the marked places whose value differs, Kept those whose
	// value is the same; both in the order of the base.
	Changes []Change
	Kept    []Field
	// Residue is what differs beyond marked values. Markers that moved, went
	// or came are part of it whatever the outcome, since the next update
	// depends on them.
	Residue []Difference
	// Losses is data beside the markers that differs only because Flux's own
	// writer cannot keep it.
	Losses []Difference
	// Defects are those of the head.
	Defects []Defect
}

// Compare reads two versions of a file, re-executes the update that would turn
// base into head, and says how near it comes.
func Compare(base, head []byte) Comparison {
	if bytes.Equal(base, head) {
		return Comparison{Outcome: None}
	}
	before := Read(base)
	if c, ok := quick(base, head, before); ok {
		return c
	}
	return slow(base, head)
}

// slow is the long way of Compare.
func slow(base, head []byte) Comparison {
	before, after := Read(base), Read(head)
	c := Comparison{Outcome: Residue, Defects: known(after.Defects, before.Defects)}
	switch {
	case after.Err != nil && before.Err != nil:
		c.Residue = []Difference{{Message: "the file cannot be read, nor could it before"}}
		return c
	case after.Err != nil:
		c.Residue = []Difference{{Message: "the file cannot be read any more"}}
		return c
	case before.Err != nil:
		c.Residue = []Difference{{Message: "the file could not be read before, so Flux would not have touched it"}}
		return c
	}
	t := newTree(&c, before)
	t.documents(before.docs, after.docs)
	c.pair(before, after, t.twins)
	t.newcomers(after)
	t.loose(before.loose, after.loose)
	rounds := 1
	if len(t.residue) == 0 && len(c.Losses)+len(t.text) > 0 {
		rounds = maxRounds // the writer does not reach its end at once
	}
	if c.reproduces(base, head, rounds) {
		c.Outcome = Reproduced
		// What else differs is what the writer does to this base.
		c.Losses = append(c.Losses, t.residue...)
		c.Residue = t.markers
		return c
	}
	// What Flux's writer loses is excused only where it was the writer.
	t.hidden(base, head)
	c.Residue = slices.Concat(t.markers, t.residue, t.retyped, c.Losses, t.text)
	c.Losses = nil
	// Without a new value there is no update: Flux leaves such a file alone.
	if len(c.Residue) == 0 && len(c.Changes) > 0 && !slices.ContainsFunc(c.Defects, Defect.smuggled) {
		c.Outcome = Equivalent
	}
	slices.SortStableFunc(c.Residue, func(a, b Difference) int { return a.Line - b.Line })
	return c
}

// maxRounds bounds how many updates on one branch are re-executed. Flux's
// writer adds or drops a line break in folded text, and moves some comments,
// with every one of them.
const maxRounds = 5

// pair finds each marked place of the base in the head: node by node, as the
// trees were compared, and by its path where they could not be. No place of the
// head stands for two. A place whose marker is gone still counts as one: its new
// value has to be judged.
func (c *Comparison) pair(before, after File, twins map[*yaml.Node]twin) {
	marked := make(map[*yaml.Node]Field, len(after.Fields))
	for i, f := range after.Fields {
		marked[after.nodes[i]] = f
	}
	taken := make(map[*yaml.Node]bool, len(twins))
	for _, t := range twins {
		taken[t.node] = true
	}
	free := map[place][]Field{}
	for i, f := range after.Fields {
		if !taken[after.nodes[i]] {
			at := place{f.Document, f.Path}
			free[at] = append(free[at], f)
		}
	}
	for i, old := range before.Fields {
		var now Field
		at := place{old.Document, old.Path}
		if t, ok := twins[before.nodes[i]]; ok {
			if now, ok = marked[t.node]; !ok {
				now, now.Marker = t.field, old.Marker
			}
		} else if len(free[at]) > 0 {
			now, free[at] = free[at][0], free[at][1:]
		} else {
			continue // removed: the tree comparison says so
		}
		if now.Value != old.Value {
			c.Changes = append(c.Changes, Change{Old: old, New: now})
		} else {
			c.Kept = append(c.Kept, now)
		}
	}
}

// place is where a scalar is, by names instead of by lines. Odd keys print alike,
// so it is not always one place.
type place struct {
	document int
	path     string
}

// reproduces re-executes the update with the head's values. Which of the
// unchanged markers Flux had a policy for cannot be seen, and matters for
// their quotes: either reading will do. Nor can be seen in how many updates a
// branch came to the head.
func (c *Comparison) reproduces(base, head []byte, rounds int) bool {
	if len(c.Changes) == 0 {
		return false
	}
	changed := map[string]string{}
	for _, ch := range c.Changes {
		changed[ch.Old.Marker.Setter()] = ch.New.Value
	}
	all := make(map[string]string, len(changed)+len(c.Kept))
	for _, f := range c.Kept {
		all[f.Marker.Setter()] = f.Value
	}
	for setter, value := range changed {
		all[setter] = value
	}
	for _, indent := range []indentation{derived, wide, compact} {
		for _, setters := range []map[string]string{all, changed} {
			if leads(base, head, setters, indent, rounds) {
				return true
			}
			if len(c.Kept) == 0 {
				break
			}
		}
	}
	return false
}

// leads tells whether updates, each on what the one before wrote, the way they
// pile up on a push branch, come to head.
func leads(base, head []byte, setters map[string]string, indent indentation, rounds int) bool {
	for n := range rounds {
		got, err := reproduce(base, setters, indent, n > 0)
		switch {
		case err != nil:
			return false
		case bytes.Equal(got, head):
			return true
		case bytes.Equal(got, base):
			return false // nothing more will change
		}
		base = got
	}
	return false
}

// smuggled tells whether the head has a defect that the base has not. What two
// readers could read differently is equivalent to nothing.
func (d Defect) smuggled() bool { return !d.Old && strings.HasPrefix(d.Rule, "yaml/") }

// known marks the defects of the head that the base has as well.
func known(head, base []Defect) []Defect {
	type kind struct{ rule, path, message string }
	count := map[kind]int{}
	for _, d := range base {
		count[kind{d.Rule, d.Path, d.Message}]++
	}
	for i := range head {
		k := kind{head[i].Rule, head[i].Path, head[i].Message}
		if count[k] > 0 {
			count[k]--
			head[i].Old = true
		}
	}
	return head
}
