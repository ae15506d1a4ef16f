package ledger

import (
	"context"
	"iter"
)

// Reader gives entries and their bodies; a body that was erased is ErrErased.
type Reader interface {
	Records(context.Context, Query) iter.Seq2[Record, error]
	Body(ctx context.Context, index int64) ([]byte, error)
}
