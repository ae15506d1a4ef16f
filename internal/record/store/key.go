package store

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"

	"github.com/goldfish-inc/fluxkeeper/internal/record/durable"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// ReadKey reads the signing key of a file.
func ReadKey(name string) (ledger.Key, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return ledger.Key{}, fmt.Errorf("read signing key: %w", err)
	}
	key, err := ledger.ParseKey(secret.New(string(text)))
	if err != nil {
		return key, fmt.Errorf("%w: %s", err, name)
	}
	return key, nil
}

// MakeKey makes a signing key and writes it so that a crash leaves all of it or
// nothing.
func MakeKey(name string) (ledger.Key, error) {
	var id [4]byte
	rand.Read(id[:]) //nolint:errcheck // it never fails
	key, err := ledger.NewKey(rand.Reader, "fluxkeeper-"+hex.EncodeToString(id[:]))
	if err == nil {
		err = durable.WriteNew(name, []byte(key.Private().Reveal()+"\n"), 0o600)
	}
	if err != nil {
		return ledger.Key{}, fmt.Errorf("make signing key: %w", err)
	}
	return key, nil
}
