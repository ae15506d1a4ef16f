package store_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// proxy stands between a ledger and PostgreSQL, and does what networks do.
type proxy struct {
	socket string

	mu     sync.Mutex
	marker []byte        // what to wait for in the server's answers; nil: nothing
	stalls bool          // keep the connection then, and pass nothing on
	met    chan struct{} // closed when it was met
}

// newProxy gives the proxy and the address of a database through it.
func newProxy(t testing.TB, server *postgrestest.Server, database string) (*proxy, string) {
	t.Helper()
	direct, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{socket: server.Dir() + "/.s.PGSQL.5432"}
	t.Cleanup(func() { _ = listen.Close() })
	go func() {
		for {
			ledger, err := listen.Accept()
			if err != nil {
				return
			}
			go p.serve(ledger)
		}
	}()
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: listen.Addr().String(), Path: direct.Path, RawQuery: "sslmode=disable"}
	return p, u.String()
}

// answers of the server that can be waited for: a command's completion.
var (
	begun     = []byte("BEGIN\x00")
	committed = []byte("COMMIT\x00")
)

// lose drops the next such answer and ends the connection, or, where it stalls,
// leaves it silent until the server ends it. The channel tells when.
func (p *proxy) lose(answer []byte, stalls bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marker, p.stalls, p.met = answer, stalls, make(chan struct{})
	return p.met
}

func (p *proxy) serve(ledger net.Conn) {
	server, err := net.Dial("unix", p.socket)
	if err != nil {
		_ = ledger.Close() // as if nothing listened
		return
	}
	defer server.Close()
	// Whoever hangs says nothing more, and does not hang up either.
	var hangs atomic.Bool
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := ledger.Read(buffer)
			if hangs.Load() {
				return
			}
			if _, failed := server.Write(buffer[:n]); failed != nil || err != nil {
				_ = server.Close()
				return
			}
		}
	}()
	defer ledger.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := server.Read(buffer)
		if p.meets(buffer[:n]) {
			hangs.Store(p.stalls)
			close(p.met)
			if p.stalls {
				_, _ = io.Copy(io.Discard, server)
			}
			return
		}
		if _, failed := ledger.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (p *proxy) meets(answer []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.marker == nil || !bytes.Contains(answer, p.marker) {
		return false
	}
	p.marker = nil
	return true
}
