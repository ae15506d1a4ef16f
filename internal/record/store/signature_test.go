package store_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// TestSignaturesAreCheckedAgain: with the secrets, verify shows that no body was made
// without one, whoever had the ledger's key.
func TestSignaturesAreCheckedAgain(t *testing.T) {
	first, second, other := secret.New(leaktest.Secret+"-first"), secret.New(leaktest.Secret+"-second"), secret.New(leaktest.Secret+"-other")
	e := newEvidence(t, 0)
	l := e.open(t)
	add := func(n int64, named, signed secret.Secret) {
		d := numbered(n)
		mac := hmac.New(sha256.New, []byte(signed.Reveal()))
		mac.Write(payload(n))
		d.Signature, d.Secret = hex.EncodeToString(mac.Sum(nil)), l.SecretID(named)
		if _, err := l.Append(t.Context(), d, payload(n)); err != nil {
			t.Fatal(err)
		}
	}
	add(0, first, first)
	add(1, second, second)
	check := func(want []string, right int64, gaps int, secrets ...secret.Secret) {
		t.Helper()
		v := e.verify(t, store.VerifyOptions{Public: e.key.Public(), Secrets: secrets})
		if got := found(v); !slices.Equal(got, want) || v.Signatures != right || len(v.Gaps) != gaps {
			t.Errorf("%q, %d right, gaps %q", got, v.Signatures, v.Gaps)
		}
	}
	check([]string{}, 0, 0)
	check([]string{}, 2, 0, first, second)
	check([]string{}, 1, 1, second)
	check([]string{}, 0, 2, other)
	add(2, first, other)
	check([]string{"signature 2"}, 2, 0, first, second)
	if l.SecretID(first) == l.SecretID(second) || newKey(t).SecretID(first) == l.SecretID(first) {
		t.Error("the name of a secret is not its own, or not this ledger's")
	}
}
