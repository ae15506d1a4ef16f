package intake_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

// FuzzHandler: no request makes the handler panic or answer otherwise than with
// JSON of a known status, and none is kept whose one signature is not that of
// the very bytes that were kept.
func FuzzHandler(f *testing.F) {
	for _, c := range badRequests() {
		w := goodWire()
		c.change(w)
		if len(w.body) > 1<<16 {
			continue
		}
		method, rest, _ := strings.Cut(w.line, " ")
		target, _, _ := strings.Cut(rest, " ")
		f.Add(method, target, strings.Join(w.headers, "\r\n"), []byte(w.body), false)
		drop("X-Hub-Signature-256")(w)
		f.Add(method, target, strings.Join(w.headers, "\r\n"), []byte(w.body), true)
	}
	statuses := []int{200, 202, 400, 401, 404, 405, 413, 415}
	f.Fuzz(func(t *testing.T, method, target, headers string, body []byte, signed bool) {
		if signed {
			headers += "\r\nX-Hub-Signature-256: " + sign(key, body)
		}
		raw := fmt.Sprintf("%s %s HTTP/1.1\r\n%s\r\n\r\n%s", method, target, headers, body)
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return // the server answers it before the handler
		}
		kept := &memory{}
		w := httptest.NewRecorder()
		handler(t, intake.Options{Ledger: kept, MaxBody: 1 << 16}).ServeHTTP(w, r)
		if !slices.Contains(statuses, w.Code) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("answer %d %q", w.Code, w.Header())
		}
		var text map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &text); err != nil || text["guid"] != "" && r.Header.Get("X-GitHub-Delivery") != text["guid"] {
			t.Errorf("answer %q: %v", w.Body, err)
		}
		if (w.Code == 202) != (kept.count() == 1) {
			t.Errorf("answer %d, %d kept", w.Code, kept.count())
		}
		if kept.count() == 0 {
			return
		}
		given := r.Header.Values("X-Hub-Signature-256")
		if len(given) != 1 || given[0] != sign(key, kept.bodies[0]) && given[0] != sign(otherKey, kept.bodies[0]) {
			t.Errorf("kept %q under the signatures %q", kept.bodies[0], given)
		}
		if r.Method != http.MethodPost || len(kept.bodies[0]) == 0 || len(kept.bodies[0]) > 1<<16 {
			t.Errorf("kept %d bytes by %s", len(kept.bodies[0]), r.Method)
		}
	})
}
