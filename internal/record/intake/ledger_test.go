package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
)

const (
	unavailable = `{"error":"the ledger takes nothing at the moment; redeliver later","guid":"` + anyGUID + `"}` + "\n"
	failed      = `{"error":"the delivery could not be kept","guid":"` + anyGUID + `"}` + "\n"
)

func TestLedgersAnswers(t *testing.T) {
	cases := map[string]struct {
		before func(context.Context) error
		status int
		text   string
		cause  string
	}{
		"unavailable": {func(context.Context) error { return fmt.Errorf("append: disk full: %w", ledger.ErrUnavailable) }, 503, unavailable,
			"disk full"},
		"broken": {func(context.Context) error { return errors.New("password=hunter2") }, 500, failed, "hunter2"},
		"panic":  {func(context.Context) error { panic("oh\nno") }, 500, failed, `oh\nno`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			seen := &counter{}
			h := handler(t, intake.Options{Ledger: &memory{before: c.before}, Observe: seen, Log: slog.New(slog.NewTextHandler(&log, nil))})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, delivery("x", anyGUID, []byte("{}")))
			if w.Code != c.status || w.Body.String() != c.text {
				t.Errorf("answer %d %s, want %d %s", w.Code, w.Body, c.status, c.text)
			}
			if got := w.Header().Get("Retry-After"); (got != "") != (c.status == 503) {
				t.Errorf("Retry-After %q", got)
			}
			if !strings.Contains(log.String(), c.cause) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("log %q, want one line with %q", log.String(), c.cause)
			}
			if len(seen.counts) != 1 || seen.counts["rejected unavailable"]+seen.counts["rejected failed"] != 1 {
				t.Errorf("counted %v", seen.counts)
			}
		})
	}
}

// TestLedgerHangs: the answer comes before GitHub gives up.
func TestLedgerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		kept := &memory{before: func(ctx context.Context) error {
			<-ctx.Done()
			return fmt.Errorf("append: %w: %w", ledger.ErrUnavailable, ctx.Err())
		}}
		h := handler(t, intake.Options{Ledger: kept})
		if status, text := answer(h, delivery("x", anyGUID, []byte(`{"a":1}`))); status != 503 || text != unavailable {
			t.Errorf("answer %d %s", status, text)
		}
		if took := time.Since(start); took != 9500*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
	})
}

// TestClientGoes: a delivery that is here in full is kept, although nobody
// waits for the answer any more.
func TestClientGoes(t *testing.T) {
	here, let := make(chan struct{}), make(chan struct{})
	kept := &memory{before: func(ctx context.Context) error {
		close(here)
		<-let
		return ctx.Err()
	}}
	gone := make(chan struct{})
	h := handler(t, intake.Options{Ledger: kept})
	done := make(chan struct{})
	to := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		go func() { <-r.Context().Done(); close(gone) }()
		h.ServeHTTP(w, r)
		close(done)
	}))
	conn, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(conn, goodWire()); err != nil {
		t.Fatal(err)
	}
	<-here
	conn.Close()
	<-gone
	close(let)
	<-done
	if kept.count() != 1 {
		t.Error("it was not kept")
	}
}

// TestDrain: who is being served when the program ends is answered.
func TestDrain(t *testing.T) {
	const requests = 20
	here, let := make(chan struct{}, requests), make(chan struct{})
	kept := &memory{before: func(context.Context) error {
		here <- struct{}{}
		<-let
		return nil
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := intake.Server(handler(t, intake.Options{Ledger: kept}), nil)
	go func() { _ = server.Serve(intake.Limit(listener, intake.Limits{All: requests, Address: requests})) }()
	answers := make(chan int, requests)
	for i := range requests {
		r := delivery(listener.Addr().String(), fmt.Sprint("g-", i), []byte("{}"))
		go func() {
			response, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Error(err)
				answers <- 0
				return
			}
			response.Body.Close()
			answers <- response.StatusCode
		}()
	}
	for range requests {
		<-here
	}
	closing, closed := make(chan struct{}), make(chan error)
	server.RegisterOnShutdown(func() { close(closing) })
	go func() { closed <- server.Shutdown(context.Background()) }()
	<-closing
	if _, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("a new connection is taken while shutting down")
	}
	close(let)
	for range requests {
		if status := <-answers; status != 202 {
			t.Errorf("answer %d", status)
		}
	}
	if err := <-closed; err != nil || kept.count() != requests {
		t.Errorf("shut down: %v; %d of %d kept", err, kept.count(), requests)
	}
}

