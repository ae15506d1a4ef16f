package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

const (
	// Variable is set to anything where the test data have to be there.
	Variable = "FLUXKEEPER_SHARED"
	// Folder is where they are, as the repository's root sees it. Whoever skips a
	// test for want of them names it.
	Folder = "../shared"
)

// Path gives the path of a file or folder of the test data. Where it is missing,
// the test ends: skipped, or failed where Variable is set.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path, missing := Find(t, elem...)
	if missing != "" {
		t.Skipf("%s is missing, test data of other people: put a copy there", missing)
	}
	return path
}

// Find is Path for a test that can do without. It tells what is missing, which is
// empty where all is there. Where Variable is set, the test fails too.
func Find(t testing.TB, elem ...string) (path, missing string) {
	t.Helper()
	path, name := filepath.Join(Root(t), filepath.FromSlash(Folder)), Folder
	for _, next := range append(elem, "") {
		if _, err := os.Stat(path); err != nil {
			if os.Getenv(Variable) != "" {
				t.Fatalf("find test data, which %s requires: %v", Variable, err)
			}
			return "", name
		}
		path, name = filepath.Join(path, next), name+"/"+next
	}
	return path, ""
}

// Root is the folder of the repository.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("find the repository: no go.mod above the test's directory")
	return ""
}
