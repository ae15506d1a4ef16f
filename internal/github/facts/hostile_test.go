package facts_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldfish-inc/fluxkeeper/internal/gate/change"
	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// tape keeps a hub's answers and plays them back. Requests that were never
// made get a 404.
type tape struct {
	mu      sync.Mutex
	record  bool
	answers map[string][]byte
	number  int
}

func (p *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	key := r.Method + " " + r.URL.RequestURI() + " " + string(body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.record {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if p.answers[key], err = io.ReadAll(resp.Body); err != nil {
			return nil, err
		}
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1}
	data, ok := p.answers[key]
	if !ok {
		resp.StatusCode, data = 404, []byte(`{}`)
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}

func (p *tape) facts(t testing.TB) (change.Facts, error) {
	t.Helper()
	c, err := newReader(github.Options{
		Token: secret.New(fakehub.Token), APIURL: "http://tape.example", Repository: fleet, Transport: p, Budget: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.Pull(t.Context(), p.number)
}

// newTape records an honest pull request of two commits whose base moved on.
func newTape(t testing.TB) (*tape, change.Facts) {
	w := newRepo(t)
	w.commit("start", "a.yaml", marked("1.0.0"), "b/c.yaml", marked("1.0.0"), "policy.yaml", imagePolicy, "left.yaml", marked("1.0.0"))
	w.branch("flux")
	one := w.commit("one", "a.yaml", marked("1.0.1"))
	two := w.commit("two", "b/c.yaml", marked("1.0.1"))
	w.git("checkout", "-q", "main")
	w.commit("other", "README.md", "1")
	w.serve()
	w.AddPush(fleet, fakehubPush("flux", "", one, "branch_creation"))
	w.AddPush(fleet, fakehubPush("flux", one, two, "push"))
	p := &tape{record: true, answers: map[string][]byte{}, number: w.open("flux")}
	c := w.client(func(o *github.Options) { o.Transport = p })
	facts, err := c.Pull(t.Context(), p.number)
	if err != nil || len(facts.Gaps) > 0 {
		t.Fatal(err, facts.Gaps)
	}
	p.record = false
	again, err := p.facts(t)
	if diff := cmp.Diff(facts, again, cmp.Comparer(bytes.Equal)); err != nil || diff != "" {
		t.Fatalf("the tape plays something else: %v\n%s", err, diff)
	}
	return p, facts
}

// core are the facts that must be whole where there is no gap: what differs,
// and by which commits. Names and texts are what the API says they are.
func core(f change.Facts) change.Facts {
	out := change.Facts{Base: f.Base, MergeBase: f.MergeBase, Head: f.Head, Crosswise: f.Crosswise, BaseRef: f.BaseRef, HeadRef: f.HeadRef,
		Files: f.Files}
	for _, c := range f.Commits {
		out.Commits = append(out.Commits, change.Commit{SHA: c.SHA, Parents: c.Parents})
	}
	if len(f.Unsearched) == 0 {
		out.Sources, out.Bystanders = f.Sources, f.Bystanders
	}
	return out
}

// checkHostile plays the tape with one answer changed.
func checkHostile(t *testing.T, p *tape, honest change.Facts, key, what string, answer []byte) {
	t.Helper()
	was := p.answers[key]
	p.answers[key] = answer
	defer func() { p.answers[key] = was }()
	facts, err := p.facts(t)
	if err != nil {
		_, known := errors.AsType[*github.Error](err)
		if !known || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: %s: error %q", key, what, err)
		}
		return
	}
	if len(facts.Gaps) > 0 {
		return
	}
	want, got := core(honest), core(facts)
	if len(facts.Unsearched) > 0 {
		want.Sources, want.Bystanders = nil, nil
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Errorf("%s: %s: other facts without a gap:\n%s", key, what, diff)
	}
	for _, c := range facts.Commits {
		if c.Author.When.IsZero() || c.Committer.When.IsZero() {
			t.Errorf("%s: %s: commit without a time", key, what)
		}
	}
}

// TestHostileAnswers changes each value of each answer, one at a time.
func TestHostileAnswers(t *testing.T) {
	p, honest := newTape(t)
	replacements := []string{`null`, `""`, `"\u001b[31m\nx"`, `-1`, `0`, `9223372036854775807`, `1e300`, `true`, `[]`, `{}`, `[null]`,
		`"` + strings.Repeat("0", 40) + `"`}
	tried := 0
	for _, key := range sortedKeys(p.answers) {
		var value any
		if err := json.Unmarshal(p.answers[key], &value); err != nil {
			t.Fatal(err)
		}
		original := p.answers[key]
		eachPlace(value, "", func(place string, set func(any)) {
			for _, r := range replacements {
				set(json.RawMessage(r))
				changed, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Equal(changed, original) {
					continue
				}
				tried++
				checkHostile(t, p, honest, key, place+" = "+r, changed)
			}
		})
	}
	if tried < 2000 {
		t.Errorf("tried %d changes only", tried)
	}
}

// eachPlace visits the places of a value that the client could look at, with a
// function that changes it; afterwards it is as before.
func eachPlace(value any, at string, visit func(place string, set func(any))) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if strings.HasSuffix(key, "url") || key == "node_id" || key == "_links" || key == "files" {
				continue
			}
			was := v[key]
			visit(at+"."+key, func(to any) { v[key] = to })
			v[key] = was
			eachPlace(was, at+"."+key, visit)
		}
	case []any:
		for i, was := range v {
			visit(fmt.Sprintf("%s[%d]", at, i), func(to any) { v[i] = to })
			v[i] = was
			eachPlace(was, fmt.Sprintf("%s[%d]", at, i), visit)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// FuzzHostileAnswers replaces bytes of an answer.
func FuzzHostileAnswers(f *testing.F) {
	p, honest := newTape(f)
	keys := sortedKeys(p.answers)
	for i := range keys {
		f.Add(i, uint(10), uint(20), []byte("null"))
		f.Add(i, uint(0), uint(1<<30), []byte(`{"data": {"repository": {}}}`))
	}
	f.Fuzz(func(t *testing.T, answer int, from, to uint, with []byte) {
		key := keys[uint(answer)%uint(len(keys))]
		was := p.answers[key]
		start := int(from % uint(len(was)+1))
		end := start + int(to%uint(len(was)-start+1))
		checkHostile(t, p, honest, key, fmt.Sprintf("%d-%d = %q", start, end, with), slices.Concat(was[:start], with, was[end:]))
	})
}
