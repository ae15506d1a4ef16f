package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goldfish-inc/fluxkeeper/internal/record/intake"
	"github.com/goldfish-inc/fluxkeeper/internal/secret"
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
		_, err := fmt.Fprintf(conn, "POST /webhooks/github HTTP/1.1\r\nHost: receiver\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\n"+
			"X-GitHub-Event: push\r\nX-GitHub-Delivery: %d-%d\r\nX-Hub-Signature-256: %s\r\n\r\n%s", len(body), client, n,
			sign(scriptSecret, []byte(body)), body)
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

// TestHangup: a hangup, as logrotate, systemd and a closed terminal send it, is no
// reason to let deliveries fall: it takes them, with the secrets read again.
func TestHangup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	secrets := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secrets(scriptSecret)
	live, err := readSecrets([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	secrets(strings.Repeat("another ", 4))
	asked, got := make(chan os.Signal, 1), make(chan []secret.Secret, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held, err := intake.NewSecrets(live...)
	if err != nil {
		t.Fatal(err)
	}
	read := func() ([]secret.Secret, error) { return readSecrets([]string{file}) }
	go held.Follow(ctx, time.Hour, asked, read, slog.New(slog.DiscardHandler), func(now []secret.Secret) { got <- now })
	asked <- syscall.SIGHUP
	if now := <-got; len(now) != 1 || now[0].Reveal() == live[0].Reveal() {
		t.Error("the secrets were not read again")
	}

	p := startServe(t, scriptSecret, filepath.Join(t.TempDir(), "ledger.db"))
	if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.stop(syscall.SIGTERM)
	if status := p.command.ProcessState; status.ExitCode() != 0 {
		t.Errorf("it ended by %s", status)
	}
}

// serving is a receiver in a folder of its own, with its secret, that is yet to be started.
func serving(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := builtReceiver()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(scriptSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append([]string{"serve", "--listen", "127.0.0.1:0", "--webhook-secret-file", "secret",
		"--log-format", "json"}, args...)...)
	command.Dir = dir
	return command
}

// TestNobodyReadsTheLog: a receiver goes on when whatever read its log has ended.
func TestNobodyReadsTheLog(t *testing.T) {
	command := serving(t, "--admin-listen", "127.0.0.1:0", "--log-level", "debug")
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	var url string
	for lines := bufio.NewScanner(log); url == "" && lines.Scan(); {
		var line struct{ Listen string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Listen != "" {
			url = "http://" + line.Listen
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	refused := payload{event: "push", body: []byte("{}")}
	if status, err := send(http.DefaultClient, url, "another secret", refused, "1"); err != nil || status != http.StatusUnauthorized {
		t.Fatalf("what is logged: status %d, %v", status, err)
	}
	if status, err := send(http.DefaultClient, url, scriptSecret, refused, "1"); err != nil || status != http.StatusAccepted {
		t.Errorf("status %d, %v", status, err)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
}

// TestReadOnlyFolder: who may only read a ledger that was closed can ask it everything;
// what its log still holds is not passed over.
func TestReadOnlyFolder(t *testing.T) {
	program, err := builtReceiver()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "fluxkeeper-read-only-") // unlike t.TempDir, for others to enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700); _ = os.RemoveAll(dir) })
	ledger, elsewhere, policy := filepath.Join(dir, "ledger.db"), filepath.Join(dir, "elsewhere"), filepath.Join(dir, "policy.yaml")
	pushed(t, ledger, "main")
	if err := errors.Join(os.WriteFile(policy, []byte("version: 1\n"), 0o444), os.Mkdir(elsewhere, 0o777)); err != nil {
		t.Fatal(err)
	}
	may := func(modes map[string]os.FileMode) {
		t.Helper()
		for path, mode := range modes {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	ends := func(want int, args ...string) string {
		t.Helper()
		command := exec.Command(program, append(args, "--ledger", ledger)...)
		if os.Geteuid() == 0 { // root may write everywhere
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, _ := command.CombinedOutput()
		if status := command.ProcessState.ExitCode(); status != want {
			t.Errorf("%v: exit status %d, want %d\n%s", args, status, want, out)
		}
		return string(out)
	}
	may(map[string]os.FileMode{dir: 0o555, elsewhere: 0o777, ledger: 0o444, ledger + ".key": 0o444, filepath.Dir(program): 0o755})
	ends(0, "verify")
	ends(3, "report", "--policy", policy) // not compared with GitHub
	ends(0, "list")
	ends(0, "export")
	ends(0, "backup", filepath.Join(elsewhere, "copy.db"))

	may(map[string]os.FileMode{dir: 0o755})
	if err := os.WriteFile(ledger+"-wal", nil, 0o444); err != nil {
		t.Fatal(err)
	}
	may(map[string]os.FileMode{dir: 0o555})
	if out := ends(3, "verify"); !strings.Contains(out, "its log") || !strings.Contains(out, "copy both files") {
		t.Error(out)
	}
}

// TestAdminForEverybody: the private listener gives bodies away, so it says where
// strangers can reach it.
func TestAdminForEverybody(t *testing.T) {
	command := serving(t, "--admin-listen", "0.0.0.0:0")
	var log strings.Builder
	p, err := launch(t, command, func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) })
	if err != nil {
		t.Fatal(err)
	}
	p.stop(syscall.SIGTERM)
	if !strings.Contains(log.String(), "admin") {
		t.Errorf("it does not warn:\n%s", &log)
	}
}

// TestMetricsListener: it gives metrics and health, and nothing of the ledger.
func TestMetricsListener(t *testing.T) {
	p, err := launch(t, serving(t, "--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop(syscall.SIGTERM)
	address := ""
	for _, line := range p.lines { // it is told before the line that launch waits for
		var told struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &told) == nil && told.Msg == "serving metrics" {
			address = told.Address
		}
	}
	for path, want := range map[string]int{
		"/metrics": http.StatusOK, "/readyz": http.StatusOK, "/api/v1/entries": http.StatusForbidden, "/api/v1/key": http.StatusForbidden,
	} {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, answer.StatusCode, want)
		}
	}
	if answer, err := http.Post("http://"+address+"/api/v1/erase", "application/json", nil); err != nil || answer.StatusCode < 400 {
		t.Errorf("an operation: %v", err)
	}
}
