package hooks_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/record/audit"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
)

// TestTold reads our answer where GitHub has one to this delivery, from this webhook's
// URL, and no other.
func TestTold(t *testing.T) {
	w := hookWorld(t, nil)
	id := strings.Repeat("0123456789abcdef", 4)
	mode := ""
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusAccepted)
		switch mode {
		case "a proxy's":
			_, _ = io.WriteString(rw, "<html>queued</html>")
		case "nothing":
		default:
			_ = json.NewEncoder(rw).Encode(audit.Reply{ID: id, GUID: r.Header.Get("X-GitHub-Delivery")})
		}
	}))
	defer receiver.Close()
	hook := audit.Hook{Scope: "repository", Owner: fleet, URL: receiver.URL}
	hook.ID = w.AddHook(fakehub.Hook{On: fleet, URL: receiver.URL})
	c := w.webhooks(adminToken, github.App{})
	latest := func() audit.Attempt {
		l, err := c.Deliveries(t.Context(), hook, monthAgo)
		if err != nil {
			t.Fatal(err)
		}
		return l.Attempts[0]
	}
	for _, test := range []struct {
		mode  string
		fate  fakehub.Fate
		asked func(*audit.Hook, *audit.Attempt)
		want  string
	}{
		{"ours", fakehub.Fate{}, nil, id},
		{"a proxy's", fakehub.Fate{}, nil, ""},
		{"nothing", fakehub.Fate{}, nil, ""},
		{"swallowed", fakehub.Fate{Swallowed: true}, nil, ""},
		{"lost", fakehub.Fate{Lost: fakehub.NoHost}, nil, ""},
		{"of another URL", fakehub.Fate{}, func(h *audit.Hook, _ *audit.Attempt) { h.URL += "/new" }, ""},
		{"to another delivery", fakehub.Fate{}, func(_ *audit.Hook, a *audit.Attempt) { a.GUID = "another" }, ""},
	} {
		mode = test.mode
		w.Emit(fakehub.Event{Name: "push", Repo: fleet, Body: []byte(`{}`)}, test.fate)
		at, a := hook, latest()
		if test.asked != nil {
			test.asked(&at, &a)
		}
		if got, err := c.Told(t.Context(), at, a); got != test.want || err != nil {
			t.Errorf("%s: %q, %v", test.mode, got, err)
		}
	}
	a := latest()
	a.ID = 7
	if got, err := c.Told(t.Context(), hook, a); got != "" || !errors.Is(err, audit.ErrForgotten) {
		t.Errorf("forgotten: %q, %v", got, err)
	}
	w.AddFault(fakehub.Fault{On: "repos/get-webhook-delivery", Status: 500, Times: -1})
	if got, err := c.Told(t.Context(), hook, latest()); got != "" || err == nil {
		t.Errorf("GitHub in trouble: %q, %v", got, err)
	}
}
