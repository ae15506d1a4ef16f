package store_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// TestSendersThatGoAway: whoever goes away at whatever moment takes nobody's place, and
// what was acknowledged is there with its own body.
func TestSendersThatGoAway(t *testing.T) { scenes(t, testSendersThatGoAway) }

func testSendersThatGoAway(t *testing.T, s *scene) {
	l := s.evidence(t, 0).open(t)
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		kept = map[int64][]byte{}
	)
	const senders = 400
	ctx, goAway := [senders]context.Context{}, [senders]context.CancelFunc{}
	for n := range ctx {
		ctx[n], goAway[n] = context.WithCancel(t.Context())
	}
	for n := range int64(senders) {
		all.Go(func() {
			defer goAway[(n+1)%senders]() // the next one goes when this one has its answer
			body := bytes.Clone(payload(n % 7))
			r, err := l.Append(ctx[n], numbered(n), body)
			clear(body) // it may be reused
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				kept[r.Index] = payload(n % 7)
			} else if !errors.Is(err, ledger.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := l.Append(t.Context(), numbered(1000), payload(1)); err != nil { // the queue is done with the others
		t.Fatal(err)
	}
	if stats := l.Stats(); stats.Queued != 0 || stats.QueuedBytes != 0 {
		t.Errorf("%+v", stats)
	}
	for index, body := range kept {
		if got, err := l.Body(t.Context(), index); err != nil || !bytes.Equal(got, body) {
			t.Errorf("entry %d: %.20q, %v", index, got, err)
		}
	}
	if len(kept) == 0 {
		t.Error("nothing was acknowledged: this is no test")
	}
	if v, err := l.Verify(t.Context(), store.VerifyOptions{}); err != nil || !v.OK() || v.Size < int64(len(kept)) {
		t.Errorf("%d acknowledged, %+v, %v", len(kept), v, err)
	}
}
