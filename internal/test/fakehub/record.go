package fakehub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Request is one request as the hub got it.
type Request struct {
	// Number counts from 1 in the order of arrival.
	Number int
	Method string
	// Path is below the API's root, so the same for Enterprise Server. Query is
	// sorted.
	Path, Query string
	// Operation is GitHub's name, such as pulls/get; graphql for queries, and
	// graphql/NAME for a mutation. It is empty where there is none.
	Operation string
	// Accept and Version are what the request's headers say. No other header is
	// kept, and never the token.
	Accept, Version string
	// Body is the decoded JSON; nil when there was none.
	Body any
	// Vain says that GitHub's description refuses the request, whatever the token.
	Vain bool
	// GraphQL is the query, formatted anew.
	GraphQL string
	// Status is what was answered; 0 when nothing was.
	Status int
	// Start and End are measured from the first request's start.
	Start, End time.Duration

	hub *Hub
}

func (h *Hub) record(r *http.Request, body []byte, start time.Time) *Request {
	h.leaks(r, body)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.requests) == 0 {
		h.first = start
	}
	path := strings.TrimPrefix(r.URL.Path, h.base())
	query, err := url.QueryUnescape(r.URL.Query().Encode())
	if err != nil {
		query = r.URL.RawQuery
	}
	value, err := decodeJSON(body)
	if err != nil {
		value = string(body)
	}
	one := &Request{
		Number: len(h.requests) + 1, Method: r.Method, Path: path, Query: query,
		Accept: r.Header.Get("Accept"), Version: r.Header.Get("X-GitHub-Api-Version"),
		Body: value, Start: start.Sub(h.first), hub: h,
	}
	h.requests = append(h.requests, one)
	return one
}

func (r *Request) finish(status int) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.Status, r.End = status, time.Since(r.hub.first)
}

// Writes says whether the request asks GitHub to change something.
func (r Request) Writes() bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead && r.Operation != "graphql" && !r.Vain
}

// String is the request as a paragraph of text.
func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Method, r.Path)
	if r.Query != "" {
		fmt.Fprintf(&b, "?%s", r.Query)
	}
	fmt.Fprintf(&b, " → %d\n", r.Status)
	if r.Accept != "" && !strings.Contains(r.Accept, "json") {
		fmt.Fprintf(&b, "  Accept: %s\n", r.Accept)
	}
	body := r.Body
	if r.GraphQL != "" {
		b.WriteString(indent(strings.TrimSpace(r.GraphQL)))
		object, _ := body.(js)
		body = object["variables"]
	}
	if body != nil {
		b.WriteString(indent(pretty(body)))
	}
	return b.String()
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") + "\n" }

// pretty writes JSON with sorted names, for people.
func pretty(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Requests are all requests so far in the order of their arrival.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Request, len(h.requests))
	for i, r := range h.requests {
		all[i] = *r
	}
	return all
}

// Count is the number of requests, or of those to some operations.
func (h *Hub) Count(operations ...string) int {
	n := 0
	for _, r := range h.Requests() {
		if len(operations) == 0 || slices.Contains(operations, r.Operation) {
			n++
		}
	}
	return n
}

// Depth is the length of the longest run of requests of which each began only
// after the one before had been answered: what a round trip is multiplied by.
// It is exact only with a latency that is well above the client's own work.
func (h *Hub) Depth() int {
	all := h.Requests()
	slices.SortFunc(all, func(a, b Request) int { return int(a.End - b.End) })
	depth, free := 0, time.Duration(-1)
	for _, r := range all {
		if r.Start > free {
			depth, free = depth+1, r.End
		}
	}
	return depth
}

// Log is the text of all requests. Requests that only read may run side by
// side, so those between two writes are sorted; writes stay in their order.
// The hub's own address is written {hub}.
func (h *Hub) Log() string {
	var texts []string
	from := 0
	for _, r := range h.Requests() {
		if r.Writes() {
			slices.Sort(texts[from:])
			texts = append(texts, r.String())
			from = len(texts)
			continue
		}
		texts = append(texts, r.String())
	}
	slices.Sort(texts[from:])
	return strings.ReplaceAll(strings.Join(texts, "\n"), h.server.URL, "{hub}")
}

// ResetLog forgets the requests so far.
func (h *Hub) ResetLog() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = nil
}
