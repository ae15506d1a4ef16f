package kustomize_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/kustomize"
)

var update = flag.Bool("update", false, "write what the cases want anew")

// Each case holds a repository's files and what a cluster gets of them.
func TestObjects(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var repository []kustomize.File
			want := -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
				} else if kustomize.Counts(f.Data) {
					repository = append(repository, kustomize.File{Path: f.Name, Data: f.Data})
				}
			}
			base := kustomize.Base{Files: repository, Repository: "acme/fleet", Unread: []string{"unread.yaml"}}
			got := show(found(base))
			slices.Reverse(repository)
			if again := show(found(base)); again != got {
				t.Errorf("the order of the files makes a difference: %s\nand %s", got, again)
			}
			if want < 0 || *update {
				archive.Files = append(slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" }),
					txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if string(archive.Files[want].Data) != got {
				t.Errorf("%sgot:\n%swant:\n%s", archive.Comment, got, archive.Files[want].Data)
			}
		})
	}
}

func found(base kustomize.Base) []kustomize.Object {
	objects, _ := kustomize.Find(base)
	return objects
}

func show(objects []kustomize.Object) string {
	var out strings.Builder
	for _, o := range objects {
		if o.Kind != "ImagePolicy" && o.Kind != "ImageUpdateAutomation" {
			continue
		}
		fmt.Fprintf(&out, "%s:%d %s:%s range=%q order=%q pattern=%q path=%q", o.File, o.Line, o.Namespace(), o.Name(),
			o.Text("spec", "policy", "semver", "range"), o.Text("spec", "policy", "numerical", "order"),
			o.Text("spec", "filterTags", "pattern"), o.Text("spec", "update", "path"))
		if o.Unknown != "" {
			fmt.Fprintf(&out, " unknown: %s", o.Unknown)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// However often kustomizations have each other, what is made of them is bounded.
func TestObjectsAreBounded(t *testing.T) {
	files := []kustomize.File{{Path: "l0/policy.yaml", Data: []byte(
		"apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\nmetadata: {name: web}\n")}}
	for i := range 40 {
		below := fmt.Sprintf("l%d", i)
		for _, side := range []string{"a", "b"} {
			files = append(files, kustomize.File{Path: fmt.Sprintf("l%d/%s/kustomization.yaml", i+1, side),
				Data: fmt.Appendf(nil, "resources: [../../%s]\nnamePrefix: %s\n", below, side)})
		}
		files = append(files, kustomize.File{Path: fmt.Sprintf("l%d/kustomization.yaml", i+1), Data: []byte("resources: [a, b]\n")})
	}
	if all := found(kustomize.Base{Files: files}); len(all) != 1 || all[0].Unknown == "" {
		t.Errorf("of too many kustomizations there are %d objects", len(all))
	}
	cycle := []kustomize.File{files[0], {Path: "l0/kustomization.yaml", Data: []byte("resources: [policy.yaml, ../l1]\n")},
		{Path: "l1/kustomization.yaml", Data: []byte("resources: [../l0]\n")}}
	if n := len(found(kustomize.Base{Files: cycle})); n != 1 {
		t.Errorf("%d objects of a circle", n)
	}
	everywhere := []kustomize.File{files[0]}
	for i := range 30 {
		everywhere = append(everywhere, kustomize.File{Path: fmt.Sprintf("clusters/%d.yaml", i), Data: fmt.Appendf(nil,
			"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: all-%d, namespace: flux}\nspec: {path: ./}\n", i)})
	}
	if all := found(kustomize.Base{Files: everywhere}); len(all) != len(everywhere) || all[0].Unknown != "" {
		t.Errorf("of %d objects that all Kustomizations have there are %d", len(everywhere), len(all))
	}
	bomb := kustomize.File{Path: "x.yaml", Data: []byte("kind: ImagePolicy\napiVersion: image.toolkit.fluxcd.io/v1\nmetadata: {name: web}\n" +
		"a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n" +
		"d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e]\n")}
	if all := found(kustomize.Base{Files: []kustomize.File{bomb}}); len(all) != 1 || all[0].Unknown == "" {
		t.Errorf("of too many aliases there is %v", all)
	}
}

// No text of a repository's files stops the search.
func FuzzFind(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var base kustomize.Base
		for _, f := range txtar.Parse(data).Files {
			base.Files = append(base.Files, kustomize.File{Path: f.Name, Data: f.Data})
		}
		for _, o := range found(base) {
			if o.Name() == "" || o.Line < 1 {
				t.Errorf("an object without a name or a place: %+v", o)
			}
		}
	})
}
