package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The benchmarks run the built program as people do, beside git diff on the
// same range and beside Flux's own setters on the same files, in turns. Only
// ratios and CPU time mean something: machines are noisy.

var fluxSource = flag.String("flux", "", "a checkout of fluxcd/image-automation-controller, whose setters the benchmarks measure as well")

// BenchmarkTypical is a change of five files.
func BenchmarkTypical(b *testing.B) { compareWithOthers(b, 5, 10) }

// BenchmarkLarge is a change of 3,000 files with 10,000 markers, without
// ImagePolicies in the repository and with one for each.
func BenchmarkLarge(b *testing.B) { compareWithOthers(b, 3000, 10000) }

func compareWithOthers(b *testing.B, files, markers int) {
	program := filepath.Join(b.TempDir(), "fluxkeeper")
	build(b, ".", program, ".")
	repo, whole := generated(b, files, markers, 0), generated(b, files, markers, markers)
	tree, written := filepath.Join(b.TempDir(), "tree"), b.TempDir()
	command(b, repo, "git", "worktree", "add", "-q", "--detach", tree, "main")
	setters := ""
	if *fluxSource != "" {
		setters = buildSetters(b)
	}
	check := []string{"check", "--base", "main", "--head", "flux-image-updates", "--format", "json"}
	var ours, policies, theirs, flux []usage
	for b.Loop() {
		theirs = append(theirs, measure(b, in(repo, "git", "diff", "main", "flux-image-updates")))
		ours = append(ours, measure(b, in(repo, program, check...)))
		policies = append(policies, measure(b, in(whole, program, check...)))
		if setters != "" {
			flux = append(flux, measure(b, in(repo, setters, tree, written, fmt.Sprint(markers), "1.2.4")))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ours, wall), "wall-ms")
	b.ReportMetric(median(ours, cpu), "cpu-ms")
	b.ReportMetric(median(ours, memory), "MiB")
	b.ReportMetric(median(theirs, wall), "git-wall-ms")
	b.ReportMetric(median(theirs, cpu), "git-cpu-ms")
	b.ReportMetric(median(ours, wall)/median(theirs, wall), "times-git")
	b.ReportMetric(median(policies, cpu)/median(ours, cpu), "with-policies-times")
	if setters != "" {
		b.ReportMetric(median(flux, cpu), "setters-cpu-ms")
		b.ReportMetric(median(ours, cpu)/median(flux, cpu), "times-setters")
	}
}

// buildSetters builds a program around Flux's setters, which are internal to their
// module: its source is laid over the checkout.
func buildSetters(b *testing.B) (program string) {
	b.Helper()
	source, err := filepath.Abs("testdata/setters.go.txt")
	checkout, err2 := filepath.Abs(*fluxSource)
	overlay, err3 := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(checkout, "internal/setters/main.go"): source}})
	if err := cmp.Or(err, err2, err3); err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "overlay"), overlay, 0o600); err != nil {
		b.Fatal(err)
	}
	program = filepath.Join(dir, "setters")
	build(b, checkout, program, "-overlay="+filepath.Join(dir, "overlay"), "./internal/setters")
	return program
}

// usage is what one run cost.
type usage struct {
	wall, cpu time.Duration
	memory    int64 // KiB at most resident
}

func wall(u usage) float64   { return float64(u.wall.Microseconds()) / 1000 }
func cpu(u usage) float64    { return float64(u.cpu.Microseconds()) / 1000 }
func memory(u usage) float64 { return float64(u.memory) / 1024 }

func median(runs []usage, of func(usage) float64) float64 {
	values := make([]float64, len(runs))
	for i, u := range runs {
		values[i] = of(u)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// build builds a program as it is released.
func build(b *testing.B, dir, file string, args ...string) {
	b.Helper()
	b.Setenv("CGO_ENABLED", "0")
	command(b, dir, "go", append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", file}, args...)...)
}

func in(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	return cmd
}

func measure(b *testing.B, cmd *exec.Cmd) usage {
	b.Helper()
	var errors strings.Builder
	cmd.Stderr = &errors
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("run %s: %v: %s", cmd.Path, err, errors.String())
	}
	state := cmd.ProcessState
	return usage{time.Since(start), state.UserTime() + state.SystemTime(), state.SysUsage().(*syscall.Rusage).Maxrss}
}

func command(b *testing.B, dir, name string, args ...string) {
	b.Helper()
	cmd := in(dir, name, args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=fluxcdbot", "GIT_AUTHOR_EMAIL=fluxcdbot@users.noreply.github.com", "GIT_AUTHOR_DATE=2026-11-22T20:21:56Z",
		"GIT_COMMITTER_NAME=fluxcdbot", "GIT_COMMITTER_EMAIL=fluxcdbot@users.noreply.github.com", "GIT_COMMITTER_DATE=2026-11-22T20:21:56Z")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("run %s %v: %v\n%s", name, args, err, out)
	}
}

// generated makes a repository in which flux-image-updates moves every marker
// of main by one patch version, with ImagePolicies for the first of them.
func generated(b *testing.B, files, markers, policies int) string {
	b.Helper()
	dir := b.TempDir()
	command(b, dir, "git", "init", "-q", "-b", "main")
	write := func(tag string) {
		for i := range files {
			var text strings.Builder
			fmt.Fprintf(&text, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app%d\n  namespace: apps\nspec:\n  replicas: 2\n  "+
				"selector:\n    matchLabels:\n      app: app%d\n  template:\n    metadata:\n      labels:\n        app: app%d\n    spec:\n      "+
				"containers:\n", i, i, i)
			for m := markers * i / files; m < markers*(i+1)/files; m++ {
				fmt.Fprintf(&text, "        - name: c%d\n          image: ghcr.io/acme/app%d:%s # {\"$imagepolicy\": \"flux-system:app%d\"}\n       "+
					"   ports:\n            - containerPort: 8080\n", m, m, tag, m)
			}
			path := filepath.Join(dir, "clusters", fmt.Sprint(i%50), fmt.Sprintf("app%d.yaml", i))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		command(b, dir, "git", "add", "-A")
		command(b, dir, "git", "commit", "-q", "-m", "Update from image update automation")
	}
	write("1.2.3")
	for i := range policies {
		text := fmt.Sprintf("apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata:\n  name: app%d\n  namespace: "+
			"flux-system\nspec:\n  image: ghcr.io/acme/app%d\n---\napiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\n"+
			"metadata:\n  name: app%d\n  namespace: flux-system\nspec:\n  imageRepositoryRef:\n    name: app%d\n  policy:\n    "+
			"semver:\n      range: 1.x\n", i, i, i, i)
		path := filepath.Join(dir, "images", fmt.Sprintf("app%d.yaml", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	policy := filepath.Join(dir, ".github", "fluxkeeper.yaml")
	if err := os.MkdirAll(filepath.Dir(policy), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(policy, []byte("version: 1\nlimits: {updates: 100000}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	command(b, dir, "git", "add", "-A")
	command(b, dir, "git", "commit", "-q", "-m", "Let any number of updates pass")
	command(b, dir, "git", "checkout", "-q", "-b", "flux-image-updates")
	write("1.2.4")
	command(b, dir, "git", "gc", "-q")
	return dir
}
