package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/github"
	"github.com/goldfish-inc/fluxkeeper/internal/github/hooks"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// TestRoundKeepsItsLimit: what one webhook leaves of the limit is the most that
// the next one gets, also when that is nothing.
func TestRoundKeepsItsLimit(t *testing.T) {
	var asked atomic.Int64
	when := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		hook := 1
		if strings.Contains(r.URL.Path, "/two") {
			hook = 2
		}
		switch path := r.URL.Path; {
		case r.Method == http.MethodPost:
			asked.Add(1)
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{}`)
		case strings.HasSuffix(path, "/activity"):
			fmt.Fprint(w, `[]`)
		case strings.HasSuffix(path, "/hooks"):
			fmt.Fprintf(w, `[{"id":%d,"active":true,"events":["*"],"config":{"url":"https://x/webhooks/github"},`+
				`"created_at":"2026-01-01T00:00:00Z"}]`, hook)
		case strings.HasSuffix(path, "/deliveries"):
			fmt.Fprintf(w, `[{"id":%d1,"guid":"a%d","delivered_at":%q,"status":"timeout","event":"push"},{"id":%d2,"guid":"b%d",`+
				`"delivered_at":%q,"status":"timeout","event":"push"}]`,
				hook, hook, when, hook, hook, when)
		default:
			fmt.Fprintf(w, `{"id":%d,"full_name":"acme/x"}`, hook)
		}
	}))
	defer hub.Close()
	client, err := hooks.New(github.Options{Token: secret.New("token"), APIURL: hub.URL}, github.App{})
	if err != nil {
		t.Fatal(err)
	}
	l := listing{Repo: []string{"acme/one", "acme/two"}, APIURL: hub.URL}
	r := l.reconciler(client, keep(t))
	n, err := r.Round(t.Context(), r.Last(24*time.Hour), redeliver{Tries: 5, Limit: 2, Rate: 1000}.options(nil))
	if err != nil || n != 2 || asked.Load() != 2 {
		t.Errorf("asked for %d, GitHub heard of %d, want 2; %v", n, asked.Load(), err)
	}
}
