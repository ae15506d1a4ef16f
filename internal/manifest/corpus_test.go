package manifest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// commit is what the corpus tells of one real commit.
type commit struct {
	name  string
	Klass string
	Files []struct {
		Path, Status string
		Stored       bool
	}
	Changes []struct{ Path, Form, Ref, Old, New, Kind string }
}

// commits reads the corpus; dir may be "*" for Flux's commits or "human/*" for
// confusers.
func commits(t testing.TB, pattern string) []commit {
	root := shared(t, "corpus", "commits")
	metas, _ := filepath.Glob(filepath.Join(root, "*", pattern, "meta.json"))
	var list []commit
	for _, path := range metas {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := commit{}
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		c.name, _ = filepath.Rel(root, filepath.Dir(path))
		list = append(list, c)
	}
	return list
}

func (c commit) file(t testing.TB, side, path string) []byte {
	data, err := os.ReadFile(filepath.Join(shared(t, "corpus", "commits"), c.name, side, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestCorpus(t *testing.T) {
	count := map[Outcome]int{}
	for _, c := range commits(t, "*") {
		if c.Klass != "flux" {
			continue
		}
		for _, f := range c.Files {
			if f.Status != "M" || !f.Stored {
				continue
			}
			got := Compare(c.file(t, "base", f.Path), c.file(t, "head", f.Path))
			count[got.Outcome]++
			if got.Outcome == Residue || len(got.Residue) > 0 {
				t.Errorf("%s %s: %s %+v", c.name, f.Path, got.Outcome, got.Residue[:min(4, len(got.Residue))])
			}
			if got.Outcome == Equivalent {
				t.Logf("equivalent: %s %s", c.name, f.Path)
			}
			for _, d := range got.Defects {
				if d.Rule != "policy/lookalike" {
					t.Logf("defect: %s %s %+v", c.name, f.Path, d)
				}
			}
			for _, d := range got.Losses {
				t.Logf("loss: %s %s %+v", c.name, f.Path, d)
			}
			var want, have []string
			for _, ch := range c.Changes {
				if ch.Path == f.Path {
					want = append(want, ch.Ref+" "+ch.Old+" "+ch.New)
				}
			}
			for _, ch := range got.Changes {
				have = append(have, ch.New.Marker.Setter()+" "+ch.Old.Value+" "+ch.New.Value)
			}
			slices.Sort(want)
			slices.Sort(have)
			if !slices.Equal(want, have) {
				t.Errorf("%s %s: changes\n got %s\nwant %s", c.name, f.Path, strings.Join(have, "\n     "), strings.Join(want, "\n     "))
			}
		}
	}
	t.Logf("%v", count)
}
