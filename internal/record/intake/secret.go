package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	// minSecret is the least length of a secret, in bytes: an attacker who holds
	// one delivery can try secrets offline, as fast as a machine hashes.
	minSecret = 16
	// maxSecrets bounds the work that an unsigned body can cause.
	maxSecrets = 32
)

// Secrets holds the live secrets. A delivery signed with any of them is taken,
// so that a secret can be changed on both sides without losing one. It can be
// used and set from several goroutines at once.
type Secrets struct {
	live atomic.Pointer[[]*sync.Pool] // of HMAC states, for each secret its own
}

// NewSecrets holds the given secrets; see Set for what it refuses.
func NewSecrets(live ...secret.Secret) (*Secrets, error) {
	s := new(Secrets)
	return s, s.Set(live...)
}

// Set puts the given secrets in the place of those before, which are refused
// from the next check on. It refuses to be left with none, and any that is
// empty or shorter than 16 bytes; the secrets before then stay.
func (s *Secrets) Set(live ...secret.Secret) error {
	if len(live) == 0 {
		return errors.New("set webhook secrets: there is none, and unsigned deliveries are never taken; make one with: openssl rand -hex 32")
	}
	if len(live) > maxSecrets {
		return fmt.Errorf("set webhook secrets: %d are more than %d; remove the old ones", len(live), maxSecrets)
	}
	states := make([]*sync.Pool, len(live))
	for i, one := range live {
		if n := len(one.Reveal()); n < minSecret {
			return fmt.Errorf("set webhook secrets: number %d has %d bytes, fewer than %d; make one with: openssl rand -hex 32", i+1, n, minSecret)
		}
		states[i] = &sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(one.Reveal())) }}
	}
	s.live.Store(&states)
	return nil
}

// signed says whether mac is the body's HMAC-SHA256 with a live secret. Every
// secret is tried, also after the right one, so that the time tells nothing.
func (s *Secrets) signed(body []byte, mac []byte) bool {
	found := false
	for _, states := range *s.live.Load() {
		own := states.Get().(hash.Hash)
		own.Reset()
		own.Write(body)
		if hmac.Equal(own.Sum(nil), mac) {
			found = true
		}
		states.Put(own)
	}
	return found
}
