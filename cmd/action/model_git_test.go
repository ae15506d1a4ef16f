package main

import (
	"context"
	"crypto/sha1" //nolint:gosec // Git's own hash
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// memGit is what the model needs of Git, in memory: files by path, commits, and
// the facts of a change.
type memGit struct {
	trees   map[string][]change.Entry
	blobs   map[string][]byte
	files   map[string]map[string]string // by tree
	commits map[string]memCommit
	past    map[string]map[string]bool // a commit's ancestors, itself among them
	told    map[[2]string]change.Facts // what facts has told
}

type memCommit struct {
	change.Commit
	tree string
}

func newMemGit() *memGit {
	return &memGit{map[string][]change.Entry{}, map[string][]byte{}, map[string]map[string]string{}, map[string]memCommit{},
		map[string]map[string]bool{}, map[[2]string]change.Facts{}}
}

func objectID(kind, data string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "%s %d\x00%s", kind, len(data), data)) //nolint:gosec // Git's own hash
	return hex.EncodeToString(sum[:])
}

// tree keeps files, and gives the id of their folder.
func (g *memGit) tree(files map[string]string) string {
	var entries []change.Entry
	below := map[string]map[string]string{}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if dir, rest, nested := strings.Cut(path, "/"); nested {
			if below[dir] == nil {
				below[dir] = map[string]string{}
			}
			below[dir][rest] = files[path]
			continue
		}
		id := objectID("blob", files[path])
		g.blobs[id] = []byte(files[path])
		entries = append(entries, change.Entry{Name: path, Mode: change.Regular, ID: id, Size: len(files[path])})
	}
	for _, dir := range slices.Sorted(maps.Keys(below)) {
		entries = append(entries, change.Entry{Name: dir, Mode: change.Folder, ID: g.tree(below[dir])})
	}
	id := objectID("tree", fmt.Sprint(entries))
	g.trees[id], g.files[id] = entries, files
	return id
}

// fluxAuthor is whom the policy knows as Flux, and ann a person.
var (
	fluxAuthor = change.Signature{Name: "fluxcdbot", Email: "fluxcdbot@users.noreply.github.com", When: time.Unix(1795000000, 0).UTC()}
	annAuthor  = change.Signature{Name: "ann", Email: "ann@example.com", When: fluxAuthor.When}
)

// commit keeps a commit of these files.
func (g *memGit) commit(by change.Signature, files map[string]string, parents ...string) string {
	tree := g.tree(files)
	id := objectID("commit", fmt.Sprint(tree, parents, by.Name, len(g.commits)))
	g.commits[id] = memCommit{change.Commit{SHA: id, Parents: parents, Author: by, Committer: by, Message: "x"}, tree}
	g.past[id] = map[string]bool{id: true}
	for _, p := range parents {
		maps.Copy(g.past[id], g.past[p])
	}
	return id
}

func (g *memGit) filesOf(commit string) map[string]string {
	return maps.Clone(g.files[g.commits[commit].tree])
}

// Load and Entries are those of change.Folders.
func (*memGit) Load(context.Context, []string) error { return nil }

func (g *memGit) Entries(id string) ([]change.Entry, bool) { e, ok := g.trees[id]; return e, ok }

// mergeBases are the best common ancestors.
func (g *memGit) mergeBases(a, b string) []string {
	var all []string
	for id := range g.past[a] {
		if g.past[b][id] {
			all = append(all, id)
		}
	}
	best := slices.DeleteFunc(slices.Clone(all), func(id string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != id && g.past[other][id] })
	})
	slices.Sort(best)
	return best
}

func (g *memGit) revision(commit string) change.Revision {
	return change.Revision{Commit: commit, Tree: g.commits[commit].tree}
}

// compare gives the merge base of two commits, and the paths that merging changes.
func (g *memGit) compare(tip, head string) (change.Facts, []change.Sides, error) {
	bases := g.mergeBases(tip, head)
	if len(bases) == 0 {
		return change.Facts{}, nil, fmt.Errorf("compare %s with %s: no common ancestor", tip, head)
	}
	f := change.Facts{Base: g.revision(tip), MergeBase: g.revision(bases[0]), Head: g.revision(head), Crosswise: len(bases) > 1}
	sides, err := change.Compare(context.Background(), g, f.MergeBase.Tree, f.Base.Tree, f.Head.Tree)
	return f, sides, err
}

// facts are what the edges find out, by the same pure core.
func (g *memGit) facts(tip, head string) (change.Facts, error) {
	key := [2]string{tip, head}
	if f, ok := g.told[key]; ok {
		return f, nil
	}
	f, sides, err := g.compare(tip, head)
	if err != nil {
		return f, err
	}
	base, unread, err := change.List(context.Background(), g, f.Base.Tree, manifest.Named)
	if err != nil {
		return f, err
	}
	f.Unsearched = unread
	if !change.Searched(sides) {
		base = slices.DeleteFunc(base, func(found change.Found) bool { return found.Path != policy.File })
	}
	blob := func(id string) ([]byte, bool) { data, ok := g.blobs[id]; return data, ok }
	more, err := change.Referred(context.Background(), g, f.Base.Tree, base, blob)
	if err != nil {
		return f, err
	}
	f.Fill(sides, append(base, more...), blob)
	for id := range g.past[head] {
		if !g.past[tip][id] {
			f.Commits = append(f.Commits, g.commits[id].Commit)
		}
	}
	slices.SortFunc(f.Commits, func(a, b change.Commit) int { return len(g.past[a.SHA]) - len(g.past[b.SHA]) })
	g.told[key] = f
	return f, nil
}

// merge gives the files of a merge, false where it conflicts: what both sides
// changed does here.
func (g *memGit) merge(tip, head string) (map[string]string, bool) {
	f, sides, err := g.compare(tip, head)
	if err != nil || f.Crosswise {
		return nil, false
	}
	files, theirs := g.filesOf(tip), g.filesOf(head)
	for _, s := range sides {
		if s.Stale() {
			return nil, false
		}
		if text, ok := theirs[s.Path]; ok {
			files[s.Path] = text
		} else {
			delete(files, s.Path)
		}
	}
	return files, true
}
