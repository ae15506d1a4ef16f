package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// TestReplicasThroughRestarts: two replicas append the same entries, one of them
// is closed and opened again and again, and the server is stopped in each way.
// Senders to the other one notice nothing but the wait. Whatever was
// acknowledged is there once, at the place that was told.
func TestReplicasThroughRestarts(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Start(t)
	o := databases(server)(t)
	o.Hold = 2 * time.Minute // a server may take a minute to start again, and whoever waits is to be answered
	steady := open(t, o)
	changing := &replica{ledger: open(t, o)}
	r := &run{t: t, acks: map[string][]ledger.Receipt{}, progress: make(chan struct{}, 1)}
	var senders, reopening sync.WaitGroup
	for s := range 8 {
		senders.Go(func() {
			r.send(s, "steady", func(ctx context.Context, e ledger.Entry) (ledger.Receipt, error) {
				return steady.Append(ctx, e, body(e.ID))
			})
		})
		senders.Go(func() { r.send(s, "changing", changing.append) })
	}
	reopening.Go(func() {
		for !r.over.Load() {
			r.await(50)
			changing.reopen(t, o)
		}
	})
	rounds, acknowledgements := 1, int64(150)
	if *full {
		rounds, acknowledgements = 4, 500
	}
	for range rounds {
		for _, mode := range []postgrestest.Mode{postgrestest.Fast, postgrestest.Immediate, postgrestest.Kill} {
			r.await(acknowledgements)
			server.Restart(t, mode)
		}
	}
	r.await(acknowledgements)
	r.over.Store(true)
	reopening.Wait()
	senders.Wait()
	r.check(steady, o.Key)
	if err := changing.ledger.Close(); err != nil {
		t.Error(err)
	}
}

// replica is a ledger that is replaced now and then.
type replica struct {
	mu     sync.Mutex
	ledger *store.Ledger
}

func (r *replica) now() *store.Ledger {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger
}

func (r *replica) append(ctx context.Context, e ledger.Entry) (ledger.Receipt, error) {
	return r.now().Append(ctx, e, body(e.ID))
}

func (r *replica) reopen(t *testing.T, o store.Options) {
	if err := r.now().Close(); err != nil {
		t.Error(err)
	}
	l, err := store.Open(context.WithoutCancel(t.Context()), o)
	if err != nil {
		t.Error(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ledger = l
}

// run is what the senders share.
type run struct {
	t        *testing.T
	over     atomic.Bool
	count    atomic.Int64
	progress chan struct{}

	mu   sync.Mutex
	acks map[string][]ledger.Receipt
}

// send appends one entry after the other; each is also sent to the other replica.
func (r *run) send(sender int, to string, do func(context.Context, ledger.Entry) (ledger.Receipt, error)) {
	for n := 0; !r.over.Load(); n++ {
		e := entry(fmt.Sprintf("guid-%d-%d", sender, n))
		e.Time = e.Time.Add(time.Duration(n) * time.Second)
		if to == "steady" {
			e.Time = e.Time.Add(time.Microsecond) // each replica has its own clock
		}
		receipt, err := do(context.WithoutCancel(r.t.Context()), e)
		for ; err != nil && !r.over.Load(); receipt, err = do(context.WithoutCancel(r.t.Context()), e) {
			if !errors.Is(err, ledger.ErrUnavailable) || to == "steady" {
				r.t.Errorf("%s: %v", to, err)
			}
		}
		if err == nil {
			r.ack(receipt)
		}
	}
}

func (r *run) ack(receipt ledger.Receipt) {
	r.mu.Lock()
	r.acks[receipt.ID] = append(r.acks[receipt.ID], receipt)
	r.mu.Unlock()
	r.count.Add(1)
	select {
	case r.progress <- struct{}{}:
	default:
	}
}

// await returns once so many more entries were acknowledged.
func (r *run) await(more int64) {
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	for goal := r.count.Load() + more; r.count.Load() < goal && !r.over.Load(); {
		select {
		case <-r.progress:
		case <-time.After(10 * time.Millisecond): // another waits as well, and took it
		case <-timeout.C:
			r.t.Errorf("%d acknowledgements, and no more", r.count.Load())
			r.over.Store(true)
		}
	}
}

// check holds the ledger against what was acknowledged.
func (r *run) check(l *store.Ledger, key ledger.Key) {
	r.t.Helper()
	kept := map[string]ledger.Record{}
	for record, err := range l.Records(r.t.Context(), ledger.Query{}) {
		if err != nil {
			r.t.Fatal(err)
		}
		kept[record.ID] = record
	}
	whole(r.t, l, key, int64(len(kept)))
	shared := 0
	for id, receipts := range r.acks {
		fresh := 0
		for _, receipt := range receipts {
			if receipt.Record != kept[id] {
				r.t.Errorf("acknowledged %+v, kept %+v", receipt.Record, kept[id])
			}
			if !receipt.Duplicate {
				fresh++
			}
		}
		if fresh > 1 {
			r.t.Errorf("%s was called new %d times", id, fresh)
		}
		if len(receipts) > 1 {
			shared++
		}
	}
	if shared == 0 {
		r.t.Error("no entry reached both replicas")
	}
	r.t.Logf("%d acknowledgements of %d entries, %d by both replicas; %d kept", r.count.Load(), len(r.acks), shared, len(kept))
}
