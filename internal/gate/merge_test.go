package gate_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/finding"
	"github.com/goldfish-inc/fluxkeeper/internal/gate"
)

// tallied counts what came of scenes.
type tallied struct {
	scenes, passed, moved, conflicts, refused, rebased int
	honest, honestPassed                               int
	clean, holes                                       int // judged from the merge base to the head
	other                                              int // rebases that give another tree than a merge
	renamed                                            int // renames on the head
	kinds                                              map[string]int
}

// TestRandomMerges holds passes against what git makes of them, by a merge, a squash,
// which has the same three sides, and a rebase: nothing may change on the base that
// the verdict does not name. Judged from the merge base to the head, as if a merge
// gave just that, the same scenes must show holes.
func TestRandomMerges(t *testing.T) {
	const seed, batch = 12, 100
	count := 300
	if *allMutants {
		count = 25_000
	}
	var lock sync.Mutex
	all := tallied{kinds: map[string]int{}}
	t.Run("scenes", func(t *testing.T) {
		for first := 0; first < count; first += batch {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				got := judgeScenes(t, seed, first, first+batch)
				lock.Lock()
				defer lock.Unlock()
				all.add(got)
			})
		}
	})
	t.Logf("seed %d: of %d scenes %d pass, %d of them on a moved base, %d of them rebased in several steps; %d conflicts, %d of them passes; "+
		"%d of %d honest one-sided scenes pass; from merge base to head %d of %d passes have holes; passes with what happened on a side: %v",
		seed, all.scenes, all.passed, all.moved, all.rebased, all.conflicts, all.refused, all.honestPassed, all.honest, all.holes, all.clean,
		all.kinds)
	if 100*all.honestPassed < 99*all.honest || all.honest < all.scenes/5 {
		t.Errorf("of %d honest scenes %d pass", all.honest, all.honestPassed)
	}
	if 2*all.moved < all.passed || all.passed < 2*all.scenes/5 || all.rebased < all.passed/10 {
		t.Errorf("of %d passes %d have a moved base, and %d several commits", all.passed, all.moved, all.rebased)
	}
	if 20*all.holes < all.clean {
		t.Errorf("without the rule %d of %d passes have holes, so the test could not show one", all.holes, all.clean)
	}
	t.Logf("a rebase that git can do gives another tree than a merge for %d of what passes or does not apply", all.other)
	if all.renamed == 0 {
		t.Error("no head has a rename")
	}
	for _, kind := range sceneKinds {
		if all.kinds[kind] == 0 {
			t.Errorf("no pass has %q on a side", kind)
		}
	}
}

func (all *tallied) add(one tallied) {
	all.scenes += one.scenes
	all.passed += one.passed
	all.moved += one.moved
	all.conflicts += one.conflicts
	all.refused += one.refused
	all.rebased += one.rebased
	all.honest += one.honest
	all.honestPassed += one.honestPassed
	all.clean += one.clean
	all.holes += one.holes
	all.other += one.other
	all.renamed += one.renamed
	for kind, n := range one.kinds {
		all.kinds[kind] += n
	}
}

// judgeScenes judges the scenes of some numbers, and reports what a pass does not name.
func judgeScenes(t *testing.T, seed uint64, first, end int) tallied {
	t.Helper()
	var scenes []scene
	for i := first; i < end; i++ {
		scenes = append(scenes, newScene(rand.New(rand.NewPCG(seed, uint64(i)))))
	}
	w := newMerger(t, scenes)
	count := tallied{scenes: len(scenes), kinds: map[string]int{}}
	pairs := make([]string, len(scenes))
	for i := range scenes {
		pairs[i] = fmt.Sprintf("tip-%d head-%d", i, i)
	}
	merges, rebases := w.merge(pairs), w.rebase(scenes)
	for i, s := range scenes {
		base, tip, head := fmt.Sprint("base-", i), fmt.Sprint("tip-", i), fmt.Sprint("head-", i)
		got := w.judge(tip, head)
		tree, clean := merges[i].tree, merges[i].clean
		if !clean {
			count.conflicts++
		}
		if s.kinds["rename on the head"] {
			count.renamed++
		}
		if s.honest && s.oneSided() && s.effect() {
			count.honest++
			if got.Verdict() == finding.Pass {
				count.honestPassed++
			} else {
				t.Logf("scene %d is honest: %s", first+i, describe(got))
			}
		}
		if v := got.Verdict(); v == finding.Pass || v == finding.NotApplicable {
			if v == finding.Pass {
				count.pass(s, clean)
			}
			if hole := w.hole(s, tree, got); clean && hole != "" {
				t.Errorf("scene %d: %s; %s\n%s", first+i, hole, describe(got), s)
			}
			if r := rebases[i]; r.clean && r.tree != tree {
				count.other++
				if hole := w.hole(s, r.tree, got); hole != "" {
					t.Errorf("scene %d, rebased: %s; %s\n%s", first+i, hole, describe(got), s)
				}
			}
		}
		if clean && i%50 == 0 {
			w.porcelain(i, tree, rebases[i])
		}
		if off := w.judge(base, head); off.Verdict() == finding.Pass && clean {
			count.clean++
			if unnamed(s.tip, w.files(tree), off) != "" {
				count.holes++
			}
		}
	}
	return count
}

// hole is what a tree has and a result does not name.
func (w *merger) hole(s scene, tree string, got gate.Result) string {
	if tree == "" {
		return ""
	}
	return unnamed(s.tip, w.files(tree), got)
}

// pass counts a pass.
func (all *tallied) pass(s scene, clean bool) {
	all.passed++
	if s.moved() {
		all.moved++
	}
	if len(s.steps) > 0 {
		all.rebased++
	}
	if !clean { // what both removed and one put elsewhere; git refuses, so that nothing lands
		all.refused++
	}
	for kind := range s.kinds {
		all.kinds[kind]++
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
