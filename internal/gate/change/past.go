package change

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// Within is how far back the history of a base is looked at; nothing where it is zero.
type Within struct {
	Days    int // before the base's tip, by the committers' times
	Commits int // that changed one and the same file
	// Now is what a base's tip that is from the future counts as made; zero where no clock is at hand.
	Now time.Time
}

// maxTurns bounds the earlier versions of all files of a change.
const maxTurns = 2000

// Past is what the base's own line of commits, first parent by first parent, did to the
// files that a change updates.
type Past struct {
	Steps []Step // newest first
	// Commits is how many commits were looked at, and Since when the oldest was made.
	Commits int
	Since   time.Time
	// Cut says why others within the bound were not; empty where all were.
	Cut string
}

// Step is what a commit did to a file.
type Step struct {
	Path          string // today's
	Commit        Commit // for who made it, without its message
	Before, After []byte // none after it where the commit removes the file
}

// Trail follows the files of a change back through the base's own line of commits.
type Trail struct {
	// Names are what the files were called before the commits that were taken in.
	Names []string
	Past  Past
	Turns []Turn

	today  []string
	within Within
	left   []int     // of its commits, for each file
	oldest time.Time // zero before the first commit
	old    int       // commits before that, one after the other
	kept   int       // of the turns, those up to the last commit that is not before that
}

// Turn is a step of the past of which only ids are known.
type Turn struct {
	Path, Commit string
	Old, New     string // empty where the commit removes the file
}

// Follow starts at the base's tip.
func (f *Facts) Follow(within Within) *Trail {
	t := &Trail{within: within}
	for _, c := range f.Files {
		if c.Before.IsFile() && c.After.IsFile() && manifest.Named(c.Path) && manifest.Marked(c.Before.Data) && !c.Stale && within.Days > 0 {
			t.today, t.left = append(t.today, c.Path), append(t.left, within.Commits)
		}
	}
	t.Names = slices.Clone(t.today)
	return t
}

// maxOld is how many commits in a row must be too old before all below are taken for it:
// a single clock can be wrong.
const maxOld = 3

// Goes tells whether a commit that was made then is to be taken in.
func (t *Trail) Goes(made time.Time) bool {
	if t.oldest.IsZero() {
		tip := made
		if now := t.within.Now; !now.IsZero() && tip.After(now) {
			tip = now // or else all below would be too old
		}
		t.oldest, t.Past.Since = tip.AddDate(0, 0, -t.within.Days), tip.UTC()
	}
	if t.old++; !made.Before(t.oldest) {
		t.old = 0
	}
	switch {
	case !slices.ContainsFunc(t.left, func(n int) bool { return n >= 0 }) || t.old > maxOld:
		return false
	case len(t.Turns) >= maxTurns:
		t.Past.Cut = fmt.Sprintf("no more than %d earlier versions of files are looked at", maxTurns)
		return false
	}
	return true
}

// Short says why there is no more to take in, unless that is too old anyway.
func (t *Trail) Short(why string) {
	if t.old == 0 {
		t.Past.Cut = why
	}
}

// Take takes in a commit, when it was made, and what differs between its first parent and
// itself.
func (t *Trail) Take(commit string, made time.Time, changed []Sides) {
	if t.old == 0 {
		t.Past.Commits, t.Past.Since = t.Past.Commits+1, made.UTC()
	}
	for i, name := range t.Names {
		at := slices.IndexFunc(changed, func(s Sides) bool { return s.Path == name })
		if at < 0 || t.left[i] < 0 {
			continue
		}
		old, now := changed[at].Old, changed[at].New
		if !old.IsFile() && now.IsFile() {
			switch from := movedFrom(changed[at], changed); {
			case len(from) == 1:
				t.Names[i], old = from[0].Path, from[0].Old
			case len(from) > 1 && t.old == 0:
				t.Past.Cut = fmt.Sprintf("of %d files that went as %s came it is not known which became it", len(from), text.Quote(name))
			}
		}
		if !old.IsFile() || old.ID == now.ID {
			continue
		}
		if t.old == 0 {
			t.left[i]--
		}
		if t.left[i] < 0 {
			t.Past.Cut = fmt.Sprintf("no more than %s are looked at that changed %s", text.Count(t.within.Commits, "commit"), text.Quote(t.today[i]))
			continue
		}
		turn := Turn{Path: t.today[i], Commit: commit, Old: old.ID}
		if now.IsFile() {
			turn.New = now.ID
		}
		t.Turns = append(t.Turns, turn)
	}
	if t.old == 0 { // what is above is no older, whatever its clock said
		t.kept = len(t.Turns)
	}
}

// movedFrom finds the file that one came from, among those that went with the same commit:
// the one with the same content, or else the only one of the same name, or else the only
// one; several where nobody knows.
func movedFrom(to Sides, changed []Sides) []Sides {
	gone := slices.DeleteFunc(slices.Clone(changed), func(s Sides) bool {
		return !s.Old.IsFile() || s.New.Mode != Absent || !manifest.Named(s.Path)
	})
	if i := slices.IndexFunc(gone, func(s Sides) bool { return s.Old.ID == to.New.ID }); i >= 0 {
		return gone[i : i+1]
	}
	named := slices.DeleteFunc(slices.Clone(gone), func(s Sides) bool { return path.Base(s.Path) != path.Base(to.Path) })
	if len(named) == 1 {
		return named
	}
	return gone
}

// Fill gives the past with its commits and contents. blob gives false for what was not
// read: it is left out.
func (t *Trail) Fill(commits map[string]Commit, blob func(id string) ([]byte, bool)) Past {
	for _, turn := range t.Turns[:t.kept] {
		before, known := blob(turn.Old)
		after, also := blob(turn.New)
		if !known || turn.New != "" && !also {
			t.Past.Cut = fmt.Sprintf("an earlier version of %s could not be read", text.Quote(turn.Path))
			continue
		}
		t.Past.Steps = append(t.Past.Steps, Step{Path: turn.Path, Commit: commits[turn.Commit].maker(), Before: before, After: after})
	}
	return t.Past
}

// maker is a commit for who made it, without what it holds.
func (c Commit) maker() Commit {
	c.Message, c.Mechanical = "", false
	return c
}
