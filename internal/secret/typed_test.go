package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

func TestTyped(t *testing.T) {
	for _, s := range []string{
		"correct horse battery staple", "P@ssw0rd123456789!", "aaaaaaaaaaaaaaaaaaaaaaaa", "my-webhook-secret-2026",
		"fluxkeeper-webhook-secret", "0123456789abcdef0123456789abcdef", "changeme-changeme-changeme", "abababababababab",
	} {
		if !secret.Typed(s) {
			t.Errorf("%q is taken for random", s)
		}
	}
	random, wrong := rand.NewChaCha8([32]byte{1}), 0
	const tries = 1000
	for range tries {
		var b [32]byte
		_, _ = random.Read(b[:])
		for _, s := range []string{hex.EncodeToString(b[:]), base64.StdEncoding.EncodeToString(b[:])} {
			if secret.Typed(s) {
				wrong++
			}
		}
	}
	if wrong > tries/100 {
		t.Errorf("%d of %d random secrets are taken for typed", wrong, 2*tries)
	}
}
