package ledger

import (
	"context"
	"time"
)

// Reader gives entries and their bodies, held against the head that the ledger's key
// signed. What does not fit is a gap: a sentence, and no error, so that the rest can
// be told.
type Reader interface {
	// Since lets see have the entries of every kind, in order: the latest one before a
	// time, and all behind it, which can have come in then or later, whatever the clock
	// said. An entry that does not fit is seen as it stands.
	Since(ctx context.Context, from time.Time, see func(Record) error) (gaps []string, err error)
	// Own gives all entries of a kind that is not Delivery.
	Own(ctx context.Context, kind Kind) (records []Record, gaps []string, err error)
	// BodyOf gives the body of an entry; one that was erased is ErrErased.
	BodyOf(ctx context.Context, r Record) ([]byte, error)
	// Kept says whether the tree has the delivery of this GUID whose leaf hash this is,
	// in hexadecimal.
	Kept(ctx context.Context, guid, id string) (bool, error)
}
