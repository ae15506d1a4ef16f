package gitrepo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

func TestRevisions(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	w.commit("fix the (sea)", "a", "2")
	w.git("tag", "light")
	w.git("checkout", "-qb", "side", "HEAD~1")
	w.commit("side", "b", "1")
	w.git("checkout", "-q", "main")
	w.git("merge", "-q", "--no-ff", "-m", "merge", "side")
	w.git("tag", "-a", "-m", "v1", "v1.0")
	w.git("tag", "-a", "-m", "tag of a tag", "outer", "v1.0")
	w.commit("last", "a", "3")
	w.git("update-ref", "refs/remotes/origin/feature/x", "side")
	w.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/feature/x")
	w.git("branch", "abcd", "side") // a branch goes before an abbreviated id
	w.git("branch", "packed/name", "side")
	w.git("pack-refs", "--all")
	w.git("fetch", "-q", w.Dir, "side")
	full := w.git("rev-parse", "main")
	tests := []struct{ expr, branch string }{
		{"main", "main"}, {"HEAD", "main"}, {"@", "main"}, {"refs/heads/main", "main"}, {"heads/main", "main"},
		{"side", "side"}, {"abcd", "abcd"}, {"packed/name", "packed/name"},
		{"origin/feature/x", "feature/x"}, {"refs/remotes/origin/feature/x", "feature/x"}, {"origin", "feature/x"},
		{"v1.0", ""}, {"outer", ""}, {"light", ""}, {"refs/tags/v1.0", ""}, {"tags/light", ""},
		{full, ""}, {strings.ToUpper(full), ""}, {full[:7], ""}, {full[:4], ""}, {full[:11], ""}, {strings.ToUpper(full[:8]), ""},
		{"FETCH_HEAD", ""}, {"v1.0-1-g" + full[:8], ""},
		{"main^", ""}, {"main^0", ""}, {"main~", ""}, {"main~2", ""}, {"main^^", ""}, {"main^^2", ""}, {"main~1^2~1", ""},
		{"main~1^2", ""}, {"v1.0^{}", ""}, {"v1.0^{commit}", ""}, {"v1.0^{commit}~1", ""}, {full + "^", ""}, {full[:9] + "~2", ""},
		{"outer^{}^2", ""}, {"HEAD~0", ""}, {"^{}", ""},
		{":/sea", ""}, {"main^{/fix the .sea}", ""}, {"main~1^{/^sta}", ""},
	}
	r := open(t, w.Dir)
	for _, tt := range tests {
		facts, err := r.Facts(t.Context(), gitrepo.Range{Base: tt.expr, Head: "main"})
		if err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		ask := tt.expr
		if ask == "^{}" {
			ask = "HEAD^{}"
		}
		if !strings.HasPrefix(ask, ":/") {
			ask += "^{commit}"
		}
		want := w.git("rev-parse", "--verify", "-q", ask)
		if facts.Base.Commit != want || facts.BaseRef != tt.branch {
			t.Errorf("%s: %s on branch %q, want %s on %q", tt.expr, facts.Base.Commit, facts.BaseRef, want, tt.branch)
		}
	}
}

// TestOnlyRemoteBranch: in a fresh clone the bot's branch is the remote's alone,
// and its name will do, as for git checkout.
func TestOnlyRemoteBranch(t *testing.T) {
	w := newWork(t)
	want := w.commit("start", "a", "1")
	w.git("update-ref", "refs/remotes/origin/flux-image-updates", "main")
	facts, err := open(t, w.Dir).Facts(t.Context(), gitrepo.Range{Base: "main", Head: "flux-image-updates"})
	if err != nil {
		t.Fatal(err)
	}
	if facts.Head.Commit != want || facts.HeadRef != "flux-image-updates" {
		t.Errorf("head %s on branch %q, want %s", facts.Head.Commit, facts.HeadRef, want)
	}
}

