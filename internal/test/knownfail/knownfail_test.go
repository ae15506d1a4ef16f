package knownfail

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestList prints what is left, and fails where a line names no test.
func TestList(t *testing.T) {
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	tests, names := sources(t)
	left, seen := map[string]int{}, map[string]bool{}
	for _, f := range all {
		t.Logf("%s: %s: %s", f.Family, f.Test, f.Reason)
		left[f.Family]++
		test, name, _ := strings.Cut(f.Test, "/")
		if !strings.Contains(tests, "func "+test+"(") || name != "" && !strings.Contains(tests, `"`+name+`"`) && !names[name] {
			t.Errorf("there is no test %s", f.Test)
		}
		if seen[f.Test] || f.Symptom == "" || f.Reason == "" {
			t.Errorf("%s is there twice, or lacks something", f.Test)
		}
		seen[f.Test] = true
		if !slices.Contains([]string{"gate soundness", "honest work", "record", "seen", "scale"}, f.Family) {
			t.Errorf("%s is of an unknown kind %q", f.Test, f.Family)
		}
	}
	t.Logf("%d known failures: %v", len(all), left)
}

// sources gives the text of all tests, and the names of files and of folders in
// archives that can be the name of a test.
func sources(t *testing.T) (tests string, names map[string]bool) {
	t.Helper()
	var text strings.Builder
	names = map[string]bool{}
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, archive := strings.CutSuffix(path.Base(file), ".txtar")
		names[name] = true
		if !archive && !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		data, err := fs.ReadFile(root, file)
		if text.Write(data); archive {
			for part := range strings.SplitSeq(string(data), "/") {
				names[part] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String(), names
}

// recorder is a test whose verdict is looked at.
type recorder struct {
	testing.TB
	name   string
	says   []string
	ending []func()
}

func (r *recorder) Name() string        { return r.name }
func (r *recorder) Helper()             {}
func (r *recorder) Failed() bool        { return len(r.says) > 0 }
func (r *recorder) Skipped() bool       { return false }
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Cleanup(f func())    { r.ending = append(r.ending, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.says = append(r.says, fmt.Sprintf(format, args...))
}

// TestOf: a known failure is one only as long as it fails as it is known to.
func TestOf(t *testing.T) {
	all := []Failure{{"scale", "TestKnown", "it takes", "a reason"}}
	for name, c := range map[string]struct{ test, says, want string }{
		"as known":    {"TestKnown", "it takes long", ""},
		"otherwise":   {"TestKnown", "exec: git: not found", "not as known"},
		"passes":      {"TestKnown", "", "delete its line"},
		"not known":   {"TestNobody", "wrong", "wrong"},
		"well, known": {"TestNobody", "", ""},
	} {
		r := &recorder{name: c.test}
		if k := of(r, all); c.says != "" {
			k.Errorf("%s", c.says)
		}
		for _, end := range r.ending {
			end()
		}
		if got := strings.Join(r.says, " "); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: it says %q, want %q", name, got, c.want)
		}
	}
}
