package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// pseudoPayload is JSON that gets about as much smaller as GitHub's payloads do.
func pseudoPayload(size int) []byte {
	random := rand.New(rand.NewPCG(1, uint64(size)))
	var b strings.Builder
	for b.Len() < size {
		fmt.Fprintf(&b, `{"id":%d,"node_id":"%x","url":"https://api.github.com/repos/example/fleet/commits/%x",`+
			`"type":"User","site_admin":false},`, random.Uint32(), random.Uint64(), random.Uint64())
	}
	return []byte(b.String()[:size])
}

// Two sorts of GUID: in GitHub's documentation they are of version 1, which starts with the low bits of
// the time, so that those of one moment lie close together in an index; random
// ones are the worst that an index can meet.
var guids = map[string]func(*rand.Rand) string{
	"github": func(random *rand.Rand) string {
		ticks := uint64(time.Now().UnixNano()/100) + 0x01b21dd213814000
		return fmt.Sprintf("%08x-%04x-1%03x-8%03x-%012x", uint32(ticks), uint16(ticks>>32), ticks>>48&0xfff,
			random.Uint32()&0xfff, random.Uint64()&0xffffffffffff)
	},
	"random": func(random *rand.Rand) string {
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", random.Uint32(), random.Uint32()&0xffff,
			random.Uint32()&0xfff, random.Uint32()&0xfff, random.Uint64()&0xffffffffffff)
	},
}

// cpu is the time that this process has spent so far, in user and system mode.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs do on 64 goroutines, and reports the CPU time of each.
func measure(b *testing.B, do func(random *rand.Rand, body []byte), size int) {
	b.Helper()
	payload := pseudoPayload(size)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	var all sync.WaitGroup
	for n := range 64 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(n)))
			body := append([]byte(nil), payload...)
			for left.Add(-1) >= 0 {
				copy(body[2:], fmt.Appendf(nil, "%016x", random.Uint64()))
				do(random, body)
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "µs-cpu/op")
}

var sizes = []int{2 << 10, 8 << 10, 24 << 10}

// BenchmarkAppend is the whole way from a body to a durable receipt, with 64
// senders. BenchmarkFloor is what of it no ledger can do without.
func BenchmarkAppend(b *testing.B) {
	for _, size := range sizes {
		for _, sort := range []string{"github", "random"} {
			b.Run(fmt.Sprintf("%dKB/%s", size>>10, sort), func(b *testing.B) {
				watch := &commits{}
				o := store.Options{Address: b.TempDir() + "/ledger.db", Key: newKey(b), Observe: watch}
				l := open(b, o)
				measure(b, func(random *rand.Rand, body []byte) {
					if _, err := l.Append(context.Background(), entry(guids[sort](random)), body); err != nil {
						b.Error(err)
					}
				}, size)
				b.ReportMetric(float64(watch.entries.Load())/float64(watch.batches.Load()), "entries/batch")
			})
		}
	}
}

func BenchmarkFloor(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			measure(b, func(random *rand.Rand, body []byte) {
				e := entry(guids["github"](random))
				e.BodyHash = sha256.Sum256(body)
				_ = s2.Encode(nil, body)
			}, size)
		})
	}
}
