package facts

import "github.com/goldfish-inc/fluxkeeper/internal/github"

// Reader reads the facts of one repository's changes. It is safe for concurrent
// use.
type Reader struct {
	*github.Client
	store   *store
	archive bounds
}

// New makes a reader. It sends nothing.
func New(c *github.Client) *Reader {
	return &Reader{c, newStore(), bounds{maxArchive, maxUnpacked, maxArchiveTime}}
}
