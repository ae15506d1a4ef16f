package hubtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// The repository, and the account that Flux pushes with.
const (
	Fleet = "acme/fleet"
	Bot   = "flux-bot"
	BotID = 4711
)

// World is a real repository that a test builds with git, and a hub over it.
type World struct {
	*fakehub.Hub
	T     testing.TB
	Dir   string
	clock int64
}

// NewRepo makes a repository with branch main and nothing in it.
func NewRepo(t testing.TB) *World {
	w := &World{T: t, Dir: filepath.Join(t.TempDir(), "fleet"), clock: 1_700_000_000}
	if err := os.Mkdir(w.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.Git("init", "-q", "-b", "main")
	return w
}

// Serve puts the repository on a hub, whose accounts know the bot.
func (w *World) Serve(options ...func(*fakehub.Options)) *World {
	w.T.Helper()
	o := fakehub.Options{Repos: []fakehub.Repo{{Dir: w.GitDir(), Owner: "acme", Name: "fleet", ID: 1234}}}
	for _, f := range options {
		f(&o)
	}
	w.Hub = fakehub.NewWith(w.T, o)
	w.AddAccount(fakehub.Account{Login: Bot, ID: BotID, Emails: []string{"flux@example.com"}})
	return w
}

// GitDir is the folder that holds Git's objects.
func (w *World) GitDir() string {
	if strings.HasSuffix(w.Dir, ".git") {
		return w.Dir
	}
	return filepath.Join(w.Dir, ".git")
}

// Git runs git in the repository and gives its output without the last newline.
func (w *World) Git(args ...string) string { w.T.Helper(); return w.GitInput("", args...) }

// GitInput is Git with an input.
func (w *World) GitInput(input string, args ...string) string {
	w.T.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.Dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Flux", "GIT_AUTHOR_EMAIL=flux@example.com",
		"GIT_COMMITTER_NAME=Flux", "GIT_COMMITTER_EMAIL=flux@example.com",
		fmt.Sprintf("GIT_AUTHOR_DATE=%d +0130", w.clock), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0130", w.clock),
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.T.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Write writes files, given as path, content, path, content…
func (w *World) Write(pairs ...string) {
	w.T.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(w.Dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.T.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			w.T.Fatal(err)
		}
	}
}

// Commit writes files and commits all there is; it gives the commit's id.
func (w *World) Commit(message string, pairs ...string) string {
	w.T.Helper()
	w.Write(pairs...)
	w.Git("add", "-A")
	w.clock += 60
	w.Git("commit", "-q", "--allow-empty", "-m", message)
	return w.Git("rev-parse", "HEAD")
}
