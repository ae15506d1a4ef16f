package gitrepo_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/gitrepo"
)

func (w *work) loose(id string) string {
	return filepath.Join(w.Dir, ".git", "objects", id[:2], id[2:])
}

// forge replaces the content of a loose object, its size and type kept true.
func (w *work) forge(id, kind, content string) {
	w.t.Helper()
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	fmt.Fprintf(z, "%s %d\x00%s", kind, len(content), content)
	if err := z.Close(); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Remove(w.loose(id)); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.loose(id), data.Bytes(), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func TestBrokenObjects(t *testing.T) {
	tests := []struct {
		name        string
		damage      func(w *work, blob, tree, commit string)
		kind        gitrepo.Kind
		words, hint string
	}{
		{"blob gone", func(w *work, blob, _, _ string) { w.remove(w.loose(blob)) },
			gitrepo.Missing, "not in this repository", "filter"},
		{"tree gone", func(w *work, _, tree, _ string) { w.remove(w.loose(tree)) },
			gitrepo.Missing, "not in this repository", "filter"},
		{"parent gone", func(w *work, _, _, _ string) { w.remove(w.loose(w.git("rev-parse", "main"))) },
			gitrepo.Missing, "not in this repository", "filter"},
		{"blob forged", func(w *work, blob, _, _ string) { w.forge(blob, "blob", "harmless") },
			gitrepo.Corrupt, "its content has another id", "git fsck"},
		{"commit forged", func(w *work, _, _, commit string) {
			w.forge(commit, "commit", w.git("cat-file", "commit", "main~1")+"\n")
		}, gitrepo.Corrupt, "its content has another id", "git fsck"},
		{"cut off", func(w *work, blob, _, _ string) {
			w.remove(w.loose(blob))
			if err := os.WriteFile(w.loose(blob), []byte("\x78\x01"), 0o644); err != nil {
				w.t.Fatal(err)
			}
		}, gitrepo.Corrupt, "", "git fsck"},
		{"longer than it says", func(w *work, blob, _, _ string) {
			var data bytes.Buffer
			z := zlib.NewWriter(&data)
			_, _ = z.Write([]byte("blob 1\x002 and more"))
			_ = z.Close()
			w.remove(w.loose(blob))
			if err := os.WriteFile(w.loose(blob), data.Bytes(), 0o644); err != nil {
				w.t.Fatal(err)
			}
		}, gitrepo.Corrupt, "", "git fsck"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWork(t)
			w.commit("root", "c.yaml", "0")
			w.commit("start", "a.yaml", "1")
			w.git("checkout", "-qb", "branch")
			commit := w.commit("change", "a.yaml", "2")
			base := w.git("rev-parse", "main~1")
			tt.damage(w, w.git("rev-parse", "HEAD:a.yaml"), w.git("rev-parse", "HEAD^{tree}"), commit)
			_, err := w.tryFacts(base, commit)
			wantError(t, err, tt.kind, tt.words, tt.hint)
		})
	}
}

func (w *work) remove(path string) {
	w.t.Helper()
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
}

// A clone without blobs lacks what the base would have to be searched for.
func TestPartialClone(t *testing.T) {
	w := update(t)
	w.git("config", "uploadpack.allowFilter", "true")
	dir := filepath.Join(t.TempDir(), "clone")
	w.git("clone", "-q", "--bare", "--filter=blob:none", "file://"+w.Dir, dir)
	_, err := at(t, dir).tryFacts("main", "flux-image-updates")
	wantError(t, err, gitrepo.Missing, "not in this repository", "--filter")
}

func TestTooLarge(t *testing.T) {
	w := newWork(t)
	w.commit("start", "a.yaml", "1")
	w.git("checkout", "-qb", "branch")
	w.commit("bomb", "a.yaml", strings.Repeat("\x00", 33<<20))
	_, err := w.tryFacts("main", "branch")
	wantError(t, err, gitrepo.Corrupt, "34603008 bytes, more than the 33554432 that are read", "")
	w.git("gc", "-q")
	_, err = w.tryFacts("main", "branch")
	wantError(t, err, gitrepo.Corrupt, "34603008 bytes, more than the 33554432 that are read", "")
}

