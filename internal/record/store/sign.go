package store

import (
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

// sqlHead moves the head. The checkpoint stays where the time of a new one is 0.
const sqlHead = `UPDATE head SET size = $1, frontier = $2,
	checkpoint = CASE WHEN CAST($4 AS BIGINT) > 0 THEN $3 ELSE checkpoint END,
	checkpoint_time = CASE WHEN CAST($4 AS BIGINT) > 0 THEN $4 ELSE checkpoint_time END WHERE one = 1`

// signing gives a checkpoint of the tree and its time in microseconds, or nil. The
// nodes are those of the base.
type signing func(f *ledger.Frontier, nodes ledger.Nodes) ([]byte, int64, error)

// begin reads the frontier that a transaction found in the head. One that another
// replica has moved is looked into only before something is signed.
func (s *signer) begin(stored []byte) (*ledger.Frontier, error) {
	f, err := ledger.ParseFrontier(stored)
	if err != nil {
		return nil, err
	}
	known := s.seen.known()
	if f.Size() <= known.Size {
		if err := grown(known, f, nil); err != nil {
			return nil, err
		}
	}
	s.genuine = f.Size() == known.Size
	s.base = f.Clone()
	return f, nil
}

// done is told that the tree is durable.
func (s *signer) done(size int64, root tlog.Hash) {
	if s.genuine {
		s.seen.advance(size, root)
	}
}

// due is a signing that gives nil where the last checkpoint is younger than
// signEvery.
func (s *signer) due(f *ledger.Frontier, nodes ledger.Nodes) ([]byte, int64, error) {
	if now := s.now(); now.Sub(s.last) < signEvery && !now.Before(s.last) {
		return nil, 0, nil
	}
	return s.sign(f, nodes)
}

// sign is a signing that always gives one.
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
