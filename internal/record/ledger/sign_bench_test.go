package ledger_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

// BenchmarkHeadProof is what the proof of one head costs: the signed checkpoint, a MAC
// over the same text, and the check of a checkpoint that another replica signed.
func BenchmarkHeadProof(b *testing.B) {
	key, err := ledger.NewKey(rand.Reader, "fluxkeeper-6eed35da")
	if err != nil {
		b.Fatal(err)
	}
	var f ledger.Frontier
	f.Append(entry(1).Hash())
	b.Run("signature", func(b *testing.B) {
		for b.Loop() {
			if _, err := key.Sign(ledger.Checkpoint{Size: f.Size(), Root: f.Root()}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("MAC", func(b *testing.B) {
		secret := make([]byte, 32)
		text := []byte(ledger.Checkpoint{Origin: "fluxkeeper-6eed35da", Size: f.Size(), Root: f.Root()}.Text())
		for b.Loop() {
			mac := hmac.New(sha256.New, secret)
			mac.Write(text)
			mac.Sum(nil)
		}
	})
	b.Run("check", func(b *testing.B) {
		signed, err := key.Sign(ledger.Checkpoint{Size: f.Size(), Root: f.Root()})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := ledger.OpenCheckpoint(signed, key.Public()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
