package manifest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestStackedUpdates: Flux goes on from the head of its push branch, so a pull
// request can hold several updates of one file. However often it writes, the
// result is reproduced from the base.
func TestStackedUpdates(t *testing.T) {
	stacked := 0
	for _, dir := range oracle(t) {
		base, err := os.ReadFile(filepath.Join(dir, "before.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		before := Read(base)
		head := base
		for _, end := range []string{"x", "y", "z"} {
			setters := map[string]string{}
			for _, f := range before.Fields {
				if len(f.Value) > 3 {
					setters[f.Marker.Setter()] = f.Value[:len(f.Value)-1] + end
				}
			}
			if head, err = reproduce(head, setters, derived, false); err != nil || bytes.Equal(head, base) {
				break
			}
			stacked++
			if got := Compare(base, head); got.Outcome != Reproduced {
				t.Errorf("%s, up to %q: %s %+v", filepath.Base(dir), end, got.Outcome, got.Residue)
			}
		}
	}
	if stacked < 100 {
		t.Errorf("only %d updates were stacked", stacked)
	}
}
