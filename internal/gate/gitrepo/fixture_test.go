package gitrepo_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
)

// work is a real repository that a test builds with git.
type work struct {
	t   testing.TB
	dir string
	// clock is the time of the next commit, in seconds.
	clock int64
}

func newWork(t testing.TB, args ...string) *work {
	w := &work{t: t, dir: filepath.Join(t.TempDir(), "work"), clock: 1_700_000_000}
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.git(append([]string{"init", "-q", "-b", "main"}, args...)...)
	return w
}

// at is a repository that is there already.
func at(t testing.TB, dir string) *work { return &work{t: t, dir: dir, clock: 1_800_000_000} }

// git runs git in the repository and gives its output without the last newline.
func (w *work) git(args ...string) string {
	w.t.Helper()
	return w.gitInput(nil, args...)
}

func (w *work) gitInput(input []byte, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), // PATH, and HOME for ssh-keygen
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0",
		"GIT_AUTHOR_NAME=Flux", "GIT_AUTHOR_EMAIL=flux@example.com",
		"GIT_COMMITTER_NAME=Flux", "GIT_COMMITTER_EMAIL=flux@example.com",
		fmt.Sprintf("GIT_AUTHOR_DATE=%d +0130", w.clock), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0130", w.clock),
	)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// write writes files, given as path, content, path, content…
func (w *work) write(pairs ...string) {
	w.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(w.dir, pairs[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

// commit writes files and commits all there is; it gives the commit's id.
func (w *work) commit(message string, pairs ...string) string {
	w.t.Helper()
	w.write(pairs...)
	w.git("add", "-A")
	w.clock += 60
	w.git("commit", "-q", "--allow-empty", "-m", message)
	return w.git("rev-parse", "HEAD")
}

// open opens a repository and closes it after the test.
func open(t testing.TB, dir string) *gitrepo.Repository {
	t.Helper()
	r, err := gitrepo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func (w *work) facts(base, head string, keys ...string) change.Facts {
	w.t.Helper()
	facts, err := w.tryFacts(base, head, keys...)
	if err != nil {
		w.t.Fatal(err)
	}
	return facts
}

func (w *work) tryFacts(base, head string, keys ...string) (change.Facts, error) {
	w.t.Helper()
	facts, err := open(w.t, w.dir).Facts(context.Background(), gitrepo.Range{Base: base, Head: head})
	var gaps []string
	facts.Commits, gaps = signature.Check(facts.Commits, keys, time.Now())
	facts.Gaps = append(facts.Gaps, gaps...)
	return facts, err
}

// files renders the changed files, one a line: path, then mode and content of
// merge base, base and merge.
func files(facts change.Facts) string {
	side := func(b change.Blob) string {
		switch {
		case b.Mode == change.Absent:
			return "-"
		case b.Mode == change.Submodule:
			return string(b.Mode)
		}
		if b.Data == nil { // of what Flux does not read only the id counts
			return fmt.Sprintf("%s %s", b.Mode, b.ID[:7])
		}
		return fmt.Sprintf("%s %q", b.Mode, b.Data)
	}
	var out strings.Builder
	for _, f := range facts.Files {
		old := f.Before
		if f.Stale {
			old = f.Old
		}
		fmt.Fprintf(&out, "%s: %s | %s | %s\n", f.Path, side(old), side(f.Before), side(f.After))
	}
	return out.String()
}

func messages(facts change.Facts) string {
	var out []string
	for _, c := range facts.Commits {
		out = append(out, strings.TrimSpace(c.Message))
	}
	return strings.Join(out, ",")
}

// wantError demands an error of one line, of a kind, that says these words and
// has a hint that says those.
func wantError(t *testing.T, err error, kind gitrepo.Kind, words, hint string) {
	t.Helper()
	var e *gitrepo.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want one of kind %s", err, kind)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), words) || !strings.Contains(e.Hint(), hint) {
		t.Errorf("error %s %q with hint %q, want %s %q with hint %q", e.Kind, e, e.Hint(), kind, words, hint)
	}
	if strings.ContainsAny(e.Error()+e.Hint(), "\n\r\x1b") {
		t.Errorf("error %q is not one plain line", e)
	}
}
func hexBytes(t testing.TB, s string) []byte {
	t.Helper()
	data, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
