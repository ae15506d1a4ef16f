package store

import (
	"crypto/sha256"
	"errors"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// identity is what makes an entry a duplicate, in the 24 bytes that the database has an
// index of: the beginning of the id, and half a SHA-256 over kind, source, id, name, target
// and the body's hash. Ids of one moment begin alike, so that new ones lie on few pages of
// the index, and an entry is found by its id. Of two entries that would have the same
// identity the second is refused, and none is taken for the other.
type identity [prefixSize + sha256.Size/2]byte

// errIdentity refuses what would have another entry's identity.
var errIdentity = errors.New("another entry has the same identity")

// prefixSize is how much of an id an identity begins with, filled up with zeros.
const prefixSize = 8

func identityOf(e *ledger.Entry) (i identity) {
	b := make([]byte, 0, 512)
	for _, field := range [...]string{string(e.Kind), e.Source, e.ID, e.Name, e.Target} {
		b = append(append(b, field...), '\n')
	}
	sum := sha256.Sum256(append(b, e.BodyHash[:]...))
	copy(i[:prefixSize], e.ID)
	copy(i[prefixSize:], sum[:])
	return i
}

// same says that two entries are one in what an identity stands for.
func same(a, b *ledger.Entry) bool {
	return a.Kind == b.Kind && a.Source == b.Source && a.ID == b.ID && a.Name == b.Name && a.Target == b.Target && a.BodyHash == b.BodyHash
}

// idRange is where the identities of entries with an id begin, and where they are over.
func idRange(id string) (from, to []byte) {
	from = make([]byte, prefixSize)
	copy(from, id)
	to = append([]byte{}, from...)
	for i := prefixSize - 1; i >= 0; i-- {
		if to[i]++; to[i] != 0 {
			break
		}
	}
	return from, to
}
