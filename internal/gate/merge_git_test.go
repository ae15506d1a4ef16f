package gate_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

// merger is a bare repository with the scenes' branches: GitHub merges in one,
// so that no attribute of the files counts.
type merger struct {
	t    *testing.T
	dir  string
	repo *gitrepo.Repository
	// objects is a git that answers line by line.
	objects *conversation
}

// conversation is a git that answers as long as it is asked.
type conversation struct {
	ask    io.Writer
	answer *bufio.Reader
}

func newMerger(t *testing.T, scenes []scene) *merger {
	t.Helper()
	w := &merger{t: t, dir: t.TempDir()}
	if _, err := w.git(nil, "init", "-q", "--bare"); err != nil {
		t.Skipf("git does not run: %v; install git 2.39 or later", err)
	}
	var in bytes.Buffer
	commit := func(name, from string, files map[string]string) {
		fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter A <a@example.org> 1700000000 +0000\ndata %d\n%s\n", name, len(name), name)
		if from != "" {
			fmt.Fprintf(&in, "from refs/heads/%s\n", from)
		}
		in.WriteString("deleteall\n")
		for _, path := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(files[path]), files[path])
		}
	}
	for i, s := range scenes {
		base := fmt.Sprint("base-", i)
		commit(base, "", s.base)
		commit(fmt.Sprint("tip-", i), base, s.tip)
		for n, files := range s.steps {
			step := fmt.Sprintf("head-%d-%d", i, n)
			commit(step, base, files)
			base = step
		}
		commit(fmt.Sprint("head-", i), base, s.head)
	}
	if _, err := w.git(in.Bytes(), "fast-import", "--quiet"); err != nil {
		t.Fatal(err)
	}
	if out, err := w.git([]byte("tip-0 tip-0\n"), "merge-tree", "--write-tree", "--stdin"); err != nil {
		t.Skipf("git cannot merge trees: %v %s; install git 2.39 or later", err, out)
	}
	w.objects = w.converse("cat-file", "--batch")
	repo, err := gitrepo.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.repo = repo
	return w
}

func (w *merger) command(args ...string) *exec.Cmd {
	c := exec.CommandContext(w.t.Context(), "git", args...)
	c.Dir = w.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "HOME="+w.dir, "GIT_AUTHOR_NAME=A",
		"GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org")
	return c
}

func (w *merger) git(in []byte, args ...string) (string, error) {
	c := w.command(args...)
	c.Stdin = bytes.NewReader(in)
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}

func (w *merger) must(in []byte, args ...string) string {
	w.t.Helper()
	out, err := w.git(in, args...)
	if err != nil {
		w.t.Fatalf("git %v: %v", args, err)
	}
	return out
}

func (w *merger) converse(args ...string) *conversation {
	w.t.Helper()
	c := w.command(args...)
	in, err1 := c.StdinPipe()
	out, err2 := c.StdoutPipe()
	if err := errors.Join(err1, err2, c.Start()); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _, _ = in.Close(), c.Wait() })
	return &conversation{in, bufio.NewReader(out)}
}

func (w *merger) judge(base, head string) gate.Result {
	w.t.Helper()
	facts, err := w.repo.Facts(w.t.Context(), gitrepo.Range{Base: base, Head: head})
	if err != nil {
		w.t.Fatal(err)
	}
	return gate.Judge(lenient(), facts, gate.Options{Now: day, IgnoreIdentity: true})
}

// merged is the tree that a merge gives, and whether it is clean.
type merged struct {
	tree  string
	clean bool
}

// merge merges pairs of commits, each with a blank between.
func (w *merger) merge(pairs []string) []merged {
	w.t.Helper()
	out := w.must([]byte(strings.Join(pairs, "\n")+"\n"), "merge-tree", "--write-tree", "--stdin", "--no-messages", "--name-only")
	var all []merged
	for words := strings.Split(out, "\x00"); len(words) > 1; { // 1 or 0, the tree, what conflicts, and an empty end
		all = append(all, merged{words[1], words[0] == "1"})
		words = words[slices.Index(words, "")+1:]
	}
	if len(all) != len(pairs) {
		w.t.Fatalf("%d merges have %d answers", len(pairs), len(all))
	}
	return all
}

