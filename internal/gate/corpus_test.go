package gate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/manifest"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/policy"
	"github.com/goldfish-inc/fluxkeeper/internal/gate/proposal"
	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// realCommits gives the folder of the corpus, and what describes each commit in it.
func realCommits(t *testing.T) (root string, metas []string) {
	t.Helper()
	root = sharedtest.Path(t, "corpus", "commits")
	metas, err := filepath.Glob(filepath.Join(root, "*", "*", "meta.json"))
	if err != nil || len(metas) == 0 {
		t.Fatalf("no commits in the corpus: %v", err)
	}
	return root, metas
}

// TestCorpus judges the contents of every real Flux commit: each is reproduced
// or equivalent, and its updates are the places and values that the corpus
// names. What the verdict is depends on the owner's policy, which most of
// these repositories never had.
func TestCorpus(t *testing.T) {
	root, metas := realCommits(t)
	outcomes, verdicts := map[manifest.Outcome]int{}, map[finding.Verdict]int{}
	for _, path := range metas {
		f, ok := honest(t, filepath.Dir(path))
		if !ok {
			continue
		}
		name, _ := filepath.Rel(root, filepath.Dir(path))
		r := gate.Judge(policy.Default(), f, gate.Options{Now: day, IgnoreIdentity: true})
		outcomes[r.Reproduction]++
		verdicts[r.Verdict()]++
		if r.Reproduction != manifest.Reproduced && r.Reproduction != manifest.Equivalent {
			t.Errorf("%s: %s: %+v", name, r.Reproduction, r.Findings)
		}
		missing, extra := unmatched(metaOf(t, path).Changes, r.Updates)
		if len(missing)+len(extra) > 0 {
			t.Errorf("%s: the corpus names %v, and the updates have %+v beside", name, missing, extra)
		}
	}
	t.Logf("%v, under the default policy %v", outcomes, verdicts)
}

// TestMessagesAsBodies takes each real message of Flux for the body of its pull request, as
// `gh pr create --fill` does: none says anything else than its change, and most of those with
// an arrow do so of a change that goes elsewhere.
func TestMessagesAsBodies(t *testing.T) {
	root, metas := realCommits(t)
	arrows, lists := 0, 0
	for _, path := range metas {
		f, ok := honest(t, filepath.Dir(path))
		message := metaOf(t, path).Message
		if !ok || !strings.Contains(message, "->") {
			continue
		}
		arrows++
		held := gate.Proposed(gate.Judge(policy.Default(), f, gate.Options{Now: day, IgnoreIdentity: true}).Updates)
		if missing, extra := proposal.Compare(message, held, false); len(missing)+len(extra) > 0 {
			name, _ := filepath.Rel(root, filepath.Dir(path))
			t.Errorf("%s: leaves %v out and adds %v:\n%s", name, missing, extra, message)
		}
		for i := range held {
			held[i].To, held[i].ToDigest = held[i].To+".elsewhere", ""
		}
		if _, extra := proposal.Compare(message, held, false); len(extra) > 0 {
			lists++
		}
	}
	t.Logf("%d messages with an arrow, %d of them lists", arrows, lists)
	if lists < arrows/2 {
		t.Error("fewer than half are read as lists")
	}
}

type corpusChange struct{ Path, Form, Ref, Old, New string }

type corpusMeta struct {
	Message string
	Changes []corpusChange
}

func metaOf(t *testing.T, path string) (meta corpusMeta) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &meta)
	}
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// unmatched gives the changes without an update and the updates without a
// change.
func unmatched(changes []corpusChange, updates []gate.Update) (missing []corpusChange, extra []gate.Update) {
	left := slices.Clone(updates)
	for _, c := range changes {
		matches := func(u gate.Update) bool {
			return u.File == c.Path && (c.Ref == u.Policy || strings.HasPrefix(c.Ref, u.Policy+":")) &&
				(c.Form == "name" || (strings.HasSuffix(c.Old, u.From) && strings.HasSuffix(c.New, u.To)) || strings.Contains(c.New, u.To))
		}
		if i := slices.IndexFunc(left, matches); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else if !slices.ContainsFunc(updates, matches) {
			missing = append(missing, c)
		}
	}
	return missing, left
}
