package store_test

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
)

// BenchmarkVerify reads 100,000 entries with bodies of 8 KB, as pushes have:
// go test -run '^$' -bench Verify -benchtime 1x ./internal/record/store
func BenchmarkVerify(b *testing.B) {
	const size = 100_000
	l, _ := newLedger(b)
	body := pseudoPayload(8 << 10)
	var all sync.WaitGroup
	for worker := range int64(256) {
		all.Go(func() {
			for n := worker; n < size; n += 256 {
				own := append(fmt.Appendf(nil, "%d ", n), body...)
				if _, err := l.Append(b.Context(), numbered(n), own); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for name, run := range map[string]func() error{
		"verify": func() error {
			v, err := l.Verify(b.Context(), store.VerifyOptions{})
			if err == nil && !v.OK() {
				err = fmt.Errorf("%d faults", v.Count)
			}
			return err
		},
		"export": func() error { return l.Export(b.Context(), io.Discard) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(size * int64(len(body)))
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
