package probe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/probe"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	pat "github.com/goldfish-inc/fluxkeeper/internal/token"
)

func TestRevokeKillsThatTokenOnly(t *testing.T) {
	h := fakehub.NewWith(t, fakehub.Options{Now: func() time.Time { return noon }})
	old, other := made(pat.FineGrained), made(pat.Classic)
	for _, text := range []string{old, other} {
		h.AddToken(text, goodGrant(pat.Inspect(secret.New(text)).Kind))
	}
	ask := func(text string) pat.Class {
		t.Helper()
		class, err := probe.Answers(t.Context(), github.Options{APIURL: h.URL, Token: secret.New(text)})
		if err != nil {
			t.Fatal(err)
		}
		return class
	}
	if got := ask(old); got != pat.OK {
		t.Fatalf("before: %s", got)
	}
	// A token of our own must not go along, or GitHub refuses.
	if err := probe.Revoke(t.Context(), github.Options{APIURL: h.URL, Token: secret.New(other)}, secret.New(old)); err != nil {
		t.Fatal(err)
	}
	if got := ask(old); got != pat.BadCredentials {
		t.Errorf("the revoked token: %s", got)
	}
	if got := ask(other); got != pat.OK {
		t.Errorf("the other token: %s", got)
	}
}

func TestRevokeSendsNothingThatGitHubDoesNotTake(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("something was sent") }))
	defer s.Close()
	for _, text := range []string{made(pat.Installation), made(pat.Legacy), "hunter2", ""} {
		if err := probe.Revoke(t.Context(), github.Options{APIURL: s.URL}, secret.New(text)); err == nil {
			t.Error("no error")
		}
	}
	if _, err := probe.Answers(t.Context(), github.Options{APIURL: s.URL, Token: secret.New("hunter2")}); err == nil {
		t.Error("a text that is no token is asked about")
	}
}

func TestRevokeTellsNoToken(t *testing.T) {
	old := made(pat.Classic)
	for name, handler := range map[string]http.HandlerFunc{
		"quoted": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprintf(w, `{"message":"cannot revoke %s"}`, old)
		},
		"hung up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		s := httptest.NewServer(handler)
		err := probe.Revoke(t.Context(), github.Options{APIURL: s.URL}, secret.New(old))
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), old) {
			t.Errorf("%s: no error, or one with the token", name)
		}
		s.Close()
	}
}
