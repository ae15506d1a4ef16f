package change

import (
	"slices"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
)

// How far back the history of a base is looked at.
const (
	PastAge     = 90 * 24 * time.Hour // before the base's tip, by the committers' times
	PastCommits = 200                 // of the base's own line, first parent by first parent
	// pastStates bounds the states of files: fewer commits are looked at for many files.
	pastStates = 2000
)

// Step is what a commit of the base's own line did to a file that the change updates.
type Step struct {
	Path          string
	Commit        Commit // for who made it; see Maker
	Before, After []byte // none after it where the commit removes the file
}

// Past is the recent history of the base, as far as it has a bearing on the change.
type Past struct {
	Steps []Step // newest first
	// Cut says why older commits were not looked at, though they are not too old; empty
	// where all were.
	Cut string
}

// Looked are the files whose history has a bearing on the change, and how many
// commits of it are looked at.
func (f *Facts) Looked() (paths []string, commits int) {
	for _, c := range f.Files {
		if c.Before.IsFile() && c.After.IsFile() && manifest.Named(c.Path) && manifest.Marked(c.Before.Data) && !c.Stale {
			paths = append(paths, c.Path)
		}
	}
	slices.Sort(paths)
	if len(paths) == 0 {
		return nil, 0
	}
	return paths, min(PastCommits, pastStates/len(paths))
}

// Maker is a commit for who made it, without what it holds.
func (c Commit) Maker() Commit {
	c.Message, c.Mechanical = "", false
	return c
}
