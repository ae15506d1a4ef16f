package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxCommits bounds the commits of a change that are described.
const maxCommits = 10_000

// Facts gathers the facts of merging rng.Head into rng.Base.
func (r *Repository) Facts(ctx context.Context, rng Range) (change.Facts, error) {
	var facts change.Facts
	commits, err := r.ends(ctx, &facts, rng)
	if err != nil {
		return facts, err
	}
	if n := len(commits); n > maxCommits {
		facts.Gaps = append(facts.Gaps, fmt.Sprintf("the change has %d commits, of which %d were read", n, maxCommits))
		commits = commits[:maxCommits]
	}
	if err := r.commits(ctx, &facts, commits); err != nil {
		return facts, err
	}
	return facts, r.contents(ctx, &facts, commits)
}

// ends finds out from where to where a change goes, and gives its commits.
func (r *Repository) ends(ctx context.Context, facts *change.Facts, rng Range) ([]*node, error) {
	base, baseRef, err := r.resolve(rng.Base)
	if err != nil {
		return nil, err
	}
	head, headRef, err := r.resolve(rng.Head)
	if err != nil {
		return nil, err
	}
	relation, err := r.relate(ctx, base, head)
	if err != nil {
		return nil, err
	}
	if len(relation.bases) == 0 {
		return nil, fail(NoAncestor, fmt.Sprintf("compare %s with %s", text.Quote(rng.Head), text.Quote(rng.Base)),
			"the two have separate histories; make sure that both belong to this project", "no common ancestor")
	}
	facts.BaseRef, facts.HeadRef = cmp.Or(rng.BaseRef, baseRef), cmp.Or(rng.HeadRef, headRef)
	facts.Base, facts.MergeBase, facts.Head = base.revision(), relation.bases[0].revision(), head.revision()
	facts.Crosswise = len(relation.bases) > 1
	return relation.ours, nil
}

// ChangedFiles reads the files and links that merging rng.Head into rng.Base
// would change, as the head has them. The gaps say what may be missing.
func (r *Repository) ChangedFiles(ctx context.Context, rng Range) (files []change.Content, gaps []string, err error) {
	var facts change.Facts
	if _, err := r.ends(ctx, &facts, rng); err != nil {
		return nil, nil, err
	}
	changed, err := r.compare(ctx, r.forest(), facts)
	if err != nil {
		return nil, nil, err
	}
	if facts.Crosswise {
		gaps = append(gaps, change.CrosswiseGap)
	}
	var ids []plumbing.Hash
	for _, s := range changed {
		if s.New.IsFile() || s.New.Mode == change.Symlink {
			files = append(files, change.Content{Path: s.Path})
			ids = append(ids, plumbing.NewHash(s.New.ID))
		}
	}
	err = r.each(ctx, ids, plumbing.BlobObject, func(i int, o object) error {
		files[i].Data = o.data
		return nil
	})
	return files, gaps, err
}

func (n *node) revision() change.Revision {
	return change.Revision{Commit: n.id.String(), Tree: n.tree.String()}
}

// commits describes the commits of the change.
func (r *Repository) commits(ctx context.Context, facts *change.Facts, nodes []*node) error {
	ours := map[plumbing.Hash]bool{}
	for _, n := range nodes {
		ours[n.id] = true
	}
	for _, n := range nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := r.reader.read(n.id, plumbing.CommitObject)
		if err != nil {
			return err
		}
		commit := change.Commit{SHA: n.id.String()}
		for _, p := range n.parents {
			commit.Parents = append(commit.Parents, p.String())
		}
		c, err := parseContent(o.data)
		if err != nil {
			facts.Gaps = append(facts.Gaps, fmt.Sprintf("commit %s is malformed: %s", n.id, err))
			commit.Verification.Reason = "the commit is malformed"
		} else {
			commit.Author, commit.Committer, commit.Message = c.author, c.committer, c.message
			commit.Verification, commit.Signed = c.verification()
		}
		if commit.Mechanical, err = r.mechanical(ctx, n, ours); err != nil {
			return err
		}
		facts.Commits = append(facts.Commits, commit)
	}
	return nil
}

// mechanical tells whether a commit of the change merges the base's history into it
// and adds nothing.
func (r *Repository) mechanical(ctx context.Context, n *node, ours map[plumbing.Hash]bool) (bool, error) {
	if len(n.parents) != 2 || !ours[n.parents[0]] || ours[n.parents[1]] {
		return false, nil
	}
	mine, err := r.node(n.parents[0])
	if err != nil {
		return false, err
	}
	theirs, err := r.node(n.parents[1])
	if err != nil {
		return false, err
	}
	relation, err := r.relate(ctx, theirs, mine)
	if err != nil || len(relation.bases) != 1 {
		return false, err
	}
	same, err := change.Mechanical(ctx, r.forest(), relation.bases[0].tree.String(), mine.tree.String(), theirs.tree.String(), n.tree.String())
	if errors.Is(err, change.ErrTooLarge) {
		return false, tooLarge()
	}
	return same, err
}

