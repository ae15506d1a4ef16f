package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestStopUnderLoad: who is told to stop ends a connection with an answer that
// says so, and never lets one fall that a delivery is on its way over: neither
// GitHub nor a proxy sends it again.
func TestStopUnderLoad(t *testing.T) {
	const clients = 16
	p := startServe(t, scriptSecret, filepath.Join(t.TempDir(), "ledger.db"))
	var all sync.WaitGroup
	warm := make(chan bool, clients)
	for c := range clients {
		all.Go(func() {
			if err := untilClosed(p.url, c, warm); err != nil {
				t.Errorf("client %d: %v", c, err)
			}
		})
	}
	for range clients {
		select {
		case <-warm:
		case <-time.After(time.Minute):
			t.Fatal("nothing is kept")
		}
	}
	p.stop(syscall.SIGTERM)
	all.Wait()
	if status := p.command.ProcessState.ExitCode(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// untilClosed sends deliveries over one connection, until an answer says that
// it is the last one.
func untilClosed(url string, client int, warm chan<- bool) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for n := 0; ; n++ {
		body := fmt.Sprintf(`{"n":"%d-%d"}`, client, n)
		_, err := fmt.Fprintf(conn, "POST /webhooks/github HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"+
			"X-GitHub-Event: push\r\nX-GitHub-Delivery: %d-%d\r\nX-Hub-Signature-256: %s\r\n\r\n%s", len(body), client, n, sign(scriptSecret, []byte(body)), body)
		if err != nil {
			return fmt.Errorf("delivery %d: %w", n, err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			return fmt.Errorf("delivery %d: %w", n, err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusAccepted {
			return fmt.Errorf("delivery %d: status %d, %w", n, answer.StatusCode, err)
		}
		if n == 10 {
			warm <- true
		}
		if answer.Close {
			return answer.Body.Close()
		}
	}
}
