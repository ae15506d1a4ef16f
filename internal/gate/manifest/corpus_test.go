package manifest

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// commit is what the corpus tells of one real commit.
type commit struct {
	name  string
	dir   string
	Klass string
	Files []struct {
		Path, Status string
		Stored       bool
	}
	Changes []struct{ Path, Form, Ref, Old, New, Kind string }
}

// commits reads the corpus: "*" for Flux's commits, "human/*" for confusers.
func commits(t testing.TB, pattern string) []commit {
	t.Helper()
	root := sharedtest.Path(t, "corpus", "commits")
	metas, err := filepath.Glob(filepath.Join(root, "*", filepath.FromSlash(pattern), "meta.json"))
	if err != nil || len(metas) == 0 {
		t.Fatalf("no commits in the corpus: %v", err)
	}
	var list []commit
	for _, path := range metas {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := commit{dir: filepath.Dir(path)}
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		c.name, _ = filepath.Rel(root, c.dir)
		list = append(list, c)
	}
	return list
}

func (c commit) file(t testing.TB, side, path string) []byte {
	data, err := os.ReadFile(filepath.Join(c.dir, side, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// notReproduced are the files of Flux's commits that are equivalent but not
// equal byte for byte, each with the reason.
var notReproduced = map[string]string{
	"canada-ca__tracker/364844b92341 scanners/https-scanner/https-scanner-deployment.yaml": "a 2021 writer moved a comment above a list " +
		"item behind its dash",
	"canada-ca__tracker/fc30398bf19d scanners/https-scanner/https-scanner-deployment.yaml": "a 2021 writer moved that comment again, to " +
		"the end of the line",
}

// noUpdate are the files of Flux's commits in which nothing steps: a writer of 2021
// wrote every file that it read. Today's leaves such a file alone, so it is residue.
var noUpdate = map[string]bool{
	"canada-ca__tracker/813bca8cf593 app/bases/knative/config/config.yaml": true,
}

// TestCorpusFlux: every real Flux commit is reproduced or equivalent, and its
// changes are the ones the corpus names.
func TestCorpusFlux(t *testing.T) {
	count := map[Outcome]int{}
	for _, c := range commits(t, "*") {
		if c.Klass != "flux" {
			continue
		}
		for _, f := range c.Files {
			if f.Status != "M" || !f.Stored {
				continue
			}
			name := c.name + " " + f.Path
			got := Compare(c.file(t, "base", f.Path), c.file(t, "head", f.Path))
			count[got.Outcome]++
			_, excepted := notReproduced[name]
			want := Reproduced
			if excepted {
				want = Equivalent
			}
			if noUpdate[name] {
				want = Residue
			}
			if got.Outcome != want || len(got.Residue) > 0 {
				t.Errorf("%s: %s, want %s: %+v", name, got.Outcome, want, got.Residue)
			}
			for _, d := range got.Defects {
				if d.Rule != "policy/lookalike" {
					t.Errorf("%s: defect %+v", name, d)
				}
			}
			var wanted, have []string
			for _, ch := range c.Changes {
				if ch.Path == f.Path {
					wanted = append(wanted, ch.Ref+" "+ch.Old+" "+ch.New)
				}
			}
			for _, ch := range got.Changes {
				have = append(have, ch.New.Marker.Setter()+" "+ch.Old.Value+" "+ch.New.Value)
			}
			slices.Sort(wanted)
			slices.Sort(have)
			if !slices.Equal(wanted, have) {
				t.Errorf("%s: changes\n got %s\nwant %s", name, strings.Join(have, "\n     "), strings.Join(wanted, "\n     "))
			}
		}
	}
	total := count[Reproduced] + count[Equivalent] + count[Residue]
	if total < 800 || count[Reproduced]*100 < total*97 {
		t.Errorf("reproduced %d of %d files", count[Reproduced], total)
	}
	t.Logf("%d files of Flux commits: %v", total, count)
}

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// TestCorpusConfusers: a commit by somebody else is reproduced or equivalent
// only where nothing but marked values changed, by another reader's account.
// Those commits are listed in testdata/pure.golden.
func TestCorpusConfusers(t *testing.T) {
	count := map[Outcome]int{}
	var pure strings.Builder
	for _, c := range commits(t, "human/*") {
		files := map[Outcome]int{}
		for _, f := range c.Files {
			if f.Status != "M" || !f.Stored || !Named(f.Path) {
				continue
			}
			base, head := c.file(t, "base", f.Path), c.file(t, "head", f.Path)
			got := Compare(base, head)
			count[got.Outcome]++
			if got.Outcome == Residue || got.Outcome == None {
				continue
			}
			files[got.Outcome]++
			if len(got.Losses) == 0 && !reflect.DeepEqual(blanked(t, base), blanked(t, head)) {
				t.Errorf("%s %s is %s, but more than marked values changed", c.name, f.Path, got.Outcome)
			}
		}
		if len(files) > 0 {
			fmt.Fprintf(&pure, "%s %s: %d reproduced, %d equivalent\n", c.name, c.Klass, files[Reproduced], files[Equivalent])
		}
	}
	if count[Residue] < 100 {
		t.Errorf("too few confusers told apart: %v", count)
	}
	golden := filepath.Join("testdata", "pure.golden")
	if *updateGolden {
		if err := os.WriteFile(golden, []byte(pure.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), pure.String()); diff != "" {
		t.Errorf("the list of pure updates by others changed:\n%s", diff)
	}
	t.Logf("%v", count)
}

// blanked decodes a file with the reader that Kubernetes uses, with every
// marked value taken out by a reader of lines that shares no code with ours.
func blanked(t testing.TB, data []byte) []any {
	t.Helper()
	var docs []any
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if i := strings.Index(line, "#"); i >= 0 && strings.Contains(line[i:], `"$imagepolicy"`) &&
			!strings.HasPrefix(strings.TrimSpace(line), "#") {
			if j := strings.Index(line, ": "); j >= 0 && j < i {
				line = line[:j] + ": blank"
			} else if j := strings.Index(line, "- "); j >= 0 && j < i {
				line = line[:j] + "- blank"
			}
		}
		lines = append(lines, line)
	}
	for _, part := range strings.Split("\n"+strings.Join(lines, "\n"), "\n---") {
		var v any
		if err := yaml.Unmarshal([]byte(part), &v); err != nil {
			t.Fatalf("decode: %v", err)
		}
		if v != nil {
			docs = append(docs, v)
		}
	}
	return docs
}
