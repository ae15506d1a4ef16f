package fluxkeeper_test

import (
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// TestGoldenFilesHoldNoSecret: what the programs print and send is kept in golden
// files, and shown in the pages.
func TestGoldenFilesHoldNoSecret(t *testing.T) {
	looked := 0
	walk(t, func(path string, data []byte) {
		if ext := filepath.Ext(path); ext == ".golden" || ext == ".md" {
			looked++
			leaktest.Text(t, path, data)
		}
	})
	if looked < 50 {
		t.Errorf("looked at %d files", looked)
	}
}

// TestProgramsRunUnderWatch: a test that runs a program looks through what it
// prints, since it can only do so by what looks.
func TestProgramsRunUnderWatch(t *testing.T) {
	seen := 0
	for _, p := range list(t) {
		for _, file := range parse(t, p.Dir, slices.Concat(p.TestGoFiles, p.XTestGoFiles)) {
			ast.Inspect(file.ast, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				switch f := call.Fun.(type) {
				case *ast.Ident:
					if f.Name == "run" && strings.HasPrefix(p.name(), "cmd/") {
						if seen++; filepath.Base(file.path) != "watch_test.go" {
							t.Errorf("%s: call watched instead of run", file.at(n))
						}
					}
				case *ast.SelectorExpr:
					if of, ok := f.X.(*ast.Ident); ok && of.Name == "testscript" && (f.Sel.Name == "Run" || f.Sel.Name == "RunT") {
						t.Errorf("%s: call leaktest.Stories instead of testscript.%s", file.at(n), f.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if seen != 2 {
		t.Errorf("%d calls of run, want one of each program", seen)
	}
}
