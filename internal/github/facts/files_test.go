package facts_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/facts"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// texts are the files that were read, by path.
func texts(f facts.Files) map[string]string {
	out := map[string]string{}
	for _, one := range f.All {
		if one.Data != nil {
			out[one.Path] = string(one.Data)
		}
	}
	return out
}

// TestFiles: whatever their names, and binary ones, too; of a change those that the
// base does not have, and not those that only the base changed.
func TestFiles(t *testing.T) {
	w := newRepo(t)
	binary := "\x00\xff\xfebinary"
	start := w.commit("start", "a.txt", "1", "b/c.bin", binary, "b/d.yaml", "1", "empty", "")
	w.branch("flux")
	head := w.commit("change", "a.txt", "2", "b/new", binary+"2")
	w.git("checkout", "-q", "main")
	base := w.commit("other", "b/d.yaml", "2")
	w.serve()
	c := w.client()
	all, err := c.AllFiles(t.Context(), start)
	if want := map[string]string{"a.txt": "1", "b/c.bin": binary, "b/d.yaml": "1", "empty": ""}; err != nil || len(all.Gaps) > 0 ||
		!maps.Equal(texts(all), want) {
		t.Errorf("%v, %+v", err, all)
	}
	changed, err := c.ChangedFiles(t.Context(), base, head)
	if want := map[string]string{"a.txt": "2", "b/new": binary + "2"}; err != nil || len(changed.Gaps) > 0 ||
		!maps.Equal(texts(changed), want) {
		t.Errorf("%v, %+v", err, changed)
	}
	for _, id := range []string{"", "main", strings.Repeat("1", 40)} {
		_, one := c.AllFiles(t.Context(), id)
		_, two := c.ChangedFiles(t.Context(), id, head)
		for _, err := range []error{one, two} {
			if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.Misuse && e.Kind != github.NotFound {
				t.Errorf("%q: %v", id, err)
			}
		}
	}
}

// TestFilesOfLongHistories: how many commits a change has, and from how many places of
// the base it starts, is nothing to its files.
func TestFilesOfLongHistories(t *testing.T) {
	w := newRepo(t)
	tree := w.git("rev-parse", w.commit("start", "a.txt", "1")+"^{tree}")
	w.branch("many")
	w.branch("long")
	tip := w.commit("end", "b.txt", "2")
	before := w.line("long", w.git("rev-parse", "main"), tree, 1001)
	long := w.git("commit-tree", "-m", "end", "-p", before, tip+"^{tree}")
	w.git("update-ref", "refs/heads/long", long)
	side := []string{"commit-tree", "-m", "many"}
	for i := range 12 { // commits of the base, all of which the change has as parents
		base := w.git("commit-tree", "-m", fmt.Sprint("base ", i), "-p", w.git("rev-parse", "main"), tree)
		w.git("update-ref", "refs/heads/main", base)
		one := w.git("commit-tree", "-m", fmt.Sprint("side ", i), "-p", base, tree)
		side = append(side, "-p", one)
	}
	many := w.git(append(side, tip+"^{tree}")...)
	w.git("update-ref", "refs/heads/many", many)
	w.serve()
	for name, head := range map[string]string{"long": long, "many": many} {
		changed, err := w.client().ChangedFiles(t.Context(), w.git("rev-parse", "main"), head)
		if want := map[string]string{"b.txt": "2"}; err != nil || len(changed.Gaps) > 0 || !maps.Equal(texts(changed), want) {
			t.Errorf("%s: %v, %+v", name, err, changed)
		}
	}
}

// TestFilesOfATruncatedTree: what is not listed at once is read folder by folder;
// a folder that cannot be had whole is an error.
func TestFilesOfATruncatedTree(t *testing.T) {
	w := newRepo(t)
	main := w.commit("start", "a/b/c.txt", "1", "d/e.txt", "2", "f.txt", "3")
	w.serve()
	files, err := w.client(func(o *github.Options) { o.Transport = cutting{} }).AllFiles(t.Context(), main)
	if err != nil || len(files.Gaps) > 0 || len(texts(files)) != 3 {
		t.Errorf("%v, %+v", err, files)
	}
	for _, object := range []string{"main^{tree}", "main:a"} {
		w.serve()
		w.AddFlaw(fleet, fakehub.Flaw{Object: object, Truncated: true})
		_, err := w.client(func(o *github.Options) { o.Transport = cutting{} }).AllFiles(t.Context(), main)
		if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.Inconsistent {
			t.Errorf("%s: %v", object, err)
		}
		if _, ok, err := w.client().BaseFile(t.Context(), change.Revision{Commit: main}, "f.txt"); object == "main^{tree}" && err == nil {
			t.Errorf("of a part of a tree it is told that the file is there: %t", ok)
		}
	}
}

// TestFilesGaps: what cannot be had is named, and what is too much is counted.
func TestFilesGaps(t *testing.T) {
	w := newRepo(t)
	var pairs []string
	for i := range facts.MaxSingle + 2 {
		pairs = append(pairs, fmt.Sprintf("%04d.bin", i), fmt.Sprintf("\x00\xff%d", i))
	}
	main := w.commit("start", append(pairs, "text.txt", "1")...)
	w.serve()
	w.AddFlaw(fleet, fakehub.Flaw{Object: "main:0000.bin", Corrupt: true})
	files, err := w.client().AllFiles(t.Context(), main)
	if err != nil || len(files.All) != facts.MaxSingle+3 || len(texts(files)) != facts.MaxSingle || texts(files)["text.txt"] != "1" {
		t.Fatalf("%v, %d files, of which %d were read", err, len(files.All), len(texts(files)))
	}
	for _, want := range []string{`"0000.bin": read file contents`, `2 of 303 files were not read, the first of them "0300.bin"`} {
		if !slices.ContainsFunc(files.Gaps, func(gap string) bool { return strings.HasPrefix(gap, want) }) {
			t.Errorf("no gap %q in %q", want, files.Gaps)
		}
	}
}
