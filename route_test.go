package fluxkeeper_test

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxRoute is how many packages a judged pull request passes, the program's included.
const maxRoute = 8

// drawing is what docs/design.md has between the marks of a name.
func drawing(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "<!-- "+name+" -->\n")
	drawn, _, ok := strings.Cut(after, "<!-- end -->")
	if !ok {
		t.Fatalf("docs/design.md draws no %s between its marks", name)
	}
	return drawn
}

// TestRoutes holds the two routes that docs/design.md draws against the code:
// each step is a function that there is, and a package of the route calls it.
func TestRoutes(t *testing.T) {
	drawn := drawing(t, "routes")
	step := regexp.MustCompile("`([a-z/]+)\\.([A-Za-z.]+)`")
	routes := strings.Split(strings.TrimSpace(drawn), "\n\n")
	if len(routes) != 2 {
		t.Fatalf("docs/design.md draws %d routes, not two", len(routes))
	}
	all := map[string]listed{}
	for _, p := range list(t) {
		all[strings.TrimPrefix(p.name(), "internal/")] = p
	}
	for i, route := range routes {
		var on []string
		steps := step.FindAllStringSubmatch(route, -1)
		for _, s := range steps {
			if !slices.Contains(on, s[1]) {
				on = append(on, s[1])
			}
		}
		if i == 0 && len(on) > maxRoute {
			t.Errorf("a judged pull request passes %d packages, more than %d: %s", len(on), maxRoute, strings.Join(on, ", "))
		}
		defined, called := map[string]bool{}, map[string]bool{}
		for _, name := range on {
			p, ok := all[name]
			if !ok {
				t.Errorf("there is no package %s", name)
				continue
			}
			for _, f := range parse(t, p.Dir, p.GoFiles) {
				functions(f.ast, name, defined, called)
			}
		}
		for n, s := range steps {
			last := s[2][strings.LastIndexByte(s[2], '.')+1:]
			switch {
			case !defined[s[1]+"."+s[2]]:
				t.Errorf("%s has no function %s", s[1], s[2])
			case n > 0 && !called[last]:
				t.Errorf("nothing on the route calls %s.%s", s[1], s[2])
			}
		}
	}
}

// functions notes what a file defines, as package.Function or package.Type.Method, and by which names it calls.
func functions(file *ast.File, pkg string, defined, called map[string]bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			name := pkg + "."
			if n.Recv != nil {
				of := n.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if id, ok := of.(*ast.Ident); ok {
					name += id.Name + "."
				}
			}
			defined[name+n.Name.Name] = true
		case *ast.SelectorExpr: // a call, or a function that is handed on
			called[n.Sel.Name] = true
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok {
				called[id.Name] = true
			}
		}
		return true
	})
}
