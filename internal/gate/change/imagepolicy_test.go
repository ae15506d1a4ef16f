package change

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/image"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

func contents(archive *txtar.Archive) []Content {
	var files []Content
	for _, f := range archive.Files {
		files = append(files, Content{Path: f.Name, Data: f.Data})
	}
	return files
}

func TestFindPolicies(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/imagepolicies.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := contents(archive)
	slices.Reverse(files) // the order of the files must not matter
	want := []ImagePolicy{
		{File: "apps/policy.yaml", Line: 1, Folders: []string{"apps"}, Namespace: "apps", Name: "web", Repository: "web",
			Image: "ghcr.io/acme/web", Selector: image.Selector{Range: "1.x"}},
		{File: "clusters/a/all.yaml", Line: 8, Namespace: "flux-system", Name: "app", Repository: "app", Image: "ghcr.io/acme/app",
			Selector: image.Selector{Range: "^1.0"}, DigestReflection: "Always"},
		{File: "clusters/a/all.yaml", Line: 26, Namespace: "flux-system", Name: "after-helm", Repository: "none",
			Selector: image.Selector{Range: "*"}},
		{File: "clusters/b/all.yaml", Line: 8, Namespace: "flux-system", Name: "app", Repository: "app", Image: "quay.io/acme/app",
			Selector: image.Selector{Numerical: "asc", Pattern: `^main-[a-f0-9]+-(?P<ts>[0-9]+)$`, Extract: "$ts"}},
		{File: "elsewhere.yaml", Line: 1, Namespace: "flux-system", Name: "app", Repository: "app",
			Selector: image.Selector{Alphabetical: "desc"}},
		{File: "elsewhere.yaml", Line: 9, Namespace: "team", Name: "shared", Repository: "web", Image: "ghcr.io/acme/web",
			Selector: image.Selector{Range: "1.10"}},
		{File: "list.yaml", Line: 4, Name: "first", Partial: true, Selector: image.Selector{Alphabetical: "asc"}},
		{File: "list.yaml", Line: 11, Name: "second", Partial: true, Selector: image.Selector{Range: "2.x"}},
	}
	if diff := cmp.Diff(want, FindPolicies(files)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// corpusCommit is the part of a corpus commit's meta.json that lists the
// policies which its changed markers name; their files hold others too.
type corpusCommit struct {
	Policies []struct {
		File, Path string
		Policies   []struct{ Namespace, Name, Type, Range, Filter string }
	}
	Changes []struct{ Ref string }
}

// The policies of real repositories, as the corpus lists them beside the files.
func TestFindPoliciesInTheCorpus(t *testing.T) {
	root := sharedtest.Path(t, "corpus", "commits")
	metas, err := filepath.Glob(filepath.Join(root, "*", "*", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	byPeople, err := filepath.Glob(filepath.Join(root, "*", "human", "*", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range append(metas, byPeople...) {
		var meta corpusCommit
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &meta); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		name, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { compared += compareListed(t, filepath.Dir(file), meta) })
	}
	if compared < 1000 {
		t.Errorf("compared %d policies only", compared)
	}
}

// compareListed holds the found policies of one commit against the listed
// ones, and returns how many are listed.
func compareListed(t *testing.T, dir string, meta corpusCommit) int {
	var files []Content
	listed := map[string]bool{}
	for _, f := range meta.Policies {
		data, err := os.ReadFile(filepath.Join(dir, "policies", f.File))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, Content{Path: f.Path, Data: data})
		for _, p := range f.Policies {
			listed[fmt.Sprintf("%s %s:%s %s %q %q", f.Path, p.Namespace, p.Name, p.Type, p.Range, p.Filter)] = true
		}
	}
	found := map[string]bool{}
	for _, p := range FindPolicies(files) {
		kind, by := "semver", p.Range
		switch {
		case p.Numerical != "":
			kind, by = "numerical", p.Numerical
		case p.Alphabetical != "":
			kind, by = "alphabetical", p.Alphabetical
		}
		text := fmt.Sprintf("%s %s:%s %s %q %q", p.File, p.Namespace, p.Name, kind, by, p.Pattern)
		found[text] = true
		named := slices.ContainsFunc(meta.Changes, func(c struct{ Ref string }) bool { return c.Ref == p.Namespace+":"+p.Name })
		if named && !listed[text] {
			t.Errorf("found, not listed: %s", text)
		}
	}
	for text := range listed {
		if !found[text] {
			t.Errorf("listed, not found: %s", text)
		}
	}
	return len(listed)
}

func FuzzFindPolicies(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/imagepolicies.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := []Content{{Path: "a/x.yaml", Data: data}, {Path: "a/kustomization.yaml", Data: data}}
		breaks := strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
		lines := strings.Count(breaks.Replace(string(data)), "\n") + 1
		for _, p := range FindPolicies(files) {
			if p.Line < 1 || p.Line > lines || p.Name == "" {
				t.Errorf("bad place %s:%d of %d lines, name %q", p.File, p.Line, lines, p.Name)
			}
		}
	})
}