// TestSlowBody: a body that does not come is given up before GitHub would, by
// the server's clock, and so is a header, and a connection that says nothing.
func TestSlowBody(t *testing.T) {
	for name, c := range map[string]struct {
		send, want string
		after      time.Duration
	}{
		"body":    {strings.TrimSuffix(goodWire().String(), "}"), "HTTP/1.1 400 Bad Request", 9 * time.Second},
		"header":  {"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n", "", 5 * time.Second},
		"nothing": {"", "", 5 * time.Second},
		"idle":    {goodWire().String(), "HTTP/1.1 202 Accepted", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				server := intake.Server(handler(t, intake.Options{Ledger: &memory{}}), nil)
				conns := make(chan net.Conn, 1)
				conns <- theirs
				go func() { _ = server.Serve(oneListener{conns}) }()
				go func() { _, _ = ours.Write([]byte(c.send)) }()
				start := time.Now()
				var got bytes.Buffer
				_, _ = got.ReadFrom(ours)
				first, _, _ := strings.Cut(got.String(), "\r\n")
				if took := time.Since(start); took.Round(time.Second) != c.after || !strings.HasPrefix(first, c.want) || c.want == "" && first != "" {
					t.Errorf("closed after %v with %q, want after %v with %q", took, first, c.after, c.want)
				}
				close(conns)
				_ = server.Close()
			})
		})
	}
}

// oneListener listens on pipes.
type oneListener struct{ conns chan net.Conn }

func (l oneListener) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l oneListener) Close() error   { return nil }
func (l oneListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestQuotaIsShared: slow huge bodies that hold all the quota for huge ones keep
// neither small nor medium ones waiting, and one more huge one is told so.
func TestQuotaIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handler(t, intake.Options{Ledger: &memory{}})
		var busy, cut atomic.Int64
		stop := make(chan struct{})
		start := time.Now()
		for range 20 {
			go func() {
				r := delivery("x", anyGUID, nil)
				r.Body, r.ContentLength = &stuck{left: 7 << 20, stop: stop}, 25<<20
				switch status, _ := answer(h, r); status {
				case 503:
					busy.Add(1)
				case 400:
					cut.Add(1)
				}
			}()
		}
		synctest.Wait()
		for _, size := range []int{1, 64 << 10, 64<<10 + 1, 1 << 20} {
			if status, text := answer(h, delivery("x", anyGUID, bytes.Repeat([]byte("a"), size))); status != 202 && status != 200 {
				t.Errorf("%d bytes: answer %d %s", size, status, text)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the small ones waited for %v", took)
		}
		time.Sleep(9 * time.Second) // in the test's own time
		synctest.Wait()
		if busy.Load() != 18 {
			t.Errorf("%d were told to come later, want 18", busy.Load())
		}
		close(stop)
		synctest.Wait()
		if cut.Load() != 2 {
			t.Errorf("%d were cut short, want 2", cut.Load())
		}
		huge := bytes.Repeat([]byte("a"), 25<<20)
		if status, text := answer(h, delivery("x", anyGUID, huge)); status != 202 {
			t.Errorf("afterwards: answer %d %s", status, text)
		}
	})
}

// stuck is a body that sends some bytes and then nothing until it is cut.
type stuck struct {
	left int
	stop chan struct{}
}

func (s *stuck) Read(p []byte) (int, error) {
	if s.left == 0 {
		<-s.stop
		return 0, errors.New("cut")
	}
	n := min(len(p), s.left)
	s.left -= n
	return n, nil
}

func (s *stuck) Close() error { return nil }
