package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// BenchmarkPostgreSQL appends with 64 senders. It tells the CPU time of both
// sides, since the server usually shares nothing but the network with us.
func BenchmarkPostgreSQL(b *testing.B) {
	server := postgrestest.Start(b)
	for n, size := range []int{8 << 10, 24 << 10} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			seen := &commits{}
			l := open(b, store.Options{Address: server.Create(b, fmt.Sprint("bench-", n, "-", b.N)), Key: newKey(b), Observe: seen})
			add(b, l, "first") // plans the statements
			theirs, ours := server.CPU(b), ownCPU(b)
			b.ReportAllocs()
			b.ResetTimer()
			sendMany(b, l, likePayload(size))
			b.StopTimer()
			per := func(t time.Duration) float64 { return float64(t.Microseconds()) / float64(b.N) }
			b.ReportMetric(per(ownCPU(b)-ours), "µs-own-cpu/op")
			b.ReportMetric(per(server.CPU(b)-theirs), "µs-server-cpu/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			b.ReportMetric(float64(seen.entries.Load())/float64(seen.batches.Load()), "entries/batch")
			if size, _, err := l.Head(context.Background()); err != nil || size != int64(b.N)+1 {
				b.Errorf("%d entries, want %d, %v", size, b.N+1, err)
			}
		})
	}
}

// sendMany appends b.N entries with different ids and bodies.
func sendMany(b *testing.B, l *store.Ledger, payload []byte) {
	var wait sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		wait.Go(func() {
			own := append([]byte(nil), payload...)
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				copy(own, fmt.Sprintf(`{"n":%12d,`, n))
				// GitHub's GUIDs are of version 1: those of one moment share their end.
				e := entry(fmt.Sprintf("%08x-c7f2-11f0-8a3e-2f1d6f0a0b7c", uint32(n)*10_000))
				e.Time = e.Time.Add(time.Duration(n) * time.Microsecond)
				if _, err := l.Append(context.Background(), e, own); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

// likePayload is JSON that gets as much smaller as GitHub's payloads do: a push
// of 8 KB 3.5 times, a pull request of 24 KB 8 times.
func likePayload(size int) []byte {
	fields, every := uint32(200), 2
	if size > 16<<10 {
		fields, every = 30, 10
	}
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		if n%every == 0 {
			fmt.Fprintf(&b, `"node_id":"%x","sha":"%x",`, random.Uint64(), random.Uint64())
		}
		field := random.Uint32N(fields)
		fmt.Fprintf(&b, `"field_%d_url":"https://api.github.com/repos/example/fleet/field_%d{/sha}",`, field, field)
	}
	return []byte(b.String()[:size])
}

// commits counts what was committed.
type commits struct{ batches, entries atomic.Int64 }

func (c *commits) Committed(entries int, _ time.Duration) {
	c.batches.Add(1)
	c.entries.Add(int64(entries))
}
func (*commits) CommitFailed() {}

func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
