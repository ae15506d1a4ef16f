package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// step is the script of a step of the workflow that releases.
func step(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../.github/workflows/release.yml")
	must(t, err)
	_, at, found := strings.Cut(string(data), "- name: "+name)
	_, at, run := strings.Cut(at, "run: |\n")
	if !found || !run {
		t.Fatalf("the workflow has no step %q", name)
	}
	at, _, _ = strings.Cut(at, "\n      - ")
	return strings.ReplaceAll("\n"+at, "\n          ", "\n")
}

// TestTag runs the step that tags, for two releases: each tag's commit lies on a branch, on which the one before it and
// main lie as well, and its action.yml names the image.
func TestTag(t *testing.T) {
	origin, dir := t.TempDir(), clone(t, t.TempDir())
	git(t, origin, "init", "-q", "--bare")
	git(t, dir, "remote", "add", "origin", origin)
	script := step(t, "Tag a commit on the branch of releases")
	ask := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", origin}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("git %s: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	for _, version := range []string{"v1.2.3", "v1.3.0"} {
		git(t, dir, "commit", "-q", "--allow-empty", "-m", "Before "+version)
		git(t, dir, "push", "-q", "origin", "main")
		fresh := t.TempDir()
		git(t, fresh, "clone", "-q", "--branch=main", origin, ".")
		must(t, makeIt(t, version, fresh, filepath.Join(fresh, "dist")))
		command := exec.Command("bash", "-euo", "pipefail", "-c", script)
		command.Dir = fresh
		command.Env = append(os.Environ(), "VERSION="+version, "GITHUB_SHA="+ask("rev-parse", "main"), "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if on := ask("branch", "--contains", version); on != "releases/v1" {
			t.Errorf("%s lies on %q", version, on)
		}
		if text := ask("show", version+":action.yml"); !strings.Contains(text, "image: docker://ghcr.io/goldfish-inc/fluxkeeper@sha256:") {
			t.Errorf("%s names the image as: %s", version, text)
		}
	}
	for _, below := range []string{"main", "v1.2.3"} {
		ask("merge-base", "--is-ancestor", below, "v1.3.0")
	}
}

// TestIdentityIsExact: what docs/release.md has people verify is this workflow on main, whole, and it runs there alone.
func TestIdentityIsExact(t *testing.T) {
	page, err := os.ReadFile("../../docs/release.md")
	must(t, err)
	const workflow = "goldfish-inc/fluxkeeper/.github/workflows/release.yml"
	for line, want := range map[string]int{
		"--signer-workflow " + workflow + " --source-ref refs/heads/main":            strings.Count(string(page), "gh attestation verify"),
		"--certificate-identity https://github.com/" + workflow + "@refs/heads/main": strings.Count(string(page), "cosign verify"),
		"-regexp": 0,
	} {
		if n := strings.Count(string(page), line); n != want {
			t.Errorf("%q stands there %d times, not %d", line, n, want)
		}
	}
	data, err := os.ReadFile("../../.github/workflows/release.yml")
	must(t, err)
	_, jobs, _ := strings.Cut(string(data), "\njobs:\n")
	for _, job := range regexp.MustCompile(`(?m)^  (\w+):\n    (.*)`).FindAllStringSubmatch(jobs, -1) {
		if job[2] != "if: github.ref == 'refs/heads/main'" && job[2] != "needs: [test, make]" {
			t.Errorf("job %s begins with %s", job[1], job[2])
		}
	}
}
