package facts_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gittest"
)

// BenchmarkPullFacts reads a typical pull request (5 files, 1 commit), beside a
// bare program that makes only the longest chain of requests that depend on
// each other: pull request, comparison, contents.
func BenchmarkPullFacts(b *testing.B) {
	for _, latency := range []time.Duration{0, 40 * time.Millisecond} {
		w := typical(b, 5)
		quick := in(b, gittest.At(b, w.Dir))
		quick.serve(func(o *fakehub.Options) { o.Unchecked = true })
		number := quick.open("flux")
		quick.SetLatency(latency)
		b.Run(fmt.Sprintf("latency=%s/facts", latency), func(b *testing.B) {
			for b.Loop() {
				if _, err := quick.client().Pull(b.Context(), number); err != nil {
					b.Fatal(err)
				}
			}
		})
		chain := []string{
			fmt.Sprintf("/repos/%s/pulls/%d", fleet, number),
			fmt.Sprintf("/repos/%s/compare/%s...%s?per_page=100&page=1", fleet, w.git("rev-parse", "main"), w.git("rev-parse", "flux")),
			fmt.Sprintf("/repos/%s/git/blobs/%s", fleet, w.git("rev-parse", "flux:apps/app0/deployment.yaml")),
		}
		b.Run(fmt.Sprintf("latency=%s/chain", latency), func(b *testing.B) {
			for b.Loop() {
				for _, path := range chain {
					get(b, quick.URL+path)
				}
			}
		})
	}
}

func get(b *testing.B, address string) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+fakehub.Token)
	req.Header.Set("User-Agent", "chain")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp.Status, err)
	}
}
