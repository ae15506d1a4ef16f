package schematest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/sharedtest"
)

const module = "github.com/goldfish-inc/fluxkeeper"

// Comments gives what a generator asks for a field's description: the comment above
// the field, or behind it. A type has none, for its comment speaks of the program.
func Comments(t testing.TB) func(reflect.Type, string) string {
	comments := map[string]map[string]string{} // by package, then by type and field
	return func(of reflect.Type, field string) string {
		dir, ours := strings.CutPrefix(of.PkgPath(), module)
		if !ours || field == "" {
			return ""
		}
		if comments[dir] == nil {
			comments[dir] = read(t, filepath.Join(sharedtest.Root(t), dir))
		}
		return comments[dir][of.Name()+"."+field]
	}
}

// read gathers the comments of a package's fields.
func read(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, field := range fields.Fields.List {
				comment := strings.Join(strings.Fields(field.Doc.Text()+" "+field.Comment.Text()), " ")
				for _, name := range field.Names {
					all[spec.Name.Name+"."+name.Name] = comment
				}
			}
			return false
		})
	}
	return all
}
