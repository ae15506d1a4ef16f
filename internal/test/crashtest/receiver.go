//go:build linux

package crashtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Receiver is a running receiver.
type Receiver struct {
	// Listen and Admin are the addresses that it serves.
	Listen, Admin string
	// Took is how long it was from the start of the process until it took
	// deliveries.
	Took time.Duration

	process *exec.Cmd
	gone    chan struct{}
	mu      sync.Mutex
	log     strings.Builder
}

// Build builds a program of this module and returns its path. Overlay, if any,
// is what go build -overlay reads: files with another content than they have.
func Build(dir, program, overlay string) (string, error) {
	path := filepath.Join(dir, "receiver-"+fmt.Sprint(time.Now().UnixNano()))
	args := []string{"build", "-ldflags=-s -w", "-o", path}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if out, err := exec.Command("go", append(args, program)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return path, nil
}

// Start starts a receiver and waits until it is ready. It is killed when the
// context ends.
func Start(ctx context.Context, program string, args ...string) (*Receiver, error) {
	r := &Receiver{process: exec.CommandContext(ctx, program, args...), gone: make(chan struct{})}
	stderr, err := r.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	// The receiver dies with the test, however that ends.
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	start := time.Now()
	if err := r.process.Start(); err != nil {
		return nil, fmt.Errorf("start receiver: %w", err)
	}
	addresses := make(chan [2]string, 1)
	go r.read(stderr, addresses)
	select {
	case told := <-addresses:
		r.Listen, r.Admin = told[0], told[1]
	case <-r.gone:
	case <-time.After(time.Minute):
	}
	for r.Listen != "" && time.Since(start) < time.Minute {
		if status, _, err := r.Get("/readyz"); err == nil && status == http.StatusOK {
			r.Took = time.Since(start)
			return r, nil
		}
		select {
		case <-r.gone:
		case <-time.After(time.Millisecond):
			continue
		}
		break
	}
	r.Kill()
	return nil, fmt.Errorf("start receiver: it does not become ready\n%s", r.Log())
}

// read keeps the log, and finds the addresses in it.
func (r *Receiver) read(stderr io.Reader, addresses chan<- [2]string) {
	defer close(r.gone)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		r.mu.Lock()
		if r.log.Len() < 1<<20 {
			r.log.WriteString(lines.Text() + "\n")
		}
		r.mu.Unlock()
		var line struct{ Listen, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Listen != "" && line.Admin != "" {
			select {
			case addresses <- [2]string{line.Listen, line.Admin}:
			default:
			}
		}
	}
}

// Log is what it wrote so far.
func (r *Receiver) Log() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// Get asks the private side.
func (r *Receiver) Get(path string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Admin+path, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// Kill is kill -9. It returns when the process and its files are gone.
func (r *Receiver) Kill() {
	_ = r.process.Process.Kill()
	r.wait()
}

// Stop asks it to end, and waits until it did.
func (r *Receiver) Stop() error {
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop receiver: %w", err)
	}
	if err := r.wait(); err != nil {
		return fmt.Errorf("stop receiver: %w\n%s", err, r.Log())
	}
	return nil
}

func (r *Receiver) wait() error {
	<-r.gone // all of the log is read
	return r.process.Wait()
}
