package gitrepo_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/signature"
	"github.com/goldfish-inc/fluxkeeper/internal/test/gittest"
)

// work is a real repository that a test builds with git.
type work struct {
	*gittest.Repo
	t testing.TB
}

func newWork(t testing.TB, args ...string) *work { return in(t, gittest.New(t, args...)) }

// at is a repository that is there already.
func at(t testing.TB, dir string) *work { return in(t, gittest.At(t, dir)) }

func in(t testing.TB, r *gittest.Repo) *work { return &work{r, t} }

func (w *work) git(args ...string) string { w.t.Helper(); return w.Git(args...) }

func (w *work) gitInput(input string, args ...string) string {
	w.t.Helper()
	return w.GitInput(input, args...)
}

func (w *work) write(pairs ...string) { w.t.Helper(); w.Write(pairs...) }

func (w *work) commit(message string, pairs ...string) string {
	w.t.Helper()
	return w.Commit(message, pairs...)
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
	facts, err := gather(open(w.t, w.Dir), base, head)
	var gaps []string
	facts.Commits, gaps = signature.Check(facts.Commits, keys, time.Now())
	facts.Gaps = append(facts.Gaps, gaps...)
	return facts, err
}

// gather gives the facts with their past.
func gather(r *gitrepo.Repository, base, head string) (change.Facts, error) {
	facts, err := r.Facts(context.Background(), gitrepo.Range{Base: base, Head: head})
	if err == nil {
		err = r.Past(context.Background(), &facts, policy.Default().Lookback(time.Time{}))
	}
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
