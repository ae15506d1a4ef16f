package fakehub

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

//go:embed github/openapi.json.gz
var openapiGzip []byte

// spec is GitHub's description of its REST API, cut to what the project needs.
type spec struct {
	doc    *openapi3.T
	routes []route // the most specific first
}

// route is one operation and the addresses that it answers.
type route struct {
	routers.Route
	pattern *regexp.Regexp
	names   []string
	literal int
}

// loadSpec reads the description once for all hubs of a process.
var loadSpec = sync.OnceValues(func() (*spec, error) {
	data, err := gunzip(openapiGzip)
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's description: %w", err)
	}
	correct(doc)
	s := &spec{doc: doc}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			s.routes = append(s.routes, newRoute(doc, path, method, item, op))
		}
	}
	slices.SortFunc(s.routes, func(a, b route) int {
		return cmp.Or(b.literal-a.literal, strings.Compare(a.Path+a.Method, b.Path+b.Method))
	})
	return s, nil
})

// newRoute makes a pattern of a path template. The parameters that GitHub
// marks may hold slashes.
func newRoute(doc *openapi3.T, path, method string, item *openapi3.PathItem, op *openapi3.Operation) route {
	wide := map[string]bool{}
	for _, p := range op.Parameters {
		wide[p.Value.Name] = p.Value.Extensions["x-multi-segment"] == true
	}
	r := route{Route: routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}}
	text := "^"
	for rest := path; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		text += regexp.QuoteMeta(before)
		r.literal += len(before)
		if !found {
			break
		}
		name, tail, _ := strings.Cut(after, "}")
		r.names = append(r.names, name)
		text += map[bool]string{false: "([^/]+)", true: "(.+)"}[wide[name]]
		rest = tail
	}
	r.pattern = regexp.MustCompile(text + "$")
	return r
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// correct fixes the description where GitHub itself answers otherwise.
func correct(doc *openapi3.T) {
	// A label may also be added as a plain list of names, as ever.
	add := doc.Paths.Find("/repos/{owner}/{repo}/issues/{issue_number}/labels").Post.RequestBody.Value.Content.Get("application/json")
	names := openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema())
	add.Schema = &openapi3.SchemaRef{Value: &openapi3.Schema{OneOf: openapi3.SchemaRefs{add.Schema, {Value: names}}}}
	// A pull request whose fork was deleted has no head repository.
	for _, name := range []string{"pull-request", "pull-request-simple"} {
		head := doc.Components.Schemas[name].Value.Properties["head"].Value
		repo := head.Properties["repo"].Value
		nullable := *repo
		nullable.Nullable = true
		head.Properties["repo"] = &openapi3.SchemaRef{Value: &nullable}
	}
}

// match is a request that the description knows.
type match struct {
	route  *routers.Route
	params map[string]string
	input  *openapi3filter.RequestValidationInput
}

func (m *match) id() string { return m.route.Operation.OperationID }

// find gives the operation that answers a request to a path, which is as it
// stands in the request line.
func (s *spec) find(r *http.Request, path string) (*match, error) {
	for i := range s.routes {
		one := &s.routes[i]
		values := one.pattern.FindStringSubmatch(path)
		if values == nil || one.Method != r.Method {
			continue
		}
		params := map[string]string{}
		for n, name := range one.names {
			value, err := url.PathUnescape(values[n+1])
			if err != nil {
				return nil, fmt.Errorf("find %s %s: %w", r.Method, path, err)
			}
			params[name] = value
		}
		return &match{&one.Route, params, &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: &one.Route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
		}}, nil
	}
	return nil, fmt.Errorf("no such operation in GitHub's description, as far as it is kept here")
}

// checkRequest holds a request against the description. The description lets
// unknown names pass; here they are errors, since GitHub ignores them unseen.
func (s *spec) checkRequest(m *match, r *http.Request, body []byte, decoded any) error {
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := openapi3filter.ValidateRequest(r.Context(), m.input); err != nil {
		return err
	}
	var known []string
	for _, list := range []openapi3.Parameters{m.route.PathItem.Parameters, m.route.Operation.Parameters} {
		for _, p := range list {
			if p.Value.In == "query" {
				known = append(known, p.Value.Name)
			}
		}
	}
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) {
			return fmt.Errorf("query parameter %q is not described", name)
		}
	}
	if m.route.Operation.RequestBody == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			return fmt.Errorf("a body is not described")
		}
		return nil
	}
	content := m.route.Operation.RequestBody.Value.Content.Get("application/json")
	if content == nil || decoded == nil {
		return nil
	}
	return unknownNames(content.Schema, decoded, "")
}

// unknownNames finds object members that no alternative of a schema names.
func unknownNames(ref *openapi3.SchemaRef, value any, at string) error {
	switch v := value.(type) {
	case map[string]any:
		known := map[string]*openapi3.SchemaRef{}
		properties(ref, known)
		if len(known) == 0 {
			return nil // free-form
		}
		for _, name := range sortedKeys(v) {
			below, ok := known[name]
			if !ok {
				return fmt.Errorf("member %s/%s is not described", at, name)
			}
			if err := unknownNames(below, v[name], at+"/"+name); err != nil {
				return err
			}
		}
	case []any:
		if items := arrayItems(ref); items != nil {
			for i, one := range v {
				if err := unknownNames(items, one, fmt.Sprintf("%s/%d", at, i)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func properties(ref *openapi3.SchemaRef, into map[string]*openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	for name, p := range ref.Value.Properties {
		if other, ok := into[name]; ok && other.Value != p.Value { // of another alternative
			p = &openapi3.SchemaRef{Value: &openapi3.Schema{AnyOf: openapi3.SchemaRefs{other, p}}}
		}
		into[name] = p
	}
	for _, list := range []openapi3.SchemaRefs{ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf} {
		for _, one := range list {
			properties(one, into)
		}
	}
}

func arrayItems(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	if ref == nil || ref.Value == nil {
		return nil
	}
	if ref.Value.Items != nil {
		return ref.Value.Items
	}
	for _, list := range []openapi3.SchemaRefs{ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf} {
		for _, one := range list {
			if items := arrayItems(one); items != nil {
				return items
			}
		}
	}
	return nil
}

// checkResponse holds an answer against the description. GitHub describes few
// of its refusals: those that it does not describe must be a basic error.
func (s *spec) checkResponse(m *match, status int, header http.Header, body []byte) error {
	if status >= 400 && m.route.Operation.Responses.Status(status) == nil {
		return s.checkBasicError(body)
	}
	err := openapi3filter.ValidateResponse(m.input.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: m.input, Status: status, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: m.input.Options,
	})
	if err != nil || status >= 400 || len(body) == 0 {
		return err
	}
	value, err := decodeJSON(body)
	if err != nil {
		return err
	}
	return unknownNames(m.response(status), value, "")
}

// response is the schema of an answer; nil when none is described.
func (m *match) response(status int) *openapi3.SchemaRef {
	r := m.route.Operation.Responses.Status(status)
	if r == nil || r.Value.Content.Get("application/json") == nil {
		return nil
	}
	return r.Value.Content.Get("application/json").Schema
}

func (s *spec) checkBasicError(body []byte) error {
	value, err := decodeJSON(body)
	if err != nil {
		return err
	}
	object, ok := value.(map[string]any)
	if !ok || object["message"] == nil {
		return fmt.Errorf("an error without a message")
	}
	return s.doc.Components.Schemas["basic-error"].Value.VisitJSON(value)
}

// brief leaves the whole schema and value out of a complaint.
func brief(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\nSchema:")
	return text
}
