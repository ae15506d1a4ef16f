package fakehub

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// operation answers one operation of GitHub's description.
type operation struct {
	// needs are the permissions, as in X-Accepted-GitHub-Permissions.
	needs string
	do    func(*call) answer
}

// answer is a status and a JSON body; raw bytes when the body is []byte.
type answer struct {
	status int
	body   any
}

// call is one request that is being answered.
type call struct {
	hub    *Hub
	r      *http.Request
	repo   *repo // of the path; nil when there is none
	token  *token
	params map[string]string
	query  url.Values
	body   js          // of the request, when it is an object
	list   []any       // of the request, when it is a list
	header http.Header // of the answer
	needs  string
}

func (h *Hub) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	record := h.record(r, body, start)
	a, due := h.reply(r, body, record, w.Header())
	h.mu.Lock()
	wait := max(h.latency, 0) + due.Delay
	h.mu.Unlock()
	if due.Hang {
		wait = time.Hour
	}
	if !h.pause(r, start, wait) {
		record.finish(0)
		return
	}
	h.send(w, a, due, record)
	if strings.HasSuffix(record.Operation, "/redeliver-webhook-delivery") {
		h.Deliver() // after the answer, as GitHub does
	}
}

// pause waits until so long after the start; false when there is nobody left
// to answer.
func (h *Hub) pause(r *http.Request, start time.Time, wait time.Duration) bool {
	left := wait - time.Since(start)
	if left <= 0 {
		return true
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-h.closed:
	}
	return false
}

func (h *Hub) send(w http.ResponseWriter, a answer, due Fault, record *Request) {
	data, raw := a.body.([]byte)
	if !raw && a.body != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		data = encode(a.body)
	}
	switch {
	case due.Reset:
		record.finish(0)
		reset(w)
		return
	case due.Cut:
		record.finish(a.status)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.WriteHeader(a.status)
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	record.finish(a.status)
	w.WriteHeader(a.status)
	if _, err := w.Write(data); err != nil {
		return // the client went away
	}
}

// reset breaks a connection off within the status line: where nothing at all
// has come, Go's client asks again by itself, now and then.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write([]byte("HTTP/1.1 "))
	_ = conn.Close()
}

// encode writes JSON; what the hub builds can always be written.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

// reply works out the answer to a request, and the faults that hit it.
func (h *Hub) reply(r *http.Request, body []byte, record *Request, header http.Header) (answer, Fault) {
	decoded, err := decodeJSON(body)
	if err != nil {
		h.problem("%s %s: %v", r.Method, record.Path, err)
		return answer{400, message("Problems parsing JSON")}, Fault{}
	}
	if r.UserAgent() == "" {
		h.problem("%s %s: no User-Agent", r.Method, record.Path)
		return answer{403, message("Request forbidden by administrative rules.")}, Fault{}
	}
	c := &call{hub: h, r: r, query: r.URL.Query(), header: header}
	c.body, _ = decoded.(js)
	c.list, _ = decoded.([]any)
	header.Set("X-GitHub-Request-Id", fmt.Sprintf("FAKE:%d", record.Number))
	header.Set("Server", "github.com")
	header.Set("Date", h.now().Format(http.TimeFormat))
	if h.isGraphQL(r) {
		return h.replyGraphQL(c, record)
	}
	if owner, name, ok := pushed(r); ok {
		return h.replyGit(c, owner, name, record)
	}
	if name, sha, ok := archived(r); ok {
		return h.replyArchive(c, name, sha, record)
	}
	return h.replyREST(c, body, decoded, record)
}

// base is the path that the REST API is under.
func (h *Hub) base() string {
	if h.options.Enterprise {
		return "/api/v3"
	}
	return ""
}

func (h *Hub) isGraphQL(r *http.Request) bool {
	if h.options.Enterprise {
		return r.URL.Path == "/api/graphql"
	}
	return r.URL.Path == "/graphql"
}

