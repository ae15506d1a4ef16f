package fakehub

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Options say what a hub is made of.
type Options struct {
	Repos []Repo
	// Enterprise serves under /api/v3 and /api/graphql, as an Enterprise Server.
	Enterprise bool
	// Listen is an address such as 127.0.0.1:0, which is also the default.
	Listen string
	// Now is the clock of times that GitHub sets; time.Now when nil.
	Now func() time.Time
	// Unchecked skips holding answers against GitHub's descriptions, which takes
	// longer than answering. It is for measuring time only.
	Unchecked bool
	// Probes answers requests that GitHub's description refuses as GitHub does, and
	// takes them for no problem, as a program sends them that only wants to know
	// whether it would have been allowed to.
	Probes bool
	// ProbesOnly, moreover, lets no request change anything: one that GitHub would
	// obey is a problem.
	ProbesOnly bool
	// Problem takes what is wrong: requests that GitHub would not take, answers
	// that it would not give. It may be called from many goroutines at once.
	Problem func(string)
}

// Hub is a running fake GitHub. Its methods may be called while it runs.
type Hub struct {
	// URL is the base of the REST API, without a slash at the end.
	URL string
	// GraphQLURL is where queries go.
	GraphQLURL string

	options Options
	spec    *spec
	server  *httptest.Server
	ops     map[string]operation

	mu       sync.Mutex // guards what follows
	repos    map[string]*repo
	accounts map[string]Account
	tokens   map[string]*token
	faults   []*fault
	requests []*Request
	nextID   int64
	latency  time.Duration
	first    time.Time // when the first request came
	app      *App
	hooks    []*hook
	rulesets []Ruleset
	// protections are by full name and branch, environments by full name and their own, the rest by full name or login.
	protections  map[string]Protection
	environments map[string]Environment
	actions      map[string]ActionsSettings
	secrets      map[string][]string
	outbox       []*attempt // what is still to be sent

	lastAttempt int64
	sending     sync.Mutex // held while deliveries are sent; taken before mu

	done      atomic.Bool
	closed    chan struct{} // once done
	problemMu sync.Mutex    // guards problems; a problem may come up while mu is held
	problems  []string
}

// New starts a hub for one test: what is wrong fails the test, and it is shut
// down when the test ends.
func New(t testing.TB, repos ...Repo) *Hub {
	t.Helper()
	return NewWith(t, Options{Repos: repos})
}

// NewWith is New with more to say.
func NewWith(t testing.TB, options Options) *Hub {
	t.Helper()
	if options.Problem == nil {
		options.Problem = func(what string) { t.Errorf("fakehub: %s", what) }
	}
	h, err := Start(options)
	if err != nil {
		t.Fatalf("fakehub: %v", err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("fakehub: %v", err)
		}
	})
	return h
}

// Start starts a hub without a test around it. Close shuts it down.
func Start(options Options) (*Hub, error) {
	s, err := loadSpec()
	if err != nil {
		return nil, err
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Listen == "" {
		options.Listen = "127.0.0.1:0"
	}
	h := &Hub{
		options: options, spec: s,
		repos: map[string]*repo{}, accounts: map[string]Account{}, tokens: map[string]*token{},
		protections: map[string]Protection{}, actions: map[string]ActionsSettings{},
		environments: map[string]Environment{}, secrets: map[string][]string{},
		nextID: 1000, closed: make(chan struct{}),
	}
	h.ops = operations()
	h.defaults()
	for _, r := range options.Repos {
		if err := h.addRepo(r); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	h.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(h.serve)}}
	h.server.Start()
	h.URL, h.GraphQLURL = h.server.URL, h.server.URL+"/graphql"
	if options.Enterprise {
		h.URL, h.GraphQLURL = h.server.URL+"/api/v3", h.server.URL+"/api/graphql"
	}
	return h, nil
}

// Close stops the hub and reports what was ordered and never met. Closing it
// again does nothing.
func (h *Hub) Close() error {
	if h.done.Swap(true) {
		return nil
	}
	close(h.closed)
	h.server.CloseClientConnections()
	h.server.Close()
	h.reportUnused()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range sortedKeys(h.repos) {
		if err := h.repos[name].git.close(); err != nil {
			return fmt.Errorf("stop git: %w", err)
		}
	}
	return nil
}

// Problems are the complaints so far, in the order they came up.
func (h *Hub) Problems() []string {
	h.problemMu.Lock()
	defer h.problemMu.Unlock()
	return append([]string(nil), h.problems...)
}

func (h *Hub) problem(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	h.problemMu.Lock()
	h.problems = append(h.problems, what)
	h.problemMu.Unlock()
	if h.options.Problem != nil {
		h.options.Problem(what)
	}
}

// id gives a new number for something that GitHub numbers. The lock is held.
func (h *Hub) id() int64 {
	h.nextID++
	return h.nextID
}

func (h *Hub) now() time.Time { return h.options.Now().UTC().Truncate(time.Second) }
