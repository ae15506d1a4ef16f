package facts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gh "github.com/google/go-github/v66/github"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

const (
	// maxSearched and maxSearchedBytes bound the files of the base that are
	// searched for ImagePolicies and markers.
	maxSearched      = 400
	maxSearchedBytes = 4 << 20
)

// readContents compares the trees, reads the blobs and fills them into the facts.
// Of files that Flux does not look into by their name it reads nothing: their
// ids say all that counts.
func (r *Reader) readContents(ctx context.Context, facts *change.Facts, commits []*gh.RepositoryCommit) (gaps []string, err error) {
	picks, err := r.picks(ctx, *facts, commits)
	if err != nil {
		return nil, err
	}
	changed, err := facts.Changes(ctx, r.forest(), picks)
	if errors.Is(err, change.ErrTooLarge) {
		return nil, tooLarge("%v", err)
	}
	if err != nil {
		return nil, err
	}
	base, unread, err := change.List(ctx, r.store, facts.Base.Tree, manifest.Named)
	if err != nil {
		return nil, err
	}
	if change.Searched(changed) {
		facts.Unsearched = unread
	} else {
		base = slices.DeleteFunc(base, func(f change.Found) bool { return f.Path != policy.File })
	}
	wants, err := wants(changed, base)
	if err != nil {
		gaps = append(gaps, err.Error())
	} else if gaps, base, err = r.searched(ctx, facts.Base.Tree, changed, base, wants); err != nil {
		return nil, err
	}
	facts.Fill(changed, base, r.store.blob)
	if err != nil || facts.Settled() {
		return gaps, nil
	}
	base, unread, blob, gap, err := r.readRest(ctx, facts.Base)
	if err != nil {
		return nil, err
	}
	if gap != "" {
		gaps = append(gaps, gap)
	}
	facts.Unsearched = unread
	facts.Fill(changed, base, blob)
	return gaps, nil
}

// searched reads blobs, and then those that kustomizations among them name besides, which
// it adds to the files of the base.
func (r *Reader) searched(
	ctx context.Context, root string, changed []change.Sides, base []change.Found, first []wanted,
) (gaps []string, all []change.Found, err error) {
	if gaps, err = r.blobs(ctx, first); err != nil {
		return nil, nil, err
	}
	more, err := change.Referred(ctx, r.store, root, base, r.store.blob)
	if err != nil || len(more) == 0 {
		return gaps, base, err
	}
	base = append(base, more...)
	rest, err := wants(changed, base)
	if err != nil {
		return nil, nil, err
	}
	_, err = r.blobs(ctx, slices.DeleteFunc(rest, func(w wanted) bool { return !w.optional }))
	return gaps, base, err
}

// wants lists the blobs to read, each once: of the changed files all sides,
// and of the base's as many as are searched, the policy file and those nearest
// to a change first.
func wants(changed []change.Sides, base []change.Found) ([]wanted, error) {
	var wants []wanted
	seen := map[string]bool{}
	total := 0
	add := func(e change.Entry, optional bool) {
		if !seen[e.ID] {
			seen[e.ID] = true
			wants = append(wants, wanted{e.ID, e.Size, optional})
			total += e.Size
		}
	}
	for _, s := range changed {
		for _, e := range s.Wanted() {
			add(e, false)
		}
	}
	if len(wants) > maxBlobs || total > maxBlobBytes {
		return nil, fmt.Errorf("the change touches %d versions of files that Flux reads, with %d bytes, more than are read", len(wants), total)
	}
	first, most := len(wants), total+maxSearchedBytes
	for _, f := range nearest(base, changed) {
		if len(wants) < first+maxSearched && total+f.Size <= most && f.Size <= maxText {
			add(f.Entry, f.Path != policy.File)
		}
	}
	return wants, nil
}

// nearest sorts files by how much of their folder they share with a changed
// one, the policy file before all.
func nearest(base []change.Found, changed []change.Sides) []change.Found {
	folders := map[string]bool{}
	for _, ch := range changed {
		for dir := ch.Path; dir != ""; {
			dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
			folders[dir] = true
		}
	}
	distance := func(f change.Found) int { // how many folders the file is below one that holds a change
		if f.Path == policy.File {
			return -1
		}
		n := 0
		for dir := f.Path; dir != ""; n++ {
			dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
			if folders[dir] {
				break
			}
		}
		return n
	}
	out := slices.Clone(base)
	slices.SortStableFunc(out, func(a, b change.Found) int { return distance(a) - distance(b) })
	return out
}

// BaseFile gives a regular file of a commit, which is named by its full id;
// false where there is none. A symbolic link is not followed. What was read with
// the facts of a change is not read again where base is as they name it.
func (r *Reader) BaseFile(ctx context.Context, base change.Revision, path string) ([]byte, bool, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	if !github.IsID(base.Commit) {
		return nil, false, github.Misused("read "+text.Quote(path)+" of "+text.Quote(base.Commit), "give the full id of a commit",
			"not the id of a commit")
	}
	if base.Tree != "" {
		return r.fileBelow(ctx, base.Tree, path)
	}
	root, err := r.listing(ctx, base.Commit, true)
	if err == nil && root == "" {
		root, err = r.listing(ctx, base.Commit, false)
	}
	if err == nil && root == "" {
		err = github.Odd("read the files of commit "+base.Commit, "they are not as Git can keep them")
	}
	if err != nil {
		return nil, false, err
	}
	return r.fileBelow(ctx, root, path)
}

func (r *Reader) fileBelow(ctx context.Context, root, path string) ([]byte, bool, error) {
	op := "read " + text.Quote(path) + " of the base"
	e, err := change.Find(ctx, r.forest(), root, path)
	near := ""
	if err == nil && e.Mode == change.Absent {
		near, err = change.Near(ctx, r.forest(), root, path)
	}
	switch {
	case err != nil:
		return nil, false, err
	case near != "":
		return nil, false, github.Errorf(github.Refused, op, "there is %s, and nothing reads that", text.Quote(near)).
			WithHint(fmt.Sprintf("rename it to %s, or remove it", text.Quote(path)))
	case e.Mode == change.Absent:
		return nil, false, nil
	case !e.IsFile():
		return nil, false, github.Errorf(github.Refused, op, "not a regular file").WithHint("put a regular file there")
	}
	if data, ok := r.store.blob(e.ID); ok {
		return data, true, nil
	}
	gap, err := r.oneBlob(ctx, e.ID)
	if err != nil {
		return nil, false, err
	}
	data, ok := r.store.blob(e.ID)
	if !ok {
		return nil, false, github.Odd(op, "%s", gap)
	}
	return data, true, nil
}
