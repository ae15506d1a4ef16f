package esctest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// Backend is the server. Its fields may be changed between requests.
type Backend struct {
	*httptest.Server
	t     testing.TB
	token string

	mu sync.Mutex
	// Text is the definition, as it is saved.
	Text     string
	hidden   map[string]string // ciphertext to value
	Revision int
	// Sessions are how long each opened environment may be read, by id.
	Sessions map[string]time.Duration
	past     map[int]string // definitions by revision
	open     string         // the definition that was opened
	// Asked are the requests: method and address.
	Asked []string
	// Before runs before a change is saved, as another user would.
	Before func()
	// Answer, where set, answers everything.
	Answer http.HandlerFunc
}

// Serve starts a backend that takes one access token, and whose environment has
// this definition.
func Serve(t testing.TB, token, text string) *Backend {
	f := &Backend{t: t, token: token, Text: text, hidden: map[string]string{}, Revision: 7, Sessions: map[string]time.Duration{},
		past: map[int]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.handle))
	t.Cleanup(f.Close)
	return f
}

func (f *Backend) tag() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(f.Text)))[:16] }

func (f *Backend) handle(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Asked = append(f.Asked, r.Method+" "+r.URL.RequestURI())
	leaktest.Text(f.t, "the address of a request to Pulumi", []byte(r.URL.RequestURI()))
	for name, want := range map[string]string{
		"Authorization": "token " + f.token, "Accept": "application/vnd.pulumi+8", "Content-Type": "application/json",
	} {
		if got := r.Header.Get(name); got != want {
			f.t.Errorf("%s %s: header %s is wrong", r.Method, r.URL.Path, name) // its value may be a token
			http.Error(w, `{"code":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
			return
		}
	}
	if !strings.HasPrefix(r.UserAgent(), "fluxkeeper") {
		f.t.Errorf("%s %s: user agent %q", r.Method, r.URL.Path, r.UserAgent())
	}
	if f.Answer != nil {
		f.Answer(w, r)
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/esc/environments/acme/flux/prod")
	if !ok {
		http.Error(w, `{"code":404,"message":"Not Found: environment"}`, http.StatusNotFound)
		return
	}
	switch {
	case r.Method == http.MethodGet && rest == "":
		w.Header().Set("ETag", f.tag())
		w.Header().Set("Pulumi-ESC-Revision", fmt.Sprint(f.Revision))
		fmt.Fprint(w, f.Text)
	case r.Method == http.MethodPatch && rest == "":
		f.save(w, r)
	case r.Method == http.MethodPost && strings.HasSuffix(rest, "/open"):
		f.open = f.Text
		if version, ok := strings.CutPrefix(strings.TrimSuffix(rest, "/open"), "/versions/"); ok {
			n, err := strconv.Atoi(version)
			if f.open, ok = f.past[n]; err == nil && n == f.Revision {
				f.open, ok = f.Text, true
			}
			if err != nil || !ok {
				http.Error(w, `{"code":404,"message":"Not Found: revision"}`, http.StatusNotFound)
				return
			}
		}
		length, err := time.ParseDuration(r.URL.Query().Get("duration"))
		if err != nil {
			f.t.Errorf("duration: %v", err)
		}
		f.Sessions["s1"] = length
		fmt.Fprint(w, `{"id":"s1"}`)
	case r.Method == http.MethodGet && rest == "/open/s1" && f.Sessions["s1"] > 0:
		f.property(w, r.URL.Query().Get("property"))
	default:
		http.Error(w, `{"code":404,"message":"Not Found"}`, http.StatusNotFound)
	}
}

func (f *Backend) save(w http.ResponseWriter, r *http.Request) {
	if f.Before != nil {
		f.Before()
	}
	if r.Header.Get("ETag") != f.tag() {
		http.Error(w, `{"code":409,"message":"Conflict: the environment has been modified"}`, http.StatusConflict)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(body, &root); err != nil {
		http.Error(w, `{"code":400,"message":"Bad Request","diagnostics":[{"summary":"not YAML"}]}`, http.StatusBadRequest)
		return
	}
	f.encrypt(&root)
	text, err := yaml.Marshal(&root)
	if err != nil {
		f.t.Error(err)
	}
	f.past[f.Revision] = f.Text
	f.Text, f.Revision = string(text), f.Revision+1
	w.Header().Set("Pulumi-ESC-Revision", fmt.Sprint(f.Revision))
	fmt.Fprint(w, `{}`)
}

// encrypt hides what is under fn::secret.
func (f *Backend) encrypt(n *yaml.Node) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "fn::secret" && c.Kind == yaml.ScalarNode {
			name := fmt.Sprintf("ZXNjeA%d", len(f.hidden))
			f.hidden[name] = c.Value
			*c = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "ciphertext"},
				{Kind: yaml.ScalarNode, Value: name}}}
		}
		f.encrypt(c)
	}
}

// property evaluates a path of dots.
func (f *Backend) property(w http.ResponseWriter, path string) {
	var root struct {
		Values map[string]any `yaml:"values"`
	}
	if err := yaml.Unmarshal([]byte(f.open), &root); err != nil {
		f.t.Error(err)
	}
	var at any = root.Values
	for _, key := range strings.Split(path, ".") {
		m, _ := at.(map[string]any)
		at = m[key]
	}
	switch v := at.(type) {
	case string:
		fmt.Fprintf(w, `{"value":%q,"trace":{}}`, v)
	case map[string]any:
		if hidden, ok := v["fn::secret"].(map[string]any); ok {
			fmt.Fprintf(w, `{"value":%q,"secret":true,"trace":{}}`, f.hidden[hidden["ciphertext"].(string)])
			return
		}
		fmt.Fprint(w, `{"value":{}}`)
	default:
		http.Error(w, `{"code":404,"message":"Not Found: property"}`, http.StatusNotFound)
	}
}
