package fakehub

import (
	"net/http"
	"strings"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// revocation is where a token is the body: whoever holds it may revoke it.
const revocation = "/credentials/revoke"

// known complains of a secret that leaks could not be told by.
func (h *Hub) known(what, secret string) {
	if len(leaktest.Find([]byte(secret))) == 0 {
		h.problem("%s has no look that leaktest knows: begin it as GitHub does, or take leaktest.Secret", what)
	}
}

// leaks complains of a secret anywhere in a request but where it belongs: in the
// header Authorization, and in the body that revokes it.
func (h *Hub) leaks(r *http.Request, body []byte) {
	parts := map[string]string{"the address": r.URL.RequestURI(), "the body": string(body)}
	if r.Method == http.MethodPost && strings.TrimPrefix(r.URL.Path, h.base()) == revocation {
		delete(parts, "the body")
	}
	for name, values := range r.Header {
		if name != "Authorization" {
			parts["the header "+name] = name + ": " + strings.Join(values, "\n")
		}
	}
	for part, text := range parts {
		for _, l := range leaktest.Find([]byte(text)) {
			h.problem("%s of a request (%s): %s", part, r.Method, l)
		}
	}
}
