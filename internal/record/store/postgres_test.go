package store_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/goldfish-inc/fluxkeeper/internal/record/ledger"
	"github.com/goldfish-inc/fluxkeeper/internal/record/store"
	"github.com/goldfish-inc/fluxkeeper/internal/test/postgrestest"
)

// TestTheLookForDuplicatesComesAfterTheLock: two replicas wait for the head with
// the same entry. Whoever gets it second must see what the first committed.
func TestTheLookForDuplicatesComesAfterTheLock(t *testing.T) {
	server := postgrestest.Shared(t)
	o := databases(server)(t)
	ledgers := []*store.Ledger{open(t, o), open(t, o)}
	add(t, ledgers[0], "before")
	conn := connect(t, o.Address)
	lock, err := conn.Begin(t.Context())
	if err == nil {
		_, err = lock.Exec(t.Context(), "SELECT FROM head FOR UPDATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	receipts := make([]ledger.Receipt, len(ledgers))
	var wait sync.WaitGroup
	for i, l := range ledgers {
		wait.Go(func() { receipts[i], _ = send(t, l, "a") })
	}
	until(t, "both wait for the lock", func() bool {
		var waiting int
		err := connect(t, o.Address).QueryRow(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		return waiting == len(ledgers)
	})
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	if receipts[0].Duplicate == receipts[1].Duplicate || receipts[0].Record != receipts[1].Record {
		t.Errorf("%+v\n%+v", receipts[0], receipts[1])
	}
	whole(t, ledgers[0], o.Key, 2)
}

// TestLostAnswerToCommit: the server commits, and its answer does not arrive.
func TestLostAnswerToCommit(t *testing.T) {
	server := postgrestest.Shared(t)
	o := databases(server)(t)
	network, address := newProxy(t, server, o.Address)
	o.Address = address
	l := open(t, o)
	add(t, l, "a")
	lost := network.lose(committed, false)
	r := add(t, l, "b")
	select {
	case <-lost:
	default:
		t.Error("no answer was lost")
	}
	if r.Duplicate || r.Index != 1 {
		t.Errorf("%+v", r)
	}
	if r := add(t, l, "b"); !r.Duplicate || r.Index != 1 {
		t.Errorf("sent again: %+v", r)
	}
	whole(t, l, o.Key, 2)
}

// TestReplicaThatHangs: one replica goes silent while it holds the head. The
// other gets it within the time that senders wait, and so does the first.
func TestReplicaThatHangs(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Shared(t)
	o := databases(server)(t)
	healthy := open(t, o)
	network, address := newProxy(t, server, o.Address)
	o.Address = address
	hanging := open(t, o)
	add(t, hanging, "a")
	add(t, healthy, "b")
	silent := network.lose(begun, true)
	var wait sync.WaitGroup
	wait.Go(func() { send(t, hanging, "c") })
	<-silent
	add(t, healthy, "d")
	wait.Wait()
	whole(t, healthy, o.Key, 4)
}

// TestStandby: a server that only follows takes nothing, and does once promoted.
func TestStandby(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Start(t)
	o := databases(server)(t)
	l := open(t, o)
	add(t, l, "a")
	server.Stop(t, postgrestest.Fast)
	if err := os.WriteFile(filepath.Join(server.Data(), "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	server.Resume(t)
	short := o
	short.Hold = 100 * time.Millisecond
	if _, err := store.Open(t.Context(), short); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Errorf("open on a standby: %v", err)
	}
	if size, _, err := open(t, store.Options{Address: o.Address}).Head(t.Context()); size != 1 || err != nil {
		t.Errorf("read from a standby: size %d, %v", size, err)
	}
	var wait sync.WaitGroup
	wait.Go(func() { send(t, l, "b") })
	until(t, "the ledger says that it waits", func() bool { return l.Ready(t.Context()) != nil })
	server.Exec(t, "postgres", "SELECT pg_promote()")
	wait.Wait()
	whole(t, l, o.Key, 2)
}

// TestServersThatForget are refused, or made to sync.
func TestServersThatForget(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Start(t, "wal_writer_delay=10s", "synchronous_commit=off")
	l := open(t, databases(server)(t))
	r := add(t, l, "a")
	server.Restart(t, postgrestest.Immediate) // loses what only memory has
	if got, err := l.Record(t.Context(), 0); err != nil || got != r.Record {
		t.Errorf("after a crash, with synchronous_commit=off as default: %+v, %v", got, err)
	}

	server.Exec(t, "postgres", "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
	refused(t, store.Options{Address: server.DSN("ascii"), Key: newKey(t)}, "ENCODING 'UTF8'")
	refused(t, store.Options{Address: server.DSN("missing"), Key: newKey(t)}, "CREATE DATABASE")
	refused(t, store.Options{Address: server.DSN("missing")}, "CREATE DATABASE")
	refused(t, store.Options{Address: server.Create(t, "empty")}, "this is not a ledger")
	server.Exec(t, "empty", "CREATE ROLE guest LOGIN")
	guest := strings.Replace(server.DSN("empty"), "user=postgres", "user=guest", 1)
	refused(t, store.Options{Address: guest, Key: newKey(t)}, "GRANT USAGE, CREATE")
	lazy := postgrestest.Start(t, "fsync=off")
	refused(t, databases(lazy)(t), "fsync=on")
}

// TestSessionOfAnother: behind a pooler, what a transaction finds set is what somebody
// else left. It waits for the disk all the same.
func TestSessionOfAnother(t *testing.T) {
	o := databases(postgrestest.Shared(t))(t)
	l, conn := open(t, o), connect(t, o.Address)
	if _, err := conn.Exec(t.Context(), `CREATE TABLE seen (level text);
		CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO seen VALUES (current_setting('synchronous_commit'));
			PERFORM set_config('synchronous_commit', 'off', false);
			RETURN NULL;
		END $$;
		CREATE TRIGGER look AFTER INSERT ON entry FOR EACH STATEMENT EXECUTE FUNCTION look()`); err != nil {
		t.Fatal(err)
	}
	add(t, l, "a")
	add(t, l, "b")
	var all, off int
	if err := conn.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE level = 'off') FROM seen`).Scan(&all, &off); err != nil {
		t.Fatal(err)
	}
	if all != 2 || off != 0 {
		t.Errorf("%d of %d transactions did not wait for the disk", off, all)
	}
}

// TestPoolerIsNamed: where statements that were prepared are there already, or are
// gone, the session is not the ledger's own.
func TestPoolerIsNamed(t *testing.T) {
	for _, state := range []string{"42P05", "26000"} {
		o := databases(postgrestest.Shared(t))(t)
		if _, err := connect(t, o.Address).Exec(t.Context(), `CREATE FUNCTION fail() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'prepared statement' USING ERRCODE = '`+state+`'; END $$;
			CREATE VIEW head AS SELECT fail() AS size`); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), store.Options{Address: o.Address}); err == nil ||
			!strings.Contains(err.Error(), "use session mode") {
			t.Errorf("%s: %v", state, err)
		}
	}
}

// TestSyncTurnedOff while the ledger is open: nothing is acknowledged until it
// is turned on again.
func TestSyncTurnedOff(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Start(t)
	o := databases(server)(t)
	l := open(t, o)
	add(t, l, "a")
	set := func(statement string) {
		server.Exec(t, "postgres", statement)
		server.Exec(t, "postgres", "SELECT pg_reload_conf()") // is heard when it is
	}
	set("ALTER SYSTEM SET fsync = off")
	n := int64(1)
	var err error
	until(t, "an append is refused", func() bool {
		if _, err = l.Append(t.Context(), entry(fmt.Sprint("b", n)), nil); err == nil {
			n++
		}
		return err != nil
	})
	if !strings.Contains(err.Error(), "set fsync=on") {
		t.Error(err)
	}
	until(t, "the ledger is not ready", func() bool { return l.Ready(t.Context()) != nil })
	set("ALTER SYSTEM RESET fsync")
	add(t, l, "c")
	whole(t, l, o.Key, n+1)
}

// TestCommitThatWaitsForAStandby: with synchronous replication a commit is done
// here before it has reached the standby. If somebody ends that wait, the server
// answers with success and a warning; that must not become an acknowledgement.
func TestCommitThatWaitsForAStandby(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Start(t)
	o := databases(server)(t)
	l := open(t, o)
	add(t, l, "a")
	watch := connect(t, o.Address)
	waiting := func() (pid int) {
		err := watch.QueryRow(t.Context(), `SELECT coalesce(max(pid), 0) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event = 'SyncRep'`).Scan(&pid)
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	server.Exec(t, "postgres", "CREATE TABLE trial (n int)")
	server.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	server.Exec(t, "postgres", "SELECT pg_reload_conf()")
	// A setting is in force when a commit waits, and not when it can be read. The
	// trial is in another database, where waiting does not look.
	until(t, "commits wait", func() bool {
		trial, err := pgx.Connect(t.Context(), server.DSN("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer trial.Close(context.Background())
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = trial.Exec(short, "INSERT INTO trial VALUES (1)")
		return err != nil
	})
	answered := make(chan ledger.Receipt, 1)
	go func() {
		defer close(answered)
		if r, ok := send(t, l, "b"); ok {
			answered <- r
		}
	}()
	var first int
	until(t, "the commit waits", func() bool { first = waiting(); return first != 0 })
	server.Exec(t, "postgres", fmt.Sprintf("SELECT pg_cancel_backend(%d)", first))
	until(t, "another commit waits", func() bool { pid := waiting(); return pid != 0 && pid != first })
	select {
	case r := <-answered:
		t.Errorf("acknowledged before a standby has it: %+v", r)
	default:
	}
	server.Exec(t, "postgres", "ALTER SYSTEM RESET synchronous_standby_names")
	server.Exec(t, "postgres", "SELECT pg_reload_conf()")
	if r := <-answered; r.Duplicate || r.Index != 1 {
		t.Errorf("%+v", r)
	}
	whole(t, l, o.Key, 2)
}

// refused opens in vain; the error is to come of the first try, which alone leaves
// nothing in the log, and to hold the hint.
func refused(t *testing.T, o store.Options, hint string) {
	t.Helper()
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	_, err := store.Open(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), hint) {
		t.Errorf("%v, want a hint of %q", err, hint)
	}
	if log.Len() > 0 {
		t.Errorf("%v: it was tried again:\n%s", err, &log)
	}
}

// TestColdStart: the ledger may be there before its server.
func TestColdStart(t *testing.T) {
	t.Parallel() // it waits for servers
	server := postgrestest.Start(t)
	o := databases(server)(t)
	server.Stop(t, postgrestest.Fast)
	short := o
	short.Hold = 50 * time.Millisecond
	for _, key := range []ledger.Key{o.Key, {}} {
		short.Key = key
		if _, err := store.Open(t.Context(), short); err == nil || !strings.Contains(err.Error(), "check that it runs") {
			t.Errorf("no server: %v", err)
		}
	}
	log := &seen{text: make(chan string, 100)}
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	opened := make(chan *store.Ledger)
	go func() {
		l, err := store.Open(context.WithoutCancel(t.Context()), o)
		if err != nil {
			t.Error(err)
		}
		opened <- l
	}()
	<-log.text // it has tried
	server.Resume(t)
	if l := <-opened; l != nil {
		add(t, l, "a")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// seen passes on each line of a log, as far as there is room.
type seen struct{ text chan string }

func (s *seen) Write(line []byte) (int, error) {
	select {
	case s.text <- string(line):
	default:
	}
	return len(line), nil
}

// TestPasswordStaysSecret: no address that is wrong in one way or another shows
// its password.
func TestPasswordStaysSecret(t *testing.T) {
	const password = "hunter2"
	for _, address := range []string{
		"postgres://u:hunter2@127.0.0.1:1/db",
		"postgres://u:hunter2@127.0.0.1:port/db",
		"postgres://u:hunter2@127.0.0.1:1/db?sslmode=nonsense",
		"postgres://u:hunter2@127.0.0.1:1/db?sslrootcert=/nowhere/ca.pem&sslmode=verify-full",
		"postgres://127.0.0.1:1/db?password=hunter2&connect_timeout=x",
		"postgres://u:%hunter2@127.0.0.1:1/db",
		"postgres://u:pass/hunter2@127.0.0.1/db",
		"postgres://u:pass#hunter2@127.0.0.1/db",
		"postgres://localhost:1/hunter2@127.0.0.1/db",
		"postgres://u:hunter2@[::1/db",
		"postgres://u:hunter2@127.0.0.1:1,127.0.0.1:x/db",
		"postgres://u:hunter2@no such host/db",
		"postgresql://u:hunter2@127.0.0.1:1/db?host=hunter2\x00",
	} {
		var log bytes.Buffer
		o := store.Options{Address: address, Key: newKey(t), Hold: time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}
		l, err := store.Open(t.Context(), o)
		if err == nil {
			t.Errorf("%s: opened", address)
			_ = l.Close()
			continue
		}
		if text := fmt.Sprintf("%v %+v %#v %s", err, err, err, &log); strings.Contains(text, password) {
			t.Errorf("%s: %s", address, text)
		}
	}
}

// until waits for something that another process does.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond) // leaves the others some of the machine
	}
}

func connect(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
