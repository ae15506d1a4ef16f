package ledger

import "time"

// Query selects entries. Empty fields select everything.
type Query struct {
	// Kinds and Names select any of those listed.
	Kinds []Kind
	Names []string
	// Source, ID and Target select by equality.
	Source, ID, Target string
	// From (included) and To (excluded) bound the time of arrival.
	From, To time.Time
	// Start (included) and End (excluded) bound the index; an End of 0 is none.
	Start, End int64
	// Limit bounds the number of entries; 0 is no bound.
	Limit int
	// Newest gives the last entry first.
	Newest bool
}
