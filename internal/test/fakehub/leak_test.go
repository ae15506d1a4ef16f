package fakehub_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/fakehub"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// TestLeaksInRequestsFailTheTest sends tokens where they belong and where they do
// not.
func TestLeaksInRequestsFailTheTest(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{Problem: c.add})
	w.AddToken(leaktest.Token("sent"), fakehub.Grant{Kind: fakehub.FineGrained, Account: "fluxbot",
		Permissions: map[string]string{"contents": "read"}})
	packed := base64.StdEncoding.EncodeToString([]byte("it is " + fakehub.Token))
	const comments = "/repos/goldfish-inc/oceanid/issues/1/comments"
	w.OpenPull(full, fakehub.Pull{Title: "x", Head: "flux-image-updates"})
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		want               string
	}{
		"in Authorization": {http.MethodGet, "/meta", "", []string{"Authorization", "Bearer " + leaktest.Token("sent")}, ""},
		"to be revoked": {http.MethodPost, "/credentials/revoke", `{"credentials":["` + leaktest.Token("sent") + `"]}`,
			[]string{"Authorization", ""}, ""},
		"in a comment": {http.MethodPost, comments, `{"body":"see ` + fakehub.Token + `"}`, nil,
			"the body of a request (POST): line 1 holds a token of GitHub"},
		"packed": {http.MethodPost, comments, `{"body":"` + packed + `"}`, nil,
			"the body of a request (POST): line 1 holds a token of GitHub in base64"},
		"in the query": {http.MethodGet, "/repos/goldfish-inc/oceanid/pulls?head=%67hs_query", "", nil,
			"the address of a request (GET): line 1 holds a token of GitHub escaped"},
		"in a header": {http.MethodGet, "/meta", "", []string{"X-GitHub-Api-Version", "2022-11-28", "X-Was", fakehub.Token},
			"the header X-Was of a request (GET): line 1 holds a token of GitHub"},
	} {
		w.send(test.method, test.path, test.body, test.headers...)
		got := c.take()
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) || len(leaktest.Find([]byte(got))) > 0 {
			t.Errorf("%s: got %q, want %q", name, leaktest.Redact(got), test.want)
		}
	}
}

// TestSecretsMustBeKnownByTheirLook: one that could not be told from other text
// would never be found where it does not belong.
func TestSecretsMustBeKnownByTheirLook(t *testing.T) {
	var c complaints
	w := newWorld(t, fakehub.Options{Problem: c.add})
	w.AddToken("nobody-knows-me", fakehub.Grant{Kind: fakehub.Classic})
	if got := c.take(); !strings.Contains(got, "a token has no look that leaktest knows") || strings.Contains(got, "nobody") {
		t.Errorf("got %q", got)
	}
	w.AddHook(fakehub.Hook{On: full, Secret: "nobody-knows-me"})
	if got := c.take(); !strings.Contains(got, "a webhook's secret has no look that leaktest knows") || strings.Contains(got, "nobody") {
		t.Errorf("got %q", got)
	}
	w.send("GET", "/meta", "", "Authorization", "Bearer nobody-knows-me")
}
