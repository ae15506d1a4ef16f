package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a server may take to start or stop. A loaded machine is
// slow, and a crash is followed by recovery.
const patience = time.Minute

// Mode is a way of stopping a server.
type Mode syscall.Signal

// The ways of stopping, as pg_ctl names them, and the one that it lacks.
const (
	// Fast ends the sessions, writes a checkpoint and stops.
	Fast = Mode(syscall.SIGINT)
	// Immediate stops without a checkpoint; the next start recovers.
	Immediate = Mode(syscall.SIGQUIT)
	// Kill is kill -9 of the first process; its sessions notice by themselves.
	Kill = Mode(syscall.SIGKILL)
)

// Server is a PostgreSQL server that ends with its test. It listens on a Unix
// socket alone and trusts whoever reaches it.
type Server struct {
	install install
	dir     string
	args    []string
	process *exec.Cmd    // nil: stopped
	gone    <-chan error // how the process ended
	guard   *exec.Cmd    // stops the server where the test ends without doing so
}

// Start starts a server with the given settings ("name=value"). Where none is
// installed the test is skipped; in CI it fails.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	need(t)
	s, err := create(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// Shared gives the one server of all tests of this process that neither stop it nor
// change its settings, each with databases of its own. It ends with the process.
func Shared(t testing.TB) *Server {
	t.Helper()
	need(t)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var shared = sync.OnceValues(func() (*Server, error) {
	s, err := create(nil)
	if err != nil {
		return nil, err
	}
	return s, s.start()
})

// need skips a test that finds no PostgreSQL.
func need(t testing.TB) {
	t.Helper()
	if _, err := find(); err != nil {
		missing(t, err)
	}
}

// missing skips a test that lacks a program; where continuous integration ran it, it
// fails.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// template is a data directory as initdb makes it, which takes a second of processor
// time: the servers of one process begin with copies. It goes when the process does.
type template struct {
	data  string
	guard *exec.Cmd // guards as long as it is referred to
}

var blank = sync.OnceValues(func() (template, error) {
	i, err := find()
	if err != nil {
		return template{}, err
	}
	dir, err := i.folder()
	if err != nil {
		return template{}, err
	}
	made := template{data: filepath.Join(dir, "data")}
	if made.guard, err = guard(`rm -rf "$1"`, dir); err != nil {
		return template{}, errors.Join(err, os.RemoveAll(dir))
	}
	out, err := i.command("initdb", "-D", made.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
		"--no-sync").CombinedOutput()
	if err != nil {
		return template{}, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return made, nil
})

// create makes the data directory. The socket lies beside it.
func create(settings []string) (*Server, error) {
	i, err := find()
	if err != nil {
		return nil, err
	}
	blank, err := blank()
	if err != nil {
		return nil, err
	}
	dir, err := i.folder()
	if err != nil {
		return nil, err
	}
	s := &Server{install: i, dir: dir}
	if out, err := exec.Command("cp", "-a", blank.data, s.Data()).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("copy %s: %w\n%s", blank.data, err, out), os.RemoveAll(dir))
	}
	s.args = []string{"-D", s.Data(), "-k", dir, "-c", "listen_addresses="} // fsync is on unless told otherwise
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	return s, nil
}

// Data is the server's data directory.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// Dir holds the data directory, the socket and the log.
func (s *Server) Dir() string { return s.dir }

// PID is the number of the first process, 0 of a server that is stopped.
func (s *Server) PID() int {
	if s.process == nil {
		return 0
	}
	return s.process.Process.Pid
}

// DSN is the address of a database on this server.
func (s *Server) DSN(database string) string {
	query := url.Values{"host": {s.dir}, "user": {"postgres"}}
	return "postgres:///" + url.PathEscape(database) + "?" + query.Encode()
}

// Create makes an empty database, and returns its address.
func (s *Server) Create(t testing.TB, database string) string {
	t.Helper()
	s.Exec(t, "postgres", "CREATE DATABASE "+pgx.Identifier{database}.Sanitize())
	return s.DSN(database)
}

// Exec runs a statement in a database, as the superuser.
func (s *Server) Exec(t testing.TB, database, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = conn.Exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
}

// Stop stops the server and returns once its first process is gone.
func (s *Server) Stop(t testing.TB, mode Mode) {
	t.Helper()
	if err := s.stop(mode); err != nil {
		t.Fatal(err)
	}
}

// Restart stops the server and starts it again, on the same data and socket.
func (s *Server) Restart(t testing.TB, mode Mode) {
	t.Helper()
	s.Stop(t, mode)
	s.Resume(t)
}

// Resume starts a server that was stopped, and returns once it takes sessions.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// start tries until the deadline: after kill -9 the sessions of before still
// hold the shared memory for a moment, and a start is refused.
func (s *Server) start() error {
	if s.process != nil {
		return errors.New("start PostgreSQL: it runs already")
	}
	for deadline := time.Now().Add(patience); ; {
		err := s.try(deadline)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || !strings.Contains(s.log(), "pre-existing shared memory block") {
			return fmt.Errorf("start PostgreSQL: %w\n%s", err, s.log())
		}
	}
}

func (s *Server) try(deadline time.Time) error {
	out, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	process := s.install.command("postgres", s.args...)
	process.Stdout, process.Stderr = out, out
	if err := process.Start(); err != nil {
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- process.Wait() }()
	for {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		conn, err := pgx.Connect(ctx, s.DSN("postgres"))
		cancel()
		if err == nil {
			s.process, s.gone = process, gone
			return errors.Join(conn.Close(context.Background()), s.watch())
		}
		select {
		case end := <-gone:
			return fmt.Errorf("it ended: %w", end)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(err, process.Process.Kill())
		}
	}
}

func (s *Server) stop(mode Mode) error {
	if s.process == nil {
		return errors.New("stop PostgreSQL: it does not run")
	}
	err := errors.Join(s.unwatch(), s.process.Process.Signal(syscall.Signal(mode)))
	select {
	case <-s.gone: // its status tells nothing that the signal does not
	case <-time.After(patience):
		err = errors.Join(err, errors.New("stop PostgreSQL: it runs on"), s.process.Process.Kill())
		<-s.gone
	}
	s.process = nil
	return err
}

// remove ends the server and deletes what it wrote.
func (s *Server) remove() error {
	var err error
	if s.process != nil {
		err = s.stop(Immediate)
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// guard starts a process that runs a shell script when this one is gone, or lets go
// of it: a test that runs out of time cleans nothing up. The guard does.
func guard(script string, args ...string) (*exec.Cmd, error) {
	c := exec.Command("sh", append([]string{"-c", "read -r _; " + script, "sh"}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := c.StdinPipe(); err != nil { // ends with this process
		return nil, err
	}
	return c, c.Start()
}

// watch ends the server when this process is gone.
func (s *Server) watch() (err error) {
	s.guard, err = guard(`kill -QUIT "$1"; while kill -0 "$1"; do sleep 1; done 2>/dev/null; rm -rf "$2"`, strconv.Itoa(s.PID()), s.dir)
	return err
}

// unwatch ends the guard, before another process can have the server's number.
func (s *Server) unwatch() error {
	if s.guard == nil {
		return nil
	}
	guard := s.guard
	s.guard = nil
	if err := guard.Process.Kill(); err != nil {
		return err
	}
	var killed *exec.ExitError
	if err := guard.Wait(); err != nil && !errors.As(err, &killed) {
		return err
	}
	return nil
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }

// log is what the server wrote since it was last started.
func (s *Server) log() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return string(text)
}
