package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/goldfish-inc/fluxkeeper/internal/test/leaktest"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(baselineVariable); name != "" {
		fmt.Fprintln(os.Stderr, serveBaseline(name))
		os.Exit(1)
	}
	testscript.Main(m, map[string]func(){"fluxkeeper-receiver": main})
}

// process is a server that runs beside the test.
type process struct {
	url, admin string
	command    *exec.Cmd
	logf       func(string, ...any)
	reader     sync.WaitGroup
	lines      []string // what it printed; the reader's until that is done
}

// launch runs a server and waits until it says where it listens. What it prints is
// looked through when the test ends, and logged by whoever stops it: a story's log
// is for the story's own goroutine.
func launch(tb testing.TB, command *exec.Cmd, logf func(string, ...any)) (*process, error) {
	stderr, err := command.StderrPipe()
	if err != nil {
		return nil, err
	}
	name := filepath.Base(command.Path)
	command.Stdout = leaktest.Watch(tb, name+"'s stdout", nil)
	log := io.TeeReader(stderr, leaktest.Watch(tb, name+"'s stderr", nil))
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &process{command: command, logf: logf}
	serving := make(chan bool, 1)
	p.reader.Go(func() {
		for lines := bufio.NewScanner(log); lines.Scan(); {
			var line struct{ Msg, Listen, Admin string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				p.url, p.admin = "http://"+line.Listen, "http://"+line.Admin
				serving <- true
				continue
			}
			p.lines = append(p.lines, lines.Text())
		}
		close(serving)
	})
	select {
	case ok := <-serving:
		if ok {
			return p, nil
		}
	case <-time.After(30 * time.Second):
	}
	p.stop(syscall.SIGKILL)
	return nil, fmt.Errorf("%s does not serve", command)
}

// stop ends the process with a signal, waits for it, and logs what it printed.
func (p *process) stop(signal os.Signal) {
	if p.command.ProcessState == nil {
		_ = p.command.Process.Signal(signal)
		p.reader.Wait()
		_ = p.command.Wait()
		for _, line := range p.lines {
			p.logf("%s: %s", filepath.Base(p.command.Path), line)
		}
	}
}

var builtReceiver = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "fluxkeeper-receiver-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "fluxkeeper-receiver")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return program, nil
})

// startServe runs the real program.
func startServe(tb testing.TB, secret, ledger string, more ...string) *process {
	tb.Helper()
	program, err := builtReceiver()
	if err != nil {
		tb.Fatal(err)
	}
	return serveBy(tb, program, secret, ledger, more...)
}

// serveBy is startServe with another program.
func serveBy(tb testing.TB, program, secret, ledger string, more ...string) *process {
	tb.Helper()
	folder := tb.TempDir()
	secretFile := filepath.Join(folder, "secret")
	if err := os.WriteFile(secretFile, []byte(secret+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	if t, ok := tb.(*testing.T); ok {
		t.Cleanup(func() {
			if _, err := searched(t, ledger); err != nil {
				t.Error(err)
			}
		})
	}
	p, err := launch(tb, exec.Command(program, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--webhook-secret-file", secretFile,
		"--signing-key-file", filepath.Join(folder, "key"), "--ledger", ledger, "--log-format", "json",
	}, more...)...), tb.Logf)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return p
}
