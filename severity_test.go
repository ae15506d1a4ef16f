package fluxkeeper_test

import (
	"go/ast"
	"go/token"
	"testing"
)

// TestSeveritiesAreComparedInOnePlace: what a severity weighs is for package finding to
// say. Others may have a word or a colour for each, and no order.
func TestSeveritiesAreComparedInOnePlace(t *testing.T) {
	looked := 0
	for _, p := range list(t) {
		if p.name() == "internal/finding" {
			continue
		}
		for _, file := range parse(t, p.Dir, p.GoFiles) {
			ast.Inspect(file.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BinaryExpr:
					looked++
					if severity(n.X) || severity(n.Y) {
						t.Errorf("%s compares severities", file.at(n))
					}
				case *ast.CompositeLit:
					if array, ok := n.Type.(*ast.ArrayType); ok && selects(array.Elt, "Severity") {
						t.Errorf("%s orders severities", file.at(n))
					}
				case *ast.CaseClause:
					for _, said := range n.List {
						if severity(said) && counts(n.Body) {
							t.Errorf("%s gives a severity a rank", file.at(n))
						}
					}
				}
				return true
			})
		}
	}
	if looked < 1000 {
		t.Errorf("only %d comparisons", looked)
	}
}

// severity tells whether an expression is one of package finding's severities.
func severity(e ast.Expr) bool {
	return selects(e, "Error") || selects(e, "Warning") || selects(e, "Note") || selects(e, "Off")
}

func selects(e ast.Expr, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	of, ok := s.X.(*ast.Ident)
	return ok && of.Name == "finding"
}

// counts tells whether statements return a whole number.
func counts(body []ast.Stmt) bool {
	for _, s := range body {
		if r, ok := s.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			if l, ok := r.Results[0].(*ast.BasicLit); ok && l.Kind == token.INT {
				return true
			}
		}
	}
	return false
}
