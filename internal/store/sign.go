package store

import (
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/ledger"
)

// signEvery is how often checkpoints are signed and kept, because a signature
// costs as much as several entries.
const signEvery = time.Second

// signer makes the checkpoints that are kept in the ledger.
type signer struct {
	key  ledger.Key
	now  func() time.Time
	last time.Time
}

// due gives a checkpoint of the tree and its time in microseconds, or nil where
// the last one is younger than signEvery.
func (s *signer) due(f *ledger.Frontier) ([]byte, int64, error) {
	if now := s.now(); now.Sub(s.last) < signEvery && !now.Before(s.last) {
		return nil, 0, nil
	}
	return s.sign(f)
}

// sign gives a checkpoint of the tree and its time in microseconds.
func (s *signer) sign(f *ledger.Frontier) ([]byte, int64, error) {
	now := s.now()
	signed, err := s.key.Sign(f.Size(), f.Root())
	if err != nil {
		return nil, 0, err
	}
	s.last = now
	return signed, now.UnixMicro(), nil
}
