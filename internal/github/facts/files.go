package facts

import (
	"context"
	"fmt"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/text"
)

// maxSingle bounds the files that are read one by one, since they are binary or
// long: a workflow's token has 1,000 requests an hour.
const maxSingle = 300

// Files are regular files of a commit, sorted by path.
type Files struct {
	// All have no Data where it could not be read.
	All []change.Content
	// Gaps say what could not be read, and why. They may quote outside text.
	Gaps []string
}

// ChangedFiles reads the files that merging head into base would change, as the
// head has them. Both are full ids of commits. Its error is an *github.Error.
func (r *Reader) ChangedFiles(ctx context.Context, base, head string) (Files, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	if !github.IsID(base) || !github.IsID(head) {
		return Files{}, github.Misused("compare "+text.Quote(head)+" with "+text.Quote(base), "give the full ids of two commits",
			"not ids of commits")
	}
	h, err := r.ends(ctx, base, head)
	if err != nil {
		return Files{}, err
	}
	var gaps []string // of the commits only trees count here
	if h.crosswise {
		gaps = append(gaps, change.CrosswiseGap)
	}
	return r.filesOf(ctx, h.mergeBase.Tree, h.base.Tree, h.head.Tree, gaps)
}

// AllFiles reads the files of a commit, which is named by its full id. Its error
// is an *github.Error.
func (r *Reader) AllFiles(ctx context.Context, sha string) (Files, error) {
	ctx, cancel := r.Limited(ctx)
	defer cancel()
	if !github.IsID(sha) {
		return Files{}, github.Misused("read the files of "+text.Quote(sha), "give the full id of a commit", "not the id of a commit")
	}
	commit, err := r.revision(ctx, sha)
	if err != nil {
		return Files{}, err
	}
	if _, err := r.listing(ctx, commit.Tree, true); err != nil { // what it leaves out is read folder by folder
		return Files{}, err
	}
	return r.filesOf(ctx, "", "", commit.Tree, nil)
}

// filesOf reads the files of the head that are otherwise in both other trees; an
// empty id is a tree with nothing in it.
func (r *Reader) filesOf(ctx context.Context, old, tip, head string, gaps []string) (Files, error) {
	changed, err := r.forest().compare(ctx, old, tip, head)
	if err != nil {
		return Files{}, err
	}
	var all []change.Found
	for _, s := range changed {
		if s.New.IsFile() {
			all = append(all, change.Found{Path: s.Path, Entry: s.New})
		}
	}
	out := Files{Gaps: gaps}
	why, err := r.readFiles(ctx, all)
	if err != nil {
		return out, err
	}
	beyond, first := 0, ""
	for _, f := range all {
		data, ok := r.store.blob(f.ID)
		out.All = append(out.All, change.Content{Path: f.Path, Data: data})
		switch {
		case ok:
		case why[f.ID] != "":
			out.Gaps = append(out.Gaps, text.Quote(f.Path)+": "+why[f.ID])
		default:
			if beyond++; beyond == 1 {
				first = f.Path
			}
		}
	}
	if beyond > 0 {
		out.Gaps = append(out.Gaps, fmt.Sprintf("%d of %d files were not read, the first of them %s: at most %d files with %d bytes are, and "+
			"of those that are binary or long %d",
			beyond, len(all), text.Quote(first), maxBlobs, maxBlobBytes, maxSingle))
	}
	return out, nil
}

// readFiles reads as many files as are read at most, and says of each of these
// that could not be had why, by its id.
func (r *Reader) readFiles(ctx context.Context, all []change.Found) (why map[string]string, err error) {
	var wants []wanted
	seen, total := map[string]bool{}, 0
	for _, f := range all {
		if !seen[f.ID] && len(wants) < maxBlobs && total+f.Size <= maxBlobBytes {
			seen[f.ID] = true
			total += f.Size
			wants = append(wants, wanted{f.ID, f.Size, true})
		}
	}
	if _, err := r.blobs(ctx, wants); err != nil {
		return nil, err
	}
	var rest []wanted
	for _, w := range wants {
		if _, ok := r.store.blob(w.id); !ok && len(rest) < maxSingle {
			rest = append(rest, w)
		}
	}
	return r.singles(ctx, rest)
}
