package intake

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

// stranger is what one does with a connection until it is closed.
type stranger func(net.Conn)

// strangers are idle, slow with their headers or bodies, or replay a captured delivery.
var strangers = []stranger{
	func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
	func(conn net.Conn) {
		fmt.Fprint(conn, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-A: ")
		_, _ = io.Copy(io.Discard, conn)
	},
	func(conn net.Conn) {
		fmt.Fprint(conn, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: ping\r\n"+
			"X-GitHub-Delivery: x\r\nX-Hub-Signature-256: sha256="+strings.Repeat("0", 64)+"\r\nContent-Length: 100\r\n\r\n{")
		_, _ = io.Copy(io.Discard, conn)
	},
	func(conn net.Conn) {
		deliver(conn, "again", "")
		_, _ = io.Copy(io.Discard, conn)
	},
}

// from is a dialer at an address of this machine.
func from(address string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
}

// besiege has strangers take connections of a server again and again until they are told
// to stop; it returns when each has had one.
func besiege(t *testing.T, to string, many int) (stop func()) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	over := make(chan struct{})
	var first, all sync.WaitGroup
	for n := range many {
		dialer, act := from(fmt.Sprintf("127.0.1.%d", 1+random.IntN(8))), strangers[n%len(strangers)]
		first.Add(1)
		had := sync.OnceFunc(first.Done)
		all.Go(func() {
			defer had()
			for {
				select {
				case <-over:
					return
				default:
				}
				conn, err := dialer.DialContext(t.Context(), "tcp", to)
				if err != nil {
					return
				}
				had()
				ended := make(chan struct{})
				go func() {
					select {
					case <-over:
					case <-ended:
					}
					_ = conn.Close()
				}()
				act(conn)
				close(ended)
			}
		})
	}
	first.Wait()
	return func() { close(over); all.Wait() }
}

// refusedOf sends deliveries one after the other, half of them over connections that are
// kept, and counts those that are not taken.
func refusedOf(to string, senders, each int) int64 {
	var refused atomic.Int64
	var all sync.WaitGroup
	for n := range senders {
		client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			DialContext: from(fmt.Sprintf("127.0.0.%d", 2+n%4)).DialContext, DisableKeepAlives: n%2 == 0}}
		all.Go(func() {
			defer client.CloseIdleConnections()
			for i := range each {
				body := []byte(fmt.Sprintf(`{"n":%d}`, i))
				mac := hmac.New(sha256.New, []byte(leaktest.Secret))
				mac.Write(body)
				r, _ := http.NewRequest(http.MethodPost, "http://"+to+"/webhooks/github", bytes.NewReader(body))
				r.Header = http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {"ping"},
					"X-Github-Delivery": {fmt.Sprint(n, "-", i)}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
				answer, err := client.Do(r)
				if err != nil || answer.StatusCode != http.StatusAccepted {
					refused.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
			}
		})
	}
	all.Wait()
	return refused.Load()
}

// TestStrangers: honest deliveries beside several times as many strangers as there may be
// connections: none is refused, and nothing is left of anybody.
func TestStrangers(t *testing.T) {
	s := newSite(t, Limits{All: 64, Address: 16})
	stop := besiege(t, s.address, 300)
	if n := refusedOf(s.address, 4, 25); n > 0 {
		t.Errorf("%d of 100 honest deliveries were refused", n)
	}
	if s.count(Slow) == 0 || s.Open() > 64 {
		t.Errorf("%d open, and %d were closed for being slow", s.Open(), s.count(Slow))
	}
	stop()
	until(t, "nothing is left", func() bool {
		s.Connections.mu.Lock()
		defer s.Connections.mu.Unlock()
		return len(s.open) == 0 && len(s.addresses) == 0 && s.all == (address{})
	})
}

// capped is a listener that only bounds how many connections there are.
type capped struct {
	net.Listener
	free chan struct{}
}

type cappedConn struct {
	net.Conn
	leave func()
}

func (c cappedConn) Close() error { c.leave(); return c.Conn.Close() }

func (c capped) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case c.free <- struct{}{}:
			return cappedConn{conn, sync.OnceFunc(func() { <-c.free })}, nil
		default:
			_ = conn.Close()
		}
	}
}

