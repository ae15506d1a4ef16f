package intake_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

// wire is a request as its bytes go over the wire. It starts out as a good
// one, so that what a case changes is all that is wrong with it.
type wire struct {
	line    string
	headers []string
	body    string
}

func goodWire() *wire {
	const body = `{"zen":"Keep it logically awesome."}`
	return &wire{"POST /webhooks/github HTTP/1.1", []string{
		"Host: example.org", "Content-Type: application/json", "X-GitHub-Delivery: " + anyGUID, "X-GitHub-Event: push",
		"X-GitHub-Hook-ID: 292430182", "X-GitHub-Hook-Installation-Target-Type: repository",
		"X-GitHub-Hook-Installation-Target-ID: 79929171", "X-Hub-Signature: sha1=7d38cdd689735b008b3c702edd92eea23791c5f6",
		"X-Hub-Signature-256: " + sign(key, []byte(body)), fmt.Sprint("Content-Length: ", len(body)),
	}, body}
}

// change is what a case does to a good request.
type change func(*wire)

func set(name, value string) change {
	return func(w *wire) { drop(name)(w); add(name, value)(w) }
}

func drop(name string) change {
	return func(w *wire) {
		w.headers = slices.DeleteFunc(w.headers, func(h string) bool { return strings.HasPrefix(h, name+":") })
	}
}

func add(name, value string) change {
	return func(w *wire) { w.headers = append(w.headers, name+": "+value) }
}

// twice gives a header a second time with the same value.
func twice(name string) change {
	return func(w *wire) {
		for _, h := range w.headers {
			if strings.HasPrefix(h, name+":") {
				w.headers = append(w.headers, h)
				return
			}
		}
	}
}

func line(l string) change { return func(w *wire) { w.line = l } }

// content replaces the body, under its right length and signature.
func content(body string) change {
	return func(w *wire) {
		w.body = body
		set("Content-Length", fmt.Sprint(len(body)))(w)
		set("X-Hub-Signature-256", sign(key, []byte(body)))(w)
	}
}

// tamper replaces the body's bytes alone.
func tamper(body string) change { return func(w *wire) { w.body = body } }

// chunked sends the given bytes in place of a body of known length.
func chunked(raw string) change {
	return func(w *wire) {
		drop("Content-Length")(w)
		add("Transfer-Encoding", "chunked")(w)
		w.body = raw
	}
}

func sigf(form string) change {
	return func(w *wire) {
		set("X-Hub-Signature-256", fmt.Sprintf(form, strings.TrimPrefix(sign(key, []byte(w.body)), "sha256=")))(w)
	}
}

// sha1HMAC is what stands in the older header, behind "sha1=".
func sha1HMAC(key, body string) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(body))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

func all(changes ...change) change {
	return func(w *wire) {
		for _, c := range changes {
			c(w)
		}
	}
}

func (w *wire) String() string {
	return w.line + "\r\n" + strings.Join(w.headers, "\r\n") + "\r\n\r\n" + w.body
}

// reply writes down an answer in one line: its status, and either the reason
// whose sentence it is, or the text where it is not one of ours.
func reply(response *http.Response, isHead bool) (string, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // an answer that ends with the connection
		return "", err
	}
	text := fmt.Sprint(response.StatusCode)
	if allow := response.Header.Get("Allow"); allow != "" {
		text += " allow=" + allow
	}
	if retry := response.Header.Get("Retry-After"); retry != "" {
		text += " retry=" + retry
	}
	if response.Header.Get("Content-Type") != "application/json" {
		return text + " net/http", nil
	}
	if isHead {
		return text + fmt.Sprintf(" %d bytes", len(body)), nil
	}
	for _, r := range reasons() {
		status, sentence := r.Reply()
		if status != response.StatusCode {
			continue
		}
		switch string(body) {
		case fmt.Sprintf("{\"error\":%q,\"guid\":%q}\n", sentence, anyGUID):
			return text + " " + string(r), nil
		case fmt.Sprintf("{\"error\":%q}\n", sentence):
			return text + " " + string(r) + " without guid", nil
		}
	}
	return text + " " + string(body), nil
}

func reasons() []intake.Reason {
	return []intake.Reason{
		intake.NotFound, intake.Method, intake.TooLarge, intake.ContentType, intake.Form, intake.Encoding, intake.Unsigned,
		intake.Signature, intake.GUID, intake.Event, intake.Hook, intake.Target, intake.HookNotAllowed, intake.TargetNotAllowed,
		intake.NetworkNotAllowed, intake.Busy, intake.Cut, intake.Empty, intake.WrongSignature, intake.Unavailable, intake.Failed,
	}
}

// exchange sends raw bytes, closes the sending side, and gives all answers.
func exchange(t testing.TB, to, raw string) string {
	t.Helper()
	conn, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(conn, raw)
	_ = conn.(*net.TCPConn).CloseWrite()
	var replies []string
	isHead := strings.HasPrefix(raw, "HEAD ")
	for from := bufio.NewReader(conn); ; {
		response, err := http.ReadResponse(from, &http.Request{Method: strings.Fields(raw)[0]})
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) && len(replies) > 0 {
			return strings.Join(replies, "; ")
		}
		if err != nil {
			t.Fatalf("read answer after %q: %v", replies, err)
		}
		one, err := reply(response, isHead)
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, one)
	}
}

