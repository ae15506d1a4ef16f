package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// quoting are servers that misbehave as an API could that means to have tokens
// printed: by name, their addresses.
func quoting(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, handler := range map[string]func(http.ResponseWriter, string){
		"hangs up": func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
		"no JSON":  func(w http.ResponseWriter, _ string) { fmt.Fprint(w, "<html>") },
		"unauthorized": func(w http.ResponseWriter, _ string) {
			http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
		},
		"quotes in words": func(w http.ResponseWriter, given string) {
			http.Error(w, fmt.Sprintf(`{"message":"no such token: %s"}`, given), http.StatusForbidden)
		},
		"quotes in headers": func(w http.ResponseWriter, given string) {
			w.Header().Set("Github-Authentication-Token-Expiration", given)
			w.Header().Set("X-Oauth-Scopes", given)
			w.Header().Set("X-Accepted-Github-Permissions", given+"=write")
			w.Header().Set("X-Github-Sso", "required; url=https://github.com/"+given)
			fmt.Fprintf(w, `{"login":%q,"id":1,"type":"User","full_name":%q,"private":true}`, given, "acme/fleet")
		},
		"sends elsewhere": func(w http.ResponseWriter, given string) {
			w.Header().Set("Location", "http://127.0.0.1:1/"+given)
			w.WriteHeader(http.StatusFound)
		},
		"in trouble": func(w http.ResponseWriter, _ string) { http.Error(w, "oops", http.StatusBadGateway) },
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			handler(w, given)
		}))
		t.Cleanup(s.Close)
		all[name] = s.URL
	}
	return all
}
