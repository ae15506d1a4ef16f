package ledger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Erased is the body of an entry of kind Erasure: which bodies were given up,
// and what was read out of each before.
type Erased struct {
	// Before is the time up to which (excluded) bodies were to be erased.
	Before time.Time `json:"before"`
	// Entries are those whose bodies are gone, by index.
	Entries []ErasedEntry `json:"entries"`
}

// ErasedEntry is one entry whose body is gone.
type ErasedEntry struct {
	Index int64 `json:"index"`
	// Leaf is that entry's leaf hash, in hexadecimal: what is kept is of no other.
	Leaf string `json:"leaf"`
	// Kept is what was read out of the body, for whoever erased it to know.
	Kept json.RawMessage `json:"kept,omitempty"`
}

// Decode reads one value of JSON, and refuses members that it does not know and
// whatever follows the value.
func Decode(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON")
	}
	return nil
}

// ErrVersion says that a later version of the program wrote what this one cannot read.
var ErrVersion = errors.New("a version that this program does not know")

// ErasedVersion is the version of the entries of kind Erasure that this program writes.
const ErasedVersion = 1

// Erases says whether the erasure of one entry is of this one.
func (e ErasedEntry) Erases(leaf tlog.Hash) bool { return e.Leaf == hex.EncodeToString(leaf[:]) }

// ParseErased reads the body of an entry of kind Erasure; where the entry has an
// unknown version, the error is an ErrVersion.
func ParseErased(r Record, body []byte) (Erased, error) {
	var e Erased
	if r.Version != ErasedVersion {
		return e, fmt.Errorf("parse erasure: %w: %d", ErrVersion, r.Version)
	}
	if err := Decode(body, &e); err != nil {
		return e, fmt.Errorf("parse erasure: %w", err)
	}
	for i, entry := range e.Entries {
		if entry.Index < 0 || i > 0 && entry.Index <= e.Entries[i-1].Index {
			return e, errors.New("parse erasure: its entries are not in order")
		}
	}
	return e, nil
}