func TestBadRequests(t *testing.T) {
	cases := badRequests()
	if len(cases) < 60 {
		t.Fatalf("only %d cases", len(cases))
	}
	var log bytes.Buffer
	kept := &memory{}
	to := serve(t, handler(t, intake.Options{Ledger: kept, Log: slog.New(slog.NewTextHandler(&log, nil))}))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, before := goodWire(), kept.count()
			c.change(w)
			if got := exchange(t, to, w.String()); got != c.want {
				t.Errorf("answer %q, want %q", got, c.want)
			}
			if kept.count() != before {
				t.Fatalf("it was kept: %+v", kept.records[before:])
			}
			alive := delivery(to, fmt.Sprintf("alive-%d", before), []byte("{}"))
			if status, text := send(t, alive); status != http.StatusAccepted {
				t.Errorf("afterwards a good delivery is answered %d %s", status, text)
			}
		})
	}
	for _, b := range log.Bytes() {
		if b != '\n' && (b < ' ' || b > '~') {
			t.Fatalf("%q is in the log:\n%q", b, log.String())
		}
	}
	if n := bytes.Count(log.Bytes(), []byte("\n")); n < 20 {
		t.Errorf("%d refusals gave %d lines of log", len(cases), n)
	}
}

// TestRefusalsDoNotFillTheLog: twenty lines, then one a second, which says how many
// refusals were left out. The seconds are the bubble's.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h := handler(t, intake.Options{Ledger: &memory{}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		refuse := func(times int) (lines []string) {
			log.Reset()
			for range times {
				r := delivery("x", anyGUID, []byte("{}"))
				r.Header.Del("X-Hub-Signature-256")
				if status, text := answer(h, r); status != http.StatusUnauthorized {
					t.Fatalf("answer %d %s", status, text)
				}
			}
			return slices.Collect(strings.Lines(log.String()))
		}
		if lines := refuse(100); len(lines) != 20 {
			t.Errorf("100 refusals gave %d lines", len(lines))
		}
		time.Sleep(time.Second)
		if lines := refuse(100); len(lines) != 1 || !strings.Contains(lines[0], "unsaid=80") {
			t.Errorf("100 more, a second later, gave %q", lines)
		}
		time.Sleep(time.Hour)
		if lines := refuse(100); len(lines) != 20 || !strings.Contains(lines[0], "unsaid=99") {
			t.Errorf("100 more, an hour later, gave %d lines, the first %q", len(lines), lines[0])
		}
	})
}

// TestGoodOddRequests: what HTTP lets a sender or a proxy write otherwise is
// taken, or the table of bad requests would prove little.
func TestGoodOddRequests(t *testing.T) {
	body := goodWire().body
	cases := map[string]change{
		"as it is":             all(),
		"query":                line("POST /webhooks/github?a=b HTTP/1.1"),
		"absolute":             line("POST http://example.org/webhooks/github HTTP/1.1"),
		"HTTP/1.0":             line("POST /webhooks/github HTTP/1.0"),
		"charset":              set("Content-Type", "application/json; charset=utf-8"),
		"capital type":         set("Content-Type", "Application/JSON;charset=UTF-8"),
		"identity":             add("Content-Encoding", "identity"),
		"space around values":  sigf("  sha256=%s \t"),
		"header in lower case": all(sigf("x"), drop("X-Hub-Signature-256"), add("x-hub-signature-256", sign(key, []byte(body)))),
		"the other secret":     set("X-Hub-Signature-256", sign(otherKey, []byte(body))),
		"length given twice":   twice("Content-Length"),
		"chunks": chunked(fmt.Sprintf("1\r\n%s\r\n%x;name=value\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n", body[:1], len(body)-1,
			body[1:])),
		"chunks and length":      all(chunked(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)), add("Content-Length", "3")),
		"forwarded by anybody":   add("X-Forwarded-For", "1.2.3.4"),
		"underscores beside it":  add("X_Hub_Signature_256", "sha256=0"),
		"SHA-1 alone is no harm": set("X-Hub-Signature", "sha1=0"),
	}
	for name, c := range cases {
		kept := &memory{}
		w := goodWire()
		c(w)
		got := exchange(t, serve(t, handler(t, intake.Options{Ledger: kept})), w.String())
		if !strings.HasPrefix(got, "202 ") || kept.count() != 1 || string(kept.bodies[0]) != body {
			t.Errorf("%s: answer %q, kept %q", name, got, kept.bodies)
		}
	}
}

// TestStrangersKeepNoConnection: only a signed delivery leaves the connection
// open for another.
func TestStrangersKeepNoConnection(t *testing.T) {
	to := serve(t, handler(t, intake.Options{Ledger: void{}}))
	good, bad := goodWire(), goodWire()
	set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))(bad)
	health := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for raw, want := range map[string]int{
		good.String() + good.String(): 2, good.String() + bad.String() + good.String(): 2, health + good.String(): 1,
	} {
		if got := exchange(t, to, raw); strings.Count(got, ";")+1 != want {
			t.Errorf("answers %q, want %d", got, want)
		}
	}
}

// TestExpectContinue: who asks first is refused without being asked for a body.
func TestExpectContinue(t *testing.T) {
	to := serve(t, handler(t, intake.Options{Ledger: &memory{}}))
	for _, c := range []struct {
		change change
		want   string
	}{
		{drop("X-Hub-Signature-256"), "HTTP/1.1 401 "}, {set("Content-Length", "26214401"), "HTTP/1.1 413 "},
		{all(), "HTTP/1.1 100 Continue"},
	} {
		w := goodWire()
		all(c.change, add("Expect", "100-continue"), tamper(""))(w)
		conn, err := net.Dial("tcp", to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, w.String()); err != nil {
			t.Fatal(err)
		}
		got, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("answer %q, %v, want %q", got, err, c.want)
		}
		conn.Close()
	}
}
