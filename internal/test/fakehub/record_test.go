package fakehub_test

import (
	"context"
	"flag"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

var _ = flag.Bool("update", false, "write the golden files anew")

// sideBySide makes requests at the same time, in no order.
func sideBySide(w *world, paths ...string) {
	var group sync.WaitGroup
	for _, path := range paths {
		group.Go(func() { w.send("GET", path, "") })
	}
	group.Wait()
}

func TestLogOfConcurrentRequestsIsStable(t *testing.T) {
	var logs []string
	for range 3 {
		w := newWorld(t, fakehub.Options{})
		w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
		const repo = "/repos/goldfish-inc/oceanid"
		w.send("GET", repo+"/pulls/1", "")
		sideBySide(w, "/meta", repo+"/git/ref/heads/main", repo+"/pulls?state=open&base=main", repo+"/branches/main")
		w.send("POST", repo+"/issues/1/comments", `{"body": "<&>"}`)
		w.ask(fakehub.Token, `query Limits($dry:Boolean){rateLimit(dryRun:$dry){cost}}`, map[string]any{"dry": true})
		sideBySide(w, "/rate_limit", "/meta")
		logs = append(logs, w.Log())
		if len(logs) == 1 {
			w.Golden(t, "stable")
		}
	}
	if len(slices.Compact(logs)) != 1 {
		t.Errorf("logs differ:\n%s", strings.Join(logs, "\n---\n"))
	}
}

func TestDepthIsTheLongestChain(t *testing.T) {
	w := newWorld(t, fakehub.Options{})
	w.SetLatency(100 * time.Millisecond)
	w.send("GET", "/meta", "")
	sideBySide(w, "/meta", "/rate_limit", "/meta", "/rate_limit")
	w.send("GET", "/meta", "")
	if n, depth := w.Count(), w.Depth(); n != 6 || depth != 3 {
		t.Errorf("%d requests, %d deep; want 6 and 3", n, depth)
	}
	if n := w.Count("meta/get"); n != 4 {
		t.Errorf("%d of meta/get, want 4", n)
	}
}

// BenchmarkPull is what the hub itself costs a client, checks included.
func BenchmarkPull(b *testing.B) {
	for name, unchecked := range map[string]bool{"checked": false, "unchecked": true} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, fakehub.Options{Unchecked: unchecked})
			w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
			c := w.client(fakehub.Token)
			for b.Loop() {
				if _, _, err := c.PullRequests.Get(context.Background(), owner, "oceanid", 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
