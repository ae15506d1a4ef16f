package store_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

var growth = flag.String("growth", "10000,100000", "the sizes at which BenchmarkGrowth measures")

// BenchmarkGrowth lets a ledger grow, and measures at each size what an append
// and a proof cost and how long it takes to open.
func BenchmarkGrowth(b *testing.B) {
	var sizes []int64
	for text := range strings.SplitSeq(*growth, ",") {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		sizes = append(sizes, size)
	}
	o := store.Options{Address: filepath.Join(b.TempDir(), "ledger.db"), Key: newKey(b)}
	l, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	body := pseudoPayload(256)
	for _, size := range sizes {
		at, _, err := l.Head(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		const measured = 20_000
		appendMany(b, l, size-at-measured, body)
		before, start := cpu(b), time.Now()
		appendMany(b, l, min(measured, size-at), body)
		appended, spent := time.Since(start), cpu(b)-before
		var proofs []time.Duration
		for range 200 {
			start := time.Now()
			if _, err := l.Prove(b.Context(), rand.Int64N(size)); err != nil {
				b.Fatal(err)
			}
			proofs = append(proofs, time.Since(start))
		}
		slices.Sort(proofs)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if l, err = store.Open(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		opened := time.Since(start)
		n := float64(min(measured, size-at))
		b.Logf("%9d entries: append %5.1f µs (CPU %5.1f µs), proof %v (99th percentile %v), open %v", size,
			float64(appended.Microseconds())/n, float64(spent.Microseconds())/n,
			proofs[100].Round(10*time.Microsecond), proofs[197].Round(10*time.Microsecond), opened.Round(100*time.Microsecond))
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// appendMany appends from many goroutines, so that commits are full.
func appendMany(b *testing.B, l *store.Ledger, n int64, body []byte) {
	b.Helper()
	var (
		left atomic.Int64
		all  sync.WaitGroup
	)
	left.Store(n)
	for range 256 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(rand.Uint64(), 1))
			own := append([]byte(nil), body...)
			for left.Add(-1) >= 0 {
				copy(own[2:], fmt.Appendf(nil, "%016x", random.Uint64()))
				if _, err := l.Append(context.Background(), entry(guids["github"](random)), own); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