// contents finds the changed files, and what of the base has a bearing on them.
func (r *Repository) contents(ctx context.Context, facts *change.Facts, commits []*node) error {
	picks, err := r.picks(commits)
	if err != nil {
		return err
	}
	trees := r.forest()
	changed, err := facts.Changes(ctx, trees, picks)
	if errors.Is(err, change.ErrTooLarge) {
		return tooLarge()
	}
	if err != nil {
		return err
	}
	var base []change.Found
	if change.Searched(changed) {
		var unread []string
		if base, unread, err = change.List(ctx, trees, facts.Base.Tree, manifest.Named); err != nil {
			return err
		}
		if len(unread) > 0 {
			return tooLarge()
		}
	}
	blobs, err := r.blobs(ctx, changed, base)
	if err != nil {
		return err
	}
	blob := func(id string) ([]byte, bool) { data, ok := blobs[id]; return data, ok }
	more, err := change.Referred(ctx, trees, facts.Base.Tree, base, blob)
	if err != nil {
		return err
	}
	named, err := r.blobs(ctx, nil, more)
	if err != nil {
		return err
	}
	maps.Copy(named, blobs)
	blobs = named
	facts.Fill(changed, append(base, more...), blob)
	return nil
}

// picks are the commits that a rebase would take up.
func (r *Repository) picks(commits []*node) ([]change.Pick, error) {
	var picks []change.Pick
	for _, c := range commits {
		if len(c.parents) > 1 {
			continue
		}
		pick := change.Pick{To: c.tree.String()}
		if len(c.parents) == 1 {
			parent, err := r.node(c.parents[0])
			if err != nil {
				return nil, err
			}
			pick.From = parent.tree.String()
		}
		picks = append(picks, pick)
	}
	return picks, nil
}

func (r *Repository) compare(ctx context.Context, trees *forest, facts change.Facts) ([]change.Sides, error) {
	changed, err := change.Compare(ctx, trees, facts.MergeBase.Tree, facts.Base.Tree, facts.Head.Tree)
	if errors.Is(err, change.ErrTooLarge) {
		return nil, tooLarge()
	}
	return changed, err
}

// blobs reads every blob once: of the changes what counts, and the files of the
// base, of which only those with a bearing on the change are held.
func (r *Repository) blobs(ctx context.Context, changed []change.Sides, base []change.Found) (map[string][]byte, error) {
	var ids []plumbing.Hash
	out := map[string][]byte{}
	add := func(e change.Entry) {
		if _, known := out[e.ID]; !known {
			out[e.ID] = nil
			ids = append(ids, plumbing.NewHash(e.ID))
		}
	}
	for _, s := range changed {
		for _, e := range s.Wanted() {
			add(e)
		}
	}
	needed := len(ids)
	for _, f := range base {
		add(f.Entry)
	}
	data := make([][]byte, len(ids))
	err := r.each(ctx, ids, plumbing.BlobObject, func(i int, o object) error {
		if i < needed || change.Counts(o.data) {
			data[i] = o.data
		}
		return nil
	})
	for i, id := range ids {
		out[id.String()] = data[i]
	}
	return out, err
}

// BaseFile gives a regular file of the base's tip; false where there is none. A
// file of nearly the same name in its stead is an error.
func (r *Repository) BaseFile(ctx context.Context, rng Range, path string) ([]byte, bool, error) {
	op := fmt.Sprintf("read %s at %s", text.Quote(path), text.Quote(rng.Base))
	base, _, err := r.resolve(rng.Base)
	if err != nil {
		return nil, false, err
	}
	trees := r.forest()
	at, err := change.Find(ctx, trees, base.tree.String(), path)
	near := ""
	if err == nil && at.Mode == change.Absent {
		near, err = change.Near(ctx, trees, base.tree.String(), path)
	}
	switch {
	case err != nil:
		return nil, false, err
	case near != "":
		return nil, false, fail(Misnamed, op, fmt.Sprintf("rename it to %s, or remove it", text.Quote(path)),
			"there is %s, and nothing reads that", text.Quote(near))
	case at.Mode == change.Absent:
		return nil, false, nil
	case !at.IsFile():
		return nil, false, fail(Unsupported, op, "put a regular file there", "not a regular file")
	}
	o, err := r.reader.read(plumbing.NewHash(at.ID), plumbing.BlobObject)
	return o.data, err == nil, err
}
