package fakehub

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Golden compares the requests so far with testdata/requests/NAME.golden of
// the test's own folder. The test's package defines the flag -update, which
// writes the file anew. replace are pairs of texts: what differs from machine to
// machine, and what stands for it in the file.
func (h *Hub) Golden(t testing.TB, name string, replace ...string) {
	t.Helper()
	golden(t, filepath.Join("testdata", "requests", name+".golden"), strings.NewReplacer(replace...).Replace(h.Log()))
}

func golden(t testing.TB, path, got string) {
	t.Helper()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (-update writes it)", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("requests differ from %s (-want +got):\n%s", path, diff)
	}
}
