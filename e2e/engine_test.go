package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	image = "fluxkeeper:e2e"
	// goImage is what .ci/docker has under this name: the Dockerfile's own, or a stand-in.
	goImage = "fluxkeeper-go"
)

// engine skips a test where there is no Docker engine. In continuous
// integration there must be one.
func engine(t *testing.T) {
	t.Helper()
	if os.Getenv("FLUXKEEPER_E2E") == "" {
		t.Skip("it takes minutes and a Docker engine: make e2e runs it")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		missing(t, "no Docker engine answers: start one, as .ci/docker does: %v\n%s", err, out)
	}
}

// missing skips a test for want of something, and fails it where CI=true.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// build builds the image from the work tree, once.
func build(t *testing.T) {
	t.Helper()
	engine(t)
	if out, err := buildOnce(); err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
}

var buildOnce = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("docker", "build", "--build-arg", "GO_IMAGE="+goImage, "--tag", image, "..").CombinedOutput()
	return string(out), err
})

// output runs a program and gives what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// in runs git in a folder, under nobody's settings.
func in(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "TZ=UTC",
		"GIT_AUTHOR_DATE=2026-11-22T12:00:00Z", "GIT_COMMITTER_DATE=2026-11-22T12:00:00Z")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// root is the repository's.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	must(t, err)
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
