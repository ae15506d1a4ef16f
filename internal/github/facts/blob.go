package facts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
)

const (
	// maxAliases and maxBatch bound one query for blobs; GraphQL gives up
	// after ten seconds.
	maxAliases = 150
	maxBatch   = 2 << 20 // bytes of text
	// maxText is where GraphQL cuts a blob's text.
	maxText = 512_000
	// maxBlobs and maxBlobBytes bound what is read of the changed files.
	maxBlobs     = 10_000
	maxBlobBytes = 64 << 20
)

// wanted is a blob to read. An optional one that takes a request of its own is
// left out.
type wanted struct {
	id       string
	size     int
	optional bool
}

// blobs reads blobs into the store, by the batch where they are short texts.
// What cannot be read, though the server answers, is named in the gaps.
func (r *Reader) blobs(ctx context.Context, all []wanted) (gaps []string, err error) {
	var batches [][]wanted
	var single []wanted
	bytes := 0
	for _, w := range all {
		if _, ok := r.store.blob(w.id); ok {
			continue
		}
		if w.size > maxText {
			single = append(single, w)
			continue
		}
		if last := len(batches) - 1; last < 0 || len(batches[last]) >= maxAliases || bytes+w.size > maxBatch {
			batches, bytes = append(batches, nil), 0
		}
		last := len(batches) - 1
		batches[last] = append(batches[last], w)
		bytes += w.size
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, batch := range batches {
		group.Go(func() error {
			left, err := r.batch(groupCtx, batch)
			mu.Lock()
			defer mu.Unlock()
			single = append(single, left...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	single = slices.DeleteFunc(single, func(w wanted) bool { return w.optional })
	byID, err := r.singles(ctx, single)
	return slices.Sorted(maps.Values(byID)), err
}

// singles reads blobs one by one. What cannot be read, though the server answers,
// is in the gaps by its id.
func (r *Reader) singles(ctx context.Context, all []wanted) (gaps map[string]string, err error) {
	gaps = map[string]string{}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, w := range all {
		group.Go(func() error {
			gap, err := r.oneBlob(groupCtx, w.id)
			if gap != "" {
				mu.Lock()
				defer mu.Unlock()
				gaps[w.id] = gap
			}
			return err
		})
	}
	return gaps, group.Wait()
}

// batch reads blobs with one query, or with several where the server cannot
// answer it. It gives back those that have to be read one by one: binary ones,
// cut ones, and texts that JSON cannot carry, which do not fit their ids.
func (r *Reader) batch(ctx context.Context, batch []wanted) ([]wanted, error) {
	var q strings.Builder
	q.WriteString("query($owner:String!,$name:String!){repository(owner:$owner,name:$name){")
	for i, w := range batch {
		fmt.Fprintf(&q, "b%d:object(oid:%q){...B}", i, w.id)
	}
	q.WriteString("}}fragment B on Blob{text isTruncated}")
	var answer struct {
		Repository map[string]*struct {
			Text        *string `json:"text"`
			IsTruncated bool    `json:"isTruncated"`
		} `json:"repository"`
	}
	op := fmt.Sprintf("read %d files", len(batch))
	err := r.Query(ctx, op, q.String(), nil, &answer)
	if e, ok := errors.AsType[*github.Error](err); ok && (e.Kind == github.Server || e.Kind == github.Truncated) && len(batch) > 1 {
		half := len(batch) / 2
		left, err := r.batch(ctx, batch[:half])
		if err != nil {
			return nil, err
		}
		more, err := r.batch(ctx, batch[half:])
		return append(left, more...), err
	}
	if err != nil {
		return nil, err
	}
	var left []wanted
	for i, w := range batch {
		blob := answer.Repository[fmt.Sprintf("b%d", i)]
		if blob == nil || blob.Text == nil || blob.IsTruncated || objectID("blob", []byte(*blob.Text)) != w.id {
			left = append(left, w)
			continue
		}
		r.store.keepBlob(w.id, []byte(*blob.Text))
	}
	return left, nil
}

// oneBlob reads a blob by itself. The gap says why it could not be had.
func (r *Reader) oneBlob(ctx context.Context, id string) (gap string, err error) {
	data, _, err := r.API.Git.GetBlobRaw(ctx, r.Owner, r.Name, id)
	if err != nil {
		e := github.Classify(ctx, "read file contents "+id, err)
		if e.Kind == github.Truncated || e.Kind == github.NotFound || e.Kind == github.Refused {
			return e.Error(), nil
		}
		return "", e
	}
	if objectID("blob", data) != id {
		return fmt.Sprintf("read file contents %s: what GitHub sent does not fit that id", id), nil
	}
	r.store.keepBlob(id, data)
	return "", nil
}
