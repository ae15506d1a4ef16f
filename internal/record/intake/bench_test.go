package intake_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
)

// Baseline is what ours is measured by: echo reading the body once into a
// pooled buffer, checking its HMAC and answering 202. It keeps nothing, and
// guards against nothing.
func Baseline(one secret.Secret) http.Handler {
	e := echo.New()
	buffers := sync.Pool{New: func() any { return new([1 << 20]byte) }}
	states := sync.Pool{New: func() any { return hmac.New(sha256.New, []byte(one.Reveal())) }}
	e.POST("/webhooks/github", func(c echo.Context) error {
		r := c.Request()
		buffer := buffers.Get().(*[1 << 20]byte)
		defer buffers.Put(buffer)
		if r.ContentLength < 0 || r.ContentLength > int64(len(buffer)) {
			return echo.ErrStatusRequestEntityTooLarge
		}
		body := buffer[:r.ContentLength]
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return echo.ErrBadRequest
		}
		var want, got [sha256.Size]byte
		digits, _ := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
		if n, err := hex.Decode(want[:], []byte(digits)); err != nil || n != len(want) {
			return echo.ErrUnauthorized
		}
		mac := states.Get().(hash.Hash)
		mac.Reset()
		mac.Write(body)
		mac.Sum(got[:0])
		states.Put(mac)
		if !hmac.Equal(want[:], got[:]) {
			return echo.ErrUnauthorized
		}
		return c.NoContent(http.StatusAccepted)
	})
	return e
}

// nowhere takes an answer and keeps its status.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(status int)      { n.status = status }

// again is a body that can be read again.
type again struct{ bytes.Reader }

func (*again) Close() error { return nil }

// caller gives a function that serves one delivery, the same each time.
func caller(t testing.TB, h http.Handler, body []byte) func() {
	r := delivery("x", anyGUID, body)
	from := new(again)
	r.Body = from
	w := &nowhere{header: http.Header{}}
	return func() {
		from.Reset(body)
		clear(w.header)
		h.ServeHTTP(w, r)
		if w.status != http.StatusAccepted {
			t.Errorf("answer %d", w.status)
		}
	}
}

// The sizes of a common push and of a pull request.
const pushSize, pullSize = 7_678, 23_741

// BenchmarkHandler has a ledger that keeps nothing: what it costs beside the
// baseline is the price of the checks, and of hashing the body for the entry.
func BenchmarkHandler(b *testing.B) {
	in, err := intake.New(intake.Options{Ledger: void{}, Secrets: secrets(b, key)})
	if err != nil {
		b.Fatal(err)
	}
	ours, bare := in.Handler(), Baseline(secret.New(key))
	for _, size := range []int{pushSize, pullSize} {
		body := bytes.Repeat([]byte("a"), size)
		for name, h := range map[string]http.Handler{"ours": ours, "bare": bare} {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for call := caller(b, h, body); pb.Next(); {
						call()
					}
				})
			})
		}
	}
}

// BenchmarkLoopback is the same over 64 connections.
func BenchmarkLoopback(b *testing.B) {
	in, err := intake.New(intake.Options{Ledger: void{}, Secrets: secrets(b, key)})
	if err != nil {
		b.Fatal(err)
	}
	ours, bare := serve(b, in.Handler()), serve(b, Baseline(secret.New(key)))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for _, size := range []int{pushSize, pullSize} {
		body := bytes.Repeat([]byte("a"), size)
		for name, to := range map[string]string{"ours": ours, "bare": bare} {
			b.Run(fmt.Sprintf("%d/%s", size, name), func(b *testing.B) {
				b.SetParallelism(32)
				b.RunParallel(func(pb *testing.PB) {
					r := delivery(to, anyGUID, body)
					for pb.Next() {
						r.Body = io.NopCloser(bytes.NewReader(body))
						response, err := client.Do(r)
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, response.Body)
						response.Body.Close()
						if response.StatusCode != http.StatusAccepted {
							b.Error(response.Status)
						}
					}
				})
			})
		}
	}
}

// TestAllocations: a delivery costs few allocations, however large it is.
func TestAllocations(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own: run it without -race")
	}
	h := handler(t, intake.Options{Ledger: void{}})
	small, large := bytes.Repeat([]byte("a"), 100), bytes.Repeat([]byte("a"), 60<<10)
	for _, body := range [][]byte{small, large} {
		perCall := testing.AllocsPerRun(1000, caller(t, h, body))
		if perCall > 20 {
			t.Errorf("%d bytes: %.1f allocations a delivery", len(body), perCall)
		} else {
			t.Logf("%d bytes: %.1f allocations a delivery", len(body), perCall)
		}
	}
}
