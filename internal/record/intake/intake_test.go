package intake_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

const (
	key      = "It's a Secret to Everybody"
	otherKey = leaktest.Secret
	anyGUID  = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
)

// memory is a ledger that keeps entries in memory, as the contract says:
// an entry with the same id, source and body is a duplicate of the first.
type memory struct {
	mu      sync.Mutex
	records []ledger.Record
	bodies  [][]byte
	before  func(context.Context) error // called before an entry is kept
}

func (m *memory) Append(ctx context.Context, e ledger.Entry, body []byte) (ledger.Receipt, error) {
	e.BodyHash, e.BodySize = sha256.Sum256(body), int64(len(body))
	if m.before != nil {
		if err := m.before(ctx); err != nil {
			return ledger.Receipt{}, err
		}
	}
	if err := e.Validate(); err != nil {
		return ledger.Receipt{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		if r.Kind == e.Kind && r.ID == e.ID && r.Source == e.Source && r.BodyHash == e.BodyHash {
			return ledger.Receipt{Record: r, Duplicate: true}, nil
		}
	}
	r := ledger.Record{Index: int64(len(m.records)), Entry: e}
	m.records = append(m.records, r)
	m.bodies = append(m.bodies, bytes.Clone(body))
	return ledger.Receipt{Record: r}, nil
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

// void keeps nothing and says yes.
type void struct{}

func (void) Append(_ context.Context, e ledger.Entry, _ []byte) (ledger.Receipt, error) {
	return ledger.Receipt{Record: ledger.Record{Entry: e}}, nil
}

// counter is an Observer that counts.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[what]++
}

func (c *counter) Accepted(event string)         { c.add("accepted " + event) }
func (c *counter) Duplicate(event string)        { c.add("duplicate " + event) }
func (c *counter) Rejected(reason intake.Reason) { c.add("rejected " + string(reason)) }

func secrets(t testing.TB, live ...string) *intake.Secrets {
	t.Helper()
	var all []secret.Secret
	for _, one := range live {
		all = append(all, secret.New(one))
	}
	s, err := intake.NewSecrets(all...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handler is an intake over the given ledger, with both keys live.
func handler(t testing.TB, o intake.Options) http.Handler {
	t.Helper()
	if o.Secrets == nil {
		o.Secrets = secrets(t, key, otherKey)
	}
	in, err := intake.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return in.Handler()
}

// serve serves a handler as the program does, and gives its address.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := intake.Server(h, nil)
	go func() { _ = server.Serve(intake.Limit(listener, intake.Limits{})) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// delivery is a request as GitHub sends it.
func delivery(to, guid string, body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://"+to+"/webhooks/github", bytes.NewReader(body))
	r.RequestURI = ""
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "GitHub-Hookshot/044aadd")
	r.Header.Set("X-GitHub-Delivery", guid)
	r.Header.Set("X-GitHub-Event", "push")
	r.Header.Set("X-GitHub-Hook-ID", "292430182")
	r.Header.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	r.Header.Set("X-GitHub-Hook-Installation-Target-ID", "79929171")
	r.Header.Set("X-Hub-Signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6")
	r.Header.Set("X-Hub-Signature-256", sign(key, body))
	return r
}

// answer hands a request to a handler without a network.
func answer(h http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// send sends a request, and gives the answer.
func send(t testing.TB, r *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestDeliveryIsKept(t *testing.T) {
	now := time.Date(2026, 11, 23, 4, 5, 6, 123456789, time.FixedZone("", 3600))
	kept, seen := &memory{}, &counter{}
	to := serve(t, handler(t, intake.Options{Ledger: kept, Observe: seen, Now: func() time.Time { return now },
		SecretID: func(secret.Secret) string { return "9f2c1a77" }}))
	body := []byte(`{"ref":"refs/heads/main"}`)

	request := delivery(to, anyGUID, body)
	status, text := send(t, request)
	want := ledger.Entry{
		Kind: ledger.Delivery, Version: 1, Signature: strings.TrimPrefix(request.Header.Get("X-Hub-Signature-256"), "sha256="),
		Secret: "9f2c1a77", Time: now.UTC().Truncate(time.Microsecond), Source: "292430182", ID: anyGUID, Name: "push",
		Target: "repository/79929171", BodyHash: sha256.Sum256(body), BodySize: int64(len(body)),
	}
	if kept.count() != 1 || kept.records[0].Entry != want || !bytes.Equal(kept.bodies[0], body) {
		t.Fatalf("kept %+v %q, want %+v", kept.records, kept.bodies, want)
	}
	id := want.Hash()
	wantText := fmt.Sprintf("{\"id\":\"%x\",\"guid\":%q}\n", id[:], anyGUID)
	if status != http.StatusAccepted || text != wantText {
		t.Errorf("answer %d %s, want 202 %s", status, text, wantText)
	}

	now = now.Add(time.Hour)
	if status, text = send(t, delivery(to, anyGUID, body)); status != http.StatusOK || text != wantText {
		t.Errorf("duplicate: answer %d %s, want 200 %s", status, text, wantText)
	}
	other := delivery(to, anyGUID, []byte("{}"))
	if status, _ = send(t, other); status != http.StatusAccepted || kept.count() != 2 {
		t.Errorf("same GUID, other body: answer %d, %d kept", status, kept.count())
	}
	plain := delivery(to, "no-hook", body)
	for _, name := range []string{"X-GitHub-Hook-ID", "X-GitHub-Hook-Installation-Target-Type", "X-GitHub-Hook-Installation-Target-ID",
		"X-Hub-Signature", "User-Agent"} {
		plain.Header.Del(name)
	}
	if status, _ = send(t, plain); status != http.StatusAccepted || kept.records[2].Source != "" || kept.records[2].Target != "" {
		t.Errorf("without hook: answer %d, %+v", status, kept.records[2])
	}
	if seen.counts["accepted push"] != 3 || seen.counts["duplicate push"] != 1 || len(seen.counts) != 2 {
		t.Errorf("counted %v", seen.counts)
	}
}

// TestGitHubsExample holds the check against the value in GitHub's page on
// validating deliveries.
func TestGitHubsExample(t *testing.T) {
	r := delivery("x", anyGUID, []byte("Hello, World!"))
	r.Header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	if status, text := answer(handler(t, intake.Options{Ledger: &memory{}}), r); status != http.StatusAccepted {
		t.Errorf("answer %d %s", status, text)
	}
}

// TestEvidenceIsKept: what a body says is no reason to refuse it.
func TestEvidenceIsKept(t *testing.T) {
	kept := &memory{}
	to := serve(t, handler(t, intake.Options{Ledger: kept}))
	bodies := []string{
		strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat(`{"a":`, 10_000), "\xff\xfe\x00{\x80", "{", "\x00",
		" ", "not JSON", "\r\n\r\nPOST / HTTP/1.1\r\n\r\n", `{"a":1,"a":2}`, "\ufeff{}", strings.Repeat("é\u2028", 40_000),
		strings.Repeat("x", 64<<10), strings.Repeat("y", 64<<10+1), strings.Repeat("z", 1<<20+1), "payload=%7B%7D",
	}
	for i, body := range bodies {
		for _, chunked := range []bool{false, true} {
			r := delivery(to, fmt.Sprintf("g-%d-%v", i, chunked), []byte(body))
			if chunked {
				r.ContentLength = -1
			}
			if status, text := send(t, r); status != http.StatusAccepted {
				t.Errorf("body %d, chunked %v: answer %d %s", i, chunked, status, text)
			} else if last := kept.bodies[kept.count()-1]; string(last) != body {
				t.Errorf("body %d, chunked %v: kept %d bytes of %d, or others", i, chunked, len(last), len(body))
			}
		}
	}
}

func TestGreatestBody(t *testing.T) {
	kept := &memory{}
	to := serve(t, handler(t, intake.Options{Ledger: kept}))
	for _, chunked := range []bool{false, true} {
		for _, c := range []struct{ size, status int }{{25 << 20, 202}, {25<<20 + 1, 413}} {
			body := bytes.Repeat([]byte{'a'}, c.size)
			r := delivery(to, fmt.Sprint(c.size, "-", chunked)[:8], body)
			if chunked {
				r.ContentLength = -1
				r.Header.Set("X-GitHub-Delivery", "chunked")
			}
			before := kept.count()
			status, text := send(t, r)
			if status != c.status || (kept.count() > before) != (status == 202) {
				t.Errorf("%d bytes, chunked %v: answer %d %s", c.size, chunked, status, text)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	h := handler(t, intake.Options{Ledger: &memory{}})
	if status, text := answer(h, httptest.NewRequest(http.MethodGet, "/healthz", nil)); status != 200 || text != "{\"status\":\"alive\"}\n" {
		t.Errorf("answer %d %s", status, text)
	}
}