// TestStrangersWithoutLimits: where nobody makes room the same strangers keep the honest out.
func TestStrangersWithoutLimits(t *testing.T) {
	s := newSite(t, Limits{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := Server(s.handler, nil)
	go func() { _ = server.Serve(capped{listener, make(chan struct{}, 64)}) }()
	t.Cleanup(func() { _ = server.Close() })
	stop := besiege(t, listener.Addr().String(), 300)
	defer stop()
	if n := refusedOf(listener.Addr().String(), 4, 5); n == 0 {
		t.Error("nothing was refused: these strangers are no test")
	}
}

// TestSilentStrangersCloseNoKeptConnection: over a connection that is kept another delivery
// may already be under way.
func TestSilentStrangersCloseNoKeptConnection(t *testing.T) {
	s := newSite(t, Limits{All: 8})
	kept := s.dial(t, "127.0.0.9")
	for n := range 3 {
		if status, stays := deliver(kept, fmt.Sprint(n), ""); status != http.StatusAccepted || !stays {
			t.Fatalf("delivery %d: %d", n, status)
		}
		until(t, "it is idle", func() bool { return s.idle() == 1 })
		closed := s.count(Slow)
		for m := range 20 {
			s.dial(t, fmt.Sprintf("127.0.1.%d", 1+m))
		}
		until(t, "they made room for each other", func() bool { return s.count(Slow) >= closed+13 })
	}
}

// TestFloodOfOneAddress: who opens connections faster than anybody can send takes the room
// of his own, and not that of one who has only begun.
func TestFloodOfOneAddress(t *testing.T) {
	stands := time.Now()
	s := newSite(t, Limits{All: 8, Now: func() time.Time { return stands }})
	honest := s.dial(t, "127.0.0.9")
	fmt.Fprint(honest, "POST /webhooks/github HTTP/1.1\r\n")
	until(t, "it is there", func() bool { return s.Open() == 1 })
	for range 60 {
		s.dial(t, "127.0.0.2")
	}
	until(t, "they made room for each other", func() bool { return s.count(Slow) == 53 })
	if ended(honest) {
		t.Error("the honest one was closed")
	}
}

// TestRoomForFiles: connections leave files to the ledger, however few a process may open.
func TestRoomForFiles(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) }()
	few := before
	few.Cur = 512
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	if n := Limit(nil, Limits{}).All; n != 512-ownFiles {
		t.Errorf("%d connections of 512 files", n)
	}
}

// TestOddConnections: what is no delivery gets one answer, and no connection is kept for it.
func TestOddConnections(t *testing.T) {
	s := newSite(t, Limits{})
	for name, send := range map[string]string{
		"TLS":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 600) + "\r\n\r\n",
		"HTTP/2":      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"CONNECT":     "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
		"upgrade":     "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
		"OPTIONS *":   "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
		"proxied":     "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"pipelined":   strings.Repeat("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 50),
		"garbage":     strings.Repeat("\x00\xff", 4096) + "\r\n\r\n",
		"blank lines": strings.Repeat("\r\n", 4096),
	} {
		t.Run(name, func(t *testing.T) {
			conn := s.dial(t, "127.0.0.1")
			fmt.Fprint(conn, send)
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			in := bufio.NewReader(conn)
			if answer, err := http.ReadResponse(in, nil); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				if answer.StatusCode < 400 && name != "pipelined" {
					t.Errorf("answer %s", answer.Status)
				}
			}
			if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("another answer %q, %v", rest, err)
			}
			until(t, "it is closed", func() bool { return s.Open() == 0 })
		})
	}
	t.Run("half closed", func(t *testing.T) { // who has said all waits for the answer
		conn := s.dial(t, "127.0.0.1")
		body := `{}`
		mac := hmac.New(sha256.New, []byte(leaktest.Secret))
		mac.Write([]byte(body))
		fmt.Fprintf(conn, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"+
			"X-GitHub-Event: ping\r\nX-GitHub-Delivery: half\r\nX-Hub-Signature-256: sha256=%s\r\n\r\n%s", hex.EncodeToString(mac.Sum(nil)), body)
		_ = conn.(*net.TCPConn).CloseWrite()
		if answer, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || answer.StatusCode != http.StatusAccepted {
			t.Error(answer, err)
		}
		until(t, "it is closed", func() bool { return s.Open() == 0 })
	})
}
