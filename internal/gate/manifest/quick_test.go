package manifest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// agree fails where the quick way says something else than the long one.
func agree(t *testing.T, base, head []byte) (taken bool) {
	t.Helper()
	got, ok := quick(base, head, Read(base))
	if !ok {
		return false
	}
	want := slow(base, head)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the quick way differs from the long one:\n%s\nbase %q\nhead %q", diff, base, head)
	}
	return true
}

// TestQuickCorpus: on every real change the quick way agrees with the long
// one, and it serves most of them.
func TestQuickCorpus(t *testing.T) {
	taken, all := 0, 0
	for _, pattern := range []string{"*", "human/*"} {
		for _, c := range commits(t, pattern) {
			for _, f := range c.Files {
				if f.Status == "M" && f.Stored {
					all++
					if agree(t, c.file(t, "base", f.Path), c.file(t, "head", f.Path)) {
						taken++
					}
				}
			}
		}
	}
	if taken*2 < all {
		t.Errorf("the quick way serves %d of %d files only", taken, all)
	}
	t.Logf("%d of %d files", taken, all)
}

// TestQuickOracle: the same for the oracle, and for each of its results as the
// base of another update.
func TestQuickOracle(t *testing.T) {
	for _, dir := range oracle(t) {
		before, err1 := os.ReadFile(filepath.Join(dir, "before.yaml"))
		after, err2 := os.ReadFile(filepath.Join(dir, "after.yaml"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		agree(t, before, after)
		setters := map[string]string{}
		for _, f := range Read(after).Fields {
			setters[f.Marker.Setter()] = "ghcr.io/acme/app:9.9.9"
		}
		if next, err := reproduce(after, setters, derived, false); err == nil {
			agree(t, after, next)
		}
	}
}

func FuzzQuick(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, "1.2.3", "1.2.4")
		f.Add(s, "1.2.3", "1.2.4\nhostNetwork: true")
		f.Add(s, "a", "a: b")
	}
	f.Fuzz(func(t *testing.T, base []byte, from, to string) {
		if len(base) > 1<<14 || from == "" {
			return
		}
		head := bytesReplace(base, from, to)
		agree(t, base, head)
		if written, err := reproduce(base, settersOf(head), derived, false); err == nil {
			agree(t, written, bytesReplace(written, from, to))
		}
	})
}
