package fluxkeeper_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"
)

// What fits on a screen or two can be read at one go.
const (
	maxColumns       = 140
	maxFileLines     = 400
	maxFunctionLines = 60
	// Some functions are longer for a reason, such as one long switch.
	maxLongFunctions = 0.04
	minDocumented    = 0.95
)

// source is one parsed Go file.
type source struct {
	path  string
	lines int
	files *token.FileSet
	ast   *ast.File
}

func (s source) at(n ast.Node) string {
	p := s.files.Position(n.Pos())
	return fmt.Sprintf("%s:%d", s.path, p.Line)
}

// parse reads the files of a folder with their comments.
func parse(t *testing.T, dir string, names []string) []source {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var all []source
	for _, name := range names {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, path, data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		short, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{short, bytes.Count(data, []byte("\n")), files, tree})
	}
	return all
}

func TestFilesFitOnAFewScreens(t *testing.T) {
	for _, p := range list(t) {
		names := slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles)
		for _, file := range parse(t, p.Dir, names) {
			if file.lines > maxFileLines {
				t.Errorf("%s has %d lines, more than %d", file.path, file.lines, maxFileLines)
			}
		}
	}
}

func TestLinesFitOnAScreen(t *testing.T) {
	walk(t, func(path string, data []byte) {
		if filepath.Ext(path) != ".go" {
			return
		}
		number := 0
		for line := range bytes.Lines(data) {
			number++
			if n := utf8.RuneCount(bytes.TrimSuffix(line, []byte("\n"))); n > maxColumns {
				t.Errorf("%s:%d has %d columns, more than %d", path, number, n, maxColumns)
			}
		}
	})
}

func TestFunctionsFitOnAScreen(t *testing.T) {
	all := 0
	var long []string
	for _, p := range list(t) {
		for _, file := range parse(t, p.Dir, p.GoFiles) {
			for _, d := range file.ast.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				all++
				if n := file.files.Position(f.End()).Line - file.files.Position(f.Pos()).Line + 1; n > maxFunctionLines {
					long = append(long, fmt.Sprintf("%s: %s has %d lines", file.at(f), f.Name.Name, n))
				}
			}
		}
	}
	if share := float64(len(long)) / float64(all); share > maxLongFunctions {
		t.Errorf("%d of %d functions are longer than %d lines:\n%q", len(long), all, maxFunctionLines, long)
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	all := 0
	var bare []string
	for _, p := range list(t) {
		for _, file := range parse(t, p.Dir, p.GoFiles) {
			for _, d := range file.ast.Decls {
				for _, e := range exported(d) {
					all++
					if !e.documented {
						bare = append(bare, fmt.Sprintf("%s: %s", file.at(e.node), e.name))
					}
				}
			}
		}
	}
	if share := 1 - float64(len(bare))/float64(all); share < minDocumented {
		t.Errorf("%d of %d exported names have no comment:\n%q", len(bare), all, bare)
	}
}

type exportedName struct {
	node       ast.Node
	name       string
	documented bool
}

// exported lists the exported names of a declaration. A comment on a group of
// constants, or behind a constant, documents it.
func exported(d ast.Decl) []exportedName {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && receiverIsExported(d) {
			return []exportedName{{d, d.Name.Name, d.Doc != nil}}
		}
	case *ast.GenDecl:
		var all []exportedName
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() {
					all = append(all, exportedName{s, s.Name.Name, d.Doc != nil || s.Doc != nil})
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() {
						all = append(all, exportedName{s, name.Name, d.Doc != nil || s.Doc != nil || s.Comment != nil})
					}
				}
			}
		}
		return all
	}
	return nil
}

func receiverIsExported(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return true
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	name, ok := of.(*ast.Ident)
	return ok && name.IsExported()
}
