package fluxkeeper_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// tool stands in for every tool that .ci/run calls but make. Its go gives recorded
// tests, and the real sift to read them.
const tool = `#!/bin/sh
case "${0##*/} $1 $2" in
    "go test -json") cat "$RECORDED" ;;
    "go test "*) echo ok ;;
    "go run "*) exec "$SIFT" ;;
    "kube where ") echo /nowhere ;;
esac
`

// TestContinuousIntegrationSkipsNoSharedData runs .ci/run: where the folder of the
// test data is, it fails for a test that was skipped for want of some of them.
func TestContinuousIntegrationSkipsNoSharedData(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip(".ci/run is made for Linux: run it there")
	}
	top := t.TempDir()
	sift := filepath.Join(top, "sift")
	if out, err := exec.Command("go", "build", "-o", sift, "./internal/test/leaktest/sift").CombinedOutput(); err != nil {
		t.Fatalf("build sift: %v\n%s", err, out)
	}
	repo, tools := filepath.Join(top, "repo"), filepath.Join(top, "tools")
	must(t, os.MkdirAll(filepath.Join(repo, ".ci"), 0o755))
	must(t, os.Mkdir(tools, 0o755))
	for _, name := range []string{"Makefile", ".ci/run"} {
		data, err := os.ReadFile(name)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(repo, name), data, 0o755))
	}
	for _, name := range []string{"go", "gofmt", "git", "zsh", "fish", "initdb", "npm"} {
		must(t, os.WriteFile(filepath.Join(tools, name), []byte(tool), 0o755))
	}
	for _, name := range []string{"kube", "schema", "docker"} {
		must(t, os.WriteFile(filepath.Join(repo, ".ci", name), []byte(tool), 0o755))
	}
	recorded := filepath.Join(top, "recorded")
	const skipped = `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: no ../shared/corpus\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`
	must(t, os.WriteFile(recorded, []byte(skipped), 0o600))
	run := func() (string, error) {
		command := exec.Command("bash", filepath.Join(repo, ".ci", "run"))
		command.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
			return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, sharedtest.Variable+"=")
		})
		command.Env = append(command.Env, "PATH="+tools+":"+os.Getenv("PATH"), "RECORDED="+recorded, "SIFT="+sift, "CI=true")
		out, err := command.CombinedOutput()
		return string(out), err
	}
	if out, err := run(); err != nil || !strings.Contains(out, "   1  no ../shared/corpus\n") || !strings.Contains(out, "== make e2e\n") {
		t.Errorf("without the folder: %v\n%s", err, out)
	}
	must(t, os.Mkdir(filepath.Join(top, "shared"), 0o755))
	if out, err := run(); err == nil || !strings.Contains(out, "for want of ../shared") || strings.Contains(out, "== make e2e\n") {
		t.Errorf("with the folder: %v\n%s", err, out)
	}
	must(t, os.WriteFile(recorded, []byte(`{"Action":"pass","Package":"p","Test":"TestA"}`), 0o600))
	if out, err := run(); err != nil || !strings.Contains(out, "no test was skipped\n") {
		t.Errorf("with the folder and its data: %v\n%s", err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
