package fakehub

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

//go:embed github/schema.graphql.gz
var schemaGzip []byte

// loadSchema reads GitHub's public schema once for all hubs of a process.
var loadSchema = sync.OnceValues(func() (*ast.Schema, error) {
	data, err := gunzip(schemaGzip)
	if err != nil {
		return nil, err
	}
	return gqlparser.LoadSchema(&ast.Source{Name: "github/schema.graphql", Input: string(data)})
})

// node is an object that a query may select from. A field is a scalar, a
// *node, a list of these, or a func(js) any that makes one from arguments.
type node struct {
	kind   string
	fields map[string]any
}

// refusal is an error of one field; the field is null then.
type refusal struct{ kind, message string }

// execution answers one query.
type execution struct {
	hub       *Hub
	schema    *ast.Schema
	variables map[string]any
	errors    []any
}

func (h *Hub) replyGraphQL(c *call, record *Request) (answer, Fault) {
	record.Operation = "graphql"
	schema, err := loadSchema()
	if err != nil {
		h.problem("read GitHub's schema: %v", err)
		return answer{500, message("no schema")}, Fault{}
	}
	refuse := func(why error) (answer, Fault) {
		h.problem("GitHub's schema refuses the query: %v\n%s", why, c.text("query"))
		return answer{200, js{"errors": []any{js{"message": why.Error()}}}}, Fault{}
	}
	document, errs := gqlparser.LoadQueryWithRules(schema, c.text("query"), rules.NewDefaultRules())
	if len(errs) > 0 {
		return refuse(errs)
	}
	op := document.Operations.ForName(c.text("operationName"))
	if op == nil {
		return refuse(fmt.Errorf("no operation %q", c.text("operationName")))
	}
	given, _ := c.body["variables"].(js)
	variables, err := validator.VariableValues(schema, op, given)
	if err != nil {
		return refuse(err)
	}
	for _, name := range sortedKeys(given) {
		if op.VariableDefinitions.ForName(name) == nil {
			return refuse(fmt.Errorf("variable $%s is given and not declared", name))
		}
	}
	var text strings.Builder
	formatter.NewFormatter(&text, formatter.WithIndent("  ")).FormatQueryDocument(document)
	record.GraphQL = text.String()
	if op.Operation == ast.Mutation {
		record.Operation = "graphql/" + op.SelectionSet[0].(*ast.Field).Name
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	asked := record.Operation
	if op.Operation == ast.Query && op.Name != "" {
		asked = "graphql/" + op.Name
	}
	due := h.due(asked)
	a := h.query(c, schema, op, variables, due)
	if due.Move != nil {
		if err := h.apply(due.Move); err != nil {
			h.problem("%v", err)
		}
	}
	return a, due
}

// query runs an operation as the token may. The lock is held.
func (h *Hub) query(c *call, schema *ast.Schema, op *ast.OperationDefinition, variables map[string]any, due Fault) answer {
	t, refused := h.authenticate(c.r)
	c.token = t
	c.limits("graphql")
	if refused != nil {
		return *refused
	}
	c.tokenHeaders("")
	if a := due.answer(); a != nil {
		for name, value := range due.Header {
			c.header.Set(name, value)
		}
		return *a
	}
	if t == nil {
		return answer{401, message("This endpoint requires you to be authenticated.")}
	}
	x := &execution{hub: h, schema: schema, variables: variables}
	root := c.queryRoot()
	if op.Operation == ast.Mutation {
		root = c.mutationRoot()
	}
	body := js{"data": x.object(root, []ast.SelectionSet{op.SelectionSet}, nil)}
	if x.errors != nil {
		body["errors"] = x.errors
	}
	return answer{200, body}
}

// selected is one field of an answer: its first mention, and every mention's
// own selections.
type selected struct {
	field *ast.Field
	below []ast.SelectionSet
}

// collect finds what is asked of an object, through fragments that fit it.
func (x *execution) collect(kind string, sets []ast.SelectionSet, names *[]string, into map[string]*selected) {
	for _, set := range sets {
		for _, one := range set {
			switch s := one.(type) {
			case *ast.Field:
				if !x.wanted(s.Directives) {
					continue
				}
				if into[s.Alias] == nil {
					into[s.Alias] = &selected{field: s}
					*names = append(*names, s.Alias)
				}
				into[s.Alias].below = append(into[s.Alias].below, s.SelectionSet)
			case *ast.InlineFragment:
				if x.wanted(s.Directives) && x.fits(kind, s.TypeCondition) {
					x.collect(kind, []ast.SelectionSet{s.SelectionSet}, names, into)
				}
			case *ast.FragmentSpread:
				if x.wanted(s.Directives) && x.fits(kind, s.Definition.TypeCondition) {
					x.collect(kind, []ast.SelectionSet{s.Definition.SelectionSet}, names, into)
				}
			}
		}
	}
}

func (x *execution) wanted(directives ast.DirectiveList) bool {
	for _, d := range directives {
		on, _ := d.ArgumentMap(x.variables)["if"].(bool)
		if d.Name == "skip" && on || d.Name == "include" && !on {
			return false
		}
	}
	return true
}

func (x *execution) fits(kind, condition string) bool {
	if condition == "" || condition == kind {
		return true
	}
	return slices.ContainsFunc(x.schema.GetPossibleTypes(x.schema.Types[condition]), func(d *ast.Definition) bool { return d.Name == kind })
}

// object selects from a node; null when a field that must not be null is.
func (x *execution) object(n *node, sets []ast.SelectionSet, path []any) any {
	var names []string
	fields := map[string]*selected{}
	x.collect(n.kind, sets, &names, fields)
	out := js{}
	for _, name := range names {
		s := fields[name]
		here := append(slices.Clone(path), name)
		if s.field.Name == "__typename" {
			out[name] = n.kind
			continue
		}
		value, ok := n.fields[s.field.Name]
		if !ok {
			x.hub.problem("GraphQL: %s.%s is not simulated (at %v)", n.kind, s.field.Name, here)
		}
		if make, ok := value.(func(js) any); ok {
			value = make(s.field.ArgumentMap(x.variables))
		}
		if r, ok := value.(refusal); ok {
			x.errors = append(x.errors, js{
				"type": r.kind, "path": here, "message": r.message,
				"locations": []any{js{"line": s.field.Position.Line, "column": s.field.Position.Column}},
			})
			value = nil
			if s.field.Definition.Type.NonNull {
				return nil
			}
		}
		done := x.complete(s.field.Definition.Type, value, s.below, here)
		if done == nil && s.field.Definition.Type.NonNull {
			return nil
		}
		out[name] = done
	}
	return out
}

// complete turns a value into JSON, and holds it against its type.
func (x *execution) complete(t *ast.Type, value any, below []ast.SelectionSet, path []any) any {
	if n, ok := value.(*node); ok && n == nil {
		value = nil
	}
	if value == nil {
		if t.NonNull && len(x.errors) == 0 {
			x.hub.problem("GraphQL: our answer is null at %v, which is %s", path, t)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			x.hub.problem("GraphQL: our answer at %v is no list", path)
			return nil
		}
		out := make([]any, len(list))
		for i, one := range list {
			out[i] = x.complete(t.Elem, one, below, append(slices.Clone(path), i))
		}
		return out
	}
	if n, ok := value.(*node); ok {
		if !x.fits(n.kind, t.NamedType) {
			x.hub.problem("GraphQL: our answer at %v is a %s, not a %s", path, n.kind, t)
		}
		return x.object(n, below, path)
	}
	if !x.leaf(x.schema.Types[t.NamedType], value) {
		x.hub.problem("GraphQL: our answer at %v is %v, not a %s", path, value, t)
	}
	return value
}

// leaf says whether a value is one of a scalar or enum type.
func (x *execution) leaf(d *ast.Definition, value any) bool {
	if d.Kind == ast.Enum {
		s, _ := value.(string)
		return d.EnumValues.ForName(s) != nil
	}
	switch d.Name {
	case "Int":
		n, ok := value.(int)
		return ok && n >= -1<<31 && n < 1<<31
	case "Boolean":
		_, ok := value.(bool)
		return ok
	case "BigInt":
		_, ok := value.(string)
		return ok
	}
	_, ok := value.(string)
	return ok && d.Kind == ast.Scalar
}
