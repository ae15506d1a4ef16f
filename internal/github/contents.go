package github

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/text"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

const (
	// maxSearched and maxSearchedBytes bound the files of the base that are
	// searched for ImagePolicies and markers.
	maxSearched      = 400
	maxSearchedBytes = 4 << 20
)

// contents are the files that the change touches, and what of the base has a
// bearing on them.
type contents struct {
	files      []change.File
	sources    []change.Content
	bystanders []change.Content
	unsearched int
	gaps       []string
}

// readContents compares the trees and reads the blobs. Of files that Flux does
// not look into by their name it reads nothing: their ids say all that counts.
func (c *Client) readContents(ctx context.Context, h history) (contents, error) {
	var out contents
	trees := forest{c: c}
	changes, err := trees.compare(ctx, h.mergeBase.Tree, h.base.Tree, h.head.Tree)
	if err != nil {
		return out, err
	}
	rest, unread := trees.list(h.base.Tree, manifest.Named)
	if slices.ContainsFunc(changes, func(ch sides) bool { return manifest.Named(ch.path) }) {
		out.unsearched = unread
	} else { // then no update can be in the change, and there is nothing to search for
		rest = slices.DeleteFunc(rest, func(f file) bool { return f.path != policy.File })
	}
	wants, err := c.wants(changes, rest)
	if err != nil {
		out.gaps = append(out.gaps, err.Error())
	} else if out.gaps, err = c.blobs(ctx, wants); err != nil {
		return out, err
	}
	changed := make(map[string]bool, len(changes))
	for _, ch := range changes {
		changed[ch.path] = true
		out.files = append(out.files, change.File{
			Path: ch.path, Old: c.side(ch.path, ch.old), Tip: c.side(ch.path, ch.tip), New: c.side(ch.path, ch.head),
		})
	}
	for _, f := range rest {
		data, ok := c.store.blob(f.id)
		if !ok {
			out.unsearched++
			continue
		}
		if bytes.Contains(data, []byte("ImagePolicy")) || bytes.Contains(data, []byte("ImageRepository")) {
			out.sources = append(out.sources, change.Content{Path: f.path, Data: data})
		}
		if !changed[f.path] && manifest.Marked(data) {
			out.bystanders = append(out.bystanders, change.Content{Path: f.path, Data: data})
		}
	}
	return out, nil
}

func (c *Client) side(path string, e entry) change.Blob {
	if e.mode == change.Absent {
		return change.Blob{}
	}
	b := change.Blob{Mode: e.mode, ID: e.id}
	if e.isFile() && manifest.Named(path) {
		b.Data, _ = c.store.blob(e.id)
	}
	return b
}

// wants lists the blobs to read, each once: of the changed files all sides,
// and of the rest as many as are searched, the policy file and those nearest
// to a change first.
func (c *Client) wants(changes []sides, rest []file) ([]wanted, error) {
	var wants []wanted
	seen := map[string]bool{}
	total := 0
	add := func(e entry, optional bool) {
		if !seen[e.id] {
			seen[e.id] = true
			wants = append(wants, wanted{e.id, e.size, optional})
			total += e.size
		}
	}
	for _, ch := range changes {
		for _, e := range []entry{ch.head, ch.old, ch.tip} {
			if e.isFile() && manifest.Named(ch.path) {
				add(e, false)
			}
		}
	}
	if len(wants) > maxBlobs || total > maxBlobBytes {
		return nil, fmt.Errorf("the change touches %d versions of files that Flux reads, with %d bytes, more than are read", len(wants), total)
	}
	changed, most := len(wants), total+maxSearchedBytes
	for _, f := range nearest(rest, changes) {
		if len(wants) < changed+maxSearched && total+f.size <= most && f.size <= maxText {
			add(f.entry, f.path != policy.File)
		}
	}
	return wants, nil
}

// nearest sorts files by how much of their folder they share with a changed
// one, the policy file before all.
func nearest(rest []file, changes []sides) []file {
	folders := map[string]bool{}
	for _, ch := range changes {
		for dir := ch.path; dir != ""; {
			dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
			folders[dir] = true
		}
	}
	distance := func(f file) int { // how many folders the file is below one that holds a change
		if f.path == policy.File {
			return -1
		}
		n := 0
		for dir := f.path; dir != ""; n++ {
			dir = dir[:max(strings.LastIndexByte(dir, '/'), 0)]
			if folders[dir] {
				break
			}
		}
		return n
	}
	out := slices.Clone(rest)
	slices.SortStableFunc(out, func(a, b file) int { return distance(a) - distance(b) })
	return out
}

// BaseFile gives a regular file of the base; false where there is none. What
// was read with the change is not read again.
func (ch *Change) BaseFile(ctx context.Context, path string) ([]byte, bool, error) {
	ctx, cancel := ch.client.limited(ctx)
	defer cancel()
	return ch.client.fileBelow(ctx, ch.history.base.Tree, path)
}

// BaseFile gives a regular file of a commit, which is named by its full id;
// false where there is none. A symbolic link is not followed.
func (c *Client) BaseFile(ctx context.Context, sha, path string) ([]byte, bool, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if !isID(sha) {
		return nil, false, misuse("read "+text.Quote(path)+" of "+text.Quote(sha), "give the full id of a commit", "not the id of a commit")
	}
	root, err := c.listing(ctx, sha, true)
	if err == nil && root == "" {
		root, err = c.listing(ctx, sha, false)
	}
	if err == nil && root == "" {
		err = odd("read the files of commit "+sha, "they are not as Git can keep them")
	}
	if err != nil {
		return nil, false, err
	}
	return c.fileBelow(ctx, root, path)
}

func (c *Client) fileBelow(ctx context.Context, root, path string) ([]byte, bool, error) {
	op := "read " + text.Quote(path) + " of the base"
	trees := forest{c: c}
	e, err := trees.find(ctx, root, path)
	switch {
	case err != nil:
		return nil, false, err
	case e.mode == change.Absent:
		return nil, false, nil
	case !e.isFile():
		return nil, false, &Error{Op: op, Kind: Refused, text: "not a regular file", hint: "put a regular file there"}
	}
	if data, ok := c.store.blob(e.id); ok {
		return data, true, nil
	}
	gap, err := c.oneBlob(ctx, e.id)
	if err != nil {
		return nil, false, err
	}
	data, ok := c.store.blob(e.id)
	if !ok {
		return nil, false, odd(op, "%s", gap)
	}
	return data, true, nil
}
