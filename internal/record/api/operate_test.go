package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	neturl "net/url"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/api"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// operating is a receiver that can double words, and how often it did.
func operating(t *testing.T, token string, log io.Writer) (url string, done *int) {
	t.Helper()
	done = new(int)
	server := httptest.NewUnstartedServer(api.New(api.Options{
		Ledger: newShelf(t, 1), Log: slog.New(slog.NewTextHandler(log, nil)), LoopbackOnly: true, WriteToken: secret.New(token),
		Operations: map[string]api.Operation{
			"double": func(_ context.Context, question []byte) (any, error) {
				*done++
				return strings.Repeat(strings.Trim(string(question), `"`), 2), nil
			},
			"refuse": func(context.Context, []byte) (any, error) { return nil, api.Refused{What: "not so", Advice: "do this"} },
			"fail": func(context.Context, []byte) (any, error) {
				return nil, errors.Join(errors.New("the disk is full: " + leaktest.Token("full")))
			},
			"last": func(ctx context.Context, _ []byte) (any, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(300 * time.Millisecond):
					return "lasted", nil
				}
			},
		},
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, done
}

// ask has the receiver do something with a token.
func ask(t *testing.T, url, token, name, question string) (answer string, err error) {
	t.Helper()
	r, err := api.NewReceiver(url, secret.New(token))
	if err != nil {
		t.Fatal(err)
	}
	return answer, r.Do(t.Context(), name, question, &answer)
}

// TestOperations: who has the write token, and nobody else, gets done what it asks
// for, and is told in words why not.
func TestOperations(t *testing.T) {
	var log bytes.Buffer
	url, done := operating(t, leaktest.Secret, &log)
	for name, want := range map[string]string{"double": "wordword", "last": "lasted"} {
		if answer, err := ask(t, url+"/", leaktest.Secret, name, "word"); err != nil || answer != want {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
	}
	closed, _ := operating(t, "", &log)
	for what, c := range map[string]struct {
		url, token, name, question string
		refused                    bool
		want, hint                 string
	}{
		"another token":      {url, leaktest.Secret[1:], "double", "word", true, "not the receiver's write token", "--write-token-file"},
		"no token":           {url, "", "double", "word", true, "not the receiver's write token", "--write-token-file"},
		"no token to have":   {closed, "", "double", "word", true, "nothing can be appended", "--write-token-file"},
		"a token for nobody": {closed, leaktest.Secret, "double", "word", true, "nothing can be appended", "--write-token-file"},
		"refused":            {url, leaktest.Secret, "refuse", "word", true, "not so", "do this"},
		"too long":           {url, leaktest.Secret, "double", strings.Repeat("x", 64<<10), true, "too long", ""},
		"unknown":            {url, leaktest.Secret, "nothing", "word", true, "Not Found", ""},
		"trouble":            {url, leaktest.Secret, "fail", "word", false, "the disk is full: github_pat_***", ""},
		"nobody":             {"http://127.0.0.1:1", leaktest.Secret, "double", "word", false, "refused", "is it running"},
	} {
		before := *done
		_, err := ask(t, c.url, c.token, c.name, c.question)
		refused, is := errors.AsType[api.Refused](err)
		if err == nil || is != c.refused || !strings.Contains(err.Error(), c.want) || is && !strings.Contains(refused.Hint(), c.hint) {
			t.Errorf("%s: refused %v, %v", what, is, err)
		}
		if *done != before {
			t.Errorf("%s: it was done", what)
		}
		if err != nil && strings.Contains(err.Error(), leaktest.Mark) {
			t.Errorf("%s: the error has a token: %v", what, err)
		}
	}
	if !strings.Contains(log.String(), "takes the write token") || strings.Contains(log.String(), leaktest.Secret[1:]) {
		t.Errorf("the log:\n%s", &log)
	}
}

// TestOperationElsewhere: the write token goes to the receiver that was named, and no
// other, and is asked for in no other way.
func TestOperationElsewhere(t *testing.T) {
	var log bytes.Buffer
	url, done := operating(t, leaktest.Secret, &log)
	for _, server := range []http.Handler{
		http.RedirectHandler(url+"/api/v1/double", http.StatusTemporaryRedirect),
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }),
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }),
	} {
		other := httptest.NewServer(server)
		defer other.Close()
		_, err := ask(t, other.URL, leaktest.Secret, "double", "word")
		if _, refused := errors.AsType[api.Refused](err); err == nil || refused {
			t.Errorf("refused %v: %v", refused, err)
		}
	}
	answer, err := http.Get(url + "/api/v1/double?token=" + leaktest.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != http.StatusMethodNotAllowed || *done != 0 {
		t.Errorf("status %d, and %d were done", answer.StatusCode, *done)
	}
	for _, given := range []string{"", "127.0.0.1:8081", "ftp://x", "http://", "http://a:b@x", "http://x?y", "http://x#y", "http://\x00"} {
		if _, err := api.NewReceiver(given, secret.Secret{}); err == nil {
			t.Errorf("%q is a receiver", given)
		}
	}
}

// TestOperationPast: the write token goes past whatever proxy the machine names for the
// web, and strangers cannot fill the disk with lines in the log.
func TestOperationPast(t *testing.T) {
	var log bytes.Buffer
	url, _ := operating(t, leaktest.Secret, &log)
	var seen []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	defer proxy.Close()
	web := http.DefaultTransport.(*http.Transport)
	before := web.Proxy
	defer func() { web.Proxy = before; web.CloseIdleConnections() }()
	web.Proxy = func(*http.Request) (*neturl.URL, error) { return neturl.Parse(proxy.URL) }
	if answer, err := ask(t, url, leaktest.Secret, "double", "word"); err != nil || answer != "wordword" || len(seen) > 0 {
		t.Errorf("%q, %v: the proxy saw %q", answer, err, seen)
	}
	web.Proxy = before
	const strangers = 200
	for range strangers {
		if _, err := ask(t, url, "guess", "double", "word"); err == nil {
			t.Fatal("it was done")
		}
	}
	if n := strings.Count(log.String(), "takes the write token"); n == 0 || n > strangers/2 {
		t.Errorf("%d lines in the log", n)
	}
}
