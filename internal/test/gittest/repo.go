package gittest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Repo is a repository that a test builds.
type Repo struct {
	T   testing.TB
	Dir string
	// Clock is the time of the next commit, in seconds.
	Clock int64
}

// New makes a repository with branch main and nothing in it. The arguments are
// further ones of git init.
func New(t testing.TB, args ...string) *Repo {
	r := &Repo{T: t, Dir: filepath.Join(t.TempDir(), "fleet"), Clock: 1_700_000_000}
	if err := os.Mkdir(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.Git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return r
}

// At is a repository that is there already, whose commits are older than what comes.
func At(t testing.TB, dir string) *Repo { return &Repo{T: t, Dir: dir, Clock: 1_800_000_000} }

// GitDir is the folder that holds Git's objects.
func (r *Repo) GitDir() string {
	if strings.HasSuffix(r.Dir, ".git") {
		return r.Dir
	}
	return filepath.Join(r.Dir, ".git")
}

// Git runs git in the repository and gives its output without the last newline.
func (r *Repo) Git(args ...string) string { r.T.Helper(); return r.GitInput("", args...) }

// GitInput is Git with an input.
func (r *Repo) GitInput(input string, args ...string) string {
	r.T.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), // PATH, and HOME for ssh-keygen
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0",
		"GIT_AUTHOR_NAME=Flux", "GIT_AUTHOR_EMAIL=flux@example.com",
		"GIT_COMMITTER_NAME=Flux", "GIT_COMMITTER_EMAIL=flux@example.com",
		fmt.Sprintf("GIT_AUTHOR_DATE=%d +0130", r.Clock), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0130", r.Clock),
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.T.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Write writes files, given as path, content, path, content…
func (r *Repo) Write(pairs ...string) {
	r.T.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(r.Dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.T.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			r.T.Fatal(err)
		}
	}
}

// Commit writes files and commits all there is; it gives the commit's id.
func (r *Repo) Commit(message string, pairs ...string) string {
	r.T.Helper()
	r.Write(pairs...)
	r.Git("add", "-A")
	r.Clock += 60
	r.Git("commit", "-q", "--allow-empty", "-m", message)
	return r.Git("rev-parse", "HEAD")
}
