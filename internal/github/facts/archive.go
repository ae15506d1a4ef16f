package facts

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

// bounds are those of an archive. What is beyond them stays unread.
type bounds struct {
	packed, unpacked int64 // bytes, as they are sent and in all
	time             time.Duration
}

// The bounds of every archive.
const (
	maxArchive     = 256 << 20
	maxUnpacked    = 1 << 30
	maxArchiveTime = time.Minute
)

// readRest reads what a few requests could not hold of the files of the base that
// are searched: folders that the listing left out, then the archive, in one
// request, and then one by one what the archive lacks or has otherwise, as
// .gitattributes can have it. It gives the files, the folders that are still not
// known, and the contents; a gap says what could not be had and why.
func (r *Reader) readRest(ctx context.Context, base change.Revision) (
	files []change.Found, unread []string, blob func(id string) ([]byte, bool), gap string, err error,
) {
	files, unread, err = change.List(ctx, r.forest(), base.Tree, manifest.Named)
	if e, ok := errors.AsType[*github.Error](err); ok && ctx.Err() == nil {
		gap = e.Error()
		files, unread, err = change.List(ctx, r.store, base.Tree, manifest.Named)
	}
	if err != nil {
		return nil, nil, nil, "", err
	}
	missing := map[string]bool{}
	for _, f := range files {
		if _, ok := r.store.blob(f.ID); !ok {
			missing[f.ID] = true
		}
	}
	found, err := r.readArchive(ctx, base.Commit, missing)
	if err != nil {
		e := github.Classify(ctx, "read the archive of commit "+base.Commit, err)
		if ctx.Err() != nil {
			return nil, nil, nil, "", e
		}
		gap = e.Error()
	}
	blob = func(id string) ([]byte, bool) {
		if data, ok := found[id]; ok {
			return data, true
		}
		return r.store.blob(id)
	}
	more, odd := change.Referred(ctx, r.store, base.Tree, files, blob)
	if files = append(files, more...); err != nil || odd != nil {
		return files, unread, blob, gap, odd
	}
	var rest []change.Found
	for _, f := range files {
		if _, ok := blob(f.ID); !ok {
			rest = append(rest, f)
		}
	}
	_, err = r.readFiles(ctx, rest)
	return files, unread, blob, gap, err
}

// readArchive reads those of the missing files that the archive of a commit has as
// they are in Git, and keeps what can have a bearing on a change; of the others
// nil. A content is believed for its id alone, whatever its path.
func (r *Reader) readArchive(ctx context.Context, commit string, missing map[string]bool) (map[string][]byte, error) {
	op := "read the archive of commit " + commit
	if len(missing) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.archive.time, fmt.Errorf("it took longer than %s", r.archive.time))
	defer cancel()
	body, err := r.Archive(ctx, commit)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	found, err := unpack(body, missing, r.archive)
	if err == nil {
		return found, nil
	}
	if errors.Is(err, errBeyond) {
		return found, github.Errorf(github.Truncated, op, "it is larger than the %d KiB, or unpacked the %d KiB, that are read",
			r.archive.packed>>10, r.archive.unpacked>>10).WithHint("check a clone on disk: fluxkeeper check reads all of it")
	}
	if ctx.Err() != nil {
		return found, github.Errorf(github.Network, op, "%v", context.Cause(ctx))
	}
	return found, github.Errorf(github.Network, op, "it was cut short, or is no archive")
}

// errBeyond says that an archive is larger than is read.
var errBeyond = errors.New("larger than is read")

// unpack reads an archive. What it found holds also where there is an error.
func unpack(body io.Reader, missing map[string]bool, most bounds) (map[string][]byte, error) {
	found := map[string][]byte{}
	packed, err := gzip.NewReader(&bounded{body, most.packed})
	if err != nil {
		return nil, err
	}
	entries, kept, total := tar.NewReader(&bounded{packed, most.unpacked}), 0, int64(0)
	for len(found) < len(missing) {
		entry, err := entries.Next()
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return found, err
		case entry.Typeflag != tar.TypeReg || !manifest.Named(entry.Name) || entry.Size > maxBlobBytes:
			continue
		}
		if total += entry.Size; total > most.unpacked { // holes take no room
			return found, errBeyond
		}
		data, err := io.ReadAll(entries)
		if err != nil {
			return found, err
		}
		id := objectID("blob", data)
		if !missing[id] {
			continue
		}
		found[id] = nil
		if change.Counts(data) {
			if kept += len(data); kept > maxBlobBytes {
				delete(found, id)
				return found, errBeyond
			}
			found[id] = data
		}
	}
	return found, nil
}

// bounded fails where there is more than is left.
type bounded struct {
	io.Reader
	left int64
}

// Read reads on, up to the bound.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBeyond
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
