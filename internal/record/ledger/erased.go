package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
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

// ParseErased reads the body of an entry of kind Erasure.
func ParseErased(body []byte) (Erased, error) {
	var e Erased
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
