package esc_test

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
)

// fake is a Pulumi backend with one environment, acme/flux/prod. It keeps to
// what Pulumi's API description and its own client say: the headers, the tag in a
// request header named ETag, fn::secret encrypted when it is saved.
type fake struct {
	*httptest.Server
	t     *testing.T
	token string

	mu       sync.Mutex
	text     string            // the definition
	hidden   map[string]string // ciphertext to value
	revision int
	sessions map[string]time.Duration
	past     map[int]string // definitions by revision
	open     string         // the definition that was opened
	asked    []string
	// before runs before a change is saved, as another user would.
	before func()
	// answer, where set, answers everything.
	answer http.HandlerFunc
}

func serve(t *testing.T, token, text string) *fake {
	f := &fake{t: t, token: token, text: text, hidden: map[string]string{}, revision: 7, sessions: map[string]time.Duration{}, past: map[int]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.handle))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) tag() string { return fmt.Sprintf("%x", sha256.Sum256([]byte(f.text)))[:16] }

func (f *fake) handle(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.Method+" "+r.URL.RequestURI())
	for name, want := range map[string]string{
		"Authorization": "token " + f.token, "Accept": "application/vnd.pulumi+8", "Content-Type": "application/json", "User-Agent": "fluxkeeper/test",
	} {
		if got := r.Header.Get(name); got != want {
			f.t.Errorf("%s %s: header %s is wrong", r.Method, r.URL.Path, name) // its value may be a token
			http.Error(w, `{"code":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
			return
		}
	}
	if f.answer != nil {
		f.answer(w, r)
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
		w.Header().Set("Pulumi-ESC-Revision", fmt.Sprint(f.revision))
		fmt.Fprint(w, f.text)
	case r.Method == http.MethodPatch && rest == "":
		f.save(w, r)
	case r.Method == http.MethodPost && strings.HasSuffix(rest, "/open"):
		f.open = f.text
		if version, ok := strings.CutPrefix(strings.TrimSuffix(rest, "/open"), "/versions/"); ok {
			n, err := strconv.Atoi(version)
			if f.open, ok = f.past[n]; err != nil || !ok {
				http.Error(w, `{"code":404,"message":"Not Found: revision"}`, http.StatusNotFound)
				return
			}
		}
		length, err := time.ParseDuration(r.URL.Query().Get("duration"))
		if err != nil {
			f.t.Errorf("duration: %v", err)
		}
		f.sessions["s1"] = length
		fmt.Fprint(w, `{"id":"s1"}`)
	case r.Method == http.MethodGet && rest == "/open/s1" && f.sessions["s1"] > 0:
		f.property(w, r.URL.Query().Get("property"))
	default:
		http.Error(w, `{"code":404,"message":"Not Found"}`, http.StatusNotFound)
	}
}

func (f *fake) save(w http.ResponseWriter, r *http.Request) {
	if f.before != nil {
		f.before()
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
	f.past[f.revision] = f.text
	f.text, f.revision = string(text), f.revision+1
	w.Header().Set("Pulumi-ESC-Revision", fmt.Sprint(f.revision))
	fmt.Fprint(w, `{}`)
}

// encrypt hides what is under fn::secret.
func (f *fake) encrypt(n *yaml.Node) {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "fn::secret" && c.Kind == yaml.ScalarNode {
			name := fmt.Sprintf("ZXNjeA%d", len(f.hidden))
			f.hidden[name] = c.Value
			*c = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "ciphertext"}, {Kind: yaml.ScalarNode, Value: name}}}
		}
		f.encrypt(c)
	}
}

// property evaluates a path of dots.
func (f *fake) property(w http.ResponseWriter, path string) {
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