// rebase rebases heads onto tips: commit by commit, each merged with its parent as the
// merge base.
func (w *merger) rebase(scenes []scene) []merged {
	w.t.Helper()
	all := make([]merged, len(scenes))
	onto := make([]string, len(scenes))
	for n, left := 0, true; left; n++ {
		left = false
		var pairs []string
		var of []int
		for i, s := range scenes {
			pick := fmt.Sprintf("head-%d-%d", i, n)
			switch {
			case n > len(s.steps) || n > 0 && !all[i].clean:
				continue
			case n == 0:
				onto[i] = fmt.Sprint("tip-", i)
			default: // what is there stands beside the picked commit, upon the same parent
				onto[i] = w.must(nil, "commit-tree", all[i].tree, "-p", fmt.Sprintf("head-%d-%d", i, n-1), "-m", "x")
			}
			if n == len(s.steps) {
				pick = fmt.Sprint("head-", i)
			}
			pairs, of, left = append(pairs, onto[i]+" "+pick), append(of, i), true
		}
		if !left {
			break
		}
		for k, m := range w.merge(pairs) {
			all[of[k]] = m
		}
	}
	return all
}

// porcelain holds the trees of merge and rebase against what people's commands make
// of the same, in a work tree.
func (w *merger) porcelain(i int, tree string, rebased merged) {
	w.t.Helper()
	tip, head, dir := fmt.Sprint("tip-", i), fmt.Sprint("head-", i), filepath.Join(w.t.TempDir(), "work")
	w.must(nil, "worktree", "add", "-q", "--detach", dir, tip)
	in := func(args ...string) (string, error) {
		return w.git(nil, append([]string{"-C", dir, "-c", "core.autocrlf=false"}, args...)...)
	}
	check := func(how, want string, undo []string, commands ...[]string) {
		w.t.Helper()
		for _, command := range commands {
			if out, err := in(command...); err != nil {
				w.t.Errorf("%s of %s into %s: git %v: %v %s", how, head, tip, command, err, out)
			}
		}
		if got, err := in("write-tree"); got != want {
			w.t.Errorf("%s of %s into %s: %s is not %s; %v", how, head, tip, got, want, err)
		}
		if _, err := in(undo...); err != nil {
			w.t.Error(err)
		}
	}
	undo := []string{"reset", "-q", "--hard", tip}
	check("merge", tree, undo, []string{"merge", "-q", "--no-ff", "-m", "x", head})
	check("squash", tree, undo, []string{"merge", "-q", "--squash", head})
	if rebased.clean {
		check("rebase", rebased.tree, undo, []string{"checkout", "-q", "--detach", head}, []string{"rebase", "-q", "--empty=drop", tip})
	}
}

// files gives those of a tree.
func (w *merger) files(tree string) map[string]string {
	files := map[string]string{}
	w.walk(tree, "", files)
	return files
}

func (w *merger) walk(tree, dir string, files map[string]string) {
	for entry := w.object(tree); len(entry) > 0; {
		mode, rest, _ := bytes.Cut(entry, []byte(" "))
		name, rest, _ := bytes.Cut(rest, []byte{0})
		id := fmt.Sprintf("%x", rest[:20])
		if entry = rest[20:]; string(mode) == "40000" {
			w.walk(id, dir+string(name)+"/", files)
		} else {
			files[dir+string(name)] = string(w.object(id))
		}
	}
}

func (w *merger) object(id string) []byte {
	w.t.Helper()
	fmt.Fprintln(w.objects.ask, id)
	head, err := w.objects.answer.ReadString('\n')
	words := strings.Fields(head)
	if err != nil || len(words) != 3 {
		w.t.Fatalf("read %s: %q %v", id, head, err)
	}
	size, err1 := strconv.Atoi(words[2])
	data := make([]byte, size+1)
	if _, err2 := io.ReadFull(w.objects.answer, data); errors.Join(err1, err2) != nil {
		w.t.Fatal(err1, err2)
	}
	return data[:size]
}
