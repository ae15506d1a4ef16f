package gate_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

// TestRandomMerges holds passes against what git merges: nothing may change on
// the base that the verdict does not name. Judged from the merge base to the
// head, as if a merge gave just that, the same scenes must show holes.
func TestRandomMerges(t *testing.T) {
	const seed = 12
	scenes := make([]scene, 300)
	if *allMutants {
		scenes = make([]scene, 5000)
	}
	for i := range scenes {
		scenes[i] = newScene(rand.New(rand.NewPCG(seed, uint64(i))))
	}
	w := newMerger(t, scenes)
	var count, naive struct{ passed, moved, clean, holes int }
	honest, honestPassed, conflicts, refused := 0, 0, 0, 0
	for i, s := range scenes {
		base, tip, head := fmt.Sprint("base-", i), fmt.Sprint("tip-", i), fmt.Sprint("head-", i)
		got := w.judge(tip, head)
		merged, clean := w.merge(tip, head)
		if !clean {
			conflicts++
		}
		if s.honest && s.oneSided() && s.effect() {
			honest++
			if got.Verdict() == finding.Pass {
				honestPassed++
			} else {
				t.Logf("scene %d is honest: %s", i, describe(got))
			}
		}
		if v := got.Verdict(); v == finding.Pass || v == finding.NotApplicable {
			if v == finding.Pass {
				count.passed++
				if s.moved() {
					count.moved++
				}
				if !clean { // what both removed and one put elsewhere; git refuses, so that nothing lands
					refused++
				}
			}
			if hole := unnamed(s.tip, merged, got); clean && hole != "" {
				t.Errorf("scene %d: %s; %s\n%s", i, hole, describe(got), s)
			}
		}
		if off := w.judge(base, head); off.Verdict() == finding.Pass && clean {
			naive.clean++
			if unnamed(s.tip, merged, off) != "" {
				naive.holes++
			}
		}
	}
	t.Logf("seed %d: of %d scenes %d pass, %d of them on a moved base; %d conflicts, %d of them passes; %d of %d honest one-sided scenes "+
		"pass; "+
		"from merge base to head %d of %d passes have holes",
		seed, len(scenes), count.passed, count.moved, conflicts, refused, honestPassed, honest, naive.holes, naive.clean)
	if 100*honestPassed < 99*honest || honest < len(scenes)/5 {
		t.Errorf("of %d honest scenes %d pass", honest, honestPassed)
	}
	if 2*count.moved < count.passed || count.passed < len(scenes)/5 {
		t.Errorf("of %d passes %d have a moved base", count.passed, count.moved)
	}
	if 20*naive.holes < naive.clean {
		t.Errorf("without the rule %d of %d passes have holes, so the test could not show one", naive.holes, naive.clean)
	}
}

// unnamed gives one thing that a merge changes on the base and the result does
// not name; empty where there is none. Where the change is not ours, only marked
// values count.
func unnamed(tip, merged map[string]string, got gate.Result) string {
	before, after := valuesOf(tip), valuesOf(merged)
	named := map[string]bool{}
	for _, u := range got.Updates {
		named[u.File+" "+u.Image+":"+u.From+" "+u.Image+":"+u.To] = true
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, at := range slices.SortedFunc(maps.Keys(all), func(a, b valueAt) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.path, b.path))
	}) {
		was, is := before[at], after[at]
		marked := strings.Contains(was.comment+is.comment, "$imagepolicy")
		if was == is || got.Verdict() == finding.NotApplicable && !marked {
			continue
		}
		if !marked || was.comment != is.comment || !named[at.file+" "+was.text+" "+is.text] {
			return fmt.Sprintf("%s %s: %v → %v is not named", at.file, at.path, was, is)
		}
	}
	return ""
}

type valueAt struct{ file, path string }

type value struct{ text, comment string }