// Long chains of deltas of both kinds, several packs, and offsets beyond
// 2 GiB: what comes out is what git reads.
func TestPacks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, pack := range map[string]func(w *work){
		"offsets": func(w *work) { w.git("repack", "-qadf", "--depth=50", "--window=50") },
		"references": func(w *work) {
			w.git("-c", "repack.useDeltaBaseOffset=false", "repack", "-qadf", "--depth=50", "--window=50")
		},
		"long offsets": func(w *work) {
			w.git("-c", "pack.indexVersion=2", "repack", "-qadf")
			packs, err := filepath.Glob(filepath.Join(w.Dir, ".git/objects/pack/*.pack"))
			if err != nil || len(packs) != 1 {
				w.t.Fatal(packs, err)
			}
			w.remove(strings.TrimSuffix(packs[0], ".pack") + ".idx")
			w.git("index-pack", "--index-version=2,0x40", packs[0])
		},
		"several packs": func(w *work) {
			w.git("repack", "-qd")
			w.commit("more", "more.yaml", "more")
			w.git("repack", "-qd")
			w.git("branch", "-f", "branch", "HEAD")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			var lines []string
			for i := range 400 {
				lines = append(lines, fmt.Sprintf("line %d %d", i, random.Uint64()))
			}
			for range 30 {
				lines[random.IntN(len(lines))] = fmt.Sprint(random.Uint64())
				w.commit("step", "a.yaml", strings.Join(lines, "\n"), "empty.yaml", "")
			}
			w.git("branch", "branch")
			pack(w)
			w.git("prune-packed")
			if out := w.git("count-objects"); !strings.HasPrefix(out, "0 ") {
				t.Fatalf("not all is packed: %s", out)
			}
			r := open(t, w.Dir)
			for _, rev := range strings.Fields(w.git("rev-list", "branch", "--", "a.yaml")) {
				for _, path := range []string{"a.yaml", "empty.yaml"} {
					got, ok, err := r.BaseFile(t.Context(), gitrepo.Range{Base: rev}, path)
					if err != nil || !ok || got == nil || string(got) != strings.TrimSuffix(w.git("show", rev+":"+path), "\n") {
						t.Fatalf("%s at %s is not what git reads (%v, %v)", path, rev, ok, err)
					}
				}
			}
		})
	}
}

// Whatever is wrong in a pack or its index, it is an error or the truth,
// never another content.
func TestDamagedPacks(t *testing.T) {
	w := newWork(t)
	text := strings.Repeat("some line\n", 50)
	for i := range 5 {
		w.commit("step", "a.yaml", fmt.Sprint(text, i))
	}
	w.git("repack", "-qadf")
	want := files(w.facts("HEAD~3", "HEAD"))
	random := rand.New(rand.NewPCG(3, 4))
	for _, ext := range []string{"pack", "idx"} {
		found, err := filepath.Glob(filepath.Join(w.Dir, ".git/objects/pack/*."+ext))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		good, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(found[0], 0o644); err != nil {
			t.Fatal(err)
		}
		errs := 0
		for range 400 {
			bad := bytes.Clone(good)
			for range 1 + random.IntN(3) {
				bad[random.IntN(len(bad))] = byte(random.Uint32())
			}
			if random.IntN(10) == 0 {
				bad = bad[:random.IntN(len(bad))]
			}
			if err := os.WriteFile(found[0], bad, 0o644); err != nil {
				t.Fatal(err)
			}
			r, err := gitrepo.Open(w.Dir)
			if err != nil {
				errs++
				continue
			}
			facts, err := r.Facts(t.Context(), gitrepo.Range{Base: "HEAD~3", Head: "HEAD"})
			if err != nil {
				errs++
			} else if got := files(facts); got != want {
				t.Fatalf("files %s, want %s", got, want)
			}
			_ = r.Close()
		}
		if errs == 0 {
			t.Errorf("no damage to the %s was seen", ext)
		}
		if err := os.WriteFile(found[0], good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
