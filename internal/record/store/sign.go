package store

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// signEvery is how often checkpoints are signed and kept, because a signature
// costs as much as several entries.
const signEvery = time.Second

// signer makes the checkpoints that are kept in the ledger. One transaction at a
// time goes through begin, due or sign, and done.
type signer struct {
	key  ledger.Key
	now  func() time.Time
	last time.Time
	seen *witness

	base    *ledger.Frontier // as the transaction found it
	genuine bool             // the base is known to be
}

// begin looks at the head that a transaction found. One that another replica
// has moved is looked into only before something is signed.
func (s *signer) begin(f *ledger.Frontier) error {
	known := s.seen.known()
	if f.Size() < known.Size {
		return fmt.Errorf("%w: it has %d entries, and had %d", ErrRewritten, f.Size(), known.Size)
	}
	s.genuine = f.Size() == known.Size
	if s.genuine && f.Root() != known.Root {
		return fmt.Errorf("%w: another root over its %d entries", ErrRewritten, f.Size())
	}
	s.base = f.Clone()
	return nil
}

// done is told that the tree is durable.
func (s *signer) done(size int64, root tlog.Hash) {
	if s.genuine {
		s.seen.advance(size, root)
	}
}

// due gives a checkpoint of the tree and its time in microseconds, or nil where
// the last one is younger than signEvery.
func (s *signer) due(f *ledger.Frontier, nodes ledger.Nodes) ([]byte, int64, error) {
	if now := s.now(); now.Sub(s.last) < signEvery && !now.Before(s.last) {
		return nil, 0, nil
	}
	return s.sign(f, nodes)
}

// sign gives a checkpoint of the tree and its time in microseconds. The nodes
// are those of the base.
func (s *signer) sign(f *ledger.Frontier, nodes ledger.Nodes) ([]byte, int64, error) {
	if !s.genuine {
		if err := grown(s.seen.known(), s.base, nodes); err != nil {
			return nil, 0, err
		}
		s.genuine = true
	}
	now := s.now()
	signed, err := s.key.Sign(f.Size(), f.Root())
	if err != nil {
		return nil, 0, err
	}
	s.last = now
	return signed, now.UnixMicro(), nil
}
