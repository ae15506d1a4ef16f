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
	for name, c := range map[string]struct {
		reader string
		made   []string // of the test data
		set    []string
		want   []string
	}{
		"there":               {"path", []string{"shared/corpus/note"}, nil, []string{"--- PASS", "read: well"}},
		"there and required":  {"path", []string{"shared/corpus/note"}, []string{sharedtest.Variable + "=required"}, []string{"--- PASS", "read: well"}},
		"missing":             {"path", nil, nil, []string{"--- SKIP", "../shared is missing, ", "put a copy there"}},
		"missing in CI":       {"path", nil, []string{"CI=true"}, []string{"--- SKIP", "../shared is missing, "}},
		"a part is missing":   {"path", []string{"shared/other"}, nil, []string{"--- SKIP", "../shared/corpus is missing, "}},
		"a file is missing":   {"path", []string{"shared/corpus/other"}, nil, []string{"--- SKIP", "../shared/corpus/note is missing, "}},
		"required":            {"path", nil, []string{sharedtest.Variable + "=required"}, []string{"--- FAIL", "find test data, which " + sharedtest.Variable + " requires: "}},
		"a part is required":  {"path", []string{"shared/corpus/other"}, []string{sharedtest.Variable + "=1", "CI="}, []string{"--- FAIL", "note: no such file"}},
		"can do without":      {"find", nil, []string{"CI=true"}, []string{"--- PASS", `missing "../shared"`}},
		"could, but required": {"find", nil, []string{sharedtest.Variable + "=required"}, []string{"--- FAIL", "find test data"}},
		"finds it":            {"find", []string{"shared/corpus/note"}, nil, []string{"--- PASS", "read: well"}},
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
			reader.Env = append(reader.Env, append(c.set, readerVariable+"="+c.reader)...)
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
