package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/storytest"
)

// usesWorkflow is what a user writes, word by word as in README.md.
const usesWorkflow = `on: pull_request_target
permissions: {contents: read, pull-requests: read, checks: write}
jobs:
  flux:
    runs-on: ubuntu-latest
    steps:
      - id: gate
        uses: goldfish-inc/fluxkeeper@v1
      - shell: sh
        env:
          VERDICT: ${{ steps.gate.outputs.verdict }}
        run: echo "told $VERDICT"
`

// TestUsesRelease makes a release, as far as this machine runs it, and takes it as users do: act reads the tagged tree and
// pulls the image by the digest that its action.yml names; nothing is built.
func TestUsesRelease(t *testing.T) {
	engine(t)
	act := actProgram(t)
	dist := filepath.Join(t.TempDir(), "dist")
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pulled(w, r, dist) }))
	defer registry.Close()
	source := checkout(t)
	receiver := filepath.Join(source, "cmd", "receiver") // is not asked for here, and takes minutes to compile
	must(t, os.RemoveAll(receiver))
	must(t, os.Mkdir(receiver, 0o755))
	must(t, os.WriteFile(filepath.Join(receiver, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644))
	in(t, source, "add", "-A")
	in(t, source, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "Leave the receiver out")
	make := exec.Command("go", "run", ".", "make", "-version", "v1.2.3", "-source", source, "-o", dist, "-go", "go",
		"-platforms", "linux/"+runtime.GOARCH, "-images", strings.TrimPrefix(registry.URL, "http://")+"/goldfish-inc")
	make.Dir = filepath.Join(root(t), "tools", "release")
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("make the release: %v\n%s", err, out)
	}
	packed := fmt.Sprintf("fluxkeeper_1.2.3_%s_%s.tar.gz", runtime.GOOS, runtime.GOARCH)
	programs := t.TempDir()
	output(t, "tar", "-xzf", filepath.Join(dist, packed), "-C", programs)
	if version := output(t, filepath.Join(programs, "fluxkeeper"), "--version"); !strings.HasPrefix(version, "fluxkeeper v1.2.3 ") {
		t.Errorf("the program is %s", version)
	}
	tagged, user := t.TempDir(), filepath.Join(t.TempDir(), storytest.Name)
	output(t, "tar", "-xzf", filepath.Join(dist, "fluxkeeper_1.2.3_source.tar.gz"), "-C", tagged)
	must(t, os.Mkdir(user, 0o755))
	repository(t, user, usesWorkflow)
	s := scene(t)
	got := runAct(t, act, user, s, s.PullEvent("pull_request_target", s.Open()), "--local-repository", "goldfish-inc/fluxkeeper@v1="+tagged)
	if got.err != nil || !strings.Contains(got.log, "told pass") {
		t.Errorf("%v\n%s", got.err, got.log)
	}
	if checks := s.Checks(s.Rev(storytest.Head)); !strings.HasPrefix(checks, "fluxkeeper: success: PASS") {
		t.Errorf("check runs: %q", checks)
	}
	if strings.Contains(got.log, "docker build") {
		t.Errorf("the image was built:\n%s", got.log)
	}
}

// pulled answers as a registry that has the images which were made, by digest alone.
func pulled(w http.ResponseWriter, r *http.Request, dist string) {
	program, digest, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/goldfish-inc/"), "/")
	if !found {
		return // that it is one
	}
	kind, digest, _ := strings.Cut(digest, "/")
	data, err := os.ReadFile(filepath.Join(dist, program, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:")))
	if err != nil {
		http.Error(w, "there is no such thing", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if kind == "manifests" {
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		if strings.Contains(string(data), `"manifests":`) {
			w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		}
		w.Header().Set("Docker-Content-Digest", digest)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(data)
	}
}
