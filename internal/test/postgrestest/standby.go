package postgrestest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// Standby makes another server that follows this one by streaming replication, and
// ends with the test. Until [Server.Asynchronous] is called, a commit here waits for it.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	dir, err := s.install.folder()
	if err != nil {
		t.Fatal(err)
	}
	standby := &Server{install: s.install, dir: dir}
	standby.args = []string{"-D", standby.Data(), "-k", dir, "-c", "listen_addresses="}
	t.Cleanup(func() {
		if err := standby.remove(); err != nil {
			t.Error(err)
		}
	})
	args := []string{"-D", standby.Data(), "-h", s.dir, "-U", "postgres", "-R", "-c", "fast", "--no-sync"}
	if out, err := s.install.command("pg_basebackup", args...).CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	if err := standby.start(); err != nil {
		t.Fatal(err)
	}
	s.synchronous(t, "*")
	return standby
}

// Asynchronous lets commits wait for no standby any more.
func (s *Server) Asynchronous(t testing.TB) {
	t.Helper()
	s.synchronous(t, "")
}

func (s *Server) synchronous(t testing.TB, names string) {
	t.Helper()
	s.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '"+names+"'")
	s.Exec(t, "postgres", "SELECT pg_reload_conf()")
}

// Promote makes a standby a server that is written to, and returns when it is one.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	if out, err := s.install.command("pg_ctl", "promote", "-w", "-D", s.Data()).CombinedOutput(); err != nil {
		t.Fatalf("pg_ctl promote: %v\n%s", err, out)
	}
}

// EitherDSN is the address of a database on whichever of the servers is written to.
func EitherDSN(database string, servers ...*Server) string {
	var dirs []string
	for _, s := range servers {
		dirs = append(dirs, s.dir)
	}
	query := url.Values{"host": {strings.Join(dirs, ",")}, "user": {"postgres"}, "target_session_attrs": {"read-write"}}
	return "postgres:///" + url.PathEscape(database) + "?" + query.Encode()
}

// Pooler is a PgBouncer in front of a server. It ends with its test.
type Pooler struct {
	install install
	dir     string
	end     func() error // nil: it does not run
}

// pooler is its program, which Debian does not keep in everybody's PATH.
const pooler = "/usr/sbin/pgbouncer"

// Pool starts PgBouncer in front of a server, in the given mode ("session",
// "transaction"). Where it is not installed the test is skipped; in CI it fails.
func (s *Server) Pool(t testing.TB, mode string) *Pooler {
	t.Helper()
	if _, err := os.Stat(pooler); err != nil {
		missing(t, fmt.Errorf("find PgBouncer: install Debian's pgbouncer: %w", err))
	}
	dir, err := s.install.folder()
	if err != nil {
		t.Fatal(err)
	}
	p := &Pooler{install: s.install, dir: dir}
	t.Cleanup(func() {
		if p.end != nil {
			p.Kill(t)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	settings := fmt.Sprintf("[databases]\n* = host=%s user=postgres\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\nlogfile = %s/log\n"+
		"auth_type = any\npool_mode = %s\nserver_login_retry = 0.1\n", s.dir, dir, dir, mode)
	if err := os.WriteFile(p.settings(), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	p.Start(t)
	return p
}

func (p *Pooler) settings() string { return p.dir + "/pgbouncer.ini" }

// DSN is the address of a database behind it.
func (p *Pooler) DSN(database string) string {
	query := url.Values{"host": {p.dir}, "port": {"6432"}, "user": {"postgres"}}
	return "postgres:///" + url.PathEscape(database) + "?" + query.Encode()
}

// Start starts a pooler that was killed.
func (p *Pooler) Start(t testing.TB) {
	t.Helper()
	process := p.install.command(pooler, p.settings())
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	watch, err := guard(`kill -KILL "$1"`, fmt.Sprint(process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	p.end = func() error {
		err := errors.Join(watch.Process.Kill(), process.Process.Kill())
		_, _ = watch.Process.Wait() // both were killed: their states say nothing else
		_, _ = process.Process.Wait()
		return err
	}
}

// Kill is kill -9: all sessions through it end.
func (p *Pooler) Kill(t testing.TB) {
	t.Helper()
	if err := p.end(); err != nil {
		t.Error(err)
	}
	p.end = nil
}
