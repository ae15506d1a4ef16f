//go:build linux

package crashtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestStrangers sends honest deliveries beside ten thousand connections of strangers, who
// are idle, slow, or replay what they captured, from two hundred addresses. None is
// refused, and all are answered soon. Where nobody makes room for others, they are.
func TestStrangers(t *testing.T) {
	if !*full {
		t.Skip("ten thousand connections take a minute: make crash")
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < strangers+1000 {
		t.Skipf("a process may open %d files only: ulimit -n %d", files.Cur, 2*strangers)
	}
	from, _ := chance(t)
	const room = "if !full && !crowded {"
	without, err := Build(programs, *receiver, overlay(t, room, "if full || !crowded {"))
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]string{"limits": program(t), "without": without} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, program, filepath.Join(t.TempDir(), "ledger.db"), from)
			r := s.start()
			stop := besiege(t, s.load, r.Listen, from)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			before, _ := s.load.Count()
			s.load.Run(ctx, r.Listen, 8)
			stop()
			refused, took := 0, []time.Duration{}
			for _, a := range s.load.History()[before:] {
				if a.Status == 0 || a.Status >= 500 {
					refused++
				}
				took = append(took, a.End-a.Start)
			}
			slices.Sort(took)
			p50, p99 := took[len(took)/2], took[len(took)*99/100]
			t.Logf("%d deliveries beside %d strangers: %d refused, p50 %v, p99 %v", len(took), strangers, refused, p50, p99)
			if name == "limits" && (refused > 0 || p99 > time.Second) {
				t.Error("strangers are in the way")
			}
			if name == "without" && refused == 0 {
				t.Error("nobody is in the way: this is no test")
			}
			s.check(name, s.address)
		})
	}
}

const strangers = 10_000

// besiege has strangers take one connection after the other until they are told to stop;
// it returns when each has had one.
func besiege(t *testing.T, load *Load, to string, seed uint64) (stop func()) {
	t.Helper()
	captured := delivery{source: "1", target: "42", guid: "captured", event: "ping", body: load.body()}
	request, err := load.request(to, captured)
	if err != nil || load.send(to, captured) != http.StatusAccepted {
		t.Fatal("nothing to capture: ", err)
	}
	var raw bytes.Buffer
	if err := request.Write(&raw); err != nil {
		t.Fatal(err)
	}
	said := [][]byte{nil, []byte("POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-A: "), raw.Bytes()[:raw.Len()-10], raw.Bytes()}
	random := rand.New(rand.NewPCG(seed, 3))
	ctx, cancel := context.WithCancel(t.Context())
	var first, all sync.WaitGroup
	for n := range strangers {
		address := net.ParseIP(fmt.Sprintf("127.0.1.%d", 1+random.IntN(200)))
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: address}, Timeout: 30 * time.Second}
		pause := time.Duration(1+random.IntN(4000)) * time.Millisecond
		first.Add(1)
		had := sync.OnceFunc(first.Done)
		all.Go(func() {
			defer had()
			for ctx.Err() == nil {
				if conn, err := dialer.DialContext(ctx, "tcp", to); err == nil {
					end := context.AfterFunc(ctx, func() { _ = conn.Close() })
					_, _ = conn.Write(said[n%len(said)])
					had()
					_, _ = io.Copy(io.Discard, conn)
					end()
					_ = conn.Close()
				}
				select {
				case <-ctx.Done():
				case <-time.After(pause): // ten thousand that come back at once would be a test of this machine
				}
			}
		})
	}
	first.Wait()
	return func() { cancel(); all.Wait() }
}
