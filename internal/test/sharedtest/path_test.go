package sharedtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

// readerVariable makes TestPath a test that reads test data, in a process of its own.
const readerVariable = "SHAREDTEST_READER"

// TestPath runs tests that read test data, in repositories with and without them.
func TestPath(t *testing.T) {
	switch os.Getenv(readerVariable) {
	case "path":
		read(t, sharedtest.Path(t, "corpus", "note"))
		return
	case "find":
		path, missing := sharedtest.Find(t, "corpus", "note")
		if t.Logf("missing %q", missing); missing == "" {
			read(t, path)
		}
		return
	}
	const required = sharedtest.Variable + "=required"
	note, other, part := []string{"shared/corpus/note"}, []string{"shared/corpus/other"}, []string{"shared/other"}
	for name, c := range map[string]struct {
		reader string
		made   []string // of the test data
		set    string
		want   []string
	}{
		"there":               {"path", note, "", []string{"--- PASS", "read: well"}},
		"there and required":  {"path", note, required, []string{"--- PASS", "read: well"}},
		"missing":             {"path", nil, "", []string{"--- SKIP", "../shared is missing, ", "put a copy there"}},
		"missing in CI":       {"path", nil, "CI=true", []string{"--- SKIP", "../shared is missing, "}},
		"a part is missing":   {"path", part, "", []string{"--- SKIP", "../shared/corpus is missing, "}},
		"a file is missing":   {"path", other, "", []string{"--- SKIP", "../shared/corpus/note is missing, "}},
		"required":            {"path", nil, required, []string{"--- FAIL", "find test data, which " + sharedtest.Variable + " requires: "}},
		"a file is required":  {"path", other, required, []string{"--- FAIL", "note: no such file"}},
		"can do without":      {"find", nil, "CI=true", []string{"--- PASS", `missing "../shared"`}},
		"could, but required": {"find", nil, required, []string{"--- FAIL", "find test data"}},
		"finds it":            {"find", note, "", []string{"--- PASS", "read: well"}},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			for _, file := range append(c.made, "repo/go.mod", "repo/internal/some/some_test.go") {
				path := filepath.Join(top, file)
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.WriteFile(path, []byte("well"), 0o600))
			}
			reader := exec.Command(os.Args[0], "-test.run=^TestPath$", "-test.v")
			reader.Dir = filepath.Join(top, "repo", "internal", "some")
			reader.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
				return strings.HasPrefix(v, "CI=") || strings.HasPrefix(v, sharedtest.Variable+"=")
			})
			reader.Env = append(reader.Env, readerVariable+"="+c.reader, c.set)
			printed, err := reader.CombinedOutput()
			if failed := c.want[0] == "--- FAIL"; (err != nil) != failed {
				t.Errorf("%v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(printed), want) {
					t.Errorf("no %q in\n%s", want, printed)
				}
			}
		})
	}
}

func read(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	t.Logf("read: %s", text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
