package intake

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// again keeps nothing, and knows every delivery under the GUID "again".
type again struct{}

func (again) Append(_ context.Context, e ledger.Entry, _ []byte) (ledger.Receipt, error) {
	return ledger.Receipt{Record: ledger.Record{Entry: e}, Duplicate: e.ID == "again"}, nil
}

// site is a server whose connections are limited.
type site struct {
	*Connections
	handler http.Handler
	address string

	mu     sync.Mutex
	closed map[Closed]int
}

func newSite(t *testing.T, l Limits) *site {
	t.Helper()
	secrets, err := NewSecrets(secret.New(leaktest.Secret))
	if err != nil {
		t.Fatal(err)
	}
	in, err := New(Options{Ledger: again{}, Secrets: secrets, Allow: l.Allow})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{handler: in.Handler(), address: listener.Addr().String(), closed: map[Closed]int{}}
	l.Observe = func(why Closed) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed[why]++
	}
	s.Connections = Limit(listener, l)
	server := Server(s.handler, nil)
	go func() { _ = server.Serve(s.Connections) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// dial opens a connection from an address of this machine.
func (s *site) dial(t *testing.T, from string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	conn, err := dialer.Dial("tcp", s.address)
	if err != nil {
		t.Skipf("this machine has only one loopback address: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// deliver sends a delivery, and gives the answer's status, -1 where the connection was
// closed, and whether the connection stays.
func deliver(conn net.Conn, guid, header string) (status int, stays bool) {
	body := []byte(`{}`)
	mac := hmac.New(sha256.New, []byte(leaktest.Secret))
	mac.Write(body)
	fmt.Fprintf(conn, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"+
		"X-GitHub-Event: ping\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: sha256=%s\r\n%s\r\n%s",
		guid, hex.EncodeToString(mac.Sum(nil)), header, body)
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return -1, false
	}
	_ = answer.Body.Close()
	return answer.StatusCode, !answer.Close
}

// until waits for what another goroutine does.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("it never happens that %s", what)
		}
	}
}

// count is how many connections were closed for a reason.
func (s *site) count(why Closed) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed[why]
}

func (s *site) idle() int {
	s.Connections.mu.Lock()
	defer s.Connections.mu.Unlock()
	return s.all[idle]
}

// ended says whether the other side has closed the connection.
func ended(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := conn.Read(make([]byte, 1))
	var waits net.Error
	return err != nil && (!errors.As(err, &waits) || !waits.Timeout())
}

// TestIdleConnectionsMakeRoom: whoever has captured one delivery keeps no honest one out
// by keeping connections open with it.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	s := newSite(t, Limits{All: 4})
	var theirs []net.Conn
	for n := range 4 {
		conn := s.dial(t, fmt.Sprintf("127.0.0.%d", 10+n))
		if status, stays := deliver(conn, fmt.Sprint(n), ""); status != http.StatusAccepted || !stays {
			t.Fatal(status, stays)
		}
		until(t, "the connection is idle", func() bool { return s.idle() == n+1 })
		theirs = append(theirs, conn)
	}
	if s.Saturated() {
		t.Error("saturated before it is")
	}
	if status, _ := deliver(s.dial(t, "127.0.0.9"), "honest", ""); status != http.StatusAccepted {
		t.Errorf("an honest delivery: %d", status)
	}
	until(t, "the oldest one is closed", func() bool { return ended(theirs[0]) })
	if ended(theirs[1]) || !s.Saturated() || s.count(Idle) != 1 || s.Open() != 4 {
		t.Errorf("%d closed, %d open", s.count(Idle), s.Open())
	}
}

// TestSlowConnectionsMakeRoom: thousands that send nothing signed take turns, and what
// is signed gets through.
func TestSlowConnectionsMakeRoom(t *testing.T) {
	s := newSite(t, Limits{All: 20, Address: 1000})
	for n := range 200 {
		fmt.Fprint(s.dial(t, "127.0.0.2"), "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-A: ")
		if n%20 != 19 {
			continue
		}
		if status, _ := deliver(s.dial(t, "127.0.0.9"), fmt.Sprint(n), ""); status != http.StatusAccepted {
			t.Errorf("an honest delivery beside %d strangers: %d", n, status)
		}
	}
	if s.Open() > 20 || s.count(Slow) < 150 {
		t.Errorf("%d open, %d closed", s.Open(), s.count(Slow))
	}
}

// TestConnectionsOfOneAddress: an address that has many gets no more by idling, and
// leaves the others alone.
func TestConnectionsOfOneAddress(t *testing.T) {
	s := newSite(t, Limits{All: 100, Address: 2})
	other := s.dial(t, "127.0.0.3")
	if status, _ := deliver(other, "other", ""); status != http.StatusAccepted {
		t.Fatal(status)
	}
	for n := range 6 {
		if status, _ := deliver(s.dial(t, "127.0.0.2"), fmt.Sprint(n), ""); status != http.StatusAccepted {
			t.Errorf("delivery %d: %d", n, status)
		}
		until(t, "it is idle", func() bool { return s.idle() == min(n+2, 3) })
	}
	if ended(other) || s.Open() != 3 || s.Saturated() {
		t.Errorf("%d open, %d closed", s.Open(), s.count(Idle))
	}
}

// TestStrangersAreNotLetIn: the networks are looked at before anything is read.
func TestStrangersAreNotLetIn(t *testing.T) {
	s := newSite(t, Limits{Allow: Allow{Networks: func() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.5/32")} }}})
	if conn := s.dial(t, "127.0.0.2"); func() bool { _, err := conn.Read(make([]byte, 1)); return err == nil }() {
		t.Error("a stranger is answered")
	}
	if status, _ := deliver(s.dial(t, "127.0.0.5"), "honest", ""); status != http.StatusAccepted {
		t.Errorf("an honest delivery: %d", status)
	}
	if n := s.count(Stranger); n != 1 {
		t.Errorf("%d strangers closed", n)
	}
}

// TestAddressesBehindAProxy: there the requests of an address are counted, and not the
// proxy's connections.
func TestAddressesBehindAProxy(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	s := newSite(t, Limits{Address: 1, Allow: Allow{Proxies: proxy, Networks: func() []netip.Prefix {
		return []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	}}})
	for range 2 * DefaultAddress { // more than fit: the honest one can take the place of one
		fmt.Fprint(s.dial(t, "127.0.0.1"), "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\n"+
			"Content-Type: application/json\r\nX-GitHub-Event: ping\r\nX-GitHub-Delivery: x\r\nX-Hub-Signature-256: sha256="+
			hex.EncodeToString(make([]byte, 32))+
			"\r\nContent-Length: 100\r\n\r\n{")
	}
	until(t, "a stranger's requests are too many", func() bool {
		status, _ := deliver(s.dial(t, "127.0.0.1"), "honest", "X-Forwarded-For: 192.0.2.7\r\n")
		return status == http.StatusServiceUnavailable
	})
	if status, _ := deliver(s.dial(t, "127.0.0.1"), "honest", "X-Forwarded-For: 192.0.2.8\r\n"); status != http.StatusAccepted {
		t.Errorf("of another address: %d", status)
	}
}

// TestDuplicateEndsTheConnection: with one captured delivery nobody keeps one open.
func TestDuplicateEndsTheConnection(t *testing.T) {
	s := newSite(t, Limits{})
	if status, stays := deliver(s.dial(t, "127.0.0.1"), "again", ""); status != http.StatusOK || stays {
		t.Errorf("%d, it stays: %v", status, stays)
	}
}
