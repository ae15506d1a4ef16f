package github_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

const (
	token = "ghs_not-a-real-token"
	sha   = "0123456789abcdef0123456789abcdef01234567"
)

var pullSeven = `{"number": 7, "head": {"sha": "` + sha + `"}}`

// server answers with handlers, one after the other, the last for ever, and
// counts.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func serve(t *testing.T, handlers ...http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.requests)
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		handlers[min(n, len(handlers)-1)](w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// received gives the requests so far. A connection that breaks says that one came,
// but orders nothing after what the handler did with it: only the lock does.
func (s *server) received() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *server) client(t *testing.T, change ...func(*github.Options)) *github.Client {
	t.Helper()
	o := github.Options{Token: secret.New(token), APIURL: s.URL, Repository: "acme/fleet", Budget: 50 * time.Second}
	for _, f := range change {
		f(&o)
	}
	c, err := github.NewFast(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// reply answers with a status, a body, and headers in pairs.
func reply(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

var inAnHour = fmt.Sprint(time.Now().Add(time.Hour).Unix())

func TestErrors(t *testing.T) {
	const message = `{"message": "it \u001b[31m is ::error::so"}`
	tests := []struct {
		name     string
		answer   http.HandlerFunc
		kind     github.Kind
		hint     string
		requests int
	}{
		{"bad token", reply(401, `{"message": "Bad credentials"}`), github.Unauthorized, "expired", 1},
		{"permission", reply(403, message, "X-Accepted-GitHub-Permissions", "pull_requests=read"), github.Forbidden, "pull_requests=read", 1},
		{"permission unnamed", reply(403, message), github.Forbidden, "permission", 1},
		{"sso", reply(403, message, "X-GitHub-SSO", "required; url=https://github.com/orgs/x/sso"), github.SSO, "https://github.com/orgs/x/sso",
			1},
		{"sso as 404", reply(404, message, "X-GitHub-SSO", "required; url=https://github.com/orgs/x/sso"), github.SSO,
			"https://github.com/orgs/x/sso", 1},
		{"not found", reply(404, message), github.NotFound, "may not see it", 1},
		{"refused", reply(422, `{"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]}`), github.Refused, "", 1},
		{"primary 403", reply(403, message, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", inAnHour), github.PrimaryLimit, "again after 20",
			1},
		{"primary 429", reply(429, message, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", inAnHour), github.PrimaryLimit, "again after 20",
			1},
		{"secondary 403", reply(403, `{"message": "You have exceeded a secondary rate limit."}`, "Retry-After", "3600"), github.SecondaryLimit,
			"3600 seconds", 1},
		{"secondary 429", reply(429, message, "Retry-After", "3600"), github.SecondaryLimit, "3600 seconds", 1},
		{"secondary without a time", reply(429, message), github.SecondaryLimit, "few minutes", 1},
		{"secondary by its text", reply(403, `{"message": "You have exceeded a secondary rate limit."}`), github.SecondaryLimit, "few minutes",
			1},
		{"server", reply(502, "<html>"), github.Server, "again", 7},
		{"limit that does not end", reply(429, message, "Retry-After", "0"), github.SecondaryLimit, "0 seconds", 7},
		{"not JSON", reply(200, "<html>"), github.Inconsistent, "", 1},
		{"other types", reply(200, `{"number": "7"}`), github.Inconsistent, "", 1},
		{"another pull request", reply(200, `{"number": 8, "head": {"sha": "`+sha+`"}}`), github.Inconsistent, "", 1},
		{"null", reply(200, `null`), github.Inconsistent, "", 1},
		{"no id", reply(200, `{"number": 7, "head": {"sha": "main"}}`), github.Inconsistent, "", 1},
		{"accepted", reply(202, `{}`), github.Inconsistent, "", 1},
		{"cut short", reply(200, `{"number": 7, "head": {`, "Content-Length", "1000"), github.Network, "", 1},
		{"redirected elsewhere", reply(302, "", "Location", "http://other.example/"), github.Inconsistent, "", 1},
		{"redirected for ever", reply(302, "", "Location", "/again"), github.Inconsistent, "", 6},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(spaces{}, github.MaxBody+1))
		}, github.Truncated, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, tt.answer)
			_, err := s.client(t).Head(t.Context(), 7)
			e, ok := errors.AsType[*github.Error](err)
			if !ok || e.Kind != tt.kind || !strings.Contains(e.Hint(), tt.hint) {
				t.Fatalf("got %v, kind %v, hint %q", err, e.Kind, e.Hint())
			}
			if strings.ContainsAny(e.Error()+e.Hint(), "\x1b\n\r") || strings.Contains(e.Error()+e.Hint(), token) ||
				!strings.HasPrefix(e.Error(), "read pull request 7: ") {
				t.Errorf("error %q, hint %q", e, e.Hint())
			}
			if len(s.received()) != tt.requests {
				t.Errorf("%d requests, want %d", len(s.received()), tt.requests)
			}
		})
	}
}

