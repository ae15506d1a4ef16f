package fluxkeeper_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/token"
)

// walk calls see with every file of the tree that could be committed.
func walk(t *testing.T, see func(path string, data []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path == ".git" || path == "bin" || path == "dist" {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || entry.Name() == ".git" {
			return nil
		}
		data, err := os.ReadFile(path)
		if err == nil {
			see(filepath.ToSlash(path), data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTreeNamesNoMachine keeps one machine's paths and package mirrors out of
// the tree: they mean nothing on another. The patterns are written so that
// they do not match themselves.
func TestTreeNamesNoMachine(t *testing.T) {
	foreign := regexp.MustCompile(`(^|[\s"'=(:` + "`" + `])/(work|root|home/[a-z]+)/[a-z.]` +
		`|/tmp/[b]ash_jobs|proxy\.[g]olang\.org|registry\.[n]pmjs\.org|deb\.[d]ebian\.org|[p]ypi\.org`)
	walk(t, func(path string, data []byte) {
		if bytes.ContainsRune(data, 0) {
			return // not text
		}
		for i, line := range bytes.Split(data, []byte("\n")) {
			if m := foreign.Find(line); m != nil {
				t.Errorf("%s:%d names %q", path, i+1, m)
			}
		}
	})
}

// TestTreeIsLean: what a profile or a recording leaves behind is not kept by mistake.
func TestTreeIsLean(t *testing.T) {
	const most = 256 << 10
	walk(t, func(path string, data []byte) {
		if len(data) > most && path != "docs/rules.md" { // made of the rules, and grows with them
			t.Errorf("%s has %d bytes, more than %d: is it meant to be here?", path, len(data), most)
		}
	})
}

// TestTreeHoldsNoToken: whatever looks like a token in tests and recordings is
// put together when they run, or is none by its checksum.
func TestTreeHoldsNoToken(t *testing.T) {
	walk(t, func(path string, data []byte) {
		for _, f := range token.Find(data) {
			t.Errorf("%s:%d:%d holds a token (%s)", path, f.Line, f.Column, f.Kind)
		}
	})
	made := "github" + "_pat_" + strings.Repeat("aZ3kQ9xW7pL", 2) + "_" + strings.Repeat("aZ3kQ9xW7pL", 6)[:59]
	if len(token.Find([]byte(made))) != 1 {
		t.Error("the search finds nothing at all")
	}
}

// TestLinksLeadSomewhere follows the links between the project's own pages.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s#]+)(#[^)\s]*)?\)`)
	walk(t, func(path string, data []byte) {
		if filepath.Ext(path) != ".md" || strings.Contains(path, "/testdata/") {
			return
		}
		for _, m := range link.FindAllSubmatch(data, -1) {
			to := string(m[1])
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s links to %s, which is not there", path, to)
			}
		}
	})
}
