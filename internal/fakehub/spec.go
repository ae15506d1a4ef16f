package fakehub

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

//go:embed github/openapi.json.gz
var openapiGzip []byte

// spec is GitHub's description of its REST API, cut to what the project needs.
type spec struct {
	doc    *openapi3.T
	router routers.Router
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
	doc.Servers = openapi3.Servers{{URL: "/"}}
	for path, item := range doc.Paths.Map() {
		if wide := multiSegment(path, item); wide != path {
			doc.Paths.Delete(path)
			doc.Paths.Set(wide, item)
		}
	}
	correct(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's description: %w", err)
	}
	return &spec{doc, router}, nil
})

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// multiSegment lets the parameters that GitHub marks hold slashes.
func multiSegment(path string, item *openapi3.PathItem) string {
	for _, op := range item.Operations() {
		for _, p := range op.Parameters {
			if p.Value != nil && p.Value.Extensions["x-multi-segment"] == true {
				name := "{" + p.Value.Name + "}"
				path = strings.Replace(path, name, "{"+p.Value.Name+":.+}", 1)
			}
		}
	}
	return path
}

// correct mends the description where GitHub itself answers otherwise.
func correct(doc *openapi3.T) {
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

// find gives the operation that answers a request.
func (s *spec) find(r *http.Request) (*match, error) {
	route, params, err := s.router.FindRoute(r)
	if err != nil {
		return nil, fmt.Errorf("find %s %s: %w", r.Method, r.URL.Path, err)
	}
	for name, value := range params {
		if plain, err := url.PathUnescape(value); err == nil {
			params[name] = plain
		}
	}
	return &match{route, params, &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}}, nil
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
		if _, ok := into[name]; !ok {
			into[name] = p
		}
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
	return openapi3filter.ValidateResponse(m.input.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: m.input, Status: status, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: m.input.Options,
	})
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
