package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

func TestHonestLedgersAreClean(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		for _, size := range []int64{0, 1, 2, 255, 256, 257, 5000} {
			e := s.evidence(t, size)
			l := e.open(t)
			signed, err := l.Checkpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, root, err := l.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var done int64
			v := e.verify(t, store.VerifyOptions{Public: e.key.Public(), Against: signed, Progress: func(n, total int64) { done = n }})
			var bytes int64
			for n := range size {
				bytes += int64(len(payload(n)))
			}
			want := store.Verification{Size: size, Root: root, PublicKey: e.key.Public(), Bodies: size, Bytes: bytes}
			if diff := cmp.Diff(want, v); diff != "" || done != size {
				t.Errorf("%d entries, told of %d: %s", size, done, diff)
			}
		}
	})
}