func TestNoSuchRevision(t *testing.T) {
	w := newWork(t)
	start := w.commit("start", "a", "1")
	w.git("branch", "flux-image-updates")
	w.git("branch", "feature")
	w.git("update-ref", "refs/remotes/origin/release", "main")
	w.git("update-ref", "refs/remotes/fork/release", "main")
	w.git("tag", "blob", "main:a")
	w.git("branch", "both")
	w.commit("more", "a", "2")
	w.git("tag", "both")
	tests := []struct {
		expr        string
		kind        gitrepo.Kind
		words, hint string
	}{
		{"mian", gitrepo.NoRevision, `resolve "mian": no branch, tag or commit of that name`, `did you mean "main"?`},
		{"flux-image-update", gitrepo.NoRevision, "no branch", `"flux-image-updates"`},
		{"release", gitrepo.NoRevision, "no branch", `"origin/release"`},
		{"wholly-different", gitrepo.NoRevision, "no branch", "git branch --all"},
		{"", gitrepo.NoRevision, "no revision given", "branch"},
		{"both", gitrepo.NoRevision, `both "refs/tags/both" and "refs/heads/both"`, `"refs/heads/both"`},
		{"main..feature", gitrepo.NoRevision, "a range", "base and head"},
		{"main@{1}", gitrepo.Unsupported, "reflogs", "commit id"},
		{"main:a", gitrepo.NotCommit, "names a file", "commit"},
		{"blob", gitrepo.NotCommit, "is a blob, not a commit", "commit"},
		{"main^{tree}", gitrepo.NotCommit, "^{tree}", "commit"},
		{w.git("rev-parse", "main^{tree}")[:8], gitrepo.NotCommit, "names no commit", "commit"},
		{"main^2", gitrepo.NoRevision, "has 1 parents", ""},
		{start + "^", gitrepo.NoRevision, "has 0 parents", ""},
		{"main~99999999999999999999", gitrepo.NoRevision, "out of bounds", ""},
		{"main~x", gitrepo.NoRevision, "", ""},
		{strings.Repeat("1", 40), gitrepo.NoRevision, "is not in this repository", "fetch-depth: 0"},
		{"1111111", gitrepo.NoRevision, "no branch", ""},
		{":/nothing so", gitrepo.NoRevision, "no commit's message", ""},
		{":/(", gitrepo.NoRevision, "regular expression", ""},
		{"\x1b[31m\nx", gitrepo.NoRevision, `"\x1b[31m\nx"`, ""},
		{"../../../../etc/passwd", gitrepo.NoRevision, "range", ""},
		{"config", gitrepo.NoRevision, "no branch", ""},
	}
	r := open(t, w.Dir)
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			_, err := r.Facts(t.Context(), gitrepo.Range{Base: tt.expr, Head: "main"})
			wantError(t, err, tt.kind, tt.words, tt.hint)
			_, err = r.Facts(t.Context(), gitrepo.Range{Base: "main", Head: tt.expr})
			wantError(t, err, tt.kind, tt.words, tt.hint)
		})
	}
}

func TestAmbiguousAbbreviation(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a", "1")
	// With 2^16 four-digit prefixes, some two of 700 commits share one.
	var stream strings.Builder
	for i := range 700 {
		fmt.Fprintf(&stream, "commit refs/heads/many\ncommitter a <a@b> %d +0000\ndata 1\nx\n", w.Clock+int64(i))
	}
	w.gitInput(stream.String(), "fast-import", "--quiet", "--force")
	seen := map[string]bool{}
	for id := range strings.SplitSeq(w.git("rev-list", "--all"), "\n") {
		if seen[id[:4]] {
			_, err := w.tryFacts(id[:4], "main")
			wantError(t, err, gitrepo.NoRevision, "commits and tags begin so", "one of ")
			return
		}
		seen[id[:4]] = true
	}
	t.Fatal("no two commits share a prefix")
}

func TestOpenErrors(t *testing.T) {
	empty := t.TempDir()
	file := filepath.Join(empty, "file")
	write := func(path, text string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(path)
	}
	write(file, "x")
	config := func(lines string) string {
		w := newWork(t)
		w.write(".git/config", lines)
		return w.Dir
	}
	tests := []struct {
		name, dir   string
		kind        gitrepo.Kind
		words, hint string
	}{
		{"empty", empty, gitrepo.NotRepository, "not a git repository", "work tree"},
		{"file", file, gitrepo.NotRepository, "not a folder", "work tree"},
		{"nothing", filepath.Join(empty, "nothing"), gitrepo.NotRepository, "no such folder", "work tree"},
		{"bad link", write(filepath.Join(empty, "a", ".git"), "gitdir: ../gone\n"), gitrepo.NotRepository, "not a repository", "repair"},
		{"bad file", write(filepath.Join(empty, "b", ".git"), "nonsense"), gitrepo.NotRepository, ".git file", "work tree"},
		{"sha256", newWork(t, "--object-format=sha256").Dir, gitrepo.Unsupported, "sha256", "SHA-1"},
		{"reftable", config("[core]\nrepositoryformatversion = 1\n[extensions]\nrefStorage = reftable\n"),
			gitrepo.Unsupported, "reftable", "git refs migrate"},
		{"extension", config("[extensions]\nmystery = 1\n"), gitrepo.Unsupported, "mystery", ""},
		{"version", config("[core]\nrepositoryformatversion = 9\n"), gitrepo.Unsupported, `"9"`, ""},
		{"config", config("[core\n"), gitrepo.Corrupt, "config", "git config"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := gitrepo.Open(tt.dir)
			wantError(t, err, tt.kind, tt.words, tt.hint)
		})
	}
}
