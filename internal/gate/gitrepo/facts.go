package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

// maxCommits bounds the commits of a change that are described.
const maxCommits = 10_000

// Facts gathers the facts of merging rng.Head into rng.Base. The keys are all
// pinned keys of the policy's bots: signatures are verified with them, and
// with nothing else. Today, Pull and Policies are left to the caller; Policies
// are found in Sources.
func (r *Repository) Facts(ctx context.Context, rng Range, keys []string) (change.Facts, error) {
	var facts change.Facts
	ring, err := signature.ParseKeys(keys)
	if e, ok := errors.AsType[*signature.KeyError](err); ok {
		return facts, &Error{Op: e.Op(), Kind: BadKey, Err: e.Err, hint: e.Hint()}
	}
	base, baseRef, err := r.resolve(rng.Base)
	if err != nil {
		return facts, err
	}
	head, headRef, err := r.resolve(rng.Head)
	if err != nil {
		return facts, err
	}
	relation, err := r.relate(ctx, base, head)
	if err != nil {
		return facts, err
	}
	if len(relation.bases) == 0 {
		return facts, fail(NoAncestor, fmt.Sprintf("compare %s with %s", text.Quote(rng.Head), text.Quote(rng.Base)),
			"the two have separate histories; make sure that both belong to this project", "no common ancestor")
	}
	mergeBase := relation.bases[0]
	facts.BaseRef, facts.HeadRef = baseRef, headRef
	facts.Base, facts.MergeBase, facts.Head = base.revision(), mergeBase.revision(), head.revision()
	if n := len(relation.bases); n > 1 {
		facts.Gaps = append(facts.Gaps, fmt.Sprintf(
			"base and head have %d best common ancestors (they were merged crosswise); what the change is depends on which one counts", n))
	}
	if n := len(relation.ours); n > maxCommits {
		facts.Gaps = append(facts.Gaps, fmt.Sprintf("the change has %d commits, of which %d were read", n, maxCommits))
		relation.ours = relation.ours[:maxCommits]
	}
	if err := r.commits(ctx, &facts, relation.ours, ring); err != nil {
		return facts, err
	}
	return facts, r.contents(ctx, &facts, mergeBase.tree, base.tree, head.tree)
}

func (n *node) revision() change.Revision {
	return change.Revision{Commit: n.id.String(), Tree: n.tree.String()}
}

// commits describes the commits of the change.
func (r *Repository) commits(ctx context.Context, facts *change.Facts, nodes []*node, keys signature.Keyring) error {
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
			commit.Verification = c.verify(keys, r.now())
		}
		facts.Commits = append(facts.Commits, commit)
	}
	return nil
}

// contents finds the changed files, and what of the base has a bearing on them.
func (r *Repository) contents(ctx context.Context, facts *change.Facts, old, tip, head plumbing.Hash) error {
	trees := forest{r: r, trees: map[plumbing.Hash][]entry{}}
	changes, err := trees.compare(ctx, old, tip, head)
	if err != nil {
		return err
	}
	rest, err := trees.list(ctx, tip, isFluxFile)
	if err != nil {
		return err
	}
	blobs, err := r.blobs(ctx, changes, rest)
	if err != nil {
		return err
	}
	changed := make(map[string]bool, len(changes))
	for _, c := range changes {
		changed[c.path] = true
		facts.Files = append(facts.Files, change.File{
			Path: c.path, Old: blobs.side(c.old), Tip: blobs.side(c.tip), New: blobs.side(c.head),
		})
	}
	for _, f := range rest {
		data := blobs[f.id]
		if bytes.Contains(data, []byte("ImagePolicy")) || bytes.Contains(data, []byte("ImageRepository")) {
			facts.Sources = append(facts.Sources, change.Content{Path: f.path, Data: data})
		}
		if !changed[f.path] && bytes.Contains(data, []byte(`"$imagepolicy"`)) {
			facts.Bystanders = append(facts.Bystanders, change.Content{Path: f.path, Data: data})
		}
	}
	return nil
}

// isFluxFile says whether Flux's image automation looks into a file of that
// name (sigs.k8s.io/kustomize/kyaml with fluxcd's screening reader).
func isFluxFile(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || name == "Kustomization"
}

// contentByID holds the blobs that are needed; of files that only had to be
// searched and hold nothing of interest, nothing.
type contentByID map[plumbing.Hash][]byte

func (b contentByID) side(e entry) change.Blob {
	if e.mode == change.Absent {
		return change.Blob{}
	}
	return change.Blob{Mode: e.mode, ID: e.id.String(), Data: b[e.id]}
}

// blobs reads every blob once: all sides of the changes, and the files of the
// base that may hold markers, policies or image repositories.
func (r *Repository) blobs(ctx context.Context, changes []sides, rest []file) (contentByID, error) {
	var ids []plumbing.Hash
	index := map[plumbing.Hash]int{}
	add := func(e entry) {
		if _, ok := index[e.id]; !ok && (e.isFile() || e.mode == change.Symlink) {
			index[e.id] = len(ids)
			ids = append(ids, e.id)
		}
	}
	// Side by side as they lie in a pack, the head first: the older contents
	// are often deltas of it.
	for _, side := range []func(sides) entry{
		func(c sides) entry { return c.head }, func(c sides) entry { return c.old }, func(c sides) entry { return c.tip },
	} {
		for _, c := range changes {
			add(side(c))
		}
	}
	needed := len(ids)
	for _, f := range rest {
		add(f.entry)
	}
	data := make([][]byte, len(ids))
	err := r.each(ctx, ids, plumbing.BlobObject, func(i int, o object) error {
		if i < needed || bytes.Contains(o.data, []byte("ImagePolicy")) ||
			bytes.Contains(o.data, []byte("ImageRepository")) || bytes.Contains(o.data, []byte(`"$imagepolicy"`)) {
			data[i] = o.data
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make(contentByID, len(ids))
	for i, id := range ids {
		out[id] = data[i]
	}
	return out, nil
}

// BaseFile gives a regular file of the base's tip; false where there is none.
func (r *Repository) BaseFile(rng Range, path string) ([]byte, bool, error) {
	op := fmt.Sprintf("read %s at %s", text.Quote(path), text.Quote(rng.Base))
	base, _, err := r.resolve(rng.Base)
	if err != nil {
		return nil, false, err
	}
	at := treeEntry(base.tree)
	for name := range strings.SplitSeq(path, "/") {
		if !at.isTree() {
			return nil, false, nil
		}
		o, err := r.reader.read(at.id, plumbing.TreeObject)
		if err != nil {
			return nil, false, err
		}
		entries, err := parseTree(o.data)
		if err != nil {
			return nil, false, corrupt(at.id, "%w", err)
		}
		at = entry{}
		for _, e := range entries {
			if e.name == name {
				at = e
			}
		}
	}
	switch {
	case at.mode == change.Absent:
		return nil, false, nil
	case !at.isFile():
		return nil, false, fail(Unsupported, op, "put a regular file there", "not a regular file")
	}
	o, err := r.reader.read(at.id, plumbing.BlobObject)
	if err != nil {
		return nil, false, err
	}
	return o.data, true, nil
}
