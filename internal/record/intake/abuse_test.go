package intake_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
)

const childVariable = "FLUXKEEPER_INTAKE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child is a receiver in a process of its own, so that its memory can be
// measured. It says its address; each line that it reads makes it say the
// greatest heap since the line before.
func child() {
	t := &testing.T{}
	fmt.Println(serve(t, handler(t, intake.Options{Ledger: void{}})))
	var peak atomic.Uint64
	go func() {
		for range time.Tick(time.Millisecond) {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			for old := peak.Load(); now.HeapAlloc > old && !peak.CompareAndSwap(old, now.HeapAlloc); old = peak.Load() {
			}
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(peak.Load())
		debug.FreeOSMemory() // collects as well
		peak.Store(0)
	}
}

// process is a running child.
type process struct {
	address string
	in      io.Writer
	out     *bufio.Reader
	pid     int
}

func start(t *testing.T) *process {
	t.Helper()
	if raced {
		t.Skip("the race detector takes memory of its own: run it without -race")
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), childVariable+"=1")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	p := &process{in: in, out: bufio.NewReader(out), pid: command.Process.Pid}
	p.address = p.line(t)
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// peak gives the greatest heap since it was last asked, in bytes.
func (p *process) peak(t *testing.T) (n int64) {
	t.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(p.line(t), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// residentPeak gives the greatest memory that the process ever had, in bytes.
func (p *process) residentPeak(t *testing.T) (n int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		t.Skip("there is no /proc to read memory from: run it on Linux")
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &n); err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// bomb sends the headers, then as many bytes as it can get rid of up to size,
// and gives the answer's first line.
func bomb(to, headers string, size int64, chunked bool) (string, error) {
	conn, err := net.Dial("tcp", to)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(conn).ReadString('\n')
		answered <- strings.TrimSpace(line)
	}()
	if _, err := io.WriteString(conn, headers); err != nil {
		return "", err
	}
	block := bytes.Repeat([]byte("a"), 1<<20)
	if chunked {
		block = fmt.Appendf(nil, "100000\r\n%s\r\n", block)
	}
	for sent := int64(0); sent < size; sent += 1 << 20 {
		if _, err := conn.Write(block); err != nil {
			break // it has closed the connection
		}
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	return <-answered, nil
}

// TestBombs: what cannot be right costs nothing, however large; what could be
// right stays inside the budget.
func TestBombs(t *testing.T) {
	const bombs, size = 16, 512 << 20
	forged := set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
	length := set("Content-Length", fmt.Sprint(size))
	p := start(t)
	send(t, delivery(p.address, "warm-up", []byte("{}")))
	p.peak(t)
	cases := []struct {
		name    string
		change  change
		chunked bool
		want    string
		each    int64 // bytes of heap
	}{
		{"no signature, length", all(drop("X-Hub-Signature-256"), length), false, "413", 1 << 20},
		{"no signature, chunked", all(drop("X-Hub-Signature-256"), chunked("")), true, "401", 1 << 20},
		{"wrong signature, length", all(forged, length), false, "413", 1 << 20},
		{"no signature, length allowed", all(drop("X-Hub-Signature-256"), set("Content-Length", fmt.Sprint(25<<20))), false, "401", 1 << 20},
		{"wrong signature, chunked", all(forged, chunked("")), true, "413", 256 << 20 / bombs},
		{"wrong signature, length allowed", all(forged, set("Content-Length", fmt.Sprint(25<<20))), false, "401", 256 << 20 / bombs},
	}
	for _, c := range cases {
		w := goodWire()
		all(c.change, tamper(""))(w)
		base := p.peak(t)
		var all sync.WaitGroup
		for range bombs {
			all.Go(func() {
				if got, err := bomb(p.address, w.String(), size, c.chunked); err != nil || !strings.HasPrefix(got, "HTTP/1.1 "+c.want) {
					t.Errorf("%s: answer %q, %v", c.name, got, err)
				}
			})
		}
		all.Wait()
		each := (p.peak(t) - base) / bombs
		t.Logf("%s: %d KiB of heap each", c.name, each>>10)
		if each > c.each {
			t.Errorf("%s: %d bytes of heap each, more than %d", c.name, each, c.each)
		}
	}
	if status, text := send(t, delivery(p.address, "after", []byte("{}"))); status != http.StatusAccepted {
		t.Errorf("afterwards: answer %d %s", status, text)
	}
}

// TestHugeAtOnce: sixteen of the largest deliveries at once are all taken.
func TestHugeAtOnce(t *testing.T) {
	p := start(t)
	body := bytes.Repeat([]byte("a"), 25<<20)
	for _, chunked := range []bool{false, true} {
		var all sync.WaitGroup
		for i := range 16 {
			r := delivery(p.address, fmt.Sprint("g-", i), body)
			if chunked {
				r.ContentLength = -1
			}
			all.Go(func() {
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				if response.StatusCode != http.StatusAccepted {
					t.Errorf("answer %s", response.Status)
				}
			})
		}
		all.Wait()
	}
	heap, resident := p.peak(t), p.residentPeak(t)
	t.Logf("twice 16 bodies of 25 MiB: heap %d MiB, resident %d MiB", heap>>20, resident>>20)
	if heap > 512<<20 || resident > 512<<20 {
		t.Errorf("heap %d, resident %d, more than 512 MiB", heap, resident)
	}
}

// TestSlowLoris: a thousand connections that never finish do not keep honest
// deliveries waiting, not for a moment of the bubble's clock.
func TestSlowLoris(t *testing.T) {
	w := goodWire()
	set("Content-Length", "65536")(w)
	for name, start := range map[string]string{
		"headers": w.String()[:80], "bodies": w.String(), "huge bodies": strings.Replace(w.String(), "65536", "26214400", 1),
		"nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := oneListener{make(chan net.Conn)}
				server := intake.Server(handler(t, intake.Options{Ledger: void{}}), nil)
				go func() { _ = server.Serve(intake.Limit(listener, intake.Limits{})) }()
				dial := func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					listener.conns <- theirs
					return ours, nil
				}
				for range 1000 {
					conn, _ := dial(t.Context(), "", "")
					defer conn.Close()
					go func() { _, _ = io.WriteString(conn, start) }()
				}
				synctest.Wait()
				began := time.Now()
				client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
				for i := range 200 {
					response, err := client.Do(delivery("x", fmt.Sprint("g-", i), bytes.Repeat([]byte("a"), 8<<10)))
					if err != nil {
						t.Fatal(err)
					}
					response.Body.Close()
					if response.StatusCode != http.StatusAccepted {
						t.Fatalf("answer %s", response.Status)
					}
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("honest deliveries waited for %v", took)
				}
				close(listener.conns)
				_ = server.Close()
				time.Sleep(time.Second) // of the bubble's; net/http lingers for half of it
			})
		})
	}
}

// TestReplay: the same bytes again, one after the other and at once, are kept
// once.
func TestReplay(t *testing.T) {
	kept := &memory{}
	to := serve(t, handler(t, intake.Options{Ledger: kept}))
	raw := goodWire().String()
	var accepted, duplicate atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				switch got := exchange(t, to, raw); got[:3] {
				case "202":
					accepted.Add(1)
				case "200":
					duplicate.Add(1)
				default:
					t.Error(errors.New(got))
				}
			}
		})
	}
	all.Wait()
	if kept.count() != 1 || accepted.Load() != 1 || duplicate.Load() != 159 {
		t.Errorf("%d kept, %d accepted, %d duplicates", kept.count(), accepted.Load(), duplicate.Load())
	}
}
