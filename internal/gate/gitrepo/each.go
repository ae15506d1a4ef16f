package gitrepo

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// portion is how many objects a reader takes at once: neighbours, for they
	// are often deltas of each other.
	portion = 64
	// maxReaders bounds how many readers, each with its cache, work at once.
	maxReaders = 8
)

// each reads objects, several at a time, and hands them to use, which must be
// safe to be called concurrently. The error is the first in the order of ids
// that was met.
func (r *Repository) each(
	ctx context.Context, ids []plumbing.Hash, kind plumbing.ObjectType, use func(i int, o object) error,
) error {
	some := func(from *reader, start int) error {
		for i := start; i < min(start+portion, len(ids)); i++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			o, err := from.read(ids[i], kind)
			if err != nil {
				return err
			}
			if err := use(i, o); err != nil {
				return err
			}
		}
		return nil
	}
	portions := (len(ids) + portion - 1) / portion
	readers := min(portions, maxReaders, runtime.GOMAXPROCS(0))
	if readers <= 1 {
		for p := range portions {
			if err := some(r.reader, p*portion); err != nil {
				return err
			}
		}
		return nil
	}
	var taken atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, portions)
	for range readers {
		wait.Go(func() {
			mine := newReader(r.objects)
			for p := int(taken.Add(1)) - 1; p < portions; p = int(taken.Add(1)) - 1 {
				if errs[p] = some(mine, p*portion); errs[p] != nil {
					taken.Store(int64(portions))
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
