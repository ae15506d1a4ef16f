package gitrepo_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
)

// fleet builds a packed repository of n files with three or four markers each,
// of which a branch updates the first few.
func fleet(t testing.TB, n, updated int) *work {
	random := rand.New(rand.NewPCG(1, 1))
	w := newWork(t)
	type file struct{ path, text string }
	var files []file
	for i := range n {
		var text strings.Builder
		fmt.Fprintf(&text, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: svc-%d\n  labels:\n", i)
		for k := range 20 {
			fmt.Fprintf(&text, "    l%d: v%d\n", k, random.Uint32())
		}
		text.WriteString("spec:\n  template:\n    spec:\n      containers:\n")
		for k := range 3 + i%3/2 {
			fmt.Fprintf(&text, "        - name: c%d\n          image: registry.example.com/team/app%d-%d:1.0.%d # {\"$imagepolicy\": "+
				"\"flux-system:app%d-%d\"}\n",
				k, i, k, random.IntN(50), i, k)
		}
		files = append(files, file{fmt.Sprintf("apps/t%d/s%d/deploy.yaml", i%60, i), text.String()})
	}
	for _, f := range files {
		w.write(f.path, f.text)
	}
	w.commit("base")
	w.git("checkout", "-qb", "flux-image-updates")
	for _, f := range files[:updated] {
		w.write(f.path, strings.ReplaceAll(f.text, ":1.0.", ":1.1."))
	}
	w.commit("update")
	w.git("gc", "-q")
	return w
}

// BenchmarkFacts gathers the facts of a change, opening the repository anew
// each time, and beside it git diff of the same range.
func BenchmarkFacts(b *testing.B) {
	for _, size := range []struct{ files, updated int }{{3000, 3000}, {100, 5}} {
		w := fleet(b, size.files, size.updated)
		name := fmt.Sprintf("%d of %d files", size.updated, size.files)
		b.Run(name+"/facts", func(b *testing.B) {
			b.ReportAllocs()
			blobs := 0
			for b.Loop() {
				r, err := gitrepo.Open(w.Dir)
				if err != nil {
					b.Fatal(err)
				}
				facts, err := r.Facts(b.Context(), gitrepo.Range{Base: "main", Head: "flux-image-updates"})
				if err != nil || len(facts.Files) != size.updated {
					b.Fatal(len(facts.Files), err)
				}
				if _, _, err := r.BaseFile(b.Context(), gitrepo.Range{Base: "main"}, policy.File); err != nil {
					b.Fatal(err)
				}
				blobs = size.files + size.updated
				_ = r.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blobs), "ns/blob")
		})
		b.Run(name+"/git-diff", func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command("git", "diff", "main", "flux-image-updates")
				cmd.Dir = w.Dir
				cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(2*size.updated)), "ns/blob")
		})
	}
}