// spaces is endless JSON white space.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestReadingIsTriedAgain(t *testing.T) {
	good := reply(200, pullSeven)
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, bad := range map[string]http.HandlerFunc{
		"server":               reply(503, ""),
		"broken connection":    abort,
		"secondary":            reply(429, "", "Retry-After", "0"),
		"secondary 403":        reply(403, "", "Retry-After", "0"),
		"primary that is over": reply(403, "", "X-RateLimit-Remaining", "0", "Retry-After", "0"),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, bad, bad, good)
			got, err := s.client(t).Head(t.Context(), 7)
			if err != nil || got != sha || len(s.received()) != 3 {
				t.Errorf("got %q, %v after %d requests", got, err, len(s.received()))
			}
		})
	}
	t.Run("query", func(t *testing.T) {
		s := serve(t, reply(502, ""), reply(200, `{"data": {}}`))
		if err := s.client(t).Question(t.Context()); err != nil || len(s.received()) != 2 {
			t.Errorf("got %v after %d requests", err, len(s.received()))
		}
	})
	t.Run("query over a limit that has ended", func(t *testing.T) {
		s := serve(t, reply(200, `{"errors": [{"type": "RATE_LIMITED", "message": "no"}]}`, "X-RateLimit-Reset", fmt.Sprint(time.Now().Unix()-5)),
			reply(200, `{"data": {}}`))
		if err := s.client(t).Question(t.Context()); err != nil || len(s.received()) != 2 {
			t.Errorf("got %v after %d requests", err, len(s.received()))
		}
	})
	// After an answer that leaves nothing of the limit, GitHub is asked, not go-github.
	t.Run("last of the limit", func(t *testing.T) {
		s := serve(t, reply(200, pullSeven, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", inAnHour))
		c := s.client(t)
		for range 2 {
			if _, err := c.Head(t.Context(), 7); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWritingIsNeverRepeated(t *testing.T) {
	for name, bad := range map[string]http.HandlerFunc{
		"server":   reply(502, ""),
		"limit":    reply(429, "", "Retry-After", "0"),
		"broken":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect": reply(307, "", "Location", "/elsewhere"),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, bad)
			if err := s.client(t).Change(t.Context()); err == nil || len(s.received()) != 1 {
				t.Errorf("got %v after %d requests", err, len(s.received()))
			}
		})
	}
}

func TestGraphQLErrors(t *testing.T) {
	for kind, body := range map[github.Kind]string{
		github.PrimaryLimit: `{"type": "RATE_LIMITED", "message": "m"}`,
		github.Forbidden:    `{"type": "FORBIDDEN", "message": "m"}`,
		github.NotFound:     `{"type": "NOT_FOUND", "message": "m"}`,
		github.Server:       `{"message": "Something went wrong while executing your query. This may be the result of a timeout"}`,
		github.Refused:      `{"type": "SURPRISE", "message": "m"}`,
	} {
		s := serve(t, reply(200, `{"data": null, "errors": [`+body+`]}`, "X-RateLimit-Reset", inAnHour))
		err := s.client(t).Question(t.Context())
		if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != kind {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestTokenGoesToTheServerAlone(t *testing.T) {
	other := serve(t, reply(200, pullSeven))
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	if _, err := s.client(t).Head(t.Context(), 7); err == nil || len(other.received()) > 0 {
		t.Errorf("got %v, %d requests to another server", err, len(other.received()))
	}
	if got := s.received()[0].Header.Get("Authorization"); got != "Bearer "+token {
		t.Errorf("authorization %q", got)
	}
	renamed := serve(t, reply(301, "", "Location", "/repositories/1/pulls/7"), reply(200, pullSeven))
	if _, err := renamed.client(t).Head(t.Context(), 7); err != nil || renamed.received()[1].Header.Get("Authorization") == "" {
		t.Errorf("renamed repository: %v", err)
	}
	anonymous := serve(t, reply(200, pullSeven))
	if _, err := anonymous.client(t, func(o *github.Options) { o.Token = secret.Secret{} }).Head(t.Context(), 7); err != nil ||
		anonymous.received()[0].Header["Authorization"] != nil {
		t.Errorf("without a token: %v, %v", err, anonymous.received()[0].Header)
	}
}

func TestUnreachable(t *testing.T) {
	s := serve(t, reply(200, pullSeven))
	s.Close()
	_, err := s.client(t).Head(t.Context(), 7)
	if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.Network || e.Hint() == "" {
		t.Errorf("got %v", err)
	}
}

func TestBudget(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := s.client(t, func(o *github.Options) { o.Budget = 30 * time.Millisecond }).Head(t.Context(), 7)
	if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.Network || !strings.Contains(e.Error(), "budget") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.client(t).Head(ctx, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]github.Options{
		"no repository":  {},
		"no owner":       {Repository: "fleet"},
		"three parts":    {Repository: "acme/fleet/x"},
		"path":           {Repository: "acme/.."},
		"query":          {Repository: "acme/fleet?x"},
		"no scheme":      {Repository: "acme/fleet", APIURL: "api.github.com"},
		"other scheme":   {Repository: "acme/fleet", APIURL: "ftp://api.github.com"},
		"user":           {Repository: "acme/fleet", APIURL: "https://user:secret@ghe.example"},
		"GraphQL scheme": {Repository: "acme/fleet", GraphQLURL: "file:///graphql"},
	} {
		_, err := github.New(o)
		if e, ok := errors.AsType[*github.Error](err); !ok || e.Kind != github.Misuse || e.Hint() == "" || strings.Contains(e.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := github.New(github.Options{Repository: "acme/fleet.x_y-1"}); err != nil {
		t.Error(err)
	}
}

func TestEnterpriseAddresses(t *testing.T) {
	for _, tt := range []struct{ api, graphql, rest, query string }{
		{"", "", "/repos/acme/fleet/pulls/7", "/graphql"},
		{"/api/v3", "", "/api/v3/repos/acme/fleet/pulls/7", "/api/graphql"},
		{"/api/v3/", "", "/api/v3/repos/acme/fleet/pulls/7", "/api/graphql"},
		{"/api/v3", "/other/graphql", "/api/v3/repos/acme/fleet/pulls/7", "/other/graphql"},
	} {
		s := serve(t, reply(200, pullSeven))
		c := s.client(t, func(o *github.Options) {
			o.APIURL += tt.api
			if tt.graphql != "" {
				o.GraphQLURL = s.URL + tt.graphql
			}
		})
		if _, err := c.Head(t.Context(), 7); err != nil {
			t.Fatal(err)
		}
		if err := c.Question(t.Context()); err != nil {
			t.Fatal(err)
		}
		if rest, query := s.received()[0].URL.Path, s.received()[1].URL.Path; rest != tt.rest || query != tt.query {
			t.Errorf("%s: got %s and %s", tt.api, rest, query)
		}
	}
}

// TestRetriesAreTold: each wait, with its cause, and none without another try.
func TestRetriesAreTold(t *testing.T) {
	for name, tt := range map[string]struct {
		answers []http.HandlerFunc
		want    []string
	}{
		"away": {[]http.HandlerFunc{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, []string{
			"GitHub was not reached; trying again in 0s (2 of 7)", "GitHub was not reached; trying again in 0s (3 of 7)",
			"GitHub was not reached; trying again in 0s (4 of 7)", "GitHub was not reached; trying again in 0s (5 of 7)",
			"GitHub was not reached; trying again in 0s (6 of 7)", "GitHub was not reached; trying again in 0s (7 of 7)",
		}},
		"limited": {[]http.HandlerFunc{reply(429, `{}`, "Retry-After", "0"), reply(200, pullSeven)}, []string{
			"GitHub answered 429: a limit is used up; trying again in 0s (2 of 7)",
		}},
		"well":    {[]http.HandlerFunc{reply(200, pullSeven)}, nil},
		"refused": {[]http.HandlerFunc{reply(404, `{}`)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			c := serve(t, tt.answers...).client(t, func(o *github.Options) {
				o.Retrying = func(r github.Retry) { told = append(told, r.String()) }
			})
			_, _ = c.Head(t.Context(), 7)
			if !slices.Equal(told, tt.want) {
				t.Errorf("told %q", told)
			}
		})
	}
}