// valuesOf reads all scalars with a reader that is not the gate's: documents by
// their object's name, containers by theirs.
func valuesOf(files map[string]string) map[valueAt]value {
	out := map[valueAt]value{}
	for file, data := range files {
		decoder := yaml.NewDecoder(strings.NewReader(data))
		for {
			var root yaml.Node
			if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				out[valueAt{file, "unreadable"}] = value{text: data}
				break
			}
			walkValues(root.Content[0], nameOf(root.Content[0]), func(path string, v value) {
				at := valueAt{file, path}
				for _, taken := out[at]; taken; _, taken = out[at] {
					at.path += "'" // the second of its name
				}
				out[at] = v
			})
		}
	}
	return out
}

func walkValues(n *yaml.Node, path string, visit func(path string, v value)) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			walkValues(n.Content[i+1], path+"/"+n.Content[i].Value, visit)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			walkValues(item, path+"/"+nameOf(item), visit)
		}
	default:
		visit(path, value{n.Value, strings.TrimSpace(n.LineComment)})
	}
}

// nameOf is the name of an object or a container.
func nameOf(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "name":
			return n.Content[i+1].Value
		case "metadata":
			return nameOf(n.Content[i+1])
		}
	}
	return ""
}

// merger is a bare repository with the scenes' branches: GitHub merges in one,
// so that no attribute of the files counts.
type merger struct {
	t    *testing.T
	dir  string
	repo *gitrepo.Repository
}

func newMerger(t *testing.T, scenes []scene) *merger {
	t.Helper()
	w := &merger{t: t, dir: t.TempDir()}
	if _, err := w.git(nil, "init", "-q", "--bare"); err != nil {
		t.Skipf("git does not run: %v; install git 2.38 or later", err)
	}
	var in bytes.Buffer
	for i, s := range scenes {
		for n, side := range []map[string]string{s.base, s.tip, s.head} {
			name := fmt.Sprint([]string{"base-", "tip-", "head-"}[n], i)
			fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter A <a@example.org> %d +0000\ndata %d\n%s\n", name, 1700000000+n, len(name), name)
			if n > 0 {
				fmt.Fprintf(&in, "from refs/heads/base-%d\n", i)
			}
			in.WriteString("deleteall\n")
			for _, path := range slices.Sorted(maps.Keys(side)) {
				fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(side[path]), side[path])
			}
		}
	}
	if _, err := w.git(in.Bytes(), "fast-import", "--quiet"); err != nil {
		t.Fatal(err)
	}
	if out, err := w.git(nil, "merge-tree", "--write-tree", "tip-0", "tip-0"); err != nil {
		t.Skipf("git cannot merge trees: %v %s; install git 2.38 or later", err, out)
	}
	repo, err := gitrepo.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.repo = repo
	return w
}

func (w *merger) git(in []byte, args ...string) ([]byte, error) {
	c := exec.CommandContext(w.t.Context(), "git", args...)
	c.Dir, c.Stdin = w.dir, bytes.NewReader(in)
	c.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "HOME="+w.dir)
	return c.Output()
}

func (w *merger) judge(base, head string) gate.Result {
	w.t.Helper()
	facts, err := w.repo.Facts(w.t.Context(), gitrepo.Range{Base: base, Head: head})
	if err != nil {
		w.t.Fatal(err)
	}
	return gate.Judge(lenient(), facts, gate.Options{Now: day, IgnoreIdentity: true})
}

// merge gives the files of a merge; false where it conflicts.
func (w *merger) merge(tip, head string) (map[string]string, bool) {
	w.t.Helper()
	out, err := w.git(nil, "merge-tree", "--write-tree", tip, head)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil, false
	} else if err != nil {
		w.t.Fatal(err)
	}
	archive, err := w.git(nil, "archive", "--format=tar", strings.TrimSpace(string(out)))
	if err != nil {
		w.t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files, true
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			data, err := io.ReadAll(r)
			if err != nil {
				w.t.Fatal(err)
			}
			files[h.Name] = string(data)
		}
	}
}
