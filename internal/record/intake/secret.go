package intake

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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
	live atomic.Pointer[[]live]

	mu    sync.Mutex // held while they are set
	given []secret.Secret
	bound []string
	name  func(secret.Secret) string // nil: they have no names
}

// live is a live secret: its name in the ledger, what it is bound to, and a pool of
// HMAC states.
type live struct {
	name, bound string
	states      *sync.Pool
}

// fits says whether a delivery of this hook and target may be signed with it.
func (l live) fits(hook, target string) bool {
	return l.bound == "" || l.bound == target || l.bound == "hook/"+hook
}

// NewSecrets holds the given secrets; see Set for what it refuses.
func NewSecrets(given ...secret.Secret) (*Secrets, error) {
	s := new(Secrets)
	return s, s.Set(given...)
}

// Set puts the given secrets in the place of those before, which are refused
// from the next check on. It refuses to be left with none, and any that is
// empty or shorter than 16 bytes; the secrets before then stay.
func (s *Secrets) Set(given ...secret.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set(given)
}

// call gives the secrets their names, and binds them.
func (s *Secrets) call(name func(secret.Secret) string, bound []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.bound = name, bound
	return s.set(s.given)
}

// Follow reads the secrets again every so often, and when asked to, until the context
// ends, and tells of those that were set because they had changed. Files are read, not
// watched: a mounted Secret changes by a link that moves. What cannot be read or set
// leaves the old secrets alive.
func (s *Secrets) Follow(ctx context.Context, every time.Duration, asked <-chan os.Signal, read func() ([]secret.Secret, error),
	log *slog.Logger, changed func([]secret.Secret)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			log.Info("asked by SIGHUP to read the webhook secrets again")
		case <-time.After(every):
		}
		now, err := read()
		if err == nil && s.same(now) {
			continue
		}
		if err == nil {
			err = s.Set(now...)
		}
		if err != nil {
			log.Error("the webhook secrets stay as they were", "error", err)
			continue
		}
		changed(now)
		log.Info("read new webhook secrets", "live", len(now))
	}
}

func (s *Secrets) same(now []secret.Secret) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.EqualFunc(s.given, now, func(a, b secret.Secret) bool { return a.Reveal() == b.Reveal() })
}

func (s *Secrets) set(given []secret.Secret) error {
	if len(given) == 0 {
		return errors.New("set webhook secrets: there is none, and unsigned deliveries are never taken; make one with: openssl rand -hex 32")
	}
	if len(given) > maxSecrets {
		return fmt.Errorf("set webhook secrets: %d are more than %d; remove the old ones", len(given), maxSecrets)
	}
	all := make([]live, len(given))
	for i, one := range given {
		if n := len(one.Reveal()); n < minSecret {
			return fmt.Errorf("set webhook secrets: number %d has %d bytes, fewer than %d; make one with: openssl rand -hex 32", i+1, n, minSecret)
		}
		all[i].states = &sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(one.Reveal())) }}
		if s.name != nil {
			all[i].name = s.name(one)
		}
		if i < len(s.bound) {
			all[i].bound = s.bound[i]
		}
	}
	s.given = given
	s.live.Store(&all)
	return nil
}

// signed says whether mac is the body's HMAC-SHA256 with a live secret that is good
// for the hook and its target, and with which. Every secret is tried, also after the right one, so that the time tells nothing.
func (s *Secrets) signed(body []byte, mac []byte, hook, target string) (name string, found bool) {
	for _, one := range *s.live.Load() {
		own := one.states.Get().(hash.Hash)
		own.Reset()
		own.Write(body)
		if hmac.Equal(own.Sum(nil), mac) && one.fits(hook, target) {
			name, found = one.name, true
		}
		one.states.Put(own)
	}
	return name, found
}