func (h *Hub) replyREST(c *call, body []byte, decoded any, record *Request) (answer, Fault) {
	place := c.r.Method + " " + record.Path
	inner := c.r.Clone(c.r.Context())
	inner.URL.Path, inner.URL.RawPath = record.Path, ""
	inner.Host, inner.URL.Host = "", ""
	version := c.r.Header.Get("X-GitHub-Api-Version")
	if version != "" && !slices.Contains([]string{"2022-11-28", "2026-03-10"}, version) {
		h.problem("%s: GitHub knows no API version %q", place, version)
		return answer{400, message("Unsupported API version")}, Fault{}
	}
	m, err := h.spec.find(inner, strings.TrimPrefix(c.r.URL.EscapedPath(), h.base()))
	if err == nil && h.ops[m.id()].do == nil {
		err = fmt.Errorf("%s is not simulated", m.id())
	}
	if err != nil || h.options.Enterprise && !strings.HasPrefix(c.r.URL.Path, "/api/v3/") {
		h.problem("unknown route %s: %v", place, err)
		return answer{404, message("Not Found")}, Fault{}
	}
	record.Operation = m.id()
	err = h.spec.checkRequest(m, inner, body, decoded)
	if record.Writes() && (h.options.ProbesOnly || h.options.Probes && err != nil) {
		return h.replyProbe(c, m, err, record)
	}
	if err != nil {
		h.problem("%s: GitHub's description refuses the request: %s", place, brief(err))
		return answer{422, message("Validation Failed")}, Fault{}
	}
	c.params = m.params

	h.mu.Lock()
	due := h.due(m.id())
	a := h.operate(c, h.ops[m.id()], due)
	if due.Move != nil {
		if err := h.apply(due.Move); err != nil {
			h.problem("%v", err)
		}
	}
	h.mu.Unlock()

	if _, raw := a.body.([]byte); !raw && !h.options.Unchecked {
		check := http.Header{"Content-Type": {"application/json"}}
		var data []byte
		if a.body != nil {
			data = encode(a.body)
		}
		if err := h.spec.checkResponse(m, a.status, check, data); err != nil {
			h.problem("%s: GitHub's description refuses our answer %d: %s", place, a.status, brief(err))
		}
	}
	return a, due
}

// operate answers an operation as the token may. The lock is held.
func (h *Hub) operate(c *call, op operation, due Fault) answer {
	if owner, ok := c.params["owner"]; ok {
		c.repo = h.repos[strings.ToLower(owner+"/"+c.params["repo"])]
	}
	t, refused := h.authenticate(c.r)
	c.token, c.needs = t, op.needs
	c.limits("core")
	if refused != nil {
		return *refused
	}
	c.tokenHeaders(op.needs)
	if a := due.answer(); a != nil {
		for name, value := range due.Header {
			c.header.Set(name, value)
		}
		return *a
	}
	if _, ok := c.params["owner"]; ok && c.repo == nil {
		return answer{404, message("Not Found")}
	}
	if a := c.refuse(op.needs); a != nil {
		return *a
	}
	return op.do(c)
}

// limits sets the rate limit headers.
func (c *call) limits(resource string) {
	limit := 5000
	switch {
	case c.token == nil:
		limit = 60
	case c.token.Kind == ActionsToken:
		limit = 1000
	}
	used := len(c.hub.requests)
	remaining := max(limit-used, 1)
	if c.token != nil && c.token.Remaining > 0 {
		remaining = c.token.Remaining
	}
	reset := c.hub.now().Truncate(time.Hour).Add(time.Hour)
	for name, value := range map[string]string{
		"limit": strconv.Itoa(limit), "used": strconv.Itoa(used), "remaining": strconv.Itoa(remaining),
		"reset": strconv.FormatInt(reset.Unix(), 10), "resource": resource,
	} {
		c.header.Set("x-ratelimit-"+name, value)
	}
}
